//! The one map from error kinds to the wire. Exit codes: `cli/exit.rs`.

use prost::Message;
use tonic::{Code, Status};

use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Limit};
use crate::proto::v1;

/// The gRPC code of a kind.
pub fn grpc_code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict => Code::Aborted,
        ErrorKind::FenceStale => Code::FailedPrecondition,
        ErrorKind::LimitExceeded => Code::ResourceExhausted,
        ErrorKind::Compacted => Code::OutOfRange,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::NotLeader | ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Timeout => Code::DeadlineExceeded,
        ErrorKind::Corrupt => Code::DataLoss,
        ErrorKind::Internal => Code::Internal,
    }
}

fn wire_kind(kind: ErrorKind) -> v1::ErrorKind {
    match kind {
        ErrorKind::Invalid => v1::ErrorKind::Invalid,
        ErrorKind::NotFound => v1::ErrorKind::NotFound,
        ErrorKind::Conflict => v1::ErrorKind::Conflict,
        ErrorKind::FenceStale => v1::ErrorKind::FenceStale,
        ErrorKind::LimitExceeded => v1::ErrorKind::LimitExceeded,
        ErrorKind::Compacted => v1::ErrorKind::Compacted,
        ErrorKind::Unauthenticated => v1::ErrorKind::Unauthenticated,
        ErrorKind::Denied => v1::ErrorKind::Denied,
        ErrorKind::NotLeader => v1::ErrorKind::NotLeader,
        ErrorKind::Unavailable => v1::ErrorKind::Unavailable,
        ErrorKind::Timeout => v1::ErrorKind::Timeout,
        ErrorKind::Corrupt => v1::ErrorKind::Corrupt,
        ErrorKind::Internal => v1::ErrorKind::Internal,
    }
}

fn wire_limit(error: &Error) -> v1::Limit {
    match error.limit() {
        _ if error.kind() != ErrorKind::LimitExceeded => v1::Limit::Unspecified,
        Limit::Size => v1::Limit::Size,
        Limit::Rate => v1::Limit::Rate,
        Limit::Room => v1::Limit::Room,
    }
}

/// An error as a session frame carries it.
pub(super) fn to_frame(error: &Error) -> v1::Error {
    v1::Error {
        kind: wire_kind(error.kind()).into(),
        message: error.message().to_owned(),
        compacted_floor: error.compacted_floor().map_or(0, |floor| floor.0),
        leader: error.leader().unwrap_or_default().to_owned(),
        limit: wire_limit(error).into(),
    }
}

/// The error that a frame of this node's carries.
pub(super) fn from_frame(frame: v1::Error) -> Error {
    let kind = ErrorKind::ALL
        .into_iter()
        .find(|kind| wire_kind(*kind) == frame.kind());
    let limit = match frame.limit() {
        v1::Limit::Rate => Limit::Rate,
        v1::Limit::Room => Limit::Room,
        v1::Limit::Size | v1::Limit::Unspecified => Limit::Size,
    };
    let kind = kind.unwrap_or(ErrorKind::Internal);
    let mut error = Error::new(kind, frame.message).with_limit(limit);
    if kind == ErrorKind::Compacted {
        error = error.with_compacted_floor(Revision(frame.compacted_floor));
    }
    if !frame.leader.is_empty() {
        error = error.with_leader(frame.leader);
    }
    error
}

/// An error as a unary call answers it: the details hold the frame's form, which
/// also says that it is ours and not a proxy's.
pub(super) fn to_status(error: &Error) -> Status {
    let details = to_frame(error).encode_to_vec();
    Status::with_details(grpc_code(error.kind()), error.message(), details.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_all_that_the_error_says() {
        for kind in ErrorKind::ALL {
            let error = Error::new(kind, "why")
                .with_limit(Limit::Room)
                .with_leader("there");
            let error = match kind {
                ErrorKind::Compacted => error.with_compacted_floor(Revision(7)),
                _ => error,
            };
            let read = from_frame(to_frame(&error));
            assert_eq!((read.kind(), read.message()), (kind, "why"));
            assert_eq!(read.leader(), Some("there"));
            assert_eq!(read.compacted_floor(), error.compacted_floor());
            if kind == ErrorKind::LimitExceeded {
                assert_eq!(read.limit(), Limit::Room);
            }
        }
    }

    #[test]
    fn every_kind_keeps_its_name_on_the_wire() {
        for kind in ErrorKind::ALL {
            let name: String = wire_kind(kind)
                .as_str_name()
                .split('_')
                .map(|word| word[..1].to_owned() + &word[1..].to_lowercase())
                .collect();
            assert_eq!(name, format!("{kind:?}"));
            assert_ne!(grpc_code(kind), Code::Ok);
        }
    }
}
