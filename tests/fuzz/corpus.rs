//! What mutations begin with: inputs that are sound, made by the code that makes them, and files
//! that are kept because something was wrong with them once, or because they are text.

use std::path::{Path, PathBuf};

use crate::seeds;
use crate::targets::Target;

fn folder(target: &Target) -> PathBuf {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    corpus.join(target.name)
}

/// All of it, in an order that does not change.
pub(crate) fn of(target: &Target) -> Vec<Vec<u8>> {
    let mut corpus = seeds::of(target.name);
    let entries = std::fs::read_dir(folder(target)).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    corpus.extend(files.iter().map(|file| std::fs::read(file).unwrap()));
    corpus
}

/// Writes it to files, for libFuzzer.
pub(crate) fn write(target: &Target, to: &Path) {
    let folder = to.join(target.name);
    std::fs::create_dir_all(&folder).unwrap();
    for (number, input) in of(target).into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:03}")), input).unwrap();
    }
}
