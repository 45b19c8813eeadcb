//! What the operating system says of this process.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Figures of this process. Each is missing where the system does not tell (not Linux).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessFigures {
    /// Memory that is really used, bytes.
    pub resident_bytes: Option<u64>,
    /// File descriptors that are open.
    pub open_fds: Option<u64>,
    /// How many may be.
    pub max_fds: Option<u64>,
    /// Processor time since the start, microseconds.
    pub cpu_us: u64,
}

/// What this process costs right now: a cheap part of its figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessLoad {
    /// Memory that is really used, bytes; `None` where the system does not tell.
    pub resident_bytes: Option<u64>,
    /// Processor time since the start, microseconds.
    pub cpu_us: u64,
}

/// How many threads of this process can run at once; 1 where the system does not tell.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl ProcessFigures {
    /// Asks the system; a few microseconds, and one per open file descriptor.
    pub fn read() -> Self {
        let load = ProcessLoad::read();
        // The listing itself holds one descriptor open.
        let open = fs::read_dir("/proc/self/fd").map(|fds| fds.count() as u64);
        Self {
            resident_bytes: load.resident_bytes,
            open_fds: open.ok().map(|open| open.saturating_sub(1)),
            max_fds: getrlimit(Resource::Nofile).current,
            cpu_us: load.cpu_us,
        }
    }
}

impl ProcessLoad {
    /// Asks the system: a few microseconds, however many files are open.
    pub fn read() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = u64::try_from(cpu.tv_sec).unwrap_or_default();
        let nanos = u64::try_from(cpu.tv_nsec).unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").ok();
        Self {
            resident_bytes: status.and_then(|status| resident_bytes(&status)),
            cpu_us: seconds * 1_000_000 + nanos / 1_000,
        }
    }
}

/// `VmRSS` of `/proc/self/status`, which is given in KiB.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_read() {
        let status = "Name:\tdkv\nVmHWM:\t    2000 kB\nVmRSS:\t    1000 kB\n";
        assert_eq!(resident_bytes(status), Some(1_024_000));
        for strange in [
            "",
            "VmRSS:",
            "VmRSS: 1 MB",
            "VmRSS: x kB",
            "VmRSS: 99999999999999999999 kB",
        ] {
            assert_eq!(resident_bytes(strange), None, "{strange}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_running_process_has_figures() {
        let figures = ProcessFigures::read();
        assert!(figures.resident_bytes.unwrap() > 100 << 10, "{figures:?}");
        assert!(figures.open_fds.unwrap() >= 3, "{figures:?}");
        let file = tempfile::tempfile().unwrap();
        assert!(ProcessFigures::read().open_fds.unwrap() >= 3);
        drop(file);
        assert!(ProcessFigures::read().cpu_us >= figures.cpu_us);
    }
}
