//! What a server says went wrong, as the error a caller branches on: the one map.

use prost::Message;
use tonic::{Code, Status};

use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Limit};
use crate::proto::v1;

/// The error inside a reply of the server at `from`.
pub(super) fn from_wire(error: v1::Error, from: &impl std::fmt::Display) -> Error {
    let Some(kind) = v1::ErrorKind::try_from(error.kind)
        .ok()
        .and_then(kind_from_wire)
    else {
        return Error::internal(format!(
            "the server at {from} answered with the unknown error kind {}: {}",
            error.kind, error.message
        ));
    };
    let limit = limit_from_wire(error.limit());
    let mut converted = Error::new(kind, error.message).with_limit(limit);
    if kind == ErrorKind::Compacted {
        converted = converted.with_compacted_floor(Revision(error.compacted_floor));
    }
    if !error.leader.is_empty() {
        converted = converted.with_leader(error.leader);
    }
    converted
}

fn limit_from_wire(limit: v1::Limit) -> Limit {
    match limit {
        v1::Limit::Rate => Limit::Rate,
        v1::Limit::Room => Limit::Room,
        v1::Limit::Size | v1::Limit::Unspecified => Limit::Size,
    }
}

/// The kind of a wire error; none for one that names no kind.
fn kind_from_wire(kind: v1::ErrorKind) -> Option<ErrorKind> {
    Some(match kind {
        v1::ErrorKind::Unspecified => return None,
        v1::ErrorKind::Invalid => ErrorKind::Invalid,
        v1::ErrorKind::NotFound => ErrorKind::NotFound,
        v1::ErrorKind::Conflict => ErrorKind::Conflict,
        v1::ErrorKind::FenceStale => ErrorKind::FenceStale,
        v1::ErrorKind::LimitExceeded => ErrorKind::LimitExceeded,
        v1::ErrorKind::Compacted => ErrorKind::Compacted,
        v1::ErrorKind::Unauthenticated => ErrorKind::Unauthenticated,
        v1::ErrorKind::Denied => ErrorKind::Denied,
        v1::ErrorKind::NotLeader => ErrorKind::NotLeader,
        v1::ErrorKind::Unavailable => ErrorKind::Unavailable,
        v1::ErrorKind::Timeout => ErrorKind::Timeout,
        v1::ErrorKind::Corrupt => ErrorKind::Corrupt,
        v1::ErrorKind::Internal => ErrorKind::Internal,
    })
}

/// The error of a call that ended with a status. Our own error is in its details;
/// a status without it was made by something in between, and then nobody knows
/// what became of the call: `UNAVAILABLE` without our detail is a `Timeout`.
pub(crate) fn from_status(status: &Status, from: &impl std::fmt::Display) -> Error {
    if let Some(error) = detail(status) {
        return from_wire(error, from);
    }
    let kind = match status.code() {
        Code::InvalidArgument => ErrorKind::Invalid,
        Code::NotFound => ErrorKind::NotFound,
        Code::Aborted | Code::AlreadyExists => ErrorKind::Conflict,
        Code::FailedPrecondition => ErrorKind::FenceStale,
        Code::ResourceExhausted => ErrorKind::LimitExceeded,
        Code::OutOfRange => ErrorKind::Compacted,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::Denied,
        Code::DeadlineExceeded | Code::Unavailable | Code::Cancelled | Code::Unknown => {
            ErrorKind::Timeout
        }
        Code::DataLoss => ErrorKind::Corrupt,
        Code::Ok | Code::Internal | Code::Unimplemented => ErrorKind::Internal,
    };
    if status.code() == Code::Unimplemented && status.message().is_empty() {
        return Error::new(
            kind,
            format!(
                "the server at {from} does not know this request: is it a dkv that is too old, or \
                 the port that members have for each other?"
            ),
        );
    }
    Error::new(
        kind,
        format!(
            "the server at {from} answered {:?}: {}",
            status.code(),
            status.message()
        ),
    )
}

fn detail(status: &Status) -> Option<v1::Error> {
    if status.details().is_empty() {
        return None;
    }
    let error = v1::Error::decode(status.details()).ok()?;
    (error.kind != v1::ErrorKind::Unspecified as i32).then_some(error)
}

/// A reply that breaks the contract of the wire.
pub(super) fn broken_contract(from: &impl std::fmt::Display, what: &str) -> Error {
    Error::internal(format!(
        "the server at {from} answered {what}: client and server do not fit together"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(kind: i32) -> v1::Error {
        v1::Error {
            kind,
            message: "said".to_owned(),
            compacted_floor: 7,
            leader: "127.0.0.1:9".to_owned(),
            limit: v1::Limit::Rate.into(),
        }
    }

    #[test]
    fn every_kind_has_its_own_wire_kind() {
        let mut seen = Vec::new();
        for number in 1..=13 {
            let error = from_wire(wire(number), &"here");
            assert_eq!(error.message(), "said");
            assert_eq!(error.leader(), Some("127.0.0.1:9"));
            assert_eq!(error.limit(), Limit::Rate);
            let floor = (error.kind() == ErrorKind::Compacted).then_some(Revision(7));
            assert_eq!(error.compacted_floor(), floor);
            seen.push(error.kind());
        }
        assert_eq!(seen, ErrorKind::ALL);
    }

    #[test]
    fn an_unknown_kind_is_a_defect_that_keeps_the_message() {
        for number in [0, 99, -1] {
            let error = from_wire(wire(number), &"here");
            assert_eq!(error.kind(), ErrorKind::Internal);
            assert!(error.message().contains("said"), "{error}");
        }
    }

    #[test]
    fn a_status_is_read_by_its_detail() {
        let detail = wire(v1::ErrorKind::Unavailable as i32).encode_to_vec();
        let status = Status::with_details(Code::Unavailable, "said", detail.into());
        assert_eq!(from_status(&status, &"here").kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn unavailable_without_our_detail_is_an_unknown_outcome() {
        for status in [
            Status::unavailable("proxy"),
            Status::with_details(Code::Unavailable, "x", bytes::Bytes::from_static(b"\xff")),
        ] {
            assert_eq!(from_status(&status, &"here").kind(), ErrorKind::Timeout);
        }
    }
}
