//! The machine underneath, as seams: clock, randomness, disk and threads, and the connections
//! to others. Each has two sides, the operating system and a simulated one.
//!
//! Invariant: no other file of the crate reads a clock, draws randomness, opens
//! a file or starts a thread (`clippy.toml` holds the list).
#![allow(
    clippy::disallowed_methods,
    reason = "this is where the raw calls live"
)]

mod aside;
mod clock;
mod dir_mode;
mod disk;
mod lines;
mod memory;
mod name;
mod process;
mod rng;
pub mod sim_disk;
mod small_file;
mod spawn;
mod wall;

use std::sync::Arc;

pub use aside::aside;
pub use clock::{Clock, ManualClock, SystemClock};
pub use dir_mode::{dir_mode, is_read_only};
pub use disk::{Disk, DiskFile, DiskLock, OpenMode, SystemDisk, is_no_room};
pub use lines::{Acceptor, Dialler, Line};
pub use memory::{Allocator, allocates_with, tend_memory};
pub use name::host_name;
pub use process::{ProcessFigures, ProcessLoad, cores};
pub use rng::{Rng, SeededRng, SystemRng};
pub use small_file::SmallFile;
pub use spawn::{Patience, Progress, SimSpawn, Spawn, Step, ThreadSpawn, yield_thread};
pub use wall::unix_seconds;

/// Everything a node takes from the machine it runs on.
#[derive(Clone)]
pub struct Host {
    /// Reads time.
    pub clock: Arc<dyn Clock>,
    /// Draws randomness.
    pub rng: Arc<dyn Rng>,
    /// Keeps files.
    pub disk: Arc<dyn Disk>,
    /// Drives steps.
    pub spawn: Arc<dyn Spawn>,
}

impl Host {
    /// The operating system.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            rng: Arc::new(SystemRng),
            disk: Arc::new(SystemDisk),
            spawn: Arc::new(ThreadSpawn),
        }
    }
}
