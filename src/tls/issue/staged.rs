//! A file on its way to its place: written whole beside it, then renamed.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::folder::cannot;
use crate::base::Result;

/// Takes away what processes staged in a directory that are no more: keys among it. What
/// cannot be taken away harms nobody.
#[allow(
    clippy::disallowed_methods,
    reason = "files of the user, not the node's"
)]
pub(super) fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let file = entry.file_name();
        let by = file.to_str().and_then(staged_by);
        if by.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process that staged a file of this name.
fn staged_by(file: &str) -> Option<Pid> {
    let (file, pid) = file.strip_prefix('.')?.rsplit_once('.')?;
    let (_, kind) = file.rsplit_once('.')?;
    let is_ours = matches!(kind, "crt" | "key" | "crl");
    Pid::from_raw(pid.parse().ok().filter(|pid| is_ours && *pid > 0)?)
}

/// Written and durable, and not in its place yet. Dropped, it is gone.
pub(super) struct Staged {
    new: PathBuf,
    place: PathBuf,
}

#[allow(
    clippy::disallowed_methods,
    reason = "files of the user, not the node's"
)]
impl Staged {
    /// Writes what is to be at `place`, with `mode` from its first byte on.
    pub(super) fn write(place: &Path, text: &str, mode: u32) -> Result<Self> {
        let file = place.file_name().unwrap_or_default().to_string_lossy();
        let staged = Self {
            new: place.with_file_name(format!(".{file}.{}", std::process::id())),
            place: place.to_owned(),
        };
        // What a process of the same number left behind has nobody's modes.
        let _ = fs::remove_file(&staged.new);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&staged.new)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            });
        written.map_err(|error| cannot("write", place, error))?;
        Ok(staged)
    }

    /// Puts it in its place.
    pub(super) fn put(self) -> Result<()> {
        fs::rename(&self.new, &self.place).map_err(|error| cannot("write", &self.place, error))
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "files of the user, not the node's"
)]
impl Drop for Staged {
    fn drop(&mut self) {
        // Once it is in its place, there is nothing here any more.
        let _ = fs::remove_file(&self.new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_behind_is_swept_away() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        let mine = std::process::id();
        let of = |name: &str, pid: u32| dir.path().join(format!("{name}.{pid}"));
        let gone = [".alice.key", ".alice.b.crt", ".ca.crl"].map(|name| of(name, dead));
        let stays = [
            of(".alice.key", mine),
            of("alice.key", dead),
            of(".alice.txt", dead),
            of(".key", dead),
            of(".alice.key", 0),
            dir.path().join(".alice.key"),
            dir.path().join(".alice.key.x"),
            dir.path().join(".alice.key.-1"),
        ];
        for path in gone.iter().chain(&stays) {
            fs::write(path, "").unwrap();
        }
        sweep(dir.path());
        assert!(gone.iter().all(|path| !path.exists()), "{gone:?}");
        assert!(stays.iter().all(|path| path.exists()), "{stays:?}");
    }
}
