//! The file that a history is kept in.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use crate::base::{Error, Result};
use crate::check::history::{self, Operation};
use crate::cli::files::{self, Reserved};

/// Where a history goes: always where somebody said, and by itself if it shows that something is
/// wrong.
pub(super) struct Kept(Option<Reserved>);

impl Kept {
    /// Makes sure that the file can be written, if one was named.
    ///
    /// # Errors
    /// `Invalid`, naming the file.
    pub(super) fn reserve(path: Option<&Path>) -> Result<Self> {
        Ok(Self(path.map(Reserved::at).transpose()?))
    }

    /// Writes a history, if it is to be kept; where it is then.
    ///
    /// # Errors
    /// `Invalid`, naming the file.
    pub(super) fn keep(
        self,
        history: &[Operation],
        is_sound: bool,
        bucket: &str,
    ) -> Result<Option<PathBuf>> {
        let (path, file) = match self.0 {
            Some(reserved) => (reserved.path().to_owned(), reserved.create()?),
            None if is_sound => return Ok(None),
            None => fresh(Path::new(""), bucket)?,
        };
        let mut file = BufWriter::new(file);
        history::write(history, &mut file).map_err(|error| about(&path, &error))?;
        Ok(Some(path))
    }
}

/// A file in `dir` that is named for the bucket, or for that and a number: nobody has asked for it,
/// so it takes the place of none.
fn fresh(dir: &Path, bucket: &str) -> Result<(PathBuf, File)> {
    let name = bucket.replace(':', "-");
    let mut path = dir.join(format!("{name}.jsonl"));
    let mut number = 2_u64;
    loop {
        if let Some(file) = files::create_new(&path)? {
            return Ok((path, file));
        }
        path = dir.join(format!("{name}-{number}.jsonl"));
        number += 1;
    }
}

/// Reads a history that was kept.
///
/// # Errors
/// `Invalid`, naming the file and the line.
pub(super) fn load(path: &Path) -> Result<Vec<Operation>> {
    let (file, _) = files::open(path)?;
    history::read(BufReader::new(file)).map_err(|error| about(path, &error))
}

fn about(path: &Path, error: &Error) -> Error {
    Error::invalid(format!("{}: {}", path.display(), error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two runs in the bucket of one name both were wrong, and the second took the place of
    /// the first: what had been found was lost.
    #[test]
    fn a_history_that_nobody_named_takes_the_place_of_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("a-b.jsonl");
        std::fs::write(&there, "of somebody else").unwrap();
        for expected in ["a-b-2.jsonl", "a-b-3.jsonl"] {
            let (path, _) = fresh(dir.path(), "a:b").unwrap();
            assert_eq!(path, dir.path().join(expected));
        }
        assert_eq!(std::fs::read_to_string(there).unwrap(), "of somebody else");
    }
}
