//! Doors for fuzzing alone: who is told of a key.

use super::interest::{Interest, Interests};

/// The places in `interests` of those who are told of this key, in order, when those of `gone`
/// have gone again.
pub fn told(interests: &[Interest], gone: &[usize], bucket: &str, key: &[u8]) -> Vec<usize> {
    let mut all = Interests::default();
    for (number, interest) in (0..).zip(interests) {
        all.add(interest, number);
    }
    for place in gone {
        all.remove(&interests[*place], *place as u64);
    }
    let mut told = Vec::new();
    all.visit(bucket, key, |number| {
        told.push(usize::try_from(number).expect("it is a place"));
    });
    told.sort_unstable();
    told
}
