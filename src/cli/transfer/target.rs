//! The file an export writes: whole, or not at all.

#![allow(
    clippy::disallowed_methods,
    reason = "the seam is for the node's files; this is a file of the user"
)]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::base::{Error, Result};
use crate::cli::files::cannot;

/// A file that takes its name once it is finished. Dropping it before leaves whatever had
/// that name as it was.
pub(crate) struct Target {
    /// What the user called it.
    name: String,
    file: File,
    /// Where it is written and where it belongs; `None` for a pipe or a device, which is
    /// written as it is.
    rename: Option<(PathBuf, PathBuf)>,
}

impl Target {
    /// Opens it, so that a place that cannot be written is known before any work is done.
    ///
    /// # Errors
    /// `Invalid`, naming the file.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let unwritable = |error| cannot("write", &name, error);
        // A link stays one: the file that it leads to is replaced.
        let place = match fs::canonicalize(path) {
            Ok(place) => place,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(unwritable(error)),
        };
        let before = match fs::metadata(&place) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(Error::invalid(format!(
                    "{name} is a directory: name a file in it"
                )));
            }
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(&place);
                return Ok(Self {
                    file: file.map_err(unwritable)?,
                    name,
                    rename: None,
                });
            }
            Ok(metadata) => Some(metadata),
            Err(_) => None,
        };
        let mut partial: OsString = place.clone().into_os_string();
        partial.push(format!(".{}.partial", std::process::id()));
        let partial = PathBuf::from(partial);
        let file = File::create(&partial).map_err(unwritable)?;
        let target = Self {
            file,
            rename: Some((partial, place)),
            name: name.clone(),
        };
        if let Some(before) = before {
            let kept = target.file.set_permissions(before.permissions());
            kept.map_err(unwritable)?;
        }
        Ok(target)
    }

    /// True if it leaves nothing behind when it is dropped before it is finished: not so a
    /// pipe or a device, which have what was written.
    pub(crate) fn is_whole_or_nothing(&self) -> bool {
        self.rename.is_some()
    }

    /// Appends.
    ///
    /// # Errors
    /// The system's, for whoever knows whether a reader that left is an error.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.name)))
    }

    /// Gives it its name, once it is on the disk.
    ///
    /// # Errors
    /// `Invalid`, naming the file.
    pub(crate) fn finish(mut self) -> Result<()> {
        let Some((partial, place)) = &self.rename else {
            return Ok(());
        };
        let finished = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(partial, place));
        finished.map_err(|error| cannot("write", &self.name, error))?;
        self.rename = None;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((partial, _)) = &self.rename {
            // Nobody can be told, and a file that says `.partial` deceives nobody.
            let _ = fs::remove_file(partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("dump.jsonl");
        let mut target = Target::create(&path).unwrap();
        target.write(b"half").unwrap();
        assert!(!path.exists());
        drop(target);
        assert_eq!(names(folder.path()), [""; 0]);
        let mut target = Target::create(&path).unwrap();
        target.write(b"whole").unwrap();
        target.finish().unwrap();
        assert_eq!(names(folder.path()), ["dump.jsonl"]);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn what_is_replaced_stays_until_then_and_leaves_its_permissions() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("dump.jsonl");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let mut target = Target::create(&path).unwrap();
        target.write(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        target.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_link_is_followed_and_a_device_is_not_replaced() {
        let folder = tempfile::TempDir::new().unwrap();
        let link = folder.path().join("link");
        fs::write(folder.path().join("real"), "old").unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        let mut target = Target::create(&link).unwrap();
        target.write(b"new").unwrap();
        target.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(folder.path().join("real")).unwrap(), b"new");
        let mut target = Target::create(Path::new("/dev/null")).unwrap();
        target.write(b"gone").unwrap();
        target.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_directory_or_a_place_that_is_not_there_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let said = |path: &Path| match Target::create(path) {
            Ok(_) => panic!("{} was created", path.display()),
            Err(error) => error.message().to_owned(),
        };
        assert!(said(folder.path()).ends_with("is a directory: name a file in it"));
        let nowhere = folder.path().join("no/where");
        assert!(said(&nowhere).contains("no/where"), "{}", said(&nowhere));
    }
}
