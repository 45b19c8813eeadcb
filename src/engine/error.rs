//! What can go wrong below the machine.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::base::{Error, ErrorKind, Limit};

/// A failure of an engine.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The file system failed; the engine is poisoned.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is damaged.
    #[error("{path}: damaged at byte {offset}: {what}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A file is damaged somewhere, or something in it is missing.
    #[error("{path}: damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The file was written by a newer dkv.
    #[error("{path}: written in format {found}; this dkv reads up to {supported}: upgrade dkv")]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format this build reads.
        supported: u32,
    },
    /// No room for a checkpoint or a replacement; the engine goes on without it.
    #[error("{path}: no space left for {needed} bytes of rows")]
    OutOfSpace {
        /// The file.
        path: PathBuf,
        /// Bytes it would take.
        needed: u64,
    },
    /// It cannot be done as things are; nothing has changed.
    #[error("{0}")]
    Refused(String),
    /// An earlier failure stopped the engine.
    #[error("the engine stopped after an earlier failure: {0}")]
    Poisoned(String),
}

impl EngineError {
    /// True if the engine goes on as if nothing had been tried.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self, Self::OutOfSpace { .. } | Self::Refused(_))
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        let kind = match &error {
            EngineError::Corrupt { .. } | EngineError::Damaged { .. } => ErrorKind::Corrupt,
            // Nothing is damaged: this is the wrong program for the directory.
            EngineError::NewerFormat { .. } => ErrorKind::Invalid,
            EngineError::OutOfSpace { .. } => ErrorKind::LimitExceeded,
            EngineError::Io { .. } | EngineError::Refused(_) | EngineError::Poisoned(_) => {
                ErrorKind::Internal
            }
        };
        let limit = Limit::Room;
        Error::new(kind, error.to_string())
            .with_limit(limit)
            .with_source(error)
    }
}
