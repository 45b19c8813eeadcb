//! Why a subcommand did not end with an answer.

use std::io;

use crate::base::{Error, ErrorKind};
use crate::cli::exit::ExitStatus;

/// The result of a subcommand.
pub(crate) type Outcome<T = ExitStatus> = Result<T, Failure>;

/// An error on its way to the user.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something a room refused or could not do.
    Error(Error),
    /// A change of the cluster that was refused or not confirmed; it says all there is to do.
    Change(Error),
    /// stdout could not be written.
    Output(io::Error),
    /// What clap says: a usage error, or help.
    Usage(Box<clap::Error>),
    /// Ctrl-C, within a shell.
    Interrupted,
    /// The same, before anything was begun.
    Stopped,
}

impl Failure {
    /// The code to exit with. A reader that has seen enough is no error.
    pub(crate) fn status(&self) -> ExitStatus {
        match self {
            Self::Error(error) | Self::Change(error) => error.kind().into(),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Done,
            Self::Output(_) => ExitStatus::Error,
            Self::Usage(error) if is_help(error) => ExitStatus::Done,
            Self::Usage(_) => ExitStatus::Usage,
            Self::Interrupted | Self::Stopped => ExitStatus::Interrupted,
        }
    }
}

/// Whether clap answers with help or the version: a subcommand that lacks its
/// subcommand gets help as well.
pub(crate) fn is_help(error: &clap::Error) -> bool {
    let without_subcommand = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    !error.use_stderr() || error.kind() == without_subcommand
}

/// What to do about an error of `kind`, where the message cannot say it.
pub(crate) fn hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Timeout => Some("a write may have been applied: read before you repeat it"),
        ErrorKind::FenceStale => Some(
            "the lock was lost: stop this work, acquire the lock again, read again (or the \
                 name is misspelt: see `dkv lock list`)",
        ),
        ErrorKind::Conflict => Some("read again, then retry"),
        ErrorKind::NotLeader => Some("nothing was applied: retry"),
        ErrorKind::Corrupt => Some(
            "the node's log says what is damaged: restore the data directory of a node without a \
                 cluster from a backup; take a member out, and let it join with an empty one",
        ),
        ErrorKind::Internal => Some(
            "see the node's log, and its disk; if both are well, please report this defect of dkv",
        ),
        ErrorKind::Invalid
        | ErrorKind::NotFound
        | ErrorKind::LimitExceeded
        | ErrorKind::Compacted
        | ErrorKind::Unauthenticated
        | ErrorKind::Denied
        | ErrorKind::Unavailable => None,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self::Usage(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cluster remove` without a majority was followed by a hint about reading keys.
    #[test]
    fn a_change_of_the_cluster_has_the_exit_code_of_its_error() {
        let unconfirmed = Failure::Change(Error::timeout("the change may be under way"));
        assert_eq!(unconfirmed.status(), ExitStatus::OutcomeUnknown);
    }

    #[test]
    fn a_closed_pipe_is_the_readers_choice() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed.status(), ExitStatus::Done);
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.status(), ExitStatus::Error);
    }
}
