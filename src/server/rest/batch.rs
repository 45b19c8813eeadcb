//! Many operations in one request, each with an outcome of its own.

use axum::extract::{Request, State};
use http::StatusCode;
use prost::Message;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::forms::{KeyForm, at_most};
use super::head::Head;
use super::ops::{Named, OpForm, SetForm, named, placed};
use super::outcomes::OpOutcome;
use super::refused::{Answered, ErrorBody, misfit};
use super::state::Rest;
use crate::base::Result;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

const BASE: &str = "/v1/batch";

/// Values to write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutMany {
    #[schema(min_items = 1, max_items = 1000)]
    #[serde(deserialize_with = "at_most::<1000, _, _>")]
    items: Vec<SetForm>,
}

/// Keys to read or to remove.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    #[schema(min_items = 1, max_items = 1000)]
    #[serde(deserialize_with = "at_most::<1000, _, _>")]
    keys: Vec<KeyForm>,
}

/// Operations of all kinds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    #[schema(min_items = 1, max_items = 1000)]
    #[serde(deserialize_with = "at_most::<1000, _, _>")]
    operations: Vec<OpForm>,
}

/// What became of a batch.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchAnswer {
    /// The shard's revision after it.
    revision: u64,
    /// How many operations were done; of a read, how many keys are there.
    success_count: usize,
    /// How many were refused, or had a condition that did not hold; of a read, how many keys
    /// are not there.
    error_count: usize,
    /// What became of each, in the order of the request.
    results: Vec<OpOutcome>,
}

impl BatchAnswer {
    fn of(header: Option<&v1::Header>, results: Vec<OpOutcome>, success_count: usize) -> Self {
        Self {
            revision: header.map_or(0, |header| header.revision),
            success_count,
            error_count: results.len() - success_count,
            results,
        }
    }
}

/// Do many operations
///
/// Each has an outcome of its own; they are applied in their order, in one entry of the log.
/// Under an `Idempotency-Key` they take as many sequences as there are operations.
#[utoipa::path(
    post,
    path = "/v1/batch",
    operation_id = "batch",
    tag = "many",
    params(super::described::TargetParameters, super::described::Write, super::described::Fenced),
    request_body = Batch,
    responses(
        (status = 200, description = "What became of each", body = BatchAnswer),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn batch(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head(&parts, BASE, &["fence"]).await?;
    let (form, _held) = rest.document::<Batch>(&head, &parts, sent).await?;
    write(&rest, &head, named("operations", form.operations)?).await
}

/// Write many keys
#[utoipa::path(
    post,
    path = "/v1/batch/put",
    operation_id = "batch_put",
    tag = "many",
    params(super::described::TargetParameters, super::described::Write, super::described::Fenced),
    request_body = PutMany,
    responses(
        (status = 200, description = "What became of each", body = BatchAnswer),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn put(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head(&parts, BASE, &["fence"]).await?;
    let (form, _held) = rest.document::<PutMany>(&head, &parts, sent).await?;
    let items = form.items.into_iter().enumerate();
    let ops = items.map(|(at, item)| placed("items", at, item.named()));
    write(&rest, &head, ops.collect::<Result<_>>()?).await
}

/// Remove many keys
#[utoipa::path(
    post,
    path = "/v1/batch/delete",
    operation_id = "batch_delete",
    tag = "many",
    params(super::described::TargetParameters, super::described::Write, super::described::Fenced),
    request_body = Keys,
    responses(
        (status = 200, description = "What became of each", body = BatchAnswer),
        (status = 412, description = "The fence is stale", body = ErrorBody),
    )
)]
pub(super) async fn delete(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head(&parts, BASE, &["fence"]).await?;
    let (form, _held) = rest.document::<Keys>(&head, &parts, sent).await?;
    let keys = keys(form)?.into_iter();
    let ops = keys.map(|key| Named {
        op: v1::Op {
            op: Some(v1::op::Op::Delete(key.clone())),
        },
        name: "delete",
        key,
    });
    write(&rest, &head, ops.collect()).await
}

async fn write(rest: &Rest, head: &Head, ops: Vec<Named>) -> Answered {
    let (ops, told): (Vec<_>, Vec<_>) =
        ops.into_iter().map(|it| (it.op, (it.name, it.key))).unzip();
    let batch = v1::BatchRequest {
        target: Some(head.target.clone()),
        request_id: head.request_id()?,
        fence: head.fence()?,
        ops,
    };
    let Reply::Batch(reply) = rest.ask(head, Asked::Batch(batch)).await? else {
        return Err(misfit());
    };
    let results = reply.results.into_iter().zip(&told);
    let results: Vec<_> = results
        .map(|(result, (name, key))| OpOutcome::of(name, key, result))
        .collect();
    let done = results.iter().filter(|result| result.is_success()).count();
    let header = reply.header.as_ref();
    rest.done(
        StatusCode::OK,
        header,
        &BatchAnswer::of(header, results, done),
    )
}

/// Read many keys
///
/// All of them as of one revision.
#[utoipa::path(
    post,
    path = "/v1/batch/get",
    operation_id = "batch_get",
    tag = "many",
    params(super::described::TargetParameters, super::described::Past),
    request_body = Keys,
    responses(
        (status = 200, description = "Each, if it is there", body = BatchAnswer),
        (status = 410, description = "That moment of the past is gone", body = ErrorBody),
    )
)]
pub(super) async fn get(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = rest.head(&parts, BASE, &["at", "ago"]).await?;
    let at = head.at()?;
    let (form, _held) = rest.document::<Keys>(&head, &parts, sent).await?;
    let keys = keys(form)?;
    let get = v1::GetManyRequest {
        target: Some(head.target.clone()),
        keys: keys.clone(),
        at,
    };
    let Reply::GetMany(reply) = rest.ask(&head, Asked::GetMany(get)).await? else {
        return Err(misfit());
    };
    let room = rest.room(reply.encoded_len())?;
    let found = reply.found.iter().filter(|it| it.record.is_some()).count();
    let results = reply.found.into_iter().zip(&keys);
    let results = results.map(|(found, key)| OpOutcome::got(key, found));
    let header = reply.header.as_ref();
    let answer = BatchAnswer::of(header, results.collect(), found);
    rest.json_in(room, StatusCode::OK, header, &answer)
}

fn keys(form: Keys) -> Result<Vec<bytes::Bytes>> {
    let keys = form.keys.into_iter().enumerate();
    keys.map(|(at, key)| placed("keys", at, key.bytes()))
        .collect()
}
