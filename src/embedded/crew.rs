//! Knows when all background work of a node has ended.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::base::host::{Patience, Progress, Spawn, Step};

/// Drives steps as another does, and counts them.
#[derive(Clone)]
pub(super) struct Crew {
    under: Arc<dyn Spawn>,
    at_work: Arc<AtWork>,
}

#[derive(Default)]
struct AtWork {
    steps: Mutex<usize>,
    fewer: Condvar,
}

impl Crew {
    /// Nobody yet.
    pub(super) fn new(under: Arc<dyn Spawn>) -> Self {
        Self {
            under,
            at_work: Arc::default(),
        }
    }

    /// Blocks until every step has finished and is dropped, with the files it had open.
    pub(super) fn wait(&self) {
        let mut steps = self.at_work.steps.lock();
        while *steps > 0 {
            self.at_work.fewer.wait(&mut steps);
        }
    }
}

impl Spawn for Crew {
    fn drive(&self, name: &str, step: Box<dyn Step>) {
        *self.at_work.steps.lock() += 1;
        let counted = Counted {
            step,
            _leave: Leave(Arc::clone(&self.at_work)),
        };
        self.under.drive(name, Box::new(counted));
    }
}

/// The fields are dropped in this order: who leaves has put everything down.
struct Counted {
    step: Box<dyn Step>,
    _leave: Leave,
}

impl Step for Counted {
    fn step(&mut self, patience: Patience) -> Progress {
        self.step.step(patience)
    }
}

struct Leave(Arc<AtWork>);

impl Drop for Leave {
    fn drop(&mut self) {
        *self.0.steps.lock() -= 1;
        self.0.fewer.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::base::host::ThreadSpawn;

    struct Waits(mpsc::Receiver<()>, Arc<Mutex<bool>>);

    impl Step for Waits {
        fn step(&mut self, _patience: Patience) -> Progress {
            let _told = self.0.recv();
            Progress::Finished
        }
    }

    impl Drop for Waits {
        fn drop(&mut self) {
            *self.1.lock() = true;
        }
    }

    #[test]
    fn the_wait_ends_when_the_last_step_is_dropped() {
        let crew = Crew::new(Arc::new(ThreadSpawn));
        crew.wait();
        let mut ends = Vec::new();
        for _ in 0..3 {
            let (end, ended) = mpsc::sync_channel(1);
            let dropped = Arc::new(Mutex::new(false));
            crew.drive("waits", Box::new(Waits(ended, Arc::clone(&dropped))));
            ends.push((end, dropped));
        }
        assert_eq!(*crew.at_work.steps.lock(), 3);
        ends.iter().for_each(|(end, _)| end.send(()).unwrap());
        crew.wait();
        assert!(ends.iter().all(|(_, dropped)| *dropped.lock()));
    }
}
