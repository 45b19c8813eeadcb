//! What a session remembers of a request until it is answered.

use tokio::time::Instant;

use crate::base::types::ShardId;
use crate::machine::Command;
use crate::proto::v1;
use crate::server::convert::Kind;
use crate::server::lanes::Place;
use crate::server::metrics::RequestKind;
use crate::server::service::{Consistency, Query};
use crate::server::settle::Subject;

/// Which request it is, and what the figures say of it.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) kind: RequestKind,
    pub(super) came: Instant,
}

impl Asked {
    pub(super) fn of(came: Instant, frame: &v1::RequestFrame) -> Self {
        let kind = frame.request.as_ref().map(RequestKind::of);
        Self {
            id: frame.id,
            kind: kind.unwrap_or(RequestKind::Unknown),
            came,
        }
    }
}

/// What a reply must know of its request. Thousands of a session wait at once.
pub(super) struct Tag {
    pub(super) asked: Asked,
    pub(super) shard: ShardId,
    pub(super) kind: Kind,
    /// The server gives up after this.
    pub(super) due: Instant,
    /// How fresh its answer must be.
    pub(super) consistency: Consistency,
    /// A round has confirmed that it is.
    pub(super) is_confirmed: bool,
}

/// What the reply to a write must know, too.
pub(super) struct Write {
    pub(super) tag: Tag,
    /// Its place among its lane's writes.
    pub(super) place: Option<Place>,
    /// What a refusal speaks of.
    pub(super) subject: Subject,
    /// What is removed in pieces goes on with this while there is more.
    pub(super) pieces: Option<Command>,
    /// What refusals of a batch's commands speak of.
    pub(super) batch: Option<Vec<Subject>>,
}

/// A read that waits.
pub(super) type Read = (Tag, Query);

const _: () = assert!(size_of::<Read>() <= 256);

impl Write {
    pub(super) fn new(tag: Tag, place: Option<Place>) -> Self {
        Self {
            tag,
            place,
            subject: Subject::default(),
            pieces: None,
            batch: None,
        }
    }
}
