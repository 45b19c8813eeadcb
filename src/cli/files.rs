//! Files that the user names: settings, values, reports. The data directory is the
//! server's business.

#![allow(
    clippy::disallowed_methods,
    reason = "the seam is for the node's files; these are pipes and files of the user"
)]

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::base::{Error, Result};

/// Reads a file of at most `bytes_max`, or a pipe that somebody fills.
///
/// # Errors
/// `Invalid`, naming the file, if it cannot be read or is larger.
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| cannot("read", &name, error))?;
    read_all(file, &name, bytes_max)
}

/// Opens a file to be read bit by bit, and tells how many bytes it has; `None` for a pipe.
///
/// # Errors
/// `Invalid`, naming the file, if it cannot be opened or is a directory.
pub(crate) fn open(path: &Path) -> Result<(File, Option<u64>)> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| cannot("read", &name, error))?;
    let metadata = file
        .metadata()
        .map_err(|error| cannot("read", &name, error))?;
    if metadata.is_dir() {
        return Err(Error::invalid(format!(
            "{name} is a directory: name a file, or several"
        )));
    }
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

/// Creates a file, or empties the one that is there, to be written bit by bit.
///
/// # Errors
/// `Invalid`, naming the file.
pub(crate) fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| cannot("write", &path.display().to_string(), error))
}

/// Creates a file, to be written bit by bit; `None` if there is anything of that name.
///
/// # Errors
/// `Invalid`, naming the file.
pub(crate) fn create_new(path: &Path) -> Result<Option<File>> {
    match File::create_new(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(cannot("write", &path.display().to_string(), error)),
    }
}

/// Reads what is left of `source`, known as `name`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_all(source: impl Read, name: &str, bytes_max: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| cannot("read", name, error))?;
    if bytes.len() > bytes_max {
        return Err(Error::invalid(format!(
            "{name} is too large: at most {bytes_max} bytes are read"
        )));
    }
    Ok(bytes)
}

/// Writes a file, replacing one that is there.
///
/// # Errors
/// `Invalid`, naming the file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|error| cannot("write", &path.display().to_string(), error))
}

/// Writes a new file that nobody else can read.
///
/// # Errors
/// `Invalid`, naming the file, if it cannot be written or is there already.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::invalid(format!(
            "{} is there already, and a secret is not written over another: remove it, or name \
             another file",
            path.display()
        )),
        _ => cannot("write", &path.display().to_string(), error),
    })
}

/// A file that is to be written once there is something to write. That it can be is known
/// beforehand; what it holds stays until then.
pub(crate) struct Reserved {
    path: PathBuf,
    /// There was none, and there shall be none if nothing is written.
    is_new: bool,
}

impl Reserved {
    /// Makes sure that the file can be written.
    ///
    /// # Errors
    /// `Invalid`, naming the file.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let is_new = fs::symlink_metadata(path).is_err();
        let mut options = fs::OpenOptions::new();
        options
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| cannot("write", &path.display().to_string(), error))?;
        Ok(Self {
            path: path.to_owned(),
            is_new,
        })
    }

    /// Writes it.
    ///
    /// # Errors
    /// `Invalid`, naming the file.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<()> {
        self.is_new = false;
        write(&self.path, bytes)
    }

    /// Empties it, to be written bit by bit.
    ///
    /// # Errors
    /// `Invalid`, naming the file.
    pub(crate) fn create(mut self) -> Result<File> {
        self.is_new = false;
        create(&self.path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.is_new {
            // An empty file is left behind: no harm, and nobody left to be told.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a directory and its parents.
///
/// # Errors
/// `Invalid`, naming the directory.
pub(crate) fn create_dir_all(path: &Path) -> Result<()> {
    fs::create_dir_all(path)
        .map_err(|error| cannot("make the directory", &path.display().to_string(), error))
}

/// An error about a file of the user.
pub(crate) fn cannot(what: &str, name: &str, error: io::Error) -> Error {
    Error::invalid(format!("cannot {what} {name}: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_no_more_than_allowed() {
        assert_eq!(read_all(&b"1234"[..], "stdin", 4).unwrap(), b"1234");
        let error = read_all(&b"12345"[..], "stdin", 4).unwrap_err();
        assert!(error.message().contains("at most 4 bytes"), "{error}");
    }

    #[test]
    fn a_reserved_file_keeps_what_it_holds_until_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        drop(Reserved::at(&path).unwrap());
        assert!(!path.exists(), "nothing was written");
        Reserved::at(&path).unwrap().write(b"first").unwrap();
        drop(Reserved::at(&path).unwrap());
        assert_eq!(read(&path, 10).unwrap(), b"first");
        Reserved::at(&path).unwrap().write(b"new").unwrap();
        assert_eq!(read(&path, 10).unwrap(), b"new");
        let nowhere = dir.path().join("no/rows.csv");
        let error = Reserved::at(&nowhere).err().unwrap();
        assert!(error.message().contains("no/rows.csv"), "{error}");
        assert!(Reserved::at(dir.path()).is_err(), "a directory");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/nowhere/at-all"), 4).unwrap_err();
        assert!(error.message().contains("/nowhere/at-all"), "{error}");
    }
}
