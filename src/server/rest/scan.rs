//! Many keys: read page by page, counted, removed.

use axum::extract::{Request, State};
use bytes::Bytes;
use http::StatusCode;
use prost::Message;
use serde::Serialize;
use utoipa::ToSchema;

use super::forms::Record;
use super::head::{Head, shown_cursor};
use super::keys::DeleteAnswer;
use super::refused::{Answered, ErrorBody, misfit};
use super::state::Rest;
use crate::base::Error;
use crate::base::types::prefix_end;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

const BASE: &str = "/v1/keys";

const PARAMETERS: [&str; 11] = [
    "prefix",
    "start",
    "end",
    "limit",
    "cursor",
    "keys_only",
    "include_expired",
    "reverse",
    "count_only",
    "at",
    "ago",
];

/// Keys in a page that names no limit, and at most.
const LIMIT: u64 = 100;
const LIMIT_MAX: u64 = 10_000;

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page {
    /// The revision that all pages of this scan see.
    revision: u64,
    /// The keys in byte order.
    keys: Vec<Record>,
    /// How many there are in this page, or were counted for it.
    count: u64,
    /// There are more: send it as `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// List keys
///
/// In byte order, page by page, all pages as of one revision: send `next_cursor` back as
/// `cursor`, with the same other parameters, until there is none.
#[utoipa::path(
    get,
    path = "/v1/keys",
    operation_id = "list_keys",
    tag = "keys",
    params(super::described::TargetParameters, super::described::Past, super::described::Range, super::described::ScanParameters),
    responses(
        (status = 200, description = "A page", body = Page),
        (status = 410, description = "The past that is asked for, or the revision of the scan, is gone", body = ErrorBody),
    )
)]
pub(super) async fn list(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head(&parts, BASE, &PARAMETERS).await?;
    let query = &head.query;
    let keys_only = query.flag("keys_only")?;
    let scan = v1::ScanRequest {
        target: Some(head.target.clone()),
        range: range(&head)?,
        limit: limit(&head)?,
        keys_only,
        include_expired: query.flag("include_expired")?,
        cursor: head.cursor()?,
        at: head.at()?,
        reverse: query.flag("reverse")?,
        count_only: query.flag("count_only")?,
    };
    let Reply::Scan(reply) = rest.ask(&head, Asked::Scan(scan)).await? else {
        return Err(misfit());
    };
    let room = rest.room(reply.encoded_len())?;
    let header = reply.header.as_ref();
    let records = reply.records.into_iter();
    let page = Page {
        revision: header.map_or(0, |header| header.revision),
        keys: records
            .map(|record| Record::of(record, !keys_only))
            .collect(),
        count: reply.count,
        next_cursor: shown_cursor(&reply.cursor),
    };
    rest.json_in(room, StatusCode::OK, header, &page)
}

fn limit(head: &Head) -> Answered<u64> {
    let counts = head.query.flag("count_only")?;
    match head.query.number("limit")? {
        None if counts => Ok(0),
        None => Ok(LIMIT),
        Some(limit) if counts || (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(Error::invalid(format!(
            "the limit is {limit}: a page has 1 to {LIMIT_MAX} keys"
        ))
        .into()),
    }
}

/// Remove keys
///
/// All keys with a prefix, or of a range, or with `all=true` every key of the bucket. They go
/// piece by piece: each piece is atomic, the whole is not.
#[utoipa::path(
    delete,
    path = "/v1/keys",
    operation_id = "delete_keys",
    tag = "keys",
    params(
        super::described::TargetParameters, super::described::Write, super::described::Range, super::described::Fenced,
        ("all" = Option<bool>, Query, description = "Yes, every key"),
    ),
    responses(
        (status = 200, description = "They are not there any more", body = DeleteAnswer),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn delete(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let own = ["prefix", "start", "end", "all", "fence"];
    let head = rest.head(&parts, BASE, &own).await?;
    let range = match (range(&head)?, head.query.flag("all")?) {
        (Some(range), false) => range,
        (None, true) => v1::KeyRange::default(),
        (Some(_), true) => {
            return Err(Error::invalid("`all` is for every key: leave the range away").into());
        }
        (None, false) => {
            return Err(Error::invalid(
                "which keys? Give `prefix`, or `start` and `end`; `all=true` removes every key of \
                 the bucket",
            )
            .into());
        }
    };
    let delete = v1::DeleteRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        what: Some(v1::delete_request::What::Range(range)),
    };
    let Reply::Delete(reply) = rest.ask(&head, Asked::Delete(delete)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let answer = DeleteAnswer {
        revision: header.map_or(0, |header| header.revision),
        deleted: reply.deleted,
    };
    rest.json(StatusCode::OK, header, &answer)
}

/// The keys that the query names; `None` if it names none.
pub(super) fn range(head: &Head) -> Answered<Option<v1::KeyRange>> {
    let query = &head.query;
    let bounds = (query.bytes("start"), query.bytes("end"));
    match (query.bytes("prefix"), bounds) {
        (Some(prefix), (None, None)) => Ok((!prefix.is_empty()).then(|| of_prefix(prefix))),
        (None, (start, end)) => {
            let range = v1::KeyRange {
                start: start.cloned().unwrap_or_default(),
                end: end.cloned().unwrap_or_default(),
            };
            // Bounds of which nothing is left, such as `start=$A` without an A, name no keys.
            let is_named = !range.start.is_empty() || !range.end.is_empty();
            Ok(is_named.then_some(range))
        }
        (Some(_), _) => Err(Error::invalid("give `prefix`, or `start` and `end`: not both").into()),
    }
}

/// All keys that begin so.
pub(super) fn of_prefix(prefix: &Bytes) -> v1::KeyRange {
    v1::KeyRange {
        start: prefix.clone(),
        end: prefix_end(prefix).unwrap_or_default(),
    }
}
