//! What redb says, in the engine's words.

use std::io;
use std::path::Path;

use super::backend::Closed;
use crate::engine::EngineError;

/// Puts a failure of redb into the engine's words.
pub(super) fn failed(path: &Path, error: impl Into<redb::Error>) -> EngineError {
    let path = path.to_owned();
    match error.into() {
        redb::Error::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
            EngineError::Damaged {
                path,
                what: source.to_string(),
            }
        }
        redb::Error::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            EngineError::Damaged {
                path,
                what: "it is shorter than it says itself".to_owned(),
            }
        }
        redb::Error::Io(source) if source.get_ref().is_some_and(|it| it.is::<Closed>()) => {
            EngineError::Poisoned(format!("{} is closed", path.display()))
        }
        redb::Error::Io(source) => EngineError::Io { path, source },
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
            EngineError::Poisoned(format!("{} failed before", path.display()))
        }
        redb::Error::UpgradeRequired(version) => EngineError::Damaged {
            path,
            what: format!("it is in redb's format {version}, which no dkv ever wrote"),
        },
        other => EngineError::Damaged {
            path,
            what: other.to_string(),
        },
    }
}
