//! What a request is called in the figures, and what became of it.

use crate::base::ErrorKind;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::store::Fate;

/// What was asked for, by the name of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum RequestKind {
    Set,
    Get,
    Has,
    Delete,
    Expire,
    Touch,
    Persist,
    Scan,
    Acquire,
    Renew,
    Release,
    Info,
    List,
    Revoke,
    Incr,
    GetMany,
    History,
    Batch,
    Txn,
    CreateBucket,
    UpdateBucket,
    DropBucket,
    ListBuckets,
    /// A frame without a request that this node knows.
    Unknown,
}

impl RequestKind {
    pub(in crate::server) const ALL: [Self; 24] = [
        Self::Set,
        Self::Get,
        Self::Has,
        Self::Delete,
        Self::Expire,
        Self::Touch,
        Self::Persist,
        Self::Scan,
        Self::Acquire,
        Self::Renew,
        Self::Release,
        Self::Info,
        Self::List,
        Self::Revoke,
        Self::Incr,
        Self::GetMany,
        Self::History,
        Self::Batch,
        Self::Txn,
        Self::CreateBucket,
        Self::UpdateBucket,
        Self::DropBucket,
        Self::ListBuckets,
        Self::Unknown,
    ];

    pub(in crate::server) fn of(request: &Request) -> Self {
        match request {
            Request::Set(_) => Self::Set,
            Request::Get(_) => Self::Get,
            Request::Has(_) => Self::Has,
            Request::Delete(_) => Self::Delete,
            Request::Expire(_) => Self::Expire,
            Request::Touch(_) => Self::Touch,
            Request::Persist(_) => Self::Persist,
            Request::Scan(_) => Self::Scan,
            Request::Acquire(_) => Self::Acquire,
            Request::Renew(_) => Self::Renew,
            Request::Release(_) => Self::Release,
            Request::Info(_) => Self::Info,
            Request::List(_) => Self::List,
            Request::Revoke(_) => Self::Revoke,
            Request::Incr(_) => Self::Incr,
            Request::GetMany(_) => Self::GetMany,
            Request::History(_) => Self::History,
            Request::Batch(_) => Self::Batch,
            Request::Txn(_) => Self::Txn,
            Request::CreateBucket(_) => Self::CreateBucket,
            Request::UpdateBucket(_) => Self::UpdateBucket,
            Request::DropBucket(_) => Self::DropBucket,
            Request::ListBuckets(_) => Self::ListBuckets,
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Get => "get",
            Self::Has => "has",
            Self::Delete => "delete",
            Self::Expire => "expire",
            Self::Touch => "touch",
            Self::Persist => "persist",
            Self::Scan => "scan",
            Self::Acquire => "acquire",
            Self::Renew => "renew",
            Self::Release => "release",
            Self::Info => "info",
            Self::List => "list",
            Self::Revoke => "revoke",
            Self::Incr => "incr",
            Self::GetMany => "get_many",
            Self::History => "history",
            Self::Batch => "batch",
            Self::Txn => "txn",
            Self::CreateBucket => "create_bucket",
            Self::UpdateBucket => "update_bucket",
            Self::DropBucket => "drop_bucket",
            Self::ListBuckets => "list_buckets",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Outcome {
    /// It was done.
    Ok,
    /// The key or lock it is about was not there: an answer, not an error.
    Missing,
    /// A condition did not hold, or the lock is somebody else's: an answer as well.
    Declined,
    /// It was refused.
    Error(ErrorKind),
}

impl Outcome {
    pub(super) const COUNT: usize = 3 + ErrorKind::ALL.len();

    pub(in crate::server) fn of(reply: &Reply) -> Self {
        let found = |found| if found { Self::Ok } else { Self::Missing };
        let agreed = |agreed| if agreed { Self::Ok } else { Self::Declined };
        match reply {
            Reply::Get(reply) => found(reply.record.is_some()),
            Reply::Has(reply) => found(reply.found),
            Reply::Delete(reply) => found(reply.deleted > 0),
            Reply::Expire(reply) => found(reply.expired),
            Reply::Touch(reply) => found(reply.touched),
            Reply::Persist(reply) => found(reply.persisted),
            Reply::Info(reply) => found(reply.lock.is_some()),
            Reply::Revoke(reply) => found(reply.revoked),
            Reply::Set(reply) => agreed(reply.written),
            Reply::Acquire(reply) => agreed(reply.acquired),
            Reply::Renew(reply) => agreed(reply.renewed),
            Reply::Release(reply) => agreed(reply.released),
            Reply::Txn(reply) => agreed(reply.succeeded),
            Reply::DropBucket(reply) => found(reply.dropped),
            Reply::Scan(_)
            | Reply::List(_)
            | Reply::Incr(_)
            | Reply::GetMany(_)
            | Reply::History(_)
            | Reply::Batch(_)
            | Reply::CreateBucket(_)
            | Reply::UpdateBucket(_)
            | Reply::ListBuckets(_) => Self::Ok,
            // Errors are told apart by the kind they had before they became frames.
            Reply::Error(_) => Self::Error(ErrorKind::Internal),
        }
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        let errors = ErrorKind::ALL.into_iter().map(Self::Error);
        [Self::Ok, Self::Missing, Self::Declined]
            .into_iter()
            .chain(errors)
    }

    /// Its place in a table of [`Self::COUNT`].
    pub(super) fn index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Missing => 1,
            Self::Declined => 2,
            Self::Error(kind) => 3 + kind as usize,
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Declined => "declined",
            Self::Error(kind) => error_label(kind),
        }
    }
}

/// What became of commands in a replicated log.
pub(super) fn fate_label(fate: Fate) -> &'static str {
    match fate {
        Fate::Applied => "applied",
        Fate::Refused => "refused",
        Fate::Unknown => "unknown",
    }
}

fn error_label(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "invalid",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::FenceStale => "fence_stale",
        ErrorKind::LimitExceeded => "limit_exceeded",
        ErrorKind::Compacted => "compacted",
        ErrorKind::Unauthenticated => "unauthenticated",
        ErrorKind::Denied => "denied",
        ErrorKind::NotLeader => "not_leader",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_outcome_has_a_place_and_a_label_of_its_own() {
        for (place, kind) in RequestKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            assert_eq!(
                kind.label().replace('_', ""),
                format!("{kind:?}").to_lowercase()
            );
        }
        let mut labels: Vec<_> = Outcome::all().map(Outcome::label).collect();
        assert_eq!(labels.len(), Outcome::COUNT);
        for (place, outcome) in Outcome::all().enumerate() {
            assert_eq!(outcome.index(), place);
        }
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Outcome::COUNT);
    }
}
