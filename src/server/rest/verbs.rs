//! What can be done with a key beside writing, reading and removing it.

use axum::extract::{Request, State};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::forms::Record;
use super::head::Head;
use super::refused::{Answered, ErrorBody, misfit};
use super::state::Rest;
use super::timers::{PARAMETERS, Timers};
use crate::base::Error;
use crate::base::limits::{HISTORY_PAGE, HISTORY_PAGE_MAX};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

const HAS: &str = "/v1/has/";
const EXPIRE: &str = "/v1/expire/";
const TOUCH: &str = "/v1/touch/";
const PERSIST: &str = "/v1/persist/";
const INCR: &str = "/v1/incr/";
const HISTORY: &str = "/v1/history/";

/// Whether a key is there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HasAnswer {
    /// It is there, though perhaps expired.
    found: bool,
}

/// Whether a key was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeAnswer {
    /// The shard's revision after it.
    revision: u64,
    /// False: there was no live key, and nothing was done.
    changed: bool,
}

/// The number after an addition.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IncrAnswer {
    /// The shard's revision after it.
    revision: u64,
    /// The number.
    value: i64,
}

/// What a key went through, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryAnswer {
    /// The changes.
    changes: Vec<Change>,
    /// There are older ones: ask for those `before` the last one's revision.
    more: bool,
    /// The first revision that the history still has.
    floor: u64,
}

/// One change of a key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Change {
    revision: u64,
    /// `set`, `delete`, `expire` or `touch`.
    kind: String,
    /// How long ago it was, milliseconds.
    age_ms: u64,
    /// The key after it; nothing if it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
}

/// Is a key there?
#[utoipa::path(
    get,
    path = "/v1/has/{key}",
    operation_id = "has_key",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded", min_length = 1),
        super::described::TargetParameters,
    ),
    responses((status = 200, description = "Whether it is", body = HasAnswer))
)]
pub(super) async fn has(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head(&parts, HAS, &[]).await?;
    let has = v1::HasRequest {
        target: Some(head.target.clone()),
        key: head.key()?,
    };
    let Reply::Has(reply) = rest.ask(&head, Asked::Has(has)).await? else {
        return Err(misfit());
    };
    let answer = HasAnswer { found: reply.found };
    rest.json(StatusCode::OK, reply.header.as_ref(), &answer)
}

fn changed(rest: &Rest, header: Option<&v1::Header>, changed: bool) -> Answered {
    let revision = header.map_or(0, |header| header.revision);
    rest.json(StatusCode::OK, header, &ChangeAnswer { revision, changed })
}

/// Drop a value
///
/// The key remains, without a value: `has` finds it, a read does not.
#[utoipa::path(
    post,
    path = "/v1/expire/{key}",
    operation_id = "expire_key",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded", min_length = 1),
        super::described::TargetParameters, super::described::Write, super::described::Fenced,
    ),
    responses(
        (status = 200, description = "Whether there was one", body = ChangeAnswer),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn expire(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head(&parts, EXPIRE, &["fence"]).await?;
    let expire = v1::ExpireRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        key: head.key()?,
    };
    let Reply::Expire(reply) = rest.ask(&head, Asked::Expire(expire)).await? else {
        return Err(misfit());
    };
    changed(&rest, reply.header.as_ref(), reply.expired)
}

/// Change timers
///
/// Both timers are replaced; the value stays.
#[utoipa::path(
    post,
    path = "/v1/touch/{key}",
    operation_id = "touch_key",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded", min_length = 1),
        super::described::TargetParameters, super::described::Write, super::described::Fenced,
        super::described::TimerParameters,
    ),
    responses(
        (status = 200, description = "Whether there was a live key", body = ChangeAnswer),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn touch(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = timed_head(&rest, &parts, TOUCH, &["fence"]).await?;
    let timers = Timers::of(&head.query)?;
    if timers == Timers::default() {
        return Err(Error::invalid(
            "no timer is given: give `ttl` or `expire_in`; POST /v1/persist/{key} clears both",
        )
        .into());
    }
    let touch = v1::TouchRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        key: head.key()?,
        expire_in_ms: timers.expire_in_ms,
        delete_in_ms: timers.delete_in_ms,
    };
    let Reply::Touch(reply) = rest.ask(&head, Asked::Touch(touch)).await? else {
        return Err(misfit());
    };
    changed(&rest, reply.header.as_ref(), reply.touched)
}

async fn timed_head(
    rest: &Rest,
    parts: &http::request::Parts,
    base: &str,
    own: &[&str],
) -> Answered<Head> {
    rest.head(parts, base, &[own, &PARAMETERS].concat()).await
}

/// Clear timers
///
/// The key stays until it is removed.
#[utoipa::path(
    post,
    path = "/v1/persist/{key}",
    operation_id = "persist_key",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded", min_length = 1),
        super::described::TargetParameters, super::described::Write, super::described::Fenced,
    ),
    responses(
        (status = 200, description = "Whether there was a live key", body = ChangeAnswer),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn persist(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head(&parts, PERSIST, &["fence"]).await?;
    let persist = v1::PersistRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        key: head.key()?,
    };
    let Reply::Persist(reply) = rest.ask(&head, Asked::Persist(persist)).await? else {
        return Err(misfit());
    };
    changed(&rest, reply.header.as_ref(), reply.persisted)
}

/// Add to a number
///
/// A missing key counts as 0; the timers are those of a key that begins here.
#[utoipa::path(
    post,
    path = "/v1/incr/{key}",
    operation_id = "incr_key",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded", min_length = 1),
        ("by" = Option<i64>, Query, description = "What is added: 1 if not given"),
        super::described::TargetParameters, super::described::Write, super::described::Fenced,
        super::described::TimerParameters,
    ),
    responses(
        (status = 200, description = "The number after it", body = IncrAnswer),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn incr(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = timed_head(&rest, &parts, INCR, &["fence", "by"]).await?;
    let timers = Timers::of(&head.query)?;
    let incr = v1::IncrRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        key: head.key()?,
        by: head.query.integer("by")?.unwrap_or(1),
        expire_in_ms: timers.expire_in_ms,
        delete_in_ms: timers.delete_in_ms,
    };
    let Reply::Incr(reply) = rest.ask(&head, Asked::Incr(incr)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let revision = header.map_or(0, |header| header.revision);
    let value = reply.value;
    rest.json(StatusCode::OK, header, &IncrAnswer { revision, value })
}

/// What a key went through
#[utoipa::path(
    get,
    path = "/v1/history/{key}",
    operation_id = "key_history",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded", min_length = 1),
        ("limit" = Option<u64>, Query, description = "At most so many changes: 100 if not given", minimum = 1, maximum = 1000),
        ("before" = Option<u64>, Query, description = "Only changes before this revision"),
        super::described::TargetParameters,
    ),
    responses((status = 200, description = "Its changes, newest first", body = HistoryAnswer))
)]
pub(super) async fn history(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head(&parts, HISTORY, &["limit", "before"]).await?;
    let history = v1::HistoryRequest {
        target: Some(head.target.clone()),
        key: head.key()?,
        limit: head.limit("changes", HISTORY_PAGE as u64, HISTORY_PAGE_MAX as u64)?,
        before_revision: head.query.number("before")?.unwrap_or(0),
    };
    let Reply::History(reply) = rest.ask(&head, Asked::History(history)).await? else {
        return Err(misfit());
    };
    let changes = reply.changes.into_iter().map(change).collect();
    let answer = HistoryAnswer {
        changes,
        more: reply.more,
        floor: reply.floor,
    };
    rest.json(StatusCode::OK, reply.header.as_ref(), &answer)
}

fn change(change: v1::Change) -> Change {
    Change {
        revision: change.revision,
        kind: kind_name(change.kind()).to_owned(),
        age_ms: change.age_ms,
        record: change.record.map(|record| Record::of(record, true)),
    }
}

/// What happened to a key, as JSON and events say it.
pub(super) fn kind_name(kind: v1::EventKind) -> &'static str {
    match kind {
        v1::EventKind::Set => "set",
        v1::EventKind::Delete => "delete",
        v1::EventKind::Expire => "expire",
        v1::EventKind::Touch => "touch",
        v1::EventKind::Unspecified => "unknown",
    }
}
