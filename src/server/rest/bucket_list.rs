//! Which buckets there are, and what is in them.

use axum::extract::{Request, State};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::head::Head;
use super::refused::{Answered, ErrorBody, Refused, misfit};
use super::state::Rest;
use crate::base::Error;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

pub(super) const BASE: &str = "/v1/buckets/";

/// What routes of buckets take: the bucket is in the path.
pub(super) const PARAMETERS: [&str; 3] = ["shard", "consistency", "timeout"];

/// Buckets in a page that names no limit, and at most.
const LIMIT: u64 = 100;
const LIMIT_MAX: u64 = 1_000;

/// A bucket, and what is in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BucketForm {
    /// Its name.
    name: String,
    /// When the values are dropped of keys that are set without timers, milliseconds; 0: never.
    expire_in_ms: u64,
    /// When such keys are removed, milliseconds; 0: never.
    delete_in_ms: u64,
    /// It keeps no history: no reads of the past, no watches.
    no_history: bool,
    /// Bytes of keys and values beyond which it may not grow; 0: no limit.
    quota_bytes: u64,
    /// Keys beyond which it may not grow; 0: no limit.
    quota_keys: u64,
    /// Keys in it, those included whose value was dropped.
    keys: u64,
    /// Bytes of keys and values in it.
    bytes: u64,
    /// The revision that made it.
    create_revision: u64,
    /// It is being dropped; if nobody does so now, dropping it again ends it.
    dropping: bool,
}

/// A page of buckets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BucketPage {
    /// The revision that it is of.
    revision: u64,
    /// The buckets in the order of their names, without the default one.
    buckets: Vec<BucketForm>,
    /// There are more: ask for those `after` the last one's name.
    more: bool,
}

impl BucketForm {
    fn of(bucket: v1::BucketInfo) -> Self {
        let settings = bucket.settings.unwrap_or_default();
        Self {
            name: bucket.name,
            expire_in_ms: settings.expire_in_ms,
            delete_in_ms: settings.delete_in_ms,
            no_history: settings.no_history,
            quota_bytes: settings.quota_bytes,
            quota_keys: settings.quota_keys,
            keys: bucket.keys,
            bytes: bucket.bytes,
            create_revision: bucket.create_revision,
            dropping: bucket.dropping,
        }
    }
}

/// Where a request goes whose path names the bucket.
pub(super) fn target(head: &Head) -> Answered<v1::Target> {
    let name = head.name()?;
    let bucket = std::str::from_utf8(&name).map_err(|_| {
        let shown = name.escape_ascii();
        Error::invalid(format!("`{shown}` is not a bucket name: it is not UTF-8"))
    })?;
    Ok(v1::Target {
        bucket: bucket.to_owned(),
        ..head.target.clone()
    })
}

/// One bucket, and the header of the reply that says so. What is changed after it was read
/// may not be read `stale`.
pub(super) async fn find(
    rest: &Rest,
    head: &Head,
    name: &str,
    stale: bool,
) -> Answered<(Option<v1::Header>, Option<v1::BucketInfo>)> {
    let list = v1::ListBucketsRequest {
        target: Some(v1::Target {
            stale,
            ..head.target.clone()
        }),
        // Of the names that begin so it is the first.
        prefix: name.to_owned(),
        after: String::new(),
        limit: 1,
    };
    let Reply::ListBuckets(reply) = rest.ask(head, Asked::ListBuckets(list)).await? else {
        return Err(misfit());
    };
    let mut found = reply.buckets.into_iter();
    Ok((reply.header, found.find(|bucket| bucket.name == name)))
}

/// List buckets
///
/// In the order of their names. The default bucket, which has none, is always there and not
/// among them.
#[utoipa::path(
    get,
    path = "/v1/buckets",
    tag = "buckets",
    operation_id = "list_buckets",
    params(
        ("prefix" = Option<String>, Query, description = "Buckets whose names begin so", pattern = "^[A-Za-z0-9._:-]{0,200}$"),
        ("after" = Option<String>, Query, description = "Only names behind this one: the last of the page before", pattern = "^[A-Za-z0-9._:-]{0,200}$"),
        ("limit" = Option<u64>, Query, description = "Buckets in a page: 100 if not given", minimum = 1, maximum = 1000),
        super::described::Located,
    ),
    responses((status = 200, description = "A page", body = BucketPage))
)]
pub(super) async fn list(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let known = [&["prefix", "after", "limit"], &PARAMETERS[..]].concat();
    let head = rest.head_among(&parts, BASE, &known).await?;
    let list = v1::ListBucketsRequest {
        target: Some(head.target.clone()),
        prefix: head.query.text("prefix")?.unwrap_or_default().to_owned(),
        after: head.query.text("after")?.unwrap_or_default().to_owned(),
        limit: head.limit("buckets", LIMIT, LIMIT_MAX)?,
    };
    let Reply::ListBuckets(reply) = rest.ask(&head, Asked::ListBuckets(list)).await? else {
        return Err(misfit());
    };
    let header = reply.header.as_ref();
    let page = BucketPage {
        revision: header.map_or(0, |header| header.revision),
        buckets: reply.buckets.into_iter().map(BucketForm::of).collect(),
        more: reply.more,
    };
    rest.json(StatusCode::OK, header, &page)
}

/// What is in a bucket?
#[utoipa::path(
    get,
    path = "/v1/buckets/{name}",
    tag = "buckets",
    operation_id = "get_bucket",
    params(super::described::BucketName, super::described::Located),
    responses(
        (status = 200, description = "It is there", body = BucketForm),
        (status = 404, description = "There is no such bucket, or no such shard", body = ErrorBody),
    )
)]
pub(super) async fn info(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    let head = rest.head_among(&parts, BASE, &PARAMETERS).await?;
    let target = target(&head)?;
    let (header, found) = find(&rest, &head, &target.bucket, target.stale).await?;
    let Some(bucket) = found else {
        let name = &target.bucket;
        let missing = Refused::missing(format!("there is no bucket `{name}`"));
        return Err(missing.reflecting(header));
    };
    rest.json(StatusCode::OK, header.as_ref(), &BucketForm::of(bucket))
}
