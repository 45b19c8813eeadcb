//! Where, when and with which words a run was made.

use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

use crate::cli::files;
use crate::perf::{About, Machine};

/// As far as this machine tells. The wall clock dates a document, and decides nothing.
pub(super) fn about() -> About {
    About {
        dkv_version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at_s: u64::try_from(clock_gettime(ClockId::Realtime).tv_sec).ok(),
        command: command(std::env::args_os().map(|word| word.to_string_lossy().into_owned())),
        machine: machine(),
        remarks: Vec::new(),
    }
}

fn machine() -> Machine {
    let mut system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    if let Some(release) = kernel_file("/proc/sys/kernel/osrelease") {
        system = format!("{system} {}", release.trim());
    }
    Machine {
        cores: kernel_file("/proc/self/status").and_then(|text| cores(&text)),
        processor: kernel_file("/proc/cpuinfo").and_then(|text| field(&text, "model name")),
        memory_bytes: kernel_file("/proc/meminfo").and_then(|text| memory_bytes(&text)),
        system,
    }
}

/// What the kernel tells; `None` where there is no such kernel.
fn kernel_file(path: &str) -> Option<String> {
    const BYTES_MAX: usize = 1 << 20;
    let bytes = files::read(Path::new(path), BYTES_MAX).ok()?;
    String::from_utf8(bytes).ok()
}

/// The first `name: value`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// How many processors a list like `0-1,4` has.
fn cores(text: &str) -> Option<usize> {
    let list = field(text, "Cpus_allowed_list")?;
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    list.split(',').map(range).sum()
}

fn memory_bytes(text: &str) -> Option<u64> {
    let total = field(text, "MemTotal")?;
    let kib: u64 = total.strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// The words of the command, as a shell takes them.
fn command(words: impl Iterator<Item = String>) -> String {
    let mut command = "dkv".to_owned();
    for word in words.skip(1) {
        command.push(' ');
        command.push_str(&quoted(&word));
    }
    command
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+[]".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_typed_again() {
        let words = [
            "target/debug/dkv",
            "perf",
            "--report",
            "alice's run.html",
            "",
        ];
        assert_eq!(
            command(words.into_iter().map(str::to_owned)),
            "dkv perf --report 'alice'\\''s run.html' ''"
        );
    }

    #[test]
    fn the_kernels_words_are_read() {
        let text = "MemTotal:       24576000 kB\nMemFree: 17 kB\nmodel name\t: A CPU @ 2.5GHz\n";
        assert_eq!(memory_bytes(text), Some(24_576_000 << 10));
        assert_eq!(field(text, "model name").as_deref(), Some("A CPU @ 2.5GHz"));
        assert_eq!(cores("Cpus_allowed_list:\t0-1,4,6-9\n"), Some(7));
        assert_eq!(cores("Cpus_allowed_list:\t3-1\n"), None);
        assert_eq!(memory_bytes("MemTotal: much"), None);
        assert_eq!(field("", "model name"), None);
    }

    #[test]
    fn this_machine_is_told() {
        let about = about();
        assert!(
            about
                .made_at_s
                .is_some_and(|made_at_s| made_at_s > 1_700_000_000)
        );
        assert!(about.machine.cores.is_some_and(|cores| cores > 0));
        assert!(about.machine.system.contains(std::env::consts::ARCH));
    }
}
