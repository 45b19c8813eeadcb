//! Whoever watches a key is found, and nobody else.

use bytes::Bytes;

use crate::base::host::{Rng, SeededRng};
use crate::machine::EventKind;
use crate::store::watch::interest::{Interest, Interests, Kinds, Span};

fn key(rng: &SeededRng) -> Bytes {
    let bytes = [b'a', b'b', 0xfe, 0xff];
    let length = 1 + rng.below(3);
    (0..length).map(|_| bytes[rng.below(4) as usize]).collect()
}

fn span(rng: &SeededRng) -> Span {
    let bound = |rng: &SeededRng| match rng.below(4) {
        0 => Bytes::new(),
        _ => key(rng),
    };
    let start = bound(rng);
    match rng.below(4) {
        0 => Span::Key(key(rng)),
        1 => {
            // A prefix: the end as a client makes it.
            let mut end = start.to_vec();
            while end.last() == Some(&u8::MAX) {
                end.pop();
            }
            if let Some(last) = end.last_mut() {
                *last += 1;
            }
            let end = (!end.is_empty()).then(|| end.into());
            Span::Range { start, end }
        }
        2 => Span::Range { start, end: None },
        _ => Span::Range {
            start,
            end: Some(bound(rng)),
        },
    }
}

#[test]
fn everybody_is_found_by_the_keys_he_watches() {
    let rng = SeededRng::new(5);
    let (mut interests, mut all) = (Interests::default(), Vec::new());
    let (mut number, mut found) = (0, 0);
    for _ in 0..3_000 {
        if rng.below(3) > 0 || all.is_empty() {
            let interest = Interest {
                bucket: ["", "b"][rng.below(2) as usize].to_owned(),
                span: span(&rng),
                kinds: Kinds::ALL,
            };
            interests.add(&interest, number);
            all.push((number, interest));
            number += 1;
        } else {
            let at = usize::try_from(rng.below(all.len() as u64)).unwrap();
            let (number, interest) = all.swap_remove(at);
            interests.remove(&interest, number);
        }
        if all.len() > 60 {
            let (number, interest) = all.swap_remove(0);
            interests.remove(&interest, number);
        }
        let (bucket, key) = (["", "b"][rng.below(2) as usize], key(&rng));
        let mut visited = Vec::new();
        interests.visit(bucket, &key, |number| visited.push(number));
        visited.sort_unstable();
        let watches = |interest: &Interest| interest.bucket == bucket && interest.span.has(&key);
        let mut expected: Vec<_> = all
            .iter()
            .filter(|(_, it)| watches(it))
            .map(|it| it.0)
            .collect();
        expected.sort_unstable();
        assert_eq!(visited, expected, "{key:?}");
        found += visited.len();
    }
    assert!(found > 10_000, "only {found} were found");
    for (number, interest) in all {
        interests.remove(&interest, number);
    }
    assert!(interests.is_empty(), "nothing of them stays");
}

#[test]
fn that_only_timers_changed_is_told_to_nobody() {
    let three = [EventKind::Set, EventKind::Delete, EventKind::Expire];
    for kinds in [Kinds::ALL, Kinds::of(&[]), Kinds::of(&three)] {
        assert_eq!(kinds, Kinds::ALL);
        assert!(three.iter().all(|kind| kinds.has(*kind)));
        assert!(!kinds.has(EventKind::Touch));
    }
    let deletes = Kinds::of(&[EventKind::Delete, EventKind::Touch]);
    assert!(deletes.has(EventKind::Delete) && !deletes.has(EventKind::Set));
    assert!(!deletes.has(EventKind::Touch));
}
