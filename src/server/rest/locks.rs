//! Locks: taken, kept, given up.

use std::time::Duration;

use axum::extract::{Request, State};
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::forms::{from_hex, hex};
use super::refused::{Answered, ErrorBody, misfit};
use super::state::Rest;
use super::timers::{Span, either};
use crate::base::{Error, ErrorKind};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

pub(super) const BASE: &str = "/v1/locks/";

/// What routes of locks take: a lock is of a shard, and in none of its buckets.
pub(super) const PARAMETERS: [&str; 3] = ["shard", "consistency", "timeout"];

/// How a lock is taken. Everything may be left away, and then the body, too.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcquireForm {
    /// Who takes it: 32 hexadecimal digits, drawn anew for each acquisition. Whoever asks again
    /// as the same owner has what it has. Drawn by the node if not given.
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    owner: Option<String>,
    /// How long it is held without being renewed; 0, or not given: until it is released.
    ttl: Option<Span>,
    /// The same in seconds.
    #[schema(maximum = 3162240000_u64)]
    ttl_seconds: Option<u64>,
    /// How long to queue for it, first come, first served; not given: try once.
    wait: Option<Span>,
}

/// A lock that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AcquireAnswer {
    /// Yes: if it was not taken, the answer is 409.
    acquired: bool,
    /// Who has it: renew and release it as this one.
    owner: String,
    /// The token of this grant, larger than any before: guard writes with it
    /// (`fence=NAME@TOKEN`).
    fence: u64,
    /// The shard's revision after it.
    revision: u64,
}

/// How a lock is kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RenewForm {
    /// Who has it.
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    owner: String,
    /// How long it is held from now on; 0: until it is released.
    ttl: Span,
}

/// A lock that goes on being held.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RenewAnswer {
    /// Yes: if this owner does not have it, the answer is 409.
    renewed: bool,
    /// The token of its grant, as before.
    fence: u64,
    /// The shard's revision after it.
    revision: u64,
}

/// Who gives a lock up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseForm {
    /// Who has it.
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    owner: String,
}

/// A lock that this owner does not have any more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReleaseAnswer {
    /// Yes: if somebody else has it, the answer is 409.
    released: bool,
    /// The shard's revision after it.
    revision: u64,
}

/// A lock that nobody has any more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RevokeAnswer {
    /// False: nobody had it.
    revoked: bool,
    /// The shard's revision after it.
    revision: u64,
}

/// Take a lock
///
/// Answers 409 if somebody else has it, with `wait` only after so long: then nothing was taken,
/// and nothing is queued. Whoever goes away while it waits leaves the queue. An acquisition whose
/// answer may be lost gives an `owner` or an `Idempotency-Key`: asked again, it has the same lock.
#[utoipa::path(
    post,
    path = "/v1/locks/{name}/acquire",
    tag = "locks",
    operation_id = "acquire_lock",
    params(
        ("name" = String, Path, description = "The lock, percent-encoded, `/` as `%2F`: any bytes, 1 to 4,096", min_length = 1),
        super::described::Located,
        super::described::Write,
    ),
    request_body(content = Option<AcquireForm>),
    responses(
        (status = 200, description = "It is held by this owner", body = AcquireAnswer),
        (status = 409, description = "It is held by somebody else", body = ErrorBody),
    )
)]
pub(super) async fn acquire(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let (name, request_id) = (head.name()?, head.request_id()?);
    let (form, _held) = rest
        .document_if_any::<AcquireForm>(&head, &parts, sent)
        .await?;
    let owner = match (&form.owner, &request_id) {
        (Some(owner), _) => owner_of(owner)?,
        (None, Some(id)) => owner_by(id)?,
        (None, None) => rest.draw_id().await?,
    };
    let wait_ms = form.wait.as_ref().map_or(Ok(0), Span::ms)?;
    let acquire = v1::AcquireRequest {
        target: Some(head.target.clone()),
        request_id,
        name: name.clone(),
        owner: Bytes::copy_from_slice(&owner),
        ttl_ms: either(form.ttl.as_ref(), form.ttl_seconds)?.unwrap_or(0),
        wait_ms,
    };
    let wait = Duration::from_millis(wait_ms);
    let reply = rest.ask_waiting(&head, Asked::Acquire(acquire), wait);
    let Reply::Acquire(reply) = reply.await? else {
        return Err(misfit());
    };
    if !reply.acquired {
        let name = name.escape_ascii();
        return Err(conflict(match wait_ms {
            0 => format!(
                "somebody else has lock `{name}`: it was not taken; give `wait` to queue for it"
            ),
            ms => format!(
                "somebody else had lock `{name}` for the {ms} ms that this waited: it was not \
                 taken, and nothing is queued"
            ),
        })
        .reflecting(reply.header));
    }
    let header = reply.header.as_ref();
    let answer = AcquireAnswer {
        acquired: true,
        owner: hex(&owner),
        fence: reply.fence,
        revision: header.map_or(0, |header| header.revision),
    };
    rest.json(StatusCode::OK, header, &answer)
}

/// Keep a lock
///
/// Answers 409 if this owner does not have it any more: stop then what it protects.
#[utoipa::path(
    post,
    path = "/v1/locks/{name}/renew",
    tag = "locks",
    operation_id = "renew_lock",
    params(
        ("name" = String, Path, description = "The lock, percent-encoded", min_length = 1),
        super::described::Located,
        super::described::Write,
    ),
    request_body(content = RenewForm),
    responses(
        (status = 200, description = "This owner goes on having it", body = RenewAnswer),
        (status = 409, description = "This owner does not have it", body = ErrorBody),
    )
)]
pub(super) async fn renew(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let name = head.name()?;
    let (form, _held) = rest.document::<RenewForm>(&head, &parts, sent).await?;
    let renew = v1::RenewRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        name: name.clone(),
        owner: Bytes::copy_from_slice(&owner_of(&form.owner)?),
        ttl_ms: form.ttl.ms()?,
    };
    let Reply::Renew(reply) = rest.ask(&head, Asked::Renew(renew)).await? else {
        return Err(misfit());
    };
    if !reply.renewed {
        let name = name.escape_ascii();
        return Err(conflict(format!(
            "this owner does not have lock `{name}` (any more): stop what it protects"
        ))
        .reflecting(reply.header));
    }
    let header = reply.header.as_ref();
    let answer = RenewAnswer {
        renewed: true,
        fence: reply.fence,
        revision: header.map_or(0, |header| header.revision),
    };
    rest.json(StatusCode::OK, header, &answer)
}

/// Give a lock up
///
/// Of a lock that nobody has it is done already. Answers 409 if somebody else has it, and goes
/// on having it.
#[utoipa::path(
    post,
    path = "/v1/locks/{name}/release",
    tag = "locks",
    operation_id = "release_lock",
    params(
        ("name" = String, Path, description = "The lock, percent-encoded", min_length = 1),
        super::described::Located,
        super::described::Write,
    ),
    request_body(content = ReleaseForm),
    responses(
        (status = 200, description = "This owner does not have it (any more)", body = ReleaseAnswer),
        (status = 409, description = "Somebody else has it", body = ErrorBody),
    )
)]
pub(super) async fn release(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let name = head.name()?;
    let (form, _held) = rest.document::<ReleaseForm>(&head, &parts, sent).await?;
    let release = v1::ReleaseRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        name: name.clone(),
        owner: Bytes::copy_from_slice(&owner_of(&form.owner)?),
    };
    let Reply::Release(reply) = rest.ask(&head, Asked::Release(release)).await? else {
        return Err(misfit());
    };
    if !reply.released {
        let name = name.escape_ascii();
        return Err(conflict(format!(
            "somebody else has lock `{name}`, and goes on having it"
        ))
        .reflecting(reply.header));
    }
    let header = reply.header.as_ref();
    let answer = ReleaseAnswer {
        released: true,
        revision: header.map_or(0, |header| header.revision),
    };
    rest.json(StatusCode::OK, header, &answer)
}

/// Take a lock away
///
/// An operator's release of a lock, whoever has it: its fence is stale from then on.
#[utoipa::path(
    post,
    path = "/v1/locks/{name}/revoke",
    tag = "locks",
    operation_id = "revoke_lock",
    params(
        ("name" = String, Path, description = "The lock, percent-encoded", min_length = 1),
        super::described::Located,
        super::described::Write,
    ),
    responses((status = 200, description = "Whether somebody had it", body = RevokeAnswer))
)]
pub(super) async fn revoke(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let revoke = v1::RevokeRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        name: head.name()?,
    };
    let Reply::Revoke(reply) = rest.ask(&head, Asked::Revoke(revoke)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let answer = RevokeAnswer {
        revoked: reply.revoked,
        revision: header.map_or(0, |header| header.revision),
    };
    rest.json(StatusCode::OK, header, &answer)
}

fn conflict(message: String) -> super::refused::Refused {
    Error::new(ErrorKind::Conflict, message).into()
}

fn owner_of(digits: &str) -> Answered<[u8; 16]> {
    from_hex(digits).ok_or_else(|| {
        let shown: String = digits.chars().take(80).collect();
        Error::invalid(format!(
            "the owner is `{}`: it is 32 hexadecimal digits, as the acquisition answered them",
            shown.escape_debug()
        ))
        .into()
    })
}

/// Who takes the lock if only the request has an id: a repetition of the request must come
/// from the same one, and every other request from another.
fn owner_by(id: &v1::RequestId) -> Answered<[u8; 16]> {
    let client: [u8; 16] = id.client[..].try_into().map_err(|_| misfit())?;
    // Ids that were not drawn but counted differ in the other half.
    let mixed = u128::from_be_bytes(client) ^ u128::from(id.sequence).rotate_left(64);
    Ok(mixed.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(client: u8, sequence: u64, attempt: u32) -> v1::RequestId {
        v1::RequestId {
            client: Bytes::copy_from_slice(&[client; 16]),
            sequence,
            acked_below: 0,
            attempt,
        }
    }

    #[test]
    fn a_repetition_comes_from_the_same_owner_and_nothing_else_does() {
        let owner = |id| owner_by(&id).unwrap();
        assert_eq!(owner(id(1, 7, 0)), owner(id(1, 7, 1)));
        assert_ne!(owner(id(1, 7, 0)), owner(id(1, 8, 0)));
        assert_ne!(owner(id(1, 7, 0)), owner(id(2, 7, 0)));
        assert!(owner_of("17").is_err() && owner_of(&"0f".repeat(16)).is_ok());
    }
}
