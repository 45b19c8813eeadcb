//! A file on its way to its place: written whole beside it, then renamed.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::folder::cannot;
use crate::base::Result;

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
