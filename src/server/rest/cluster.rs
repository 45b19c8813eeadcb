//! The members of the cluster: changed as operators ask.

use axum::body::Body;
use axum::extract::{Request, State};
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::head::Head;
use super::refused::{Answered, ErrorBody};
use super::state::Rest;
use super::timers::Span;
use crate::base::Result;
use crate::proto::v1;

/// The peer address of a node.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinForm {
    /// Where the node, which was started with --join, listens for other members.
    address: String,
}

/// A member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberForm {
    /// Its name.
    name: String,
    /// How long the answer may wait for the change to come into effect: 8 s if not given, at
    /// most a minute. After that the answer is that it goes on.
    wait: Option<Span>,
}

/// Who is to lead what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferForm {
    /// The name of the member.
    name: String,
    /// The shard; 0, or not given: all replicated ones.
    shard: Option<u32>,
    /// How long the answer may wait for it: 8 s if not given, at most a minute.
    wait: Option<Span>,
}

/// What is made durable.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotForm {
    /// The shard; 0, or not given: all of this node.
    shard: Option<u32>,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeDone {
    /// In words: nothing, if it was so already.
    done: String,
}

/// What is durable outside the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SnapshotDone {
    /// In words.
    done: String,
    /// How far the state of each shard is durable.
    shards: Vec<ShardSnapshot>,
}

/// How far a shard's state is durable.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShardSnapshot {
    shard: u32,
    /// The position in the log.
    index: u64,
}

/// Add a node
///
/// It becomes a learner, which follows and does not vote. As every change of members it is made
/// at the leader: another node answers 503 `NotLeader`, and in `leader` whom to ask.
#[utoipa::path(
    post,
    path = "/v1/cluster/join",
    tag = "cluster",
    operation_id = "add_member",
    request_body(content = JoinForm),
    responses((status = 200, description = "It is a member", body = ChangeDone))
)]
pub(super) async fn join(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let form: JoinForm = asked(&rest, &parts, sent).await?;
    let done = rest.live().await?.admin.add_learner(form.address).await;
    change(&rest, done)
}

/// Let a learner vote
///
/// It does so once it has caught up.
#[utoipa::path(
    post,
    path = "/v1/cluster/promote",
    tag = "cluster",
    operation_id = "promote_member",
    request_body(content = MemberForm),
    responses(
        (status = 200, description = "It votes, or will", body = ChangeDone),
        (status = 404, description = "There is no such member", body = ErrorBody),
    )
)]
pub(super) async fn promote(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let form: MemberForm = asked(&rest, &parts, sent).await?;
    let done = rest.live().await?.admin.promote(form.request()?).await;
    change(&rest, done)
}

/// Take a member out
///
/// Whether it runs or not.
#[utoipa::path(
    post,
    path = "/v1/cluster/remove",
    tag = "cluster",
    operation_id = "remove_member",
    request_body(content = MemberForm),
    responses(
        (status = 200, description = "It is no member, or is being taken out", body = ChangeDone),
        (status = 404, description = "There is no such member", body = ErrorBody),
    )
)]
pub(super) async fn remove(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let form: MemberForm = asked(&rest, &parts, sent).await?;
    let done = rest.live().await?.admin.remove(form.request()?).await;
    change(&rest, done)
}

/// Let a member lead
///
/// It must have caught up. Of one shard, or of all.
#[utoipa::path(
    post,
    path = "/v1/cluster/transfer-leader",
    tag = "cluster",
    operation_id = "transfer_leader",
    request_body(content = TransferForm),
    responses(
        (status = 200, description = "It leads", body = ChangeDone),
        (status = 404, description = "There is no such member, or no such shard", body = ErrorBody),
    )
)]
pub(super) async fn transfer_leader(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let form: TransferForm = asked(&rest, &parts, sent).await?;
    let transfer = v1::TransferLeaderRequest {
        name: form.name,
        shard: form.shard.unwrap_or(0),
        wait_ms: wait_ms(form.wait.as_ref())?,
    };
    let done = rest.live().await?.admin.transfer(transfer).await;
    change(&rest, done)
}

/// Make a snapshot
///
/// The state of a shard, or of all, becomes durable now, and the log is let go.
#[utoipa::path(
    post,
    path = "/v1/cluster/snapshot",
    tag = "cluster",
    operation_id = "make_snapshot",
    request_body(content = Option<SnapshotForm>),
    responses(
        (status = 200, description = "It is durable", body = SnapshotDone),
        (status = 404, description = "There is no such shard", body = ErrorBody),
    )
)]
pub(super) async fn snapshot(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, sent) = request.into_parts();
    let head = no_parameters(&rest, &parts).await?;
    let (form, _held) = rest
        .document_if_any::<SnapshotForm>(&head, &parts, sent)
        .await?;
    let shard = form.shard.unwrap_or(0);
    let reply = rest.live().await?.admin.snapshot(shard).await?;
    let shards: Vec<_> = reply.shards.iter().map(|it| it.shard.to_string()).collect();
    let answer = SnapshotDone {
        done: format!("the state of shard {} is durable", shards.join(", ")),
        shards: reply
            .shards
            .into_iter()
            .map(|v1::ShardSnapshot { shard, index }| ShardSnapshot { shard, index })
            .collect(),
    };
    rest.json(StatusCode::OK, None, &answer)
}

impl MemberForm {
    fn request(self) -> Result<v1::MemberRequest> {
        Ok(v1::MemberRequest {
            wait_ms: wait_ms(self.wait.as_ref())?,
            name: self.name,
        })
    }
}

/// How long the answer may wait, as the wire has it: 0 is nothing said.
fn wait_ms(given: Option<&Span>) -> Result<u64> {
    let ms = given.map(Span::ms).transpose()?;
    Ok(ms.map_or(0, |ms| ms.max(1)))
}

/// What is asked of the cluster is in the body, all of it.
async fn no_parameters(rest: &Rest, parts: &Parts) -> Answered<Head> {
    rest.head_among(parts, "", &[]).await
}

async fn asked<T: serde::de::DeserializeOwned>(
    rest: &Rest,
    parts: &Parts,
    sent: Body,
) -> Answered<T> {
    let head = no_parameters(rest, parts).await?;
    let (form, _held) = rest.document(&head, parts, sent).await?;
    Ok(form)
}

fn change(rest: &Rest, done: Result<String>) -> Answered {
    rest.json(StatusCode::OK, None, &ChangeDone { done: done? })
}
