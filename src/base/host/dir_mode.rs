//! Who may change what is in a directory.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

/// The permission bits of a directory, or of what a link leads to.
///
/// # Errors
/// If it cannot be looked at; `NotADirectory` for a file.
pub fn dir_mode(dir: &Path) -> io::Result<u32> {
    let metadata = fs::metadata(dir)?;
    if !metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(metadata.permissions().mode() & 0o7777)
}

/// True if nobody can write to its file system from here, whatever its mode says: so
/// orchestrators mount secrets.
///
/// # Errors
/// If it cannot be looked at.
pub fn is_read_only(dir: &Path) -> io::Result<bool> {
    Ok(statvfs(dir)?.f_flag.contains(StatVfsMountFlags::RDONLY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_tells_who_may_change_it() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o700, 0o1777] {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(dir_mode(dir.path()).unwrap(), mode);
        }
        assert!(!is_read_only(dir.path()).unwrap());
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = dir_mode(&file).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotADirectory);
    }
}
