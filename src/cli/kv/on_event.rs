//! The command that `dkv kv watch --exec` runs for a change.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::base::{Error, Result};
use crate::client::WatchEvent;

/// The longest value in an environment, bytes: Linux takes 128 KiB with its name.
const VARIABLE_BYTES_MAX: usize = 100 << 10;

/// A change, and what to do about it.
pub(super) struct OnEvent<'a> {
    pub(super) command: &'a OsString,
    pub(super) bucket: &'a str,
    pub(super) kind: &'static str,
    pub(super) event: &'a WatchEvent,
}

impl OnEvent<'_> {
    /// Runs the command, and gives its code, as shells count it.
    ///
    /// # Errors
    /// `Invalid` if it cannot be run.
    pub(super) async fn run(&self) -> Result<u8> {
        let live = self.event.record.as_ref().filter(|record| !record.expired);
        let value = live.map(|record| record.value.clone());
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(self.command)
            .stdin(Stdio::piped())
            .env("DKV_WATCH_TYPE", self.kind)
            .env("DKV_WATCH_REVISION", self.event.revision.to_string())
            .env("DKV_WATCH_BUCKET", self.bucket)
            // Not those of a watch around this one.
            .env_remove("DKV_WATCH_KEY")
            .env_remove("DKV_WATCH_VALUE");
        if let Some(key) = variable(&self.event.key) {
            command.env("DKV_WATCH_KEY", key);
        }
        if let Some(value) = value.as_deref().and_then(variable) {
            command.env("DKV_WATCH_VALUE", value);
        }
        let mut child = command.spawn().map_err(not_run)?;
        let stdin = child.stdin.take();
        let writing = async {
            if let (Some(mut stdin), Some(value)) = (stdin, value) {
                // A command that does not read what it is given does not want it.
                let _closed = stdin.write_all(&value).await;
            }
        };
        let ((), status) = tokio::join!(writing, child.wait());
        Ok(code(status.map_err(not_run)?))
    }
}

/// Bytes as an environment holds them; `None`: it cannot.
fn variable(bytes: &[u8]) -> Option<&OsStr> {
    let fits = bytes.len() <= VARIABLE_BYTES_MAX && !bytes.contains(&0);
    fits.then(|| OsStr::from_bytes(bytes))
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|it| 128 + it));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn not_run(error: io::Error) -> Error {
    Error::invalid(format!("the command of --exec cannot be run: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_environment_holds_is_left_out() {
        assert_eq!(variable(b"alice"), Some(OsStr::new("alice")));
        assert_eq!(variable(&[0xff, 1]), Some(OsStr::from_bytes(&[0xff, 1])));
        assert_eq!(variable(b"a\0b"), None);
        assert_eq!(variable(&vec![b'x'; VARIABLE_BYTES_MAX + 1]), None);
    }

    #[test]
    fn a_killed_command_counts_as_shells_count_it() {
        assert_eq!(code(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
    }
}
