//! Random lives of a log that end in a power loss, at every operation of the disk.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures_util::FutureExt;
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;

use super::model::{Contents, Model};
use super::{Log, Sim, Told, append, entry, in_simulated_time};
use crate::base::host::Rng;
use crate::base::types::NodeId;
use crate::raft::types::{LogId, Vote};

/// A machine, its log, and what the log must be.
struct World {
    sim: Sim,
    log: Log,
    model: Model,
    term: u64,
    /// Appends that are not confirmed, with the steps they are.
    waiting: VecDeque<(u64, Told)>,
    seen: Seen,
}

/// So that a test can say that it bites.
#[derive(Debug, Default)]
struct Seen {
    crashes: u64,
    steps_lost: u64,
    truncated: u64,
    jumped: u64,
    segments: usize,
    read_back: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let sim = Sim::new(seed, 3_000);
        let log = sim.start().unwrap();
        Self {
            sim,
            log,
            model: Model::beginning_with(Contents::default()),
            term: 1,
            waiting: VecDeque::new(),
            seen: Seen::default(),
        }
    }

    /// So many random steps.
    async fn live(&mut self, steps: u64) -> io::Result<()> {
        for _ in 0..steps {
            match self.sim.below(16) {
                0..=6 => self.append().await?,
                7 => self.truncate().await?,
                8..=9 => self.vote().await?,
                10..=11 => self.commit().await?,
                12..=13 => self.purge().await?,
                14 => self.sim.spawn.run_until_idle(),
                _ => self.compare().await?,
            }
            self.take_told();
            self.seen.segments = self.seen.segments.max(self.sim.disk.files().len());
        }
        Ok(())
    }

    async fn append(&mut self) -> io::Result<()> {
        let count = 1 + self.sim.below(4);
        let mut entries = Vec::new();
        let mut step = 0;
        for _ in 0..count {
            let longest = if self.sim.below(4) == 0 { 5_000 } else { 200 };
            let mut payload = vec![0; self.sim.below(longest) as usize];
            self.sim.rng.fill(&mut payload);
            let payload = Bytes::from(payload);
            entries.push(entry(self.term, self.model.now.end(), payload.clone()));
            self.model.now.entries.push_back((self.term, payload));
            step = self.model.step();
        }
        let told = self.sim.drive(append(&mut self.log, entries)).await?;
        self.waiting.push_back((step, told));
        Ok(())
    }

    /// A new leader's log differs behind what is committed.
    async fn truncate(&mut self) -> io::Result<()> {
        let now = &mut self.model.now;
        let kept = now
            .committed
            .map_or(0, |last| last.index() + 1)
            .max(now.first());
        let from = kept + self.sim.below(now.end() + 1 - kept);
        let last = from.checked_sub(1).and_then(|last| now.id(last));
        let last = last.or(now.purged);
        self.seen.truncated += now.end() - from;
        now.entries.truncate((from - now.first()) as usize);
        self.model.step_without_state();
        self.term += 1;
        self.sim.drive(self.log.truncate_after(last)).await
    }

    async fn vote(&mut self) -> io::Result<()> {
        self.term += self.sim.below(2);
        let node = NodeId([self.sim.below(3) as u8; 16]);
        let vote = match self.sim.below(2) {
            0 => Vote::new(self.term, node),
            _ => Vote::new_committed(self.term, node),
        };
        self.model.now.vote = Some(vote);
        let step = self.model.step();
        self.sim.drive(self.log.save_vote(&vote)).await?;
        self.model.acknowledge(step);
        Ok(())
    }

    /// Costs nothing, and is written with whatever comes next.
    async fn commit(&mut self) -> io::Result<()> {
        let now = &mut self.model.now;
        let from = now.committed.map_or(now.first(), |last| last.index());
        if now.end() > from {
            let index = from + self.sim.below(now.end() - from);
            now.committed = now.id(index).or(now.committed);
            self.log.save_committed(now.committed).await?;
        }
        Ok(())
    }

    /// A checkpoint lets entries go, or a snapshot takes the place of all of them.
    async fn purge(&mut self) -> io::Result<()> {
        let jumps = self.sim.below(8) == 0;
        let now = &mut self.model.now;
        let upto = if jumps {
            self.seen.jumped += 1;
            Some(LogId::new_term_index(
                self.term,
                now.end() + self.sim.below(5),
            ))
        } else {
            now.committed.filter(|last| last.index() >= now.first())
        };
        let Some(upto) = upto else { return Ok(()) };
        if jumps {
            now.committed = Some(upto);
            self.log.save_committed(now.committed).await?;
        }
        let gone = (upto.index() + 1 - now.first()).min(now.entries.len() as u64);
        now.entries.drain(..gone as usize);
        now.purged = Some(upto);
        let step = self.model.step();
        self.sim.drive(self.log.purge(upto)).await?;
        self.model.acknowledge(step);
        Ok(())
    }

    /// What can be read is what was written, all of it and a piece of it.
    async fn compare(&mut self) -> io::Result<()> {
        let now = &self.model.now;
        self.seen.read_back += self.log.shared.state.lock().entries.recent_first() - now.first();
        assert_eq!(Contents::of(&mut self.log).await?, *now);
        let start = now.first() + self.sim.below(now.end() - now.first() + 1);
        let some = self.log.limited_get_log_entries(start, now.end()).await?;
        assert_eq!(some.is_empty(), start == now.end());
        for (index, entry) in (start..).zip(&some) {
            assert_eq!(Some(entry.log_id), now.id(index));
        }
        Ok(())
    }

    fn take_told(&mut self) {
        while let Some((step, told)) = self.waiting.front_mut() {
            match told.now_or_never() {
                None => return,
                Some(told) => {
                    if let Ok(Ok(())) = told {
                        self.model.acknowledge(*step);
                    }
                    self.waiting.pop_front();
                }
            }
        }
    }

    /// Power is lost; the next start finds what it must.
    async fn power_loss(&mut self) {
        self.sim.spawn.crash();
        self.sim.disk.crash();
        self.restart().await;
    }

    async fn restart(&mut self) {
        self.take_told();
        self.waiting.clear();
        self.log = self.sim.start().unwrap();
        let found = Contents::of(&mut self.log).await.unwrap();
        self.seen.crashes += 1;
        self.seen.steps_lost += self.model.recovered(found);
        self.term += 1;
    }
}

#[test]
fn a_power_loss_at_every_operation() {
    let mut total = Seen::default();
    for seed in 0..12 {
        for operations in 0.. {
            let seen = in_simulated_time(async {
                let mut world = World::new(seed);
                world.live(30).await.unwrap();
                world.sim.disk.halt_after(operations);
                let survived = world.live(30).await.is_ok();
                world.power_loss().await;
                world.live(12).await.unwrap();
                world.power_loss().await;
                (!survived).then_some(world.seen)
            });
            let Some(seen) = seen else { break };
            total.crashes += seen.crashes;
            total.steps_lost += seen.steps_lost;
            total.truncated += seen.truncated;
            total.jumped += seen.jumped;
            total.segments = total.segments.max(seen.segments);
            total.read_back += seen.read_back;
        }
    }
    assert!(
        total.crashes > 500
            && total.steps_lost > 500
            && total.truncated > 500
            && total.jumped > 100
            && total.segments > 4
            && total.read_back > 1_000,
        "the test must bite: {total:?}"
    );
}

/// Starts that are cut off themselves, kills that lose nothing, and long lives.
#[test]
fn many_lives_in_a_row() {
    for seed in 100..130 {
        in_simulated_time(async {
            let mut world = World::new(seed);
            for _ in 0..10 {
                world.live(40).await.unwrap();
                match world.sim.below(3) {
                    0 => world.power_loss().await,
                    1 => {
                        world.sim.spawn.crash();
                        world.sim.disk.kill();
                        world.restart().await;
                    }
                    _ => {
                        world.sim.spawn.crash();
                        world.sim.disk.kill();
                        world.sim.disk.halt_after(world.sim.below(30));
                        drop(world.sim.start());
                        world.power_loss().await;
                    }
                }
            }
        });
    }
}
