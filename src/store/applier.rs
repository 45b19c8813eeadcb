//! Applies what the log made durable, answers, and expires what is due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Done;
use super::core::Core;
use super::local::{Local, Shared};
use crate::base::Error;
use crate::base::host::{Patience, Progress, Step};
use crate::base::time::MachineTime;
use crate::base::types::LogIndex;
use crate::machine::{Command, Entry, Op};

/// How long a refused sweep waits before it is proposed again, ms.
const SWEEP_RETRY_MS: u64 = 1_000;

/// How often a shard that is held up looks whether it may go on, if nobody tells it, ms.
const HELD_UP_LOOK_MS: u64 = 100;

/// An entry that the log has, waiting to be applied.
pub(super) struct Logged {
    pub(super) index: LogIndex,
    pub(super) entry: Entry,
    pub(super) weight: usize,
    pub(super) done: Done,
}

/// Logged entries in log order. Bounded by the bytes the shard admits.
#[derive(Default)]
pub(super) struct Inbox {
    entries: Mutex<VecDeque<Logged>>,
    wake: Condvar,
}

impl Inbox {
    pub(super) fn push(&self, logged: Logged) {
        let mut entries = self.entries.lock();
        entries.push_back(logged);
        if entries.len() == 1 {
            self.wake.notify_one();
        }
    }

    pub(super) fn wake(&self) {
        let _entries = self.entries.lock();
        self.wake.notify_one();
    }
}

/// The one writer of a local shard's machine.
pub(super) struct Applier {
    local: Local,
    /// When something of the machine is next due.
    due: Option<MachineTime>,
    /// A sweep is on its way through the log.
    sweeping: Arc<AtomicBool>,
    sweep_not_before: MachineTime,
}

impl Applier {
    pub(super) fn new(local: Local) -> Self {
        let mut applier = Self {
            local,
            due: None,
            sweeping: Arc::new(AtomicBool::new(false)),
            sweep_not_before: MachineTime(0),
        };
        applier.look_ahead();
        applier
    }

    fn shared(&self) -> &Shared {
        &self.local.shared
    }

    fn core(&self) -> &Core {
        &self.local.shared.core
    }

    /// Everything that is there, after waiting for it if that is allowed.
    fn take(&self, patience: Patience) -> VecDeque<Logged> {
        let inbox = &self.shared().inbox;
        let mut entries = inbox.entries.lock();
        let idle = entries.is_empty() && !self.core().closing.load(Ordering::SeqCst);
        if idle && patience == Patience::Block {
            match self.wait_ms() {
                Some(0) => {}
                Some(ms) => {
                    let _timed_out = inbox.wake.wait_for(&mut entries, Duration::from_millis(ms));
                }
                None => inbox.wake.wait(&mut entries),
            }
        }
        std::mem::take(&mut *entries)
    }

    /// Milliseconds until the next sweep; `None`: nothing will be due.
    fn wait_ms(&self) -> Option<u64> {
        if self.sweeping.load(Ordering::SeqCst) {
            return None;
        }
        let at = self.due?.max(self.sweep_not_before);
        Some(at.since_ms(self.local.now()))
    }

    /// True while the engine holds too much in memory only.
    fn is_held_up(&self, patience: Patience) -> bool {
        let held_up = self.core().look_held_up();
        if held_up && patience == Patience::Block {
            let inbox = &self.shared().inbox;
            let mut entries = inbox.entries.lock();
            let look = Duration::from_millis(HELD_UP_LOOK_MS);
            let _timed_out = inbox.wake.wait_for(&mut entries, look);
        }
        held_up
    }

    fn apply(&self, logged: Logged) {
        let Logged {
            index,
            entry,
            weight,
            done,
        } = logged;
        let core = self.core();
        let commands = entry.commands.len();
        let applied = match core.fatal.reason() {
            Some(reason) => Err(Error::internal(reason)),
            None => {
                let mut machine = core.machine.write();
                let applied = machine.apply(index, &entry);
                // Counted before a checkpoint can begin, which takes off what it covers.
                core.count_applied(weight, commands);
                applied
            }
        };
        core.done(weight);
        match applied {
            Ok(effects) => {
                core.watches.note();
                core.grants.announce(effects.grants);
                core.warn_of(&effects.near_quota);
                done(Ok(effects.replies));
            }
            Err(failure) => {
                core.fatal.raise(&failure.to_string());
                let unknown = format!("the node stopped, so the outcome is unknown: {failure}");
                done(Err(Error::timeout(unknown)));
            }
        }
    }

    fn look_ahead(&mut self) {
        let next = self.core().machine.read().next_deadline();
        match next {
            Ok(due) => self.due = due,
            Err(failure) => self.core().fatal.raise(&failure.to_string()),
        }
    }

    /// Proposes a sweep if something is due. True if it did.
    fn sweep_if_due(&mut self) -> bool {
        let now = self.local.now();
        let due = self.due.is_some_and(|due| due <= now) && self.sweep_not_before <= now;
        if !due || self.core().closing.load(Ordering::SeqCst) {
            return false;
        }
        if self.sweeping.swap(true, Ordering::SeqCst) {
            return false;
        }
        let sweep = Command {
            request: None,
            fence: None,
            op: Op::Sweep,
        };
        let sweeping = self.sweeping.clone();
        let done = Box::new(move |_| sweeping.store(false, Ordering::SeqCst));
        if self.local.submit(vec![sweep], done).is_err() {
            self.sweeping.store(false, Ordering::SeqCst);
            self.sweep_not_before = now.plus_ms(SWEEP_RETRY_MS);
            return false;
        }
        true
    }
}

impl Step for Applier {
    fn step(&mut self, patience: Patience) -> Progress {
        if self.is_held_up(patience) {
            return Progress::Idle;
        }
        let entries = self.take(patience);
        let worked = !entries.is_empty();
        for logged in entries {
            self.apply(logged);
        }
        if worked {
            self.look_ahead();
        }
        let swept = self.sweep_if_due();
        if worked || swept {
            return Progress::Worked;
        }
        if self.core().closing.load(Ordering::SeqCst) {
            return Progress::Finished;
        }
        Progress::Idle
    }
}
