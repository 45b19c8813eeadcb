//! A calendar that jumps, for one process: libfaketime stands between it and the C library.
//!
//! Only the calendar is faked. What dkv itself asks a clock (`base/host/clock.rs`) it asks the
//! kernel, past the C library, and for the time since boot, which no setting of a calendar moves;
//! what the standard library, the runtime and the log ask goes through the C library, and there
//! the monotonic clocks are left alone.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a node's calendar is away from the machine's.
#[derive(Debug)]
pub(crate) struct FakeClock {
    library: PathBuf,
    /// Read by the process whenever it asks for the time.
    offset: PathBuf,
}

/// Where the library is, if it is installed.
pub(crate) fn library() -> Option<PathBuf> {
    let mut folders = vec![
        PathBuf::from("/usr/lib/faketime"),
        PathBuf::from("/usr/lib64/faketime"),
    ];
    for entry in std::fs::read_dir("/usr/lib").into_iter().flatten() {
        folders.extend(entry.map(|entry| entry.path().join("faketime")));
    }
    let libraries = folders.iter().map(|it| it.join("libfaketimeMT.so.1"));
    libraries.into_iter().find(|it| it.exists())
}

impl FakeClock {
    /// A clock that is right, with its file in `folder`; none where the library is missing.
    pub(crate) fn new(folder: &Path) -> Option<Self> {
        let clock = Self {
            library: library()?,
            offset: folder.join("clock"),
        };
        clock.jump_to(0);
        Some(clock)
    }

    /// A process that is started like this has this clock.
    pub(crate) fn wind(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }

    /// From now on it is so many seconds away from the machine's.
    pub(crate) fn jump_to(&self, seconds: i64) {
        // Whoever reads meanwhile must not see half of it.
        let next = self.offset.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).expect("a clock can be written");
        std::fs::rename(&next, &self.offset).expect("a clock can be set");
    }
}
