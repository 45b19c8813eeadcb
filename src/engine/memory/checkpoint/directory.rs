//! The names of checkpoints in an engine's directory.

use std::path::{Path, PathBuf};

use crate::base::host::Disk;
use crate::base::types::LogIndex;
use crate::engine::EngineError;

const PREFIX: &str = "checkpoint-";
const FINISHED: &str = ".ckpt";
const UNFINISHED: &str = ".tmp";

/// Where the finished checkpoint that covers `covers` is.
pub(in crate::engine::memory) fn finished_path(dir: &Path, covers: LogIndex) -> PathBuf {
    dir.join(format!("{PREFIX}{:020}{FINISHED}", covers.0))
}

/// Where it is being written.
pub(super) fn unfinished_path(dir: &Path, covers: LogIndex) -> PathBuf {
    dir.join(format!("{PREFIX}{:020}{UNFINISHED}", covers.0))
}

/// The newest finished checkpoint. Unfinished ones, left by a crash, are removed.
///
/// # Errors
/// `Io` if the directory cannot be read or cleaned.
pub(in crate::engine::memory) fn newest(
    disk: &dyn Disk,
    dir: &Path,
) -> Result<Option<(LogIndex, PathBuf)>, EngineError> {
    let mut newest = None;
    for name in disk.list(dir).map_err(|source| io_error(dir, source))? {
        if index_of(&name, UNFINISHED).is_some() {
            remove(disk, &dir.join(&name))?;
        }
        newest = newest.max(index_of(&name, FINISHED));
    }
    Ok(newest.map(|covers| (covers, finished_path(dir, covers))))
}

/// Removes the finished checkpoints below `covers`.
pub(in crate::engine::memory) fn remove_older(
    disk: &dyn Disk,
    dir: &Path,
    covers: LogIndex,
) -> Result<(), EngineError> {
    for name in disk.list(dir).map_err(|source| io_error(dir, source))? {
        if index_of(&name, FINISHED).is_some_and(|index| index < covers) {
            remove(disk, &dir.join(&name))?;
        }
    }
    Ok(())
}

/// Removes a file.
pub(super) fn remove(disk: &dyn Disk, path: &Path) -> Result<(), EngineError> {
    disk.remove(path).map_err(|source| io_error(path, source))
}

/// Says which file failed.
pub(super) fn io_error(path: &Path, source: std::io::Error) -> EngineError {
    EngineError::Io {
        path: path.to_owned(),
        source,
    }
}

/// The index in the name of a checkpoint; `None` for any other name.
fn index_of(name: &str, suffix: &str) -> Option<LogIndex> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(suffix)?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits).map(LogIndex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_names_and_no_others() {
        let path = finished_path(Path::new("/d"), LogIndex(42));
        assert_eq!(path, Path::new("/d/checkpoint-00000000000000000042.ckpt"));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(index_of(name, FINISHED), Some(LogIndex(42)));
        let others = [
            "checkpoint-42.ckpt",
            "checkpoint-+0000000000000000042.ckpt",
            "checkpoint-99999999999999999999.ckpt",
            "checkpoint-00000000000000000042.tmp",
            "LOCK",
        ];
        for name in others {
            assert_eq!(index_of(name, FINISHED), None, "{name}");
        }
    }
}
