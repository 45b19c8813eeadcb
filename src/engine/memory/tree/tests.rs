//! Smoke.
use super::*;
#[test]
fn smoke() {
    let mut tree = Tree::default();
    let mut model = std::collections::BTreeMap::new();
    let mut x: u64 = 1;
    let mut held = Vec::new();
    for i in 0..20000u64 {
        x = x
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let key = format!("key:{:06}", (x >> 33) % 5000).into_bytes();
        if (x >> 20) % 3 == 0 {
            tree.delete(&key);
            model.remove(&key);
        } else {
            let v = vec![7u8; ((x >> 24) % 90) as usize];
            tree.put(&key, &v);
            model.insert(key, v);
        }
        if i % 100 == 0 {
            held.push((tree.clone(), model.clone()));
            if held.len() > 3 {
                held.remove(0);
            }
        }
    }
    held.push((tree, model));
    for (tree, model) in held {
        let mut rows = Vec::new();
        let _ = tree.scan(&[], None, &mut |k, v| {
            rows.push((k.to_vec(), v.to_vec()));
            ControlFlow::Continue(())
        });
        assert!(rows.into_iter().eq(model.into_iter()));
    }
}
