//! A task's place in the line, between those who wake it and the runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use parking_lot::Mutex;

use super::Turns;

/// A task's place among those of its address.
///
/// IMPORTANT: what wakes the task wakes this. The runtime hears of it when the task has a turn:
/// once it is in the runtime's queue, it is before all who come later.
pub(super) struct Ticket {
    pub(super) turns: Arc<Turns>,
    pub(super) task: Mutex<Task>,
}

pub(super) struct Task {
    pub(super) phase: Phase,
    /// The task's own.
    waker: Waker,
    /// The task, as long as the runtime does not know of it.
    pub(super) unborn: Option<Unborn>,
}

/// Begins the task; it is told whether that waited in the line.
pub(super) type Unborn = Box<dyn FnOnce(bool) + Send>;

/// Wakes a task when the runtime has looked for what is new.
///
/// IMPORTANT: the runtime runs first what the running task woke. A crowd that calls one another
/// so would be before everybody, and the network not be looked at. What yields comes back behind
/// both: that is asked for here, in the name of another task.
fn wake_behind_others(waker: &Waker) {
    let yielding = pin!(tokio::task::yield_now());
    let polled = yielding.poll(&mut Context::from_waker(waker));
    if polled.is_ready() {
        waker.wake_by_ref();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has nothing to do.
    Asleep,
    /// In the line.
    Waiting,
    /// It has a turn, and is in the runtime's queue.
    Called,
    /// It is at work.
    Working,
    /// It is at work, and there is more to do.
    Woken,
    Gone,
}

impl Ticket {
    pub(super) fn new(turns: Arc<Turns>) -> Arc<Self> {
        let task = Task {
            phase: Phase::Asleep,
            waker: Waker::noop().clone(),
            unborn: None,
        };
        Arc::new(Self {
            turns,
            task: Mutex::new(task),
        })
    }

    /// Has the task begin when it has its turn, which may be at once.
    pub(super) fn begin_in_turn(self: &Arc<Self>, begin: impl FnOnce(bool) + Send + 'static) {
        let mut task = self.task.lock();
        if self.turns.take(self) {
            task.phase = Phase::Called;
            drop(task);
            begin(false);
        } else {
            task.phase = Phase::Waiting;
            task.unborn = Some(Box::new(begin));
        }
    }

    /// Calls who was in the line; false if it is gone.
    pub(super) fn call(&self) -> bool {
        let mut task = self.task.lock();
        if task.phase == Phase::Gone {
            return false;
        }
        task.phase = Phase::Called;
        let (unborn, waker) = (task.unborn.take(), task.waker.clone());
        drop(task);
        match unborn {
            Some(begin) => begin(true),
            None => wake_behind_others(&waker),
        }
        true
    }

    /// The runtime has come to it: true if it has a turn.
    pub(super) fn begin(self: &Arc<Self>, waker: &Waker) -> bool {
        let mut task = self.task.lock();
        task.waker.clone_from(waker);
        task.phase = match task.phase {
            Phase::Called => Phase::Working,
            // It is new, or was woken by who does not know of turns.
            Phase::Asleep if self.turns.take(self) => Phase::Working,
            Phase::Asleep => Phase::Waiting,
            other => other,
        };
        task.phase == Phase::Working
    }

    /// It did what it had to do for now.
    pub(super) fn end(self: &Arc<Self>) {
        let mut task = self.task.lock();
        if task.phase == Phase::Woken {
            // Locked as long as the line may call it.
            if self.turns.queue(self) {
                task.phase = Phase::Waiting;
            } else {
                task.phase = Phase::Called;
                let waker = task.waker.clone();
                drop(task);
                waker.wake();
                return;
            }
        } else {
            task.phase = Phase::Asleep;
        }
        drop(task);
        self.turns.give_back();
    }

    pub(super) fn leave(&self) {
        let phase = {
            let mut task = self.task.lock();
            // What may still wake it keeps no more of it than this.
            task.waker = Waker::noop().clone();
            std::mem::replace(&mut task.phase, Phase::Gone)
        };
        if matches!(phase, Phase::Called | Phase::Working | Phase::Woken) {
            self.turns.give_back();
        }
    }
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut task = self.task.lock();
        match task.phase {
            Phase::Asleep if self.turns.take(self) => {
                task.phase = Phase::Called;
                let waker = task.waker.clone();
                drop(task);
                waker.wake();
            }
            Phase::Asleep => task.phase = Phase::Waiting,
            Phase::Working => task.phase = Phase::Woken,
            Phase::Waiting | Phase::Called | Phase::Woken | Phase::Gone => {}
        }
    }
}
