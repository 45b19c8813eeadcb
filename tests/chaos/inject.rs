//! System calls of a running process that fail, or take long: by `strace`, from outside.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::PATIENCE;

/// The calls with which a node makes what it wrote durable: `fdatasync` of its log and its engine,
/// `fsync` of their directories.
const SYNCS: &str = "fdatasync,fsync";

/// How long a tracer may take to let go.
const DETACHING: Duration = Duration::from_secs(2);

/// What happens to which calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    /// The first sync of each thread fails, as after a failed write of the system: later ones
    /// succeed, and that says nothing.
    SyncFails,
    /// Every sync takes a fifth of a second longer.
    SyncIsSlow,
    /// Every sync takes a second longer.
    SyncCrawls,
    /// What is written is not durable while this lasts.
    SyncHangs,
    /// There is no room for another segment of the log.
    NoRoom,
}

impl Defect {
    fn calls(self) -> &'static str {
        match self {
            Self::NoRoom => "fallocate",
            _ => SYNCS,
        }
    }

    fn tampering(self) -> &'static str {
        match self {
            Self::SyncFails => "error=EIO:when=1",
            Self::SyncIsSlow => "delay_enter=200000",
            Self::SyncCrawls => "delay_enter=1000000",
            Self::SyncHangs => "delay_enter=600000000",
            Self::NoRoom => "error=ENOSPC",
        }
    }
}

/// A defect of one process, until it is dropped.
#[derive(Debug)]
pub(crate) struct Injection {
    strace: Child,
    seen: PathBuf,
}

impl Injection {
    /// From now on `defect` befalls the process. What is traced is written into `folder`.
    ///
    /// # Errors
    /// Says why it cannot be, as where nobody may trace.
    pub(crate) fn into(process: Pid, defect: Defect, folder: &Path) -> Result<Self, String> {
        let number = process.as_raw_nonzero();
        let file = |what: &str| folder.join(format!("strace-{number}-{defect:?}-{what}"));
        let (seen, said) = (file("calls"), file("said"));
        let log = File::create(&said).map_err(|error| format!("{}: {error}", said.display()))?;
        let _old = std::fs::remove_file(&seen);
        let calls = defect.calls();
        let mut strace = Command::new("strace")
            .args(["-f", "-y", "-p", &number.to_string(), "-o"])
            .arg(&seen)
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{}", defect.tampering())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("strace cannot be started ({error}): install it"))?;
        let began = Instant::now();
        loop {
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            // Its threads, too, are attached to when it says so.
            if text.contains(" attached") {
                return Ok(Self { strace, seen });
            }
            let ended = strace.try_wait().expect("a child can be asked");
            if ended.is_some() || began.elapsed() > PATIENCE {
                let _ended = (strace.kill(), strace.wait());
                return Err(format!(
                    "strace cannot attach to process {number}, so nothing can be injected into it; \
                     it takes the right to ptrace (root, or kernel.yama.ptrace_scope=0): {text}"
                ));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many calls it befell.
    pub(crate) fn count(&self) -> usize {
        let seen = std::fs::read_to_string(&self.seen).unwrap_or_default();
        seen.matches("(INJECTED)").count() + seen.matches("(DELAYED)").count()
    }

    /// True if such a call for a file of this path was made, ended or not.
    pub(crate) fn saw(&self, path: &str) -> bool {
        let seen = std::fs::read_to_string(&self.seen).unwrap_or_default();
        seen.contains(path)
    }

    /// Ends the tracer without a word. A process that was killed while one of its calls is held up
    /// does not end before that.
    pub(crate) fn kill(mut self) {
        let _ended = (self.strace.kill(), self.strace.wait());
    }
}

impl Drop for Injection {
    /// Lets the process go on as it is.
    fn drop(&mut self) {
        let _asked = kill_process(Pid::from_child(&self.strace), Signal::TERM);
        let began = Instant::now();
        while matches!(self.strace.try_wait(), Ok(None)) {
            if began.elapsed() > DETACHING {
                let _ended = (self.strace.kill(), self.strace.wait());
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
