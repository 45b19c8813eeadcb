//! Random watchers over a random life of a shard: slow, quick, coming back, on a node that
//! restarts and forgets.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use crate::base::ErrorKind;
use crate::base::host::Rng;
use crate::base::types::Revision;
use crate::kv::KvCommand;
use crate::machine::{Command, Event, EventKind};
use crate::server::tests::member::in_simulated_time;
use crate::server::tests::world::{World, kv, set, store};
use crate::store::watch::{Kinds, Span};
use crate::store::{Interest, Store, Watch};

/// A watcher and what it was told.
struct Watcher {
    interest: Interest,
    /// Where it began, or had to begin again.
    after: Revision,
    watch: Option<Watch>,
    told: Vec<Arc<Event>>,
    /// So many of all events were compared, and so many of those told.
    checked: usize,
    agreed: usize,
    /// It is not asked for so many rounds.
    stalled: u64,
}

/// What became of all of them.
#[derive(Default)]
struct Tally {
    told: usize,
    compacted: usize,
    restarted: usize,
    fell_behind: u64,
    marks: usize,
}

fn interest(world: &World) -> Interest {
    let key = |world: &World| Bytes::from(format!("key-{}", world.rng.below(40)));
    let span = match world.rng.below(4) {
        0 => Span::Key(key(world)),
        1 => Span::Range {
            start: Bytes::from_static(b"key-1"),
            end: Some(Bytes::from_static(b"key-2")),
        },
        2 => Span::Range {
            start: Bytes::new(),
            end: None,
        },
        _ => Span::Range {
            start: key(world),
            end: Some(key(world)),
        },
    };
    let kinds = [EventKind::Set, EventKind::Delete, EventKind::Expire];
    let kinds = match world.rng.below(3) {
        0 => &kinds[..],
        1 => &kinds[..1],
        _ => &kinds[1..],
    };
    Interest {
        bucket: String::new(),
        span,
        kinds: Kinds::of(kinds),
    }
}

fn command(world: &World, values: &mut u64) -> Command {
    *values += 1;
    let key = format!("key-{}", world.rng.below(40));
    let bytes = Bytes::from(key.clone());
    kv(match world.rng.below(12) {
        0 => KvCommand::Delete { key: bytes },
        1 => KvCommand::Expire { key: bytes },
        2 => KvCommand::DeleteRange {
            start: Bytes::from_static(b"key-1"),
            end: Some(Bytes::from_static(b"key-3")),
        },
        3 => KvCommand::Persist { key: bytes },
        _ => set(&key, &format!("value-{values}")),
    })
}

impl Watcher {
    fn new(world: &World, shard: &Store, truth: &[Arc<Event>]) -> Self {
        let interest = interest(world);
        let now = shard.read(|machine| machine.state().revision);
        let floor = shard.read(|machine| machine.history().floor());
        let after = match (world.rng.below(2), truth.len()) {
            (1, 1..) => Revision((floor.0 - 1).max(world.rng.below(now.0 + 1))),
            _ => now,
        };
        Self {
            watch: Some(shard.watch(interest.clone(), after)),
            interest,
            after,
            told: Vec::new(),
            checked: 0,
            agreed: 0,
            stalled: 0,
        }
    }

    /// Everything that is there for it now, as far as it asks.
    async fn ask(&mut self, world: &World, shard: &Store, truth: &[Arc<Event>], tally: &mut Tally) {
        if self.stalled > 0 {
            self.stalled -= 1;
            return;
        }
        for _ in 0..world.rng.below(6) {
            // A watch may be given up at any moment.
            let watch = self.watch.as_mut().unwrap();
            let next = match world.rng.below(2) {
                0 => watch.next().now_or_never(),
                _ => {
                    let short = std::time::Duration::from_micros(1);
                    tokio::time::timeout(short, watch.next()).await.ok()
                }
            };
            match next {
                None => break,
                Some(Ok(events)) => self.tell(events, tally),
                Some(Err(error)) => self.compacted(&error, shard, tally),
            }
            self.check_mark(truth, tally);
        }
        match world.rng.below(40) {
            0..4 => self.stalled = world.rng.below([12, 90][world.rng.below(2) as usize]),
            4 => self.come_back(shard, tally),
            _ => {}
        }
    }

    fn tell(&mut self, events: Vec<Arc<Event>>, tally: &mut Tally) {
        assert!(!events.is_empty(), "a batch has something in it");
        if let (Some(last), Some(first)) = (self.told.last(), events.first()) {
            assert!(
                last.revision < first.revision,
                "revision {} came in two parts, or twice",
                first.revision
            );
        }
        tally.told += events.len();
        self.told.extend(events);
    }

    /// It begins again where the history does, which must be later than what it had seen.
    fn compacted(&mut self, error: &crate::base::Error, shard: &Store, tally: &mut Tally) {
        assert_eq!(error.kind(), ErrorKind::Compacted, "{error}");
        let floor = error.compacted_floor().unwrap();
        assert!(floor.0 > self.seen().0 + 1, "nothing was missing");
        tally.compacted += 1;
        self.after = Revision(floor.0 - 1);
        self.told.clear();
        (self.checked, self.agreed) = (0, 0);
        self.watch = Some(shard.watch(self.interest.clone(), self.after));
    }

    /// It goes away, and comes back with what it was told.
    fn come_back(&mut self, shard: &Store, tally: &mut Tally) {
        tally.restarted += 1;
        let after = self.seen();
        self.watch = Some(shard.watch(self.interest.clone(), after));
    }

    /// Up to where it was told everything, as far as it knows.
    fn seen(&self) -> Revision {
        let mark = self.watch.as_ref().and_then(Watch::seen);
        let told = self.told.last().map_or(self.after, |event| event.revision);
        mark.unwrap_or(told).max(told)
    }

    /// A mark is never ahead of an event that was not told.
    fn check_mark(&mut self, truth: &[Arc<Event>], tally: &mut Tally) {
        if let Some(mark) = self.watch.as_ref().and_then(Watch::seen) {
            tally.marks += 1;
            self.check(truth, mark);
        }
    }

    /// It was told exactly what happened up to `through`, and perhaps more.
    fn check(&mut self, truth: &[Arc<Event>], through: Revision) {
        while let Some(event) = truth.get(self.checked) {
            if event.revision > through {
                break;
            }
            self.checked += 1;
            if event.revision <= self.after || !self.interest.is_in(event) {
                continue;
            }
            let told = self.told.get(self.agreed);
            assert_eq!(
                told.map(|told| (told.revision, told.sub)),
                Some((event.revision, event.sub)),
                "up to {through}, after {} {:?}",
                self.after,
                self.interest
            );
            assert_eq!(told, Some(event));
            self.agreed += 1;
        }
    }

    /// There is nothing it was told that did not happen.
    fn check_end(&mut self, truth: &[Arc<Event>], now: Revision) {
        self.check(truth, now);
        assert_eq!(self.told.len(), self.agreed, "{:?}", self.interest);
    }
}

fn note_truth(shard: &Store, truth: &mut Vec<Arc<Event>>) {
    let after = truth.last().map_or(Revision(0), |event| event.revision);
    shard.read(|machine| {
        let new = machine.history().events_from(after.next()).unwrap();
        truth.extend(new.cloned());
    });
}

async fn play(seed: u64, tally: &mut Tally) {
    let mut world = World::new(seed);
    let mut node = world.open().unwrap();
    let mut shard = store(&node);
    let (mut truth, mut watchers, mut values) = (Vec::new(), Vec::<Watcher>::new(), 0);
    for round in 0..120 {
        if watchers.len() < 12 && world.chance(20) {
            watchers.push(Watcher::new(&world, &shard, &truth));
        }
        for _ in 0..world.rng.below(4) {
            let most = if world.chance(10) { 400 } else { 20 };
            let commands = (0..1 + world.rng.below(most)).map(|_| command(&world, &mut values));
            world.apply(&shard, commands.collect());
            note_truth(&shard, &mut truth);
        }
        if world.chance(2) {
            // More than the history keeps.
            world.clock.advance_ms(11 * 60 * 1_000);
        }
        for _ in 0..world.rng.below(4) {
            tokio::task::yield_now().await;
        }
        for watcher in &mut watchers {
            watcher.ask(&world, &shard, &truth, tally).await;
        }
        if round % 50 == 49 {
            tally.fell_behind += shard.watch_figures().fell_behind;
            let seen: Vec<_> = watchers.iter().map(Watcher::seen).collect();
            watchers.iter_mut().for_each(|watcher| watcher.watch = None);
            drop((node, shard));
            world.spawn.crash();
            world.disk.kill();
            node = world.open().unwrap();
            shard = store(&node);
            for (watcher, seen) in watchers.iter_mut().zip(seen) {
                tally.restarted += 1;
                watcher.watch = Some(shard.watch(watcher.interest.clone(), seen));
            }
        }
    }
    tally.fell_behind += shard.watch_figures().fell_behind;
    let now = shard.read(|machine| machine.state().revision);
    for watcher in &mut watchers {
        while watcher.watch.as_ref().unwrap().seen() != Some(now) {
            let watch = watcher.watch.as_mut().unwrap();
            let short = std::time::Duration::from_millis(1);
            match tokio::time::timeout(short, watch.next()).await {
                Err(_) => {}
                Ok(Ok(events)) => watcher.tell(events, tally),
                Ok(Err(error)) => watcher.compacted(&error, &shard, tally),
            }
        }
        watcher.check_end(&truth, now);
    }
    drop(watchers);
    tokio::task::yield_now().await;
    let figures = shard.watch_figures();
    assert_eq!((figures.watchers, figures.behind), (0, 0));
}

#[test]
fn every_watcher_is_told_what_happened_to_its_keys() {
    let mut tally = Tally::default();
    in_simulated_time(async {
        for seed in 0..12 {
            play(seed, &mut tally).await;
        }
    });
    assert!(tally.told > 50_000, "only {} events were told", tally.told);
    assert!(tally.marks > 1_000, "only {} marks were seen", tally.marks);
    assert!(tally.restarted > 100, "only {} came back", tally.restarted);
    assert!(
        tally.fell_behind > 5,
        "only {} were slow",
        tally.fell_behind
    );
    assert!(tally.compacted > 0, "no history went away");
}
