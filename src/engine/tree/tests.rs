//! The tree against `BTreeMap`, with frozen copies held, its shape checked on the way.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;

use super::KEY_BYTES_MAX;
use super::Tree;
use super::node::Node;
use super::node::{CHILDREN_MAX, LEAF_WEIGHT_MAX};
use super::page::VALUE_INLINE_BYTES_MAX;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// How strictly the shape can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// All rows are small against a page, so that fill bounds hold.
    Small,
    /// Some rows are larger than a page.
    Any,
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u8>, usize),
    Delete(Vec<u8>),
    /// Deletes the rows of a range, so that nodes run empty.
    DeleteRange(Vec<u8>, usize),
    /// Holds a frozen copy.
    Hold,
    /// Lets the oldest one go.
    Release,
}

fn check(tree: &Tree, rows: Rows) {
    check_node(tree.root(), rows, None, None, true, true);
}

/// Checks a node whose keys must be in `from..to`; returns its depth. `last`: no node of
/// its level follows it.
fn check_node(
    node: &Node,
    rows: Rows,
    from: Option<&[u8]>,
    to: Option<&[u8]>,
    root: bool,
    last: bool,
) -> usize {
    if rows == Rows::Small {
        assert!(!node.is_over(), "a node is too full: {node:?}");
        assert!(
            root || last || !node.is_under(),
            "a node is too empty: {node:?}"
        );
    }
    let keys = match node {
        Node::Leaf(page) => page,
        Node::Inner(inner) => &inner.separators,
    };
    keys.check();
    for at in 0..keys.len() {
        assert!(
            from.is_none_or(|from| keys.key(at) >= from),
            "a key is too low"
        );
        assert!(to.is_none_or(|to| keys.key(at) < to), "a key is too high");
    }
    let Node::Inner(inner) = node else {
        assert!(root || !keys.is_empty(), "a leaf is empty");
        return 0;
    };
    assert_eq!(inner.children.len(), keys.len() + 1);
    assert!(inner.children.len() >= 2, "an inner node has one child");
    let mut depths = Vec::new();
    for (at, child) in inner.children.iter().enumerate() {
        let from = if at == 0 {
            from
        } else {
            Some(keys.key(at - 1))
        };
        let to = if at < keys.len() {
            Some(keys.key(at))
        } else {
            to
        };
        let last = last && at == keys.len();
        depths.push(check_node(child, rows, from, to, false, last));
    }
    assert!(
        depths.windows(2).all(|pair| pair[0] == pair[1]),
        "leaves differ in depth"
    );
    depths[0] + 1
}

fn assert_same(tree: &Tree, model: &Model) {
    let mut rows = model.iter();
    let _ = tree.scan(&[], None, &mut |key, value| {
        let (model_key, model_value) = rows.next().expect("the tree has a row too many");
        assert_eq!((key, value), (model_key.as_slice(), model_value.as_slice()));
        ControlFlow::Continue(())
    });
    assert_eq!(rows.next(), None, "the tree lacks a row");
    assert_eq!(tree.rows(), model.len() as u64);
    let bytes: usize = model
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    assert_eq!(tree.bytes(), bytes as u64);
}

fn assert_same_reads(tree: &Tree, model: &Model, start: &[u8], end: Option<&[u8]>, limit: usize) {
    assert_eq!(
        tree.get(start).as_deref(),
        model.get(start).map(Vec::as_slice)
    );
    let in_range = model
        .range(start.to_vec()..)
        .take_while(|(key, _)| end.is_none_or(|end| key.as_slice() < end));
    let expected: Vec<_> = in_range.take(limit).map(|(key, _)| key.clone()).collect();
    let mut found = Vec::new();
    let _ = tree.scan(start, end, &mut |key, _| {
        found.push(key.to_vec());
        if found.len() == limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(found, expected);

    let in_range = model
        .range(start.to_vec()..)
        .take_while(|(key, _)| end.is_none_or(|end| key.as_slice() < end));
    let mut expected: Vec<_> = in_range.map(|(key, _)| key.clone()).collect();
    expected.reverse();
    expected.truncate(limit);
    let mut found = Vec::new();
    let _ = tree.scan_back(start, end, &mut |key, _| {
        found.push(key.to_vec());
        if found.len() == limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(found, expected, "backwards");
}

fn run(steps: Vec<Step>, rows: Rows) {
    let mut tree = Tree::default();
    let mut model = Model::new();
    let mut held = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Put(key, value_bytes) => {
                let value = vec![number as u8; value_bytes];
                tree.put(&key, &value);
                model.insert(key, value);
            }
            Step::Delete(key) => {
                tree.delete(&key);
                model.remove(&key);
            }
            Step::DeleteRange(key, count) => {
                let keys: Vec<_> = model
                    .range(key..)
                    .take(count)
                    .map(|(key, _)| key.clone())
                    .collect();
                for key in keys {
                    tree.delete(&key);
                    model.remove(&key);
                }
            }
            Step::Hold => held.push((tree.clone(), model.clone())),
            Step::Release => {
                if !held.is_empty() {
                    let (tree, model) = held.remove(0);
                    assert_same(&tree, &model);
                }
            }
        }
        if number % 64 == 0 {
            check(&tree, rows);
        }
    }
    held.push((tree, model));
    for (tree, model) in held {
        check(&tree, rows);
        assert_same(&tree, &model);
        let keys: Vec<_> = model.keys().step_by(model.len() / 7 + 1).collect();
        for pair in keys.windows(2) {
            assert_same_reads(&tree, &model, pair[0], Some(pair[1]), usize::MAX);
            assert_same_reads(&tree, &model, &[pair[0], &b"\0"[..]].concat(), None, 10);
            assert_same_reads(&tree, &model, pair[1], Some(pair[0]), 10);
        }
    }
}

fn steps(
    key: impl Strategy<Value = Vec<u8>> + Clone + 'static,
    value_bytes: impl Strategy<Value = usize> + 'static,
    count: usize,
) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => (key.clone(), value_bytes).prop_map(|(key, bytes)| Step::Put(key, bytes)),
        8 => key.clone().prop_map(Step::Delete),
        1 => (key, 0..60_usize).prop_map(|(key, count)| Step::DeleteRange(key, count)),
        1 => Just(Step::Hold),
        1 => Just(Step::Release),
    ];
    proptest::collection::vec(step, 0..count)
}

/// Keys that share prefixes of many lengths, and that are prefixes of one another.
fn tangled_key() -> impl Strategy<Value = Vec<u8>> + Clone {
    let byte = prop_oneof![Just(0_u8), Just(1), Just(b'a'), Just(255)];
    proptest::collection::vec(byte, 0..9)
}

fn numbered_key() -> impl Strategy<Value = Vec<u8>> + Clone {
    (0..3_000_u32).prop_map(|number| format!("bucket/key:{number:08}").into_bytes())
}

/// Keys up to the longest, among short ones.
fn long_key() -> impl Strategy<Value = Vec<u8>> + Clone {
    let bytes = prop_oneof![4 => 1..40_usize, 2 => 100..5_000_usize, 1 => Just(KEY_BYTES_MAX)];
    (bytes, 0..8_u8, any::<u8>()).prop_map(|(bytes, first, last)| {
        let mut key = vec![first; bytes];
        key[bytes - 1] = last;
        key
    })
}

fn any_value_bytes() -> impl Strategy<Value = usize> + Clone {
    let edge = VALUE_INLINE_BYTES_MAX;
    prop_oneof![6 => 0..200_usize, 2 => edge - 2..edge + 3, 1 => 0..20_000_usize]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_map_with_small_rows(steps in steps(numbered_key(), 0..200_usize, 3_000)) {
        run(steps, Rows::Small);
    }

    #[test]
    fn behaves_like_a_map_with_tangled_keys(steps in steps(tangled_key(), 0..100_usize, 2_000)) {
        run(steps, Rows::Small);
    }

    #[test]
    fn behaves_like_a_map_with_large_rows(steps in steps(long_key(), any_value_bytes(), 400)) {
        run(steps, Rows::Any);
    }

    #[test]
    fn behaves_like_a_map_with_large_values(
        steps in steps(numbered_key(), any_value_bytes(), 1_000),
    ) {
        run(steps, Rows::Any);
    }
}

fn key(number: usize) -> Vec<u8> {
    format!("key:{number:010}").into_bytes()
}

fn leaves(node: &Node) -> usize {
    match node {
        Node::Leaf(_) => 1,
        Node::Inner(inner) => inner.children.iter().map(|child| leaves(child)).sum(),
    }
}

#[test]
fn keys_in_order_fill_their_pages() {
    let mut tree = Tree::default();
    for number in 0..20_000 {
        tree.put(&key(number), &[7; 50]);
    }
    check(&tree, Rows::Small);
    let row_weight = 2 + 14 + 50 + 8;
    let least = 20_000_usize.div_ceil(LEAF_WEIGHT_MAX / row_weight);
    assert!(
        leaves(tree.root()) <= least + 1,
        "{} leaves, {least} would do",
        leaves(tree.root())
    );
}

#[test]
fn a_queue_gives_back_what_is_taken_off_its_head() {
    let mut tree = Tree::default();
    for number in 0..30_000 {
        tree.put(&key(number), &[7; 50]);
        if number >= 100 {
            tree.delete(&key(number - 100));
        }
        if number % 1_000 == 999 {
            check(&tree, Rows::Small);
            assert!(
                leaves(tree.root()) <= 8,
                "{} leaves for 100 rows",
                leaves(tree.root())
            );
        }
    }
    for number in 0..30_000 {
        tree.delete(&key(number));
    }
    assert_eq!(leaves(tree.root()), 1);
    assert_eq!((tree.rows(), tree.bytes()), (0, 0));
}

#[test]
fn smaller_values_give_their_pages_back() {
    let mut tree = Tree::default();
    for number in 0..2_000 {
        tree.put(&key(number), &[7; 900]);
    }
    let before = leaves(tree.root());
    for number in 0..2_000 {
        tree.put(&key(number), &[]);
    }
    check(&tree, Rows::Small);
    assert!(
        leaves(tree.root()) < before / 8,
        "{} of {before} leaves",
        leaves(tree.root())
    );
}

#[test]
fn nothing_is_copied_that_no_view_holds() {
    let mut tree = Tree::default();
    for number in 0..5_000 {
        tree.put(&key(number), &[7; 50]);
    }
    let addresses = |tree: &Tree| {
        let Node::Inner(root) = &**tree.root() else {
            panic!("5,000 rows take more than a leaf")
        };
        root.children.iter().map(Arc::as_ptr).collect::<Vec<_>>()
    };
    let before = addresses(&tree);
    tree.put(&key(0), &[8; 50]);
    assert_eq!(addresses(&tree), before, "changed in place");
    let frozen = tree.clone();
    tree.delete(b"missing");
    assert_eq!(
        addresses(&tree),
        before,
        "deleting what is missing copies nothing"
    );
    tree.put(&key(0), &[9; 50]);
    let after = addresses(&tree);
    assert_ne!(after[0], before[0], "the changed part was copied");
    assert_eq!(after[1..], before[1..], "the other parts are shared");
    assert_eq!(frozen.get(&key(0)).as_deref(), Some(&[8; 50][..]));
}

#[test]
fn a_large_value_is_shared_and_pins_nothing_else() {
    let mut tree = Tree::default();
    tree.put(b"large", &[7; 100_000]);
    let first = tree.get(b"large").unwrap();
    let second = tree.get(b"large").unwrap();
    assert_eq!(first.as_ptr(), second.as_ptr(), "not copied by a get");
    drop((tree, second));
    assert!(first.is_unique());
}

#[test]
fn inner_nodes_stay_within_their_bound() {
    let mut tree = Tree::default();
    for number in 0..20_000 {
        // Bit-reversed, so that keys arrive all over the tree.
        tree.put(&(number as u32).reverse_bits().to_be_bytes(), &[7; 100]);
    }
    check(&tree, Rows::Small);
    let Node::Inner(root) = &**tree.root() else {
        panic!("20,000 rows take more than a leaf")
    };
    assert!(root.children.len() <= CHILDREN_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The iterator and the scan are two ways through the same rows.
    #[test]
    fn the_iterator_goes_where_a_scan_goes(
        keys in prop::collection::vec(prop::collection::vec(0_u8..4, 0..6), 0..400),
        start in prop::collection::vec(0_u8..4, 0..6),
        value_bytes in 0_usize..400,
    ) {
        let mut tree = Tree::default();
        for key in &keys {
            tree.put(key, &vec![1; value_bytes]);
        }
        let mut expected = Vec::new();
        let _ = tree.scan(&start, None, &mut |key, value| {
            expected.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        });
        let found: Vec<_> = tree.iter(&start).map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
        prop_assert_eq!(found, expected);

        for end in [Some(&start[..]), None] {
            let mut expected = Vec::new();
            let _ = tree.scan(&[], end, &mut |key, value| {
                expected.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            });
            expected.reverse();
            let back = tree.iter_back(end);
            let found: Vec<_> = back.map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
