//! What there is on this machine to do bad things with.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::process::Pid;

use crate::fake_clock;
use crate::inject::{Defect, Injection};

/// Killing, holding and cutting off need no tools, and are always there.
#[derive(Debug)]
pub(crate) struct Injectors {
    /// System calls can be made to fail.
    pub(crate) strace: Result<(), String>,
    /// Calendars can be moved.
    pub(crate) faketime: bool,
}

impl Injectors {
    /// Tried once.
    pub(crate) fn found() -> &'static Self {
        static FOUND: OnceLock<Injectors> = OnceLock::new();
        FOUND.get_or_init(|| Self {
            strace: can_trace(),
            faketime: fake_clock::library().is_some(),
        })
    }
}

/// Attaches to a process that only waits.
fn can_trace() -> Result<(), String> {
    let folder = std::env::temp_dir();
    let waiting = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let mut waiting = waiting.map_err(|error| format!("cat cannot be started: {error}"))?;
    let process = Pid::from_child(&waiting);
    let traced = Injection::into(process, Defect::SyncFails, &folder).map(drop);
    let _ended = (waiting.kill(), waiting.wait());
    for what in ["calls", "said"] {
        let name = format!(
            "strace-{}-{:?}-{what}",
            process.as_raw_nonzero(),
            Defect::SyncFails
        );
        let _gone = std::fs::remove_file(Path::new(&folder).join(name));
    }
    traced
}

impl fmt::Display for Injectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "injectors=signals,links")?;
        if self.strace.is_ok() {
            write!(f, ",strace")?;
        }
        if self.faketime {
            write!(f, ",libfaketime")?;
        }
        if let Err(why) = &self.strace {
            write!(f, " (no system call can be made to fail: {why})")?;
        }
        if !self.faketime {
            write!(f, " (no clock can be moved: libfaketime is not installed)")?;
        }
        Ok(())
    }
}
