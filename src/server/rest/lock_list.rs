//! Which locks are held, and by whom.

use axum::extract::{Request, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::forms::{hex, text};
use super::locks::{BASE, PARAMETERS};
use super::refused::{Answered, ErrorBody, Refused, misfit};
use super::state::Rest;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

/// Locks in a page that names no limit, and at most.
const LIMIT: u64 = 100;
const LIMIT_MAX: u64 = 10_000;

/// A lock that is held.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LockForm {
    /// Its name, if it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its name as base64, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_b64: Option<String>,
    /// Who has it.
    owner: String,
    /// The token of its grant.
    fence: u64,
    /// How long it has been held, milliseconds.
    age_ms: u64,
    /// How long it is held without being renewed, milliseconds; not there: until released.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_ms: Option<u64>,
    /// How many queue for it.
    waiters: u64,
}

/// A page of locks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LockPage {
    /// The revision that it is of.
    revision: u64,
    /// Those that are held, in the order of their names.
    locks: Vec<LockForm>,
    /// There are more: ask for those `after` the last one's name.
    more: bool,
}

impl LockForm {
    fn of(lock: &v1::LockInfo) -> Self {
        let (name, name_b64) = text(&lock.name);
        Self {
            name,
            name_b64,
            owner: hex(&lock.owner),
            fence: lock.fence,
            age_ms: lock.age_ms,
            remaining_ms: lock.remaining_ms,
            waiters: lock.waiters,
        }
    }
}

/// List locks
///
/// Those that are held, in the order of their names.
#[utoipa::path(
    get,
    path = "/v1/locks",
    tag = "locks",
    operation_id = "list_locks",
    params(
        ("prefix" = Option<String>, Query, description = "Locks whose names begin so, percent-encoded"),
        ("after" = Option<String>, Query, description = "Only names behind this one: the last of the page before"),
        ("limit" = Option<u64>, Query, description = "Locks in a page: 100 if not given", minimum = 1, maximum = 10000),
        super::described::Located,
    ),
    responses((status = 200, description = "A page", body = LockPage))
)]
pub(super) async fn list(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let known = [&["prefix", "after", "limit"], &PARAMETERS[..]].concat();
    let head = rest.head_among(&parts, BASE, &known).await?;
    let bytes = |name| head.query.bytes(name).cloned().unwrap_or_default();
    let list = v1::ListRequest {
        target: Some(head.target.clone()),
        prefix: bytes("prefix"),
        after: bytes("after"),
        limit: head.limit("locks", LIMIT, LIMIT_MAX)?,
    };
    let Reply::List(reply) = rest.ask(&head, Asked::List(list)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let page = LockPage {
        revision: header.map_or(0, |header| header.revision),
        locks: reply.locks.iter().map(LockForm::of).collect(),
        more: reply.more,
    };
    rest.json(StatusCode::OK, header, &page)
}

/// Who has a lock?
#[utoipa::path(
    get,
    path = "/v1/locks/{name}",
    tag = "locks",
    operation_id = "get_lock",
    params(
        ("name" = String, Path, description = "The lock, percent-encoded, `/` as `%2F`: any bytes, 1 to 4,096", min_length = 1),
        super::described::Located,
    ),
    responses(
        (status = 200, description = "It is held", body = LockForm),
        (status = 404, description = "Nobody has it, or there is no such shard", body = ErrorBody),
    )
)]
pub(super) async fn info(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let name: Bytes = head.name()?;
    let info = v1::InfoRequest {
        target: Some(head.target.clone()),
        name: name.clone(),
    };
    let Reply::Info(reply) = rest.ask(&head, Asked::Info(info)).await? else {
        return Err(misfit());
    };
    let Some(lock) = reply.lock else {
        let missing = Refused::missing(format!("nobody has lock `{}`", name.escape_ascii()));
        return Err(missing.reflecting(reply.header));
    };
    rest.json(StatusCode::OK, reply.header.as_ref(), &LockForm::of(&lock))
}
