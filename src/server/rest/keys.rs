//! One key: written, read, removed.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accept;
use super::body::{self, JSON_BYTES_MAX, Kind};
use super::budget::Held;
use super::conditional;
use super::forms::{self, Record};
use super::head::Head;
use super::marks;
use super::refused::{Answered, ErrorBody, Refused, misfit};
use super::state::Rest;
use super::timers::{self, Span, Timers};
use crate::base::{Error, limits};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

pub(super) const BASE: &str = "/v1/keys/";

const RAW: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What a set takes beside its timers.
const PUT: [&str; 3] = ["keep_timers", "return_previous", "fence"];

/// A value with its options. One of `value` and `value_b64` is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutForm {
    /// The value as text.
    value: Option<String>,
    /// The value as base64.
    #[schema(content_encoding = "base64")]
    value_b64: Option<String>,
    /// When the key is removed.
    ttl: Option<Span>,
    /// The same in seconds.
    ttl_seconds: Option<u64>,
    /// The same.
    delete_in: Option<Span>,
    /// When the value is dropped and the key remains.
    expire_in: Option<Span>,
    /// Keep the timers the key has.
    #[serde(default)]
    keep_timers: bool,
    /// Answer what it replaced, too.
    #[serde(default)]
    return_previous: bool,
}

/// What became of a write.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PutAnswer {
    /// The shard's revision after it: the key's `ETag`.
    revision: u64,
    /// The version of the key: 1 if it was not there.
    version: u64,
    /// What it replaced, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Record>,
    /// What it replaced is not known any more: the request came a second time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    previous_unavailable: bool,
}

/// What became of a removal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeleteAnswer {
    /// The shard's revision after it.
    pub(super) revision: u64,
    /// How many keys were there, and are gone.
    pub(super) deleted: u64,
}

/// What a set says, in its body and around it.
struct Sent {
    value: Bytes,
    timers: Timers,
    keep_timers: bool,
    return_previous: bool,
    _held: Held,
}

impl Sent {
    async fn read(rest: &Rest, head: &Head, parts: &Parts, sent: Body) -> Answered<Self> {
        let kind = body::kind(&parts.headers)?;
        let bytes_max = match kind {
            Kind::Json => JSON_BYTES_MAX,
            Kind::Raw => limits::REQUEST_BYTES_MAX,
        };
        let arrived = body::read(&rest.incoming, parts, sent, bytes_max, head.within).await?;
        let timers = Timers::of(&head.query)?;
        let keep_timers = head.query.flag("keep_timers")?;
        let return_previous = head.query.flag("return_previous")?;
        Ok(match kind {
            Kind::Raw => Self {
                value: arrived.bytes,
                timers,
                keep_timers,
                return_previous,
                _held: arrived.held,
            },
            Kind::Json => {
                let form: PutForm = body::document(&arrived.bytes)?;
                let (delete_in, expire_in) = (form.delete_in.as_ref(), form.expire_in.as_ref());
                let given =
                    Timers::given(expire_in, form.ttl.as_ref(), form.ttl_seconds, delete_in)?;
                Self {
                    value: forms::field("value", form.value, form.value_b64)?,
                    timers: timers.or(given)?,
                    keep_timers: keep_timers || form.keep_timers,
                    return_previous: return_previous || form.return_previous,
                    _held: arrived.held,
                }
            }
        })
    }
}

/// Write a key
///
/// The body is JSON, or with any of `application/octet-stream`, `text/plain` or no content type
/// the value as it is. `If-Match: REVISION` and `If-None-Match: *` make it depend on what is
/// there.
#[utoipa::path(
    put,
    path = "/v1/keys/{key}",
    operation_id = "put_key",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded: any bytes, 1 to 4,096", min_length = 1),
        super::described::TargetParameters,
        super::described::Write,
        super::described::TimerParameters,
        super::described::PutParameters,
    ),
    request_body(content(
        (PutForm = "application/json"),
        (String = "application/octet-stream"),
        (String = "text/plain"),
    )),
    responses(
        (status = 200, description = "It was written over another value", body = PutAnswer),
        (status = 201, description = "It was written, and was not there before", body = PutAnswer),
        (status = 412, description = "A condition does not hold, or the fence is stale: nothing was written", body = ErrorBody),
    )
)]
pub(super) async fn put(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let own = [&PUT[..], &timers::PARAMETERS].concat();
    let head = rest.head(&parts, BASE, &own).await?;
    let (key, fence) = (head.key()?, head.fence()?);
    let request_id = head.request_id()?;
    let condition = conditional::condition(&parts.headers)?;
    let sent = Sent::read(&rest, &head, &parts, sent).await?;
    let set = v1::SetRequest {
        target: Some(head.target.clone()),
        request_id,
        fence,
        key,
        value: sent.value,
        expire_in_ms: sent.timers.expire_in_ms,
        delete_in_ms: sent.timers.delete_in_ms,
        keep_timers: sent.keep_timers,
        condition,
        return_previous: sent.return_previous,
    };
    let Reply::Set(reply) = rest.ask(&head, Asked::Set(set)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let revision = header.map_or(0, |header| header.revision);
    if !reply.written {
        return Err(not_written().reflecting(reply.header));
    }
    let status = match reply.version {
        1 => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    let answer = PutAnswer {
        revision,
        version: reply.version,
        previous: reply.previous.map(|record| Record::of(record, true)),
        previous_unavailable: reply.previous_unavailable,
    };
    let mut response = rest.done(status, header, &answer)?;
    marks::put(
        response.headers_mut(),
        http::header::ETAG,
        &marks::etag(revision),
    );
    Ok(response)
}

fn not_written() -> Refused {
    Refused::precondition(
        "the condition of If-Match or If-None-Match does not hold: nothing was done; read the key \
         for its revision",
    )
}

/// Read a key
///
/// With `Accept: application/octet-stream` the answer is the value as it is, and its metadata are
/// headers. `at` or `ago` read the past.
#[utoipa::path(
    get,
    path = "/v1/keys/{key}",
    operation_id = "get_key",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded: any bytes, 1 to 4,096", min_length = 1),
        super::described::TargetParameters,
        super::described::Past,
    ),
    responses(
        (status = 200, description = "The key is there", content(
            (Record = "application/json"),
            (String = "application/octet-stream"),
        )),
        (status = 304, description = "It is as `If-None-Match` says"),
        (status = 410, description = "That moment of the past is gone", body = ErrorBody),
    )
)]
pub(super) async fn get(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head(&parts, BASE, &["at", "ago"]).await?;
    let form = accept::wanted(&parts.headers)?;
    let key = head.key()?;
    let get = v1::GetRequest {
        target: Some(head.target.clone()),
        key: key.clone(),
        at: head.at()?,
    };
    let Reply::Get(reply) = rest.ask(&head, Asked::Get(get)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let Some(record) = reply.record else {
        let message = format!("there is no key `{}`", key.escape_ascii());
        return Err(Refused::missing(message).reflecting(reply.header));
    };
    if conditional::is_known(&parts.headers, record.revision) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        marks::reflect(response.headers_mut(), header);
        marks::describe(response.headers_mut(), &record);
        return Ok(response);
    }
    let described = v1::Record {
        value: Bytes::new(),
        ..record.clone()
    };
    let mut response = match form {
        Kind::Raw => rest.bytes(StatusCode::OK, header, RAW, record.value)?,
        Kind::Json => {
            let room = rest.room(record.value.len())?;
            rest.json_in(room, StatusCode::OK, header, &Record::of(record, true))?
        }
    };
    marks::describe(response.headers_mut(), &described);
    Ok(response)
}

/// Remove a key
///
/// A key that is not there is no error: `deleted` is 0. `If-Match: REVISION` removes it only as
/// it was read.
#[utoipa::path(
    delete,
    path = "/v1/keys/{key}",
    operation_id = "delete_key",
    tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-encoded: any bytes, 1 to 4,096", min_length = 1),
        super::described::TargetParameters,
        super::described::Write,
        super::described::Fenced,
    ),
    responses(
        (status = 200, description = "It is not there any more", body = DeleteAnswer),
        (status = 412, description = "The condition does not hold, or the fence is stale: nothing was removed", body = ErrorBody),
    )
)]
pub(super) async fn delete(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head(&parts, BASE, &["fence"]).await?;
    match conditional::condition(&parts.headers)? {
        None => delete_plainly(&rest, &head).await,
        Some(condition) => delete_if(&rest, &head, condition).await,
    }
}

async fn delete_plainly(rest: &Rest, head: &Head) -> Answered {
    let what = v1::delete_request::What::Key(head.key()?);
    let delete = v1::DeleteRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        what: Some(what),
    };
    let Reply::Delete(reply) = rest.ask(head, Asked::Delete(delete)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let answer = DeleteAnswer {
        revision: header.map_or(0, |header| header.revision),
        deleted: reply.deleted,
    };
    rest.json(StatusCode::OK, header, &answer)
}

/// A removal with a condition is a transaction.
async fn delete_if(rest: &Rest, head: &Head, condition: v1::Condition) -> Answered {
    use v1::compare::{Given, Subject};
    use v1::condition::Kind as Condition;
    let key = head.key()?;
    let given = match condition.kind {
        Some(Condition::Revision(revision)) => Given::Revision(revision),
        Some(Condition::Present(_)) => Given::Exists(true),
        _ => return Err(Error::invalid("If-None-Match makes no sense of a removal").into()),
    };
    let compare = v1::Compare {
        subject: Some(Subject::Key(key.clone())),
        relation: v1::compare::Relation::Equal.into(),
        given: Some(given),
    };
    let txn = v1::TxnRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        compares: vec![compare],
        then: vec![v1::Op {
            op: Some(v1::op::Op::Delete(key)),
        }],
        otherwise: Vec::new(),
    };
    let Reply::Txn(reply) = rest.ask(head, Asked::Txn(txn)).await? else {
        return Err(misfit());
    };
    if !reply.succeeded {
        return Err(not_written().reflecting(reply.header));
    }
    let header = reply.header.as_ref();
    let answer = DeleteAnswer {
        revision: header.map_or(0, |header| header.revision),
        deleted: 1,
    };
    rest.json(StatusCode::OK, header, &answer)
}
