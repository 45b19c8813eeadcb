//! What requests pay for the list of hot keys: one of 32 is looked at.

use divan::Bencher;
use divan::counter::ItemsCount;
use dkv::base::heavy::HeavyHitters;
use dkv::base::turns::Turns;
use xxhash_rust::xxh3::xxh3_64;

use crate::draw::{Key, Keys};

/// Requests of a run.
const REQUESTS: usize = 1_000;

/// Keys that a few are hot among: each fourth request is for one of ten.
fn skewed() -> Vec<Key> {
    let mut keys = Keys::present();
    let hot: Vec<Key> = (0..10).map(|_| keys.next()).collect();
    let key = |at: usize| match at % 4 {
        0 => hot[(at / 4) % 10],
        _ => keys.next(),
    };
    (0..REQUESTS).map(key).collect()
}

fn look(hitters: &mut HeavyHitters<Key>, key: &Key) {
    hitters.came(xxh3_64(key), true, |it| it == key, || *key);
}

/// Says of 1,000 requests which are looked at. An item is a request.
#[divan::bench]
fn hot_turns(bencher: Bencher) {
    let mut turns = Turns::one_of(32, 1);
    bencher
        .counter(ItemsCount::new(REQUESTS))
        .bench_local(|| (0..REQUESTS).filter(|_| turns.is_due()).count());
}

/// Looks at 1,000 requests, each. An item is a look.
#[divan::bench]
fn hot_look(bencher: Bencher) {
    let (keys, mut hitters) = (skewed(), HeavyHitters::default());
    bencher
        .counter(ItemsCount::new(REQUESTS))
        .bench_local(|| keys.iter().for_each(|key| look(&mut hitters, key)));
    assert!(!hitters.all().is_empty());
}

/// What 1,000 requests pay: turns, and a look at those whose turn it is. An item is a
/// request.
#[divan::bench]
fn hot_request(bencher: Bencher) {
    let (keys, mut hitters) = (skewed(), HeavyHitters::default());
    let mut turns = Turns::one_of(32, 1);
    bencher.counter(ItemsCount::new(REQUESTS)).bench_local(|| {
        for key in &keys {
            if turns.is_due() {
                look(&mut hitters, key);
            }
        }
    });
}
