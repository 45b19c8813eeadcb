//! A person's small file that a process reads whole: a certificate, a key.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// What a file was when it was read.
#[derive(Clone)]
pub struct SmallFile {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Who may do what with it: the permission bits of its mode.
    pub mode: u32,
}

impl SmallFile {
    /// Reads a regular file, or one that a link leads to, of at most `bytes_max` bytes.
    /// Content and mode are of the same file even if another takes its name meanwhile.
    ///
    /// # Errors
    /// `FileTooLarge` for more bytes, `InvalidInput` for what is no regular file.
    pub fn read(path: &Path, bytes_max: u64) -> io::Result<Self> {
        // Without it, opening a pipe nobody writes to would wait for ever.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Self {
            bytes,
            mode: metadata.permissions().mode() & 0o7777,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_whole_regular_and_small() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let read = SmallFile::read(&path, 5).unwrap();
        assert_eq!((&read.bytes[..], read.mode), (&b"12345"[..], 0o640));

        let kind = |path: &Path, max| SmallFile::read(path, max).map(drop).unwrap_err().kind();
        assert_eq!(kind(&path, 4), io::ErrorKind::FileTooLarge);
        assert_eq!(kind(dir.path(), 4), io::ErrorKind::InvalidInput);
        assert_eq!(kind(&dir.path().join("none"), 4), io::ErrorKind::NotFound);

        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert_eq!(kind(&pipe, 4), io::ErrorKind::InvalidInput);
    }
}
