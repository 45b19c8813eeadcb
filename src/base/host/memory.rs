//! The memory of this process: which pages the system gives, and who gives freed ones back.

use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use super::spawn::{Patience, Progress, Spawn, Step, ThreadSpawn};

/// Between two times that freed memory is given back.
const EVERY: Duration = Duration::from_secs(1);

/// What an allocator can be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Allocator {
    /// From now on to give nothing back to the system by itself. Only while there is one thread.
    pub keep_what_is_freed: fn(),
    /// To give back what was freed, on the thread that asks.
    pub give_back: fn(),
}

static ALLOCATOR: OnceLock<Allocator> = OnceLock::new();

/// Says what the allocator of this process can be asked for, if it can be asked; once.
pub fn allocates_with(allocator: Allocator) {
    // The first one is the right one: a process has one allocator.
    let _ = ALLOCATOR.set(allocator);
}

/// Has no thread that serves wait for memory: for a process that serves many, before it has
/// other threads.
///
/// IMPORTANT: whoever first touches a huge page waits until all of its 2 MiB are cleared, and
/// whoever gives back hundreds of MiB, until each page was unmapped: both take milliseconds, and
/// all who are served on that thread wait, too. So pages are small, and a thread of its own
/// gives freed ones back, each second. Where the system or the allocator cannot be asked, it
/// remains as it is.
pub fn tend_memory() {
    refuse_huge_pages();
    if let Some(allocator) = ALLOCATOR.get() {
        (allocator.keep_what_is_freed)();
        ThreadSpawn.drive("memory", Box::new(GivesBack(*allocator)));
    }
}

fn refuse_huge_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

struct GivesBack(Allocator);

impl Step for GivesBack {
    fn step(&mut self, patience: Patience) -> Progress {
        if patience == Patience::Block {
            sleep(EVERY);
        }
        (self.0.give_back)();
        Progress::Worked
    }
}
