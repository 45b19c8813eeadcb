//! What a node answers, and what it means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::ETAG;
use http::response::Parts;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::base::{Error, ErrorKind, Result};

/// Every answer about a shard has it: what has not is no answer of dkv.
const REVISION: &str = "x-dkv-revision";

/// What says that a key is not there is no error.
const FOUND: &str = "x-dkv-found";

/// An answer of a node.
pub(super) struct Answer {
    address: String,
    head: Parts,
    body: Bytes,
}

/// A page of keys; which ones is nothing that is measured.
#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) keys: Vec<IgnoredAny>,
    pub(super) next_cursor: Option<String>,
}

/// What became of a batch.
#[derive(Deserialize)]
pub(super) struct Batch {
    pub(super) success_count: usize,
    pub(super) results: Vec<BatchResult>,
}

#[derive(Deserialize)]
pub(super) struct BatchResult {
    pub(super) error: Option<Refusal>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Refusal,
}

/// What went wrong, as the node says it.
#[derive(Deserialize)]
pub(super) struct Refusal {
    kind: String,
    message: String,
}

impl Refusal {
    pub(super) fn into_error(self) -> Error {
        let mut kinds = ErrorKind::ALL.into_iter();
        let kind = kinds.find(|kind| format!("{kind:?}") == self.kind);
        Error::new(kind.unwrap_or(ErrorKind::Internal), self.message)
    }
}

impl Answer {
    pub(super) fn new(address: &str, (head, body): (Parts, Bytes)) -> Self {
        Self {
            address: address.to_owned(),
            head,
            body,
        }
    }

    /// The answer, if what was asked for was done.
    pub(super) fn done(self) -> Result<Self> {
        let is_of_dkv = self.head.headers.contains_key(REVISION);
        if self.head.status.is_success() && is_of_dkv {
            return Ok(self);
        }
        Err(self.refused())
    }

    /// As [`Self::done`]; `None` for an answer of this status, which says no.
    pub(super) fn done_unless(self, no: StatusCode) -> Result<Option<Self>> {
        if self.head.status == no {
            // A stale fence has the status of a condition that does not hold.
            let error = self.refused();
            return match error.kind() {
                ErrorKind::Conflict => Ok(None),
                _ => Err(error),
            };
        }
        self.done().map(Some)
    }

    /// As [`Self::done`]; `None` if the key is not there.
    pub(super) fn found(self) -> Result<Option<Self>> {
        if self.head.status == StatusCode::NOT_FOUND && self.head.headers.contains_key(FOUND) {
            return Ok(None);
        }
        self.done().map(Some)
    }

    /// The body as it is.
    pub(super) fn into_body(self) -> Bytes {
        self.body
    }

    /// The tag of the key that was read.
    pub(super) fn tag(&self) -> Option<&http::HeaderValue> {
        self.head.headers.get(ETAG)
    }

    /// The body, read as JSON.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let Self { address, .. } = self;
            Error::internal(format!("{address} answered what is no answer: {error}"))
        })
    }

    /// One field of the body.
    pub(super) fn field<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let fields: serde_json::Value = self.read()?;
        let field = fields.get(name).cloned().unwrap_or_default();
        serde_json::from_value(field).map_err(|_| {
            let Self { address, .. } = self;
            Error::internal(format!("{address} answered without `{name}`"))
        })
    }

    fn refused(&self) -> Error {
        match serde_json::from_slice::<ErrorBody>(&self.body) {
            Ok(body) => body.error.into_error(),
            Err(_) => Error::internal(format!(
                "{} answered {}, and not as a dkv: is it one, and one that has REST?",
                self.address, self.head.status
            )),
        }
    }
}

/// A value in JSON, where any bytes can be given.
pub(super) fn encoded(value: &Bytes) -> String {
    STANDARD.encode(value)
}
