//! Seconds by a clock that the test moves, hot keys against exact counts, and the form.

use std::time::Duration;

use bytes::Bytes;

use super::form::status;
use super::hot::HotKeys;
use super::reading::{Class, Reading};
use super::ring::{Recorder, Ring, SECONDS};
use crate::base::histogram::{Histogram, LATENCY_US};
use crate::base::host::{ProcessLoad, Rng, SeededRng};
use crate::base::time::Timer;
use crate::base::types::{OwnerId, ShardId};
use crate::kv::{KvCommand, Set};
use crate::lock::LockCommand;
use crate::machine::{Command, Op};
use crate::proto::v1;
use crate::server::metrics::{Meter, Outcome, RequestKind};
use crate::server::operation::{Consistency, Operation, Query};

const SHARD: ShardId = ShardId(100);

/// Counters that the test turns.
struct Counters {
    at_us: u64,
    reads: Histogram,
    writes: Histogram,
    fsync_us: Histogram,
    cpu_us: u64,
    errors: u64,
}

impl Counters {
    fn new() -> Self {
        Self {
            at_us: 7_000_000,
            reads: Histogram::new(LATENCY_US),
            writes: Histogram::new(LATENCY_US),
            fsync_us: Histogram::new(LATENCY_US),
            cpu_us: 0,
            errors: 0,
        }
    }

    fn pass(&mut self, ms: u64) {
        self.at_us += ms * 1_000;
    }

    fn reading(&self) -> Reading {
        let none = Histogram::new(LATENCY_US).snapshot();
        Reading {
            at_us: self.at_us,
            took_us: [self.reads.snapshot(), self.writes.snapshot(), none],
            errors: self.errors,
            fsync_us: self.fsync_us.snapshot(),
            log_bytes: self.fsync_us.snapshot().count() * 512,
            watch_events: 0,
            process: ProcessLoad {
                resident_bytes: Some(1 << 20),
                cpu_us: self.cpu_us,
            },
        }
    }
}

#[test]
fn a_second_is_what_happened_in_it() {
    let mut counters = Counters::new();
    counters.reads.record_many(9_000_000, 1_000);
    let ring = Ring::default();
    let mut recorder = Recorder::new(ring.clone(), counters.reading());
    assert!(ring.since(0).is_empty());
    counters.reads.record_many(80, 99);
    counters.reads.record(900);
    counters.fsync_us.record_many(2_000, 5);
    (counters.cpu_us, counters.errors) = (300_000, 3);
    counters.pass(1_020);
    assert_eq!(recorder.record(counters.reading()), 1_020_000);
    counters.pass(990);
    recorder.record(counters.reading());
    let samples = ring.since(0);
    assert_eq!(samples.len(), 2);
    let (first, second) = (&samples[0], &samples[1]);
    assert_eq!((first.number, first.ms, first.errors), (1, 1_020, 3));
    let reads = first.reads.unwrap();
    assert_eq!(reads.count, 100, "what came before does not count");
    assert!((50..=100).contains(&reads.p50_us), "{reads:?}");
    assert!((50..=100).contains(&reads.p99_us), "{reads:?}");
    assert_eq!((first.fsyncs, first.log_bytes), (5, 2_560));
    assert!((1_000..=2_500).contains(&first.fsync_p99_us));
    assert_eq!((first.cpu_us, first.resident_bytes), (300_000, 1 << 20));
    assert_eq!((second.number, second.ms), (2, 990));
    assert_eq!(second.reads, Some(v1::ClassSample::default()));
    assert_eq!(
        (second.fsyncs, second.fsync_p99_us, second.cpu_us),
        (0, 0, 0)
    );
}

/// A process that is stopped, or a machine that is suspended, counts nothing and then has
/// one very long second: it must not be drawn as a load that there never was.
#[test]
fn a_sleep_is_a_gap_and_no_spike() {
    let mut counters = Counters::new();
    let ring = Ring::default();
    let mut recorder = Recorder::new(ring.clone(), counters.reading());
    for asleep_ms in [0, 30_000, 0, 0] {
        counters.pass(1_000 + asleep_ms);
        counters.writes.record_many(100, 1_000);
        recorder.record(counters.reading());
    }
    let samples = ring.since(0);
    let numbers: Vec<u64> = samples.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 33, 34]);
    assert!(samples.iter().all(|it| it.writes.unwrap().count == 1_000));
}

#[test]
fn two_minutes_are_kept_and_whoever_is_up_to_date_gets_what_is_new() {
    let mut counters = Counters::new();
    let ring = Ring::default();
    let mut recorder = Recorder::new(ring.clone(), counters.reading());
    for _ in 0..300 {
        counters.pass(1_000);
        recorder.record(counters.reading());
    }
    let all = ring.since(0);
    assert_eq!((all.len(), all[0].number), (SECONDS, 181));
    assert_eq!(ring.since(298).len(), 2);
    assert!(ring.since(300).is_empty());
    // Whoever saw more saw an earlier run of the node.
    assert_eq!(ring.since(301).len(), SECONDS);
    assert_eq!(ring.since(u64::MAX).len(), SECONDS);
    // After a long gap what is old goes, however little came since.
    counters.pass(100_000);
    recorder.record(counters.reading());
    counters.pass(1_000);
    recorder.record(counters.reading());
    let after = ring.since(0);
    assert_eq!(after.last().unwrap().number, 401);
    assert_eq!(after[0].number, 282);
}

/// Ticks that are late or early are seconds of their own, none twice.
#[test]
fn numbers_follow_the_clock() {
    let mut counters = Counters::new();
    let ring = Ring::default();
    let mut recorder = Recorder::new(ring.clone(), counters.reading());
    for ms in [1_400, 600, 1_000, 1_900, 100, 1_000] {
        counters.pass(ms);
        recorder.record(counters.reading());
    }
    let numbers: Vec<u64> = ring.since(0).iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 2, 3, 5, 6, 7]);
}

#[test]
fn every_request_is_in_a_class_and_counted_once() {
    let meter = Meter::default();
    for kind in RequestKind::ALL {
        assert_eq!(Class::of(kind).is_none(), kind == RequestKind::Unknown);
        meter.answered(kind, Outcome::Error(crate::base::ErrorKind::Timeout), 5, 2);
        meter.answered(kind, Outcome::Missing, 5, 1);
    }
    assert_eq!(meter.errors(), 2 * RequestKind::ALL.len() as u64);
}

fn get(key: &[u8]) -> Operation {
    let query = Query::Get {
        bucket: String::new(),
        key: Bytes::copy_from_slice(key),
        at: None,
    };
    Operation::Read(query, Consistency::Linearizable)
}

fn set(key: &[u8]) -> Command {
    let set = Set {
        key: Bytes::copy_from_slice(key),
        value: Bytes::new(),
        expire: Timer::Never,
        delete: Timer::Never,
        keep_timers: false,
        condition: None,
        return_previous: false,
    };
    let op = Op::Kv {
        bucket: "carts".to_owned(),
        command: KvCommand::Set(set),
    };
    command(op)
}

fn command(op: Op) -> Command {
    Command {
        request: None,
        fence: None,
        op,
    }
}

fn hot() -> HotKeys {
    HotKeys::of([SHARD, ShardId(200)])
}

#[test]
fn what_is_asked_for_often_is_found_in_a_sample() {
    let (hot, rng) = (hot(), SeededRng::new(5));
    let mut turns = hot.turns();
    // 20,000 a second for 5 seconds: a tenth to one key, a twentieth to another, and the
    // rest to 100,000 others.
    for _ in 0..100_000 {
        let key = match rng.below(100) {
            0..10 => b"hot".to_vec(),
            10..15 => b"warm".to_vec(),
            _ => rng.below(100_000).to_be_bytes().to_vec(),
        };
        if turns.is_due() {
            hot.came(SHARD, &get(&key));
        }
    }
    hot.pass(5_000_000);
    let keys = hot.hottest(SHARD);
    let names: Vec<&[u8]> = keys.iter().map(|it| &it.key[..]).collect();
    assert_eq!(names[..2], [&b"hot"[..], b"warm"], "{keys:?}");
    assert!((1_400.0..2_800.0).contains(&keys[0].per_s), "{:?}", keys[0]);
    assert!((600.0..1_500.0).contains(&keys[1].per_s), "{:?}", keys[1]);
    assert_eq!((keys[0].reads, keys[0].lock), (1.0, false));
    assert!(keys.len() < 6, "what comes once is not hot: {keys:?}");
    assert!(hot.hottest(ShardId(200)).is_empty());
}

/// With one of 32 taken by count, a client that alternates would show one of its keys only.
#[test]
fn a_pattern_in_the_requests_does_not_hide_a_key() {
    let hot = hot();
    let mut turns = hot.turns();
    for at in 0..64_000 {
        if turns.is_due() {
            let key = [b'a' + u8::try_from(at % 32).unwrap()];
            hot.came(SHARD, &get(&key));
        }
    }
    hot.pass(1_000_000);
    assert_eq!(hot.hottest(SHARD).len(), 32);
}

#[test]
fn sessions_of_one_request_each_are_seen_too() {
    let hot = hot();
    let seen = (0..32_000).filter(|_| hot.turns().is_due()).count();
    assert!((700..1_400).contains(&seen), "{seen}");
    for _ in 0..32_000 {
        hot.came_alone(SHARD, &get(b"unary"));
    }
    hot.pass(10_000_000);
    let keys = hot.hottest(SHARD);
    assert!((2_400.0..4_000.0).contains(&keys[0].per_s), "{keys:?}");
}

#[test]
fn rates_forget() {
    let hot = hot();
    let ask = |times| (0..times).for_each(|_| hot.came(SHARD, &get(b"k")));
    // 100 looks a second stand for 3,200 requests.
    for _ in 0..60 {
        ask(100);
        hot.pass(1_000_000);
    }
    let steady = hot.hottest(SHARD)[0].per_s;
    assert!((3_199.0..3_201.0).contains(&steady), "{steady}");
    for _ in 0..20 {
        hot.pass(1_000_000);
    }
    let later = hot.hottest(SHARD)[0].per_s;
    assert!(later < steady / 3.0, "{later}");
    for _ in 0..120 {
        hot.pass(1_000_000);
    }
    assert!(hot.hottest(SHARD).is_empty(), "nothing is asked any more");
}

#[test]
fn keys_are_told_apart_by_all_that_they_are() {
    let hot = hot();
    let long = |last: u8| [vec![b'x'; 300], vec![last]].concat();
    let acquire = command(Op::Lock {
        name: Bytes::from_static(b"k"),
        command: LockCommand::Acquire {
            owner: OwnerId([1; 16]),
            ttl_ms: 0,
            wait: Timer::Never,
        },
    });
    let acquire = Operation::AcquireWaiting(acquire, Duration::from_secs(1));
    for _ in 0..3 {
        hot.came(SHARD, &get(b"k"));
        hot.came(SHARD, &Operation::Write(set(b"k")));
        hot.came(SHARD, &acquire);
        hot.came(SHARD, &get(&long(1)));
        hot.came(SHARD, &Operation::Batch(vec![set(&long(2)), set(b"k")]));
    }
    hot.pass(1_000_000);
    let mut told: Vec<_> = hot
        .hottest(SHARD)
        .into_iter()
        .map(|it| {
            (
                it.bucket,
                it.lock,
                it.key_bytes,
                it.key.len(),
                it.reads,
                it.per_s,
            )
        })
        .collect();
    told.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let expected = [
        (String::new(), false, 1, 1, 1.0, 96.0),
        (String::new(), false, 301, 128, 1.0, 96.0),
        (String::new(), true, 1, 1, 0.0, 96.0),
        ("carts".to_owned(), false, 1, 1, 0.0, 192.0),
        ("carts".to_owned(), false, 301, 128, 0.0, 96.0),
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_form_says_what_the_figures_say() {
    let id = Bytes::from_static(&[7; 16]);
    let reply = v1::FiguresReply {
        node: Some(v1::DescribeReply {
            node: id.clone(),
            name: "alice".to_owned(),
            shards: vec![v1::ShardDescription {
                id: 100,
                r#type: "dstore".to_owned(),
                keys: 5,
                ..v1::ShardDescription::default()
            }],
            ..v1::DescribeReply::default()
        }),
        checks: vec![v1::HealthCheck {
            name: "disk".to_owned(),
            failed: "it is full".to_owned(),
            remark: String::new(),
        }],
        samples: vec![v1::Sample {
            number: 3,
            ms: 1_000,
            ..v1::Sample::default()
        }],
        shards: vec![v1::ShardFigures {
            shard: 100,
            group: Some(v1::GroupFigures {
                role: v1::Role::Leader.into(),
                leader: id,
                ..v1::GroupFigures::default()
            }),
            hot_keys: [&b"text"[..], b"\xff\x00", "xé".as_bytes()]
                .into_iter()
                .map(|key| v1::HotKey {
                    // The last one was cut within a character.
                    key: Bytes::copy_from_slice(&key[..key.len().min(2).max(key.len() - 1)]),
                    key_bytes: 4,
                    ..v1::HotKey::default()
                })
                .collect(),
            ..v1::ShardFigures::default()
        }],
        ..v1::FiguresReply::default()
    };
    let json = serde_json::to_value(status(reply)).unwrap();
    assert_eq!(json["ready"], false);
    assert_eq!(json["checks"][0]["remark"], "it is full");
    assert_eq!(json["node"]["name"], "alice");
    assert_eq!(json["node"]["id"], "07070707-0707-0707-0707-070707070707");
    let shard = &json["shards"][0];
    assert_eq!(
        (&shard["type"], &shard["keys"]),
        (&"dstore".into(), &5.into())
    );
    assert_eq!(shard["group"]["role"], "leader");
    assert_eq!(shard["hot_keys"][0]["key"], "tex");
    assert_eq!(shard["hot_keys"][1]["key_b64"], "/wA=");
    assert_eq!(shard["hot_keys"][2]["key"], "x");
    assert_eq!(json["samples"][0]["reads"]["count"], 0);
    let recovering = serde_json::to_value(status(v1::FiguresReply::default())).unwrap();
    assert!(recovering.get("node").is_none());
}
