//! The machine of a shard over the engine `memory`: 100,000 keys, and a history that is
//! full, so that every event that comes drives out an old one.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use dkv::base::host::SystemDisk;
use dkv::base::time::{MachineTime, Timer};
use dkv::base::types::{OwnerId, Revision};
use dkv::engine::memory::MemoryEngine;
use dkv::lock::LockCommand;
use dkv::machine::{Command, Effects, Entry, HistoryLimits, Machine, OutcomeKind};
use tempfile::TempDir;

use crate::commands::{delete_again, entry, lock, request, set, set_until};
use crate::draw::{Key, Keys};

/// How long an expiring value lives, ms: longer than it takes until its key is set again.
const LIFE_MS: u64 = 3_600_000;

struct Shard {
    machine: Machine,
    keys: Keys,
    now_ms: u64,
    /// Of the next command with a request id.
    sequence: u64,
    _folder: TempDir,
}

impl Shard {
    /// All keys are there, and the history is full.
    fn full() -> Self {
        let folder = crate::folder();
        let engine = MemoryEngine::open(Arc::new(SystemDisk), folder.path().join("engine"));
        let engine = Box::new(engine.expect("it is new"));
        let machine = Machine::open(engine, history_limits()).expect("it is new");
        let mut shard = Self {
            machine,
            keys: Keys::present(),
            now_ms: 0,
            sequence: 1,
            _folder: folder,
        };
        let all = shard.keys.all.len() as u64;
        let mut entries = 0;
        while entries * 64 < all || shard.machine.history().floor() == Revision(1) {
            let entry = shard.entry::<64>(|key, _| set(key, None));
            shard.apply(&entry);
            entries += 1;
        }
        assert_eq!(shard.machine.state().keys, all);
        shard
    }

    /// An entry of commands to the keys whose turn it is, a millisecond after the one before.
    fn entry<const COMMANDS: usize>(&mut self, command: impl Fn(&Key, u64) -> Command) -> Entry {
        self.now_ms += 1;
        let commands = (0..COMMANDS).map(|_| command(&self.keys.next(), self.now_ms));
        entry(self.now_ms, commands.collect())
    }

    /// As [`Shard::entry`], with a request id in each command. The client has heard of all
    /// that was in entries before.
    fn entry_of_requests<const COMMANDS: usize>(&mut self) -> Entry {
        let acked_below = self.sequence;
        self.sequence += COMMANDS as u64;
        let mut entry = self.entry::<COMMANDS>(|key, _| set(key, None));
        for (sequence, command) in (acked_below..).zip(&mut entry.commands) {
            command.request = Some(request(sequence, acked_below));
        }
        entry
    }

    fn apply(&mut self, entry: &Entry) -> Effects {
        let index = self.machine.state().applied.next();
        let effects = self.machine.apply(index, entry);
        effects.expect("the machine takes entries")
    }

    /// Applies an entry, all of whose commands must end like this.
    fn check(&mut self, entry: &Entry, kind: OutcomeKind) -> Effects {
        let effects = self.apply(entry);
        assert_eq!(effects.replies.len(), entry.commands.len());
        for reply in &effects.replies {
            assert_eq!((reply.outcome.kind, reply.repeated), (kind, false));
        }
        effects
    }
}

/// Small if nothing is measured: it must be full.
fn history_limits() -> HistoryLimits {
    if crate::is_measured() {
        return HistoryLimits::default();
    }
    HistoryLimits {
        bytes_max: 1 << 20,
        ..HistoryLimits::default()
    }
}

/// Whether commands carry a request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requests {
    Without,
    WithIds,
}

/// Applies an entry of so many sets of keys that are there. With request ids the machine
/// remembers what became of each, and writes its client's session. An item is a set.
#[divan::bench(consts = [1, 64], args = [Requests::Without, Requests::WithIds], sample_size = 16)]
fn set_present<const COMMANDS: usize>(bencher: Bencher, requests: Requests) {
    let mut shard = Shard::full();
    let next = |shard: &mut Shard| match requests {
        Requests::Without => shard.entry::<COMMANDS>(|key, _| set(key, None)),
        Requests::WithIds => shard.entry_of_requests::<COMMANDS>(),
    };
    let first = next(&mut shard);
    let effects = shard.check(&first, OutcomeKind::Written);
    assert_eq!(effects.events.len(), COMMANDS);
    let sessions = usize::from(requests == Requests::WithIds);
    assert_eq!(shard.machine.sessions_len(), sessions);
    let shard = RefCell::new(shard);
    bencher
        .counter(ItemsCount::new(COMMANDS))
        .with_inputs(|| next(&mut shard.borrow_mut()))
        .bench_local_refs(|entry| shard.borrow_mut().apply(entry));
}

/// Applies an entry of so many sets whose values expire, of keys whose values were to expire,
/// too: a deadline goes and another one comes. None is ever due. An item is a set.
#[divan::bench(consts = [1, 64], sample_size = 16)]
fn set_expiring<const COMMANDS: usize>(bencher: Bencher) {
    let mut shard = Shard::full();
    let expiring =
        |key: &Key, now_ms| set_until(key, Timer::At(MachineTime(now_ms + LIFE_MS)), None);
    for _ in 0..shard.keys.all.len().div_ceil(64) {
        let entry = shard.entry::<64>(expiring);
        shard.check(&entry, OutcomeKind::Written);
    }
    let due = shard.machine.next_deadline().expect("it can be read");
    assert!(due.is_some_and(|due| due > MachineTime(shard.now_ms + LIFE_MS / 2)));
    let shard = RefCell::new(shard);
    bencher
        .counter(ItemsCount::new(COMMANDS))
        .with_inputs(|| shard.borrow_mut().entry::<COMMANDS>(expiring))
        .bench_local_refs(|entry| shard.borrow_mut().apply(entry));
}

/// Applies an entry of so many deletes of keys that are there: they are set again, unmeasured,
/// right before. An item is a delete.
#[divan::bench(consts = [1, 64], sample_size = 16)]
fn delete_present<const COMMANDS: usize>(bencher: Bencher) {
    let mut shard = Shard::full();
    let next = |shard: &mut Shard| {
        let sets = shard.entry::<COMMANDS>(|key, _| set(key, None));
        shard.check(&sets, OutcomeKind::Written);
        entry(
            shard.now_ms,
            sets.commands.iter().map(delete_again).collect(),
        )
    };
    let first = next(&mut shard);
    let before = shard.machine.state().keys;
    shard.check(&first, OutcomeKind::Deleted);
    assert_eq!(shard.machine.state().keys, before - COMMANDS as u64);
    let shard = RefCell::new(shard);
    bencher
        .counter(ItemsCount::new(COMMANDS))
        .with_inputs(|| next(&mut shard.borrow_mut()))
        .bench_local_refs(|entry| shard.borrow_mut().apply(entry));
}

/// Applies an entry that takes a lock nobody holds, and one that gives it back. An item is
/// both.
#[divan::bench(sample_size = 16)]
fn lock_and_release(bencher: Bencher) {
    let mut shard = Shard::full();
    let owner = OwnerId([5; 16]);
    let next = |shard: &mut Shard| {
        let acquire = LockCommand::Acquire {
            owner,
            ttl_ms: 30_000,
            wait: Timer::Never,
        };
        let release = LockCommand::Release { owner };
        let name = Bytes::copy_from_slice(&shard.keys.next());
        shard.now_ms += 1;
        [acquire, release].map(|command| entry(shard.now_ms, vec![lock(name.clone(), command)]))
    };
    let [acquire, release] = next(&mut shard);
    shard.check(&acquire, OutcomeKind::Granted);
    assert_eq!(shard.machine.state().locks, 1);
    shard.check(&release, OutcomeKind::Released);
    assert_eq!(shard.machine.state().locks, 0);
    let shard = RefCell::new(shard);
    bencher
        .counter(ItemsCount::new(1_u32))
        .with_inputs(|| next(&mut shard.borrow_mut()))
        .bench_local_refs(|[acquire, release]| {
            let mut shard = shard.borrow_mut();
            (shard.apply(acquire), shard.apply(release))
        });
    assert_eq!(shard.borrow().machine.state().locks, 0);
}
