//! The histories of the product, and the files that the tests keep them in.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

pub(crate) use dkv::check::history::{
    Action, Condition, Consistency, Fence, Found, Operation, Outcome, Recorder,
};

/// Writes a history, a line for each operation.
pub(crate) fn save(history: &[Operation], path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    dkv::check::history::write(history, &mut file).map_err(io::Error::other)
}

/// Reads what [`save`] wrote.
pub(crate) fn load(path: &Path) -> io::Result<Vec<Operation>> {
    let file = BufReader::new(File::open(path)?);
    dkv::check::history::read(file).map_err(io::Error::other)
}
