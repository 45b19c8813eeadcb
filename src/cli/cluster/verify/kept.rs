//! The file that a history is kept in.

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
            None => {
                let path = PathBuf::from(format!("{}.jsonl", bucket.replace(':', "-")));
                let file = files::create(&path)?;
                (path, file)
            }
        };
        let mut file = BufWriter::new(file);
        history::write(history, &mut file).map_err(|error| about(&path, &error))?;
        Ok(Some(path))
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
