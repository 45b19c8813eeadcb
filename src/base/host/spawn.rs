//! The only file that starts threads. Background work is written as a step;
//! production drives it in a thread, a simulation calls it when it likes.

use std::sync::Arc;

use parking_lot::Mutex;

use super::rng::Rng;

/// Whether a step with nothing to do may wait for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Wait until there is something to do.
    Block,
    /// Return at once.
    Poll,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Something; call again.
    Worked,
    /// Nothing was there to do.
    Idle,
    /// Its owner is gone; never call again.
    Finished,
}

/// Background work that owns its state.
pub trait Step: Send {
    /// Does one bounded piece of work.
    fn step(&mut self, patience: Patience) -> Progress;
}

/// Drives steps until they finish.
pub trait Spawn: Send + Sync {
    /// Takes over `step`; `name` is for people.
    fn drive(&self, name: &str, step: Box<dyn Step>);
}

/// One operating system thread per step.
#[derive(Debug)]
pub struct ThreadSpawn;

impl Spawn for ThreadSpawn {
    fn drive(&self, name: &str, mut step: Box<dyn Step>) {
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || while step.step(Patience::Block) != Progress::Finished {})
            .expect("the operating system must start a thread at start-up");
    }
}

/// Steps that a test calls in an order drawn from a seed, on its own thread.
#[derive(Clone)]
pub struct SimSpawn {
    steps: Arc<Mutex<Vec<Box<dyn Step>>>>,
    rng: Arc<dyn Rng>,
}

impl SimSpawn {
    /// No steps yet.
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self {
            steps: Arc::default(),
            rng,
        }
    }

    /// Calls one step drawn at random. False when there was none to call.
    pub fn poll_one(&self) -> bool {
        let mut steps = self.steps.lock();
        if steps.is_empty() {
            return false;
        }
        let drawn = self.rng.below(steps.len() as u64) as usize;
        let mut step = steps.swap_remove(drawn);
        drop(steps);
        let progress = step.step(Patience::Poll);
        if progress != Progress::Finished {
            self.steps.lock().push(step);
        }
        progress == Progress::Worked
    }

    /// Calls steps in random order until all of them are idle.
    pub fn run_until_idle(&self) {
        loop {
            let mut steps = std::mem::take(&mut *self.steps.lock());
            let mut worked = false;
            let mut kept = Vec::new();
            while !steps.is_empty() {
                let drawn = self.rng.below(steps.len() as u64) as usize;
                let mut step = steps.swap_remove(drawn);
                let progress = step.step(Patience::Poll);
                worked |= progress == Progress::Worked;
                if progress != Progress::Finished {
                    kept.push(step);
                }
            }
            self.steps.lock().append(&mut kept);
            if !worked {
                return;
            }
        }
    }

    /// Drops every step where it stands, as a crash does.
    pub fn crash(&self) {
        self.steps.lock().clear();
    }
}

impl Spawn for SimSpawn {
    fn drive(&self, _name: &str, step: Box<dyn Step>) {
        self.steps.lock().push(step);
    }
}

/// Lets other threads that are ready go before this one.
pub fn yield_thread() {
    std::thread::yield_now();
}
