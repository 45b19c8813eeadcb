//! What an input takes of memory, as the system counts it.
//!
//! An allocator that counts would need `unsafe`, which is forbidden here. The system remembers the
//! most that a process had in memory (`VmHWM`, which can be set back), and the most that it had
//! reserved (`VmPeak`, which cannot). The first is what hurts. The second shows what was reserved
//! by a length that nobody had checked, and never touched: but only above what was ever reserved
//! before, and no more exactly than threads reserve stacks and heaps.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What one input may take, KiB: some of the largest that one request may be.
const HELD_KIB_MAX: u64 = 64 << 10;
/// What may be reserved for one, KiB.
const RESERVED_KIB_MAX: u64 = 2 << 20;

/// Whoever measures is alone in this: what two take at once cannot be told apart.
static ALONE: Mutex<()> = Mutex::new(());

/// This process as the system sees it.
pub(crate) struct Memory {
    status: File,
    /// Sets the mark back.
    marks: File,
    before: Counted,
    /// The most that any input took, KiB.
    pub(crate) held_kib_max: u64,
    _alone: MutexGuard<'static, ()>,
}

/// In KiB.
#[derive(Debug, Clone, Copy)]
struct Counted {
    held: u64,
    held_most: u64,
    reserved: u64,
    reserved_most: u64,
}

impl Memory {
    /// `None` where the system does not tell.
    ///
    /// # Panics
    /// On Linux, if it does not: then nothing would be bounded.
    pub(crate) fn watch() -> Option<Self> {
        if cfg!(not(target_os = "linux")) {
            return None;
        }
        let marks = OpenOptions::new().write(true).open("/proc/self/clear_refs");
        let status = File::open("/proc/self/status").expect("the system tells of processes");
        Some(Self {
            before: count(&status),
            status,
            marks: marks.expect("marks of memory can be set back"),
            held_kib_max: 0,
            _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// An input comes next.
    pub(crate) fn begin(&mut self) {
        let set_back = self.marks.write_at(b"5", 0);
        set_back.expect("marks of memory can be set back");
        self.before = count(&self.status);
    }

    /// What is wrong with what was taken since.
    pub(crate) fn complaint(&mut self) -> Option<String> {
        let (before, now) = (self.before, count(&self.status));
        let held = now.held_most.saturating_sub(before.held);
        self.held_kib_max = self.held_kib_max.max(held);
        if held > HELD_KIB_MAX {
            return Some(format!("takes {held} KiB of memory"));
        }
        let reserved = now.reserved_most.saturating_sub(before.reserved);
        let is_new = now.reserved_most > before.reserved_most;
        let is_too_much = is_new && reserved > RESERVED_KIB_MAX;
        is_too_much.then(|| format!("reserves {reserved} KiB of memory"))
    }
}

fn count(status: &File) -> Counted {
    let mut bytes = [0; 4_096];
    let length = status.read_at(&mut bytes, 0).expect("it was just opened");
    let text = String::from_utf8_lossy(&bytes[..length]);
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse().ok());
        number.unwrap_or_else(|| panic!("the system does not tell {name}"))
    };
    Counted {
        held: of("VmRSS:"),
        held_most: of("VmHWM:"),
        reserved: of("VmSize:"),
        reserved_most: of("VmPeak:"),
    }
}

#[cfg(target_os = "linux")]
mod tests {
    use std::hint::black_box;
    use std::panic::catch_unwind;

    use super::*;
    use crate::driver::execute;
    use crate::targets::Target;

    /// What the driver says of a target that does this with any input.
    fn said(run: fn(&[u8])) -> String {
        let target = Target {
            name: "greedy",
            run,
            executions: 1,
        };
        let failed = catch_unwind(|| {
            let mut memory = Memory::watch();
            execute(&target, b"an input", memory.as_mut());
        });
        let panic = failed.expect_err("it takes too much");
        panic.downcast_ref::<String>().expect("it says why").clone()
    }

    #[test]
    fn an_input_that_takes_too_much_is_told() {
        let held = said(|_| drop(black_box(vec![1_u8; 128 << 20])));
        assert!(held.contains("greedy takes 1"), "{held}");
        assert!(held.contains("an input"), "{held}");
        // The system maps what is reserved, and gives it when it is touched.
        let reserved = said(|_| drop(black_box(Vec::<u8>::with_capacity(3 << 30))));
        assert!(reserved.contains("greedy reserves 3"), "{reserved}");
    }

    #[test]
    fn what_was_given_back_is_not_the_next_inputs() {
        let mut memory = Memory::watch().expect("this is Linux");
        memory.begin();
        drop(black_box(vec![1_u8; 128 << 20]));
        assert!(memory.complaint().is_some());
        memory.begin();
        drop(black_box(vec![1_u8; 1 << 20]));
        assert_eq!(memory.complaint(), None);
    }
}
