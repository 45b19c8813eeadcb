//! The allocator of the binary, and the only file with `unsafe` in it (docs/adr/0028).
#![allow(
    unsafe_code,
    reason = "two calls into the allocator, which has no safe ones for them"
)]

use std::ffi::c_long;
use std::hint::black_box;

use dkv::cli::Allocator;
use libmimalloc_sys::{mi_collect, mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`: how long freed memory is kept before whichever thread frees more
/// gives it back, ms. The crate has no name for it, which is why its version is pinned.
const PURGE_DELAY: mi_option_t = 15;

/// So long that no thread ever comes upon memory that is to be given back.
const NEVER_BY_ITSELF_MS: c_long = 24 * 60 * 60 * 1_000;

/// What a node asks of it.
pub(crate) const ASKED: Allocator = Allocator {
    keep_what_is_freed,
    give_back,
};

fn keep_what_is_freed() {
    // SAFETY: an option is a number in memory of the allocator's own. It is set before there is
    // a second thread, as its documentation asks.
    unsafe { mi_option_set(PURGE_DELAY, NEVER_BY_ITSELF_MS) }
}

fn give_back() {
    // The allocator does nothing for a thread that it does not know.
    drop(black_box(Box::new(0_u8)));
    // SAFETY: may be called by any thread, at any time. It looks at what this thread owns, which
    // is next to nothing, and gives back what no thread does.
    unsafe { mi_collect(true) }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use libmimalloc_sys::mi_option_get;

    use super::*;

    const MIB: usize = 256;

    fn delay_ms() -> c_long {
        // SAFETY: the one test there is reads it, and nobody else does meanwhile.
        unsafe { mi_option_get(PURGE_DELAY) }
    }

    fn resident_mib() -> usize {
        let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
        kib.expect("a process has a size") / 1_024
    }

    /// Options have no names here: another version may count them in another way. And what is
    /// freed by one thread was never given back by another that had allocated nothing.
    #[test]
    fn what_is_freed_is_kept_until_another_thread_gives_it_back() {
        assert_eq!(delay_ms(), 1_000, "what it is when nobody sets it");
        keep_what_is_freed();
        assert_eq!(delay_ms(), NEVER_BY_ITSELF_MS);
        let before = resident_mib();
        let pieces: Vec<Vec<u8>> = (0..MIB * 16).map(|_| vec![1; 64 << 10]).collect();
        assert!(resident_mib() >= before + MIB);
        drop(pieces);
        let kept = resident_mib();
        assert!(kept >= before + MIB / 2, "{kept} MiB of {before}");
        #[allow(
            clippy::disallowed_methods,
            reason = "as the node's own thread does it"
        )]
        std::thread::spawn(give_back).join().expect("it gives back");
        let left = resident_mib();
        assert!(left <= before + MIB / 8, "{left} MiB of {before}");
    }
}
