//! The signals that `dkv lock run` is sent, which are its command's to answer.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::task::Poll;

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

use crate::cli::files;

/// Listens for signals; from then on they do not end this process.
pub(super) struct Told {
    signals: Vec<(Signal, unix::Signal)>,
}

impl Told {
    /// Listens for everything that asks a process to end.
    pub(super) fn listen() -> io::Result<Self> {
        let mut told = Self {
            signals: Vec::new(),
        };
        for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
            told.listen_for(signal)?;
        }
        Ok(told)
    }

    /// Listens for one more. One that this process was started to ignore, as by
    /// `nohup`, stays ignored: by the command too, to which that is handed down.
    pub(super) fn listen_for(&mut self, signal: Signal) -> io::Result<()> {
        if !is_in(ignored(), signal) {
            let kind = SignalKind::from_raw(signal.as_raw());
            self.signals.push((signal, unix::signal(kind)?));
        }
        Ok(())
    }

    /// The next of them.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|cx| {
            let mut each = self.signals.iter_mut();
            let told = each.find_map(|(signal, told)| {
                let is_told = told.poll_recv(cx).is_ready();
                is_told.then_some(*signal)
            });
            told.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The signals this process ignores, a bit each, where the system tells; else none.
fn ignored() -> u64 {
    const STATUS_BYTES_MAX: usize = 64 << 10;
    let status = files::read(Path::new("/proc/self/status"), STATUS_BYTES_MAX);
    let status = status.unwrap_or_default();
    mask_in(&String::from_utf8_lossy(&status)).unwrap_or(0)
}

fn mask_in(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

fn is_in(mask: u64, signal: Signal) -> bool {
    mask >> (signal.as_raw() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_which_signals_are_ignored() {
        let status = "Name:\tdkv\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001001\n";
        let mask = mask_in(status).unwrap();
        assert!(is_in(mask, Signal::HUP) && is_in(mask, Signal::PIPE));
        assert!(!is_in(mask, Signal::INT) && !is_in(mask, Signal::TERM));
        assert_eq!(mask_in("Name:\tdkv\n"), None);
    }
}
