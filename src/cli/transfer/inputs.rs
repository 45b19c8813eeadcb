//! The files an import reads, all of them opened before the first record is written.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::item::Rules;
use super::lines::Input;
use super::source::Source;
use crate::base::{Error, Result};
use crate::cli::files;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// JSON lines: one object a line
    Jsonl,
    /// Comma separated values with a header row
    Csv,
}

/// Files that are open, in the order they are read.
pub(crate) struct Inputs {
    pub(super) files: Vec<(Arc<str>, Source)>,
    bytes: Option<u64>,
}

impl Inputs {
    /// Opens every file; `-` is stdin. Without `format` a name that ends in `.csv` is CSV,
    /// and everything else is JSON lines.
    ///
    /// # Errors
    /// `Invalid`, naming the file that cannot be read.
    pub(crate) fn open(paths: &[PathBuf], format: Option<Format>, rules: &Rules) -> Result<Self> {
        let is_stdin = |path: &&PathBuf| path.as_os_str() == "-";
        if paths.iter().filter(is_stdin).count() > 1 {
            return Err(Error::invalid("`-` is there twice: stdin can be read once"));
        }
        let mut inputs = Self {
            files: Vec::new(),
            bytes: Some(0),
        };
        for path in paths {
            let (name, input, bytes): (_, Input, _) = if is_stdin(&path) {
                ("stdin".to_owned(), Box::new(io::stdin()), None)
            } else {
                let (file, bytes) = files::open(path)?;
                (path.display().to_string(), Box::new(file), bytes)
            };
            let format = format.unwrap_or_else(|| format_of(path));
            let source = Source::new(input, format, rules.clone());
            inputs.files.push((name.into(), source));
            inputs.bytes = inputs.bytes.zip(bytes).map(|(sum, bytes)| sum + bytes);
        }
        Ok(inputs)
    }

    /// The names of the files, in order.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.files
            .iter()
            .map(|(name, _)| Arc::clone(name))
            .collect()
    }

    /// The bytes of all files; `None` if one of them is a pipe.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.bytes
    }
}

fn format_of(path: &Path) -> Format {
    match path.extension().map(OsStr::to_ascii_lowercase) {
        Some(extension) if extension == "csv" => Format::Csv,
        _ => Format::Jsonl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format() {
        for (name, format) in [
            ("people.csv", Format::Csv),
            ("PEOPLE.CSV", Format::Csv),
            ("people.jsonl", Format::Jsonl),
            ("people", Format::Jsonl),
            ("-", Format::Jsonl),
        ] {
            assert_eq!(format_of(Path::new(name)), format, "{name}");
        }
    }
}
