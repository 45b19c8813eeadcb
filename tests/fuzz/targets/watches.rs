//! Who is told of a key: the index of watchers against looking at each of them.

use bytes::Bytes;
use dkv::base::types::prefix_end;
use dkv::store::watch::{Interest, Kinds, Span, fuzzed};

use super::choices::Choices;

/// Watchers of short keys in two buckets, some of whom have gone.
pub(crate) fn watch_spans(data: &[u8]) {
    let mut choices = Choices(data);
    let mut interests: Vec<Interest> = Vec::new();
    for _ in 0..=choices.below(12) {
        interests.push(interest(&mut choices));
    }
    let all = 0..interests.len();
    let gone: Vec<usize> = all.clone().filter(|_| choices.below(4) == 0).collect();
    for key in keys() {
        for bucket in ["", "b"] {
            let wants = |place: &usize| {
                let of = &interests[*place];
                !gone.contains(place) && of.bucket == bucket && by_itself(&of.span, &key)
            };
            let expected: Vec<usize> = all.clone().filter(wants).collect();
            let told = fuzzed::told(&interests, &gone, bucket, &key);
            assert_eq!(told, expected, "{key:?} in `{bucket}`: {interests:?}");
            for of in &interests {
                assert_eq!(
                    of.span.has(&key),
                    by_itself(&of.span, &key),
                    "{of:?} {key:?}"
                );
            }
        }
    }
}

fn interest(choices: &mut Choices<'_>) -> Interest {
    let bucket = if choices.flip() { "b" } else { "" };
    let span = match choices.below(4) {
        0 => Span::Key(choices.name()),
        1 => {
            let start = choices.name();
            let end = prefix_end(&start);
            Span::Range { start, end }
        }
        2 => Span::Range {
            start: Bytes::new(),
            end: None,
        },
        _ => Span::Range {
            start: choices.name(),
            end: choices.flip().then(|| choices.name()),
        },
    };
    Interest {
        bucket: bucket.to_owned(),
        span,
        kinds: Kinds::ALL,
    }
}

/// Every key of one or two of these bytes.
fn keys() -> Vec<Vec<u8>> {
    let letters = [b'a', b'b', 0, 0xff];
    let one = letters.iter().map(|letter| vec![*letter]);
    let two = letters
        .iter()
        .flat_map(|first| letters.iter().map(|second| vec![*first, *second]));
    one.chain(two).collect()
}

/// What a range means, byte by byte.
fn by_itself(span: &Span, key: &[u8]) -> bool {
    match span {
        Span::Key(one) => one.as_ref() == key,
        Span::Range { start, end } => {
            !is_before(key, start) && end.as_ref().is_none_or(|end| is_before(key, end))
        }
    }
}

fn is_before(a: &[u8], b: &[u8]) -> bool {
    for (a, b) in a.iter().zip(b) {
        if a != b {
            return a < b;
        }
    }
    a.len() < b.len()
}
