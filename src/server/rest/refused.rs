//! Why a request was not done, as HTTP says it.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{HeaderValue, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::marks;
use crate::base::{Error, ErrorKind, Limit};
use crate::proto::v1;

/// The result of a route.
pub(super) type Answered<T = Response> = Result<T, Refused>;

/// Says that a key, lock or bucket is not there, where that is an answer and no error.
pub(super) const FOUND: HeaderName = HeaderName::from_static("x-dkv-found");

/// An error with the status it is answered with.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    error: Arc<Error>,
    status: StatusCode,
    is_missing: bool,
    /// Of the answer that it was decided by, if it was.
    header: Option<Box<v1::Header>>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, error: Error) -> Self {
        Self {
            error: Arc::new(error),
            status,
            is_missing: false,
            header: None,
        }
    }

    /// Says what was looked at before it was refused: the header of a reply.
    pub(super) fn reflecting(self, header: Option<v1::Header>) -> Self {
        let header = header.map(Box::new);
        Self { header, ..self }
    }

    /// What was asked for is not there.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self {
            is_missing: true,
            ..Error::new(ErrorKind::NotFound, message).into()
        }
    }

    /// A condition did not hold, and nothing was done.
    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            Error::new(ErrorKind::Conflict, message),
        )
    }

    /// Names the methods that are taken instead, as the header Allow has them.
    pub(super) fn allowing(self, methods: &str) -> Self {
        let methods: Vec<&str> = methods.split(',').map(str::trim).collect();
        let message = format!("{}: it takes {}", self.error.message(), methods.join(", "));
        Self {
            error: Arc::new(Error::new(self.error.kind(), message)),
            ..self
        }
    }

    /// The body, in which `request_id` names the request.
    pub(super) fn to_body(&self, request_id: &str) -> ErrorBody {
        let error = &self.error;
        ErrorBody {
            error: ErrorForm {
                kind: kind_name(error.kind()),
                message: error.message().to_owned(),
                request_id: request_id.to_owned(),
                compacted_floor: error.compacted_floor().map(|floor| floor.0),
                leader: error.leader().map(str::to_owned),
            },
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::new(status_of(&error), error)
    }
}

impl IntoResponse for Refused {
    /// The body is written where the request's id is known.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.is_missing {
            let headers = response.headers_mut();
            headers.insert(FOUND, HeaderValue::from_static("false"));
        }
        if let Some(header) = &self.header {
            marks::reflect(response.headers_mut(), Some(header));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The one map from error kinds to HTTP.
pub(super) fn status_of(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::FenceStale => StatusCode::PRECONDITION_FAILED,
        ErrorKind::LimitExceeded => match error.limit() {
            Limit::Size => StatusCode::PAYLOAD_TOO_LARGE,
            Limit::Rate => StatusCode::TOO_MANY_REQUESTS,
            Limit::Room => StatusCode::INSUFFICIENT_STORAGE,
        },
        ErrorKind::Compacted => StatusCode::GONE,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotLeader | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A kind as programs branch on it.
pub(super) fn kind_name(kind: ErrorKind) -> String {
    format!("{kind:?}")
}

/// What every refusal says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// What went wrong.
    pub(super) error: ErrorForm,
}

/// What went wrong, and with which request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorForm {
    /// `Invalid`, `NotFound`, `Conflict`, `FenceStale`, `LimitExceeded`, `Compacted`,
    /// `Unauthenticated`, `Denied`, `NotLeader`, `Unavailable`, `Timeout`, `Corrupt` or
    /// `Internal`: what to branch on.
    #[schema(example = "Invalid")]
    kind: String,
    /// What was wrong with which value, and what would be right.
    message: String,
    /// The request's id, as in the header `X-Request-ID`.
    request_id: String,
    /// `Compacted`: the first revision that is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    compacted_floor: Option<u64>,
    /// `NotLeader`: where the leader is, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
}

/// A reply of another form than its request: a defect.
pub(super) fn misfit() -> Refused {
    Error::internal("the reply is not of the request's form").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_status_that_says_whose_fault_it_is() {
        for kind in ErrorKind::ALL {
            let status = status_of(&Error::new(kind, "why"));
            let is_ours = matches!(
                kind,
                ErrorKind::NotLeader
                    | ErrorKind::Unavailable
                    | ErrorKind::Timeout
                    | ErrorKind::Corrupt
                    | ErrorKind::Internal
            );
            assert_eq!(status.is_server_error(), is_ours, "{kind:?}");
            assert_eq!(status.is_client_error(), !is_ours, "{kind:?}");
        }
        assert_eq!(status_of(&Error::too_busy("later")), 429);
        assert_eq!(status_of(&Error::no_room("full")), 507);
        assert_eq!(status_of(&Error::limit_exceeded("long")), 413);
    }
}
