//! One call from its first try to its answer: deadlines, retries, and what is known
//! when it fails.

use std::sync::Arc;
use std::time::Duration;

use super::Client;
use super::desk::request_bytes;
use super::endpoint::Unreachable;
use super::error::{broken_contract, from_wire};
use super::freshness::{Consistency, Dated, Freshness};
use super::node::{Connected, Node};
use super::outcome::{Doubt, Next, TryFailure};
use super::route::Stranger;
use super::sequence::{Sequence, Sequences};
use crate::base::types::{ClientId, Revision};
use crate::base::{Error, Result, limits};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

/// What repeating a call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Changes nothing.
    Read,
    /// Is applied at most once, by its request id.
    Write,
    /// So many writes in one call, each applied at most once.
    Batch(usize),
    /// A write that may wait long for its turn. It has a client id to itself: while it
    /// is open, the outcomes of all later sequences of its client must be kept.
    Wait,
}

/// What changes from one try of a call to the next.
pub(super) struct Attempt {
    /// Of writes.
    pub(super) request_id: Option<v1::RequestId>,
    /// What is left of the wait for a lock.
    pub(super) wait_ms: u64,
}

/// A reply that belongs to the shard that was asked.
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) from: Source,
    pub(super) revision: Revision,
    pub(super) freshness: Freshness,
}

/// Who answered, for messages.
pub(super) enum Source {
    Node(Arc<Node>),
    Resident,
}

/// Until when, boot clock, ms.
struct Budget {
    wait_until_ms: u64,
    until_ms: u64,
}

impl Answer {
    /// The answer was of another kind than the question.
    pub(super) fn mismatched(&self) -> Error {
        broken_contract(&self.from, "a reply of another kind than was asked for")
    }

    /// What was read, with when it was so.
    pub(super) fn dated<T>(revision: Revision, freshness: Freshness, value: T) -> Dated<T> {
        Dated {
            value,
            revision,
            freshness,
        }
    }
}

impl Client {
    pub(super) async fn call(
        &self,
        effect: Effect,
        wait: Duration,
        build: impl Fn(Attempt) -> Request,
    ) -> Result<Answer> {
        match &self.shared.resident {
            None => self.call_nodes(effect, wait, build).await,
            Some(node) => self.call_resident(&**node, effect, wait, build).await,
        }
    }

    /// One call over the wire, with as many tries as it takes.
    async fn call_nodes(
        &self,
        effect: Effect,
        wait: Duration,
        build: impl Fn(Attempt) -> Request,
    ) -> Result<Answer> {
        let started_ms = self.now_ms();
        let wait_until_ms = started_ms.saturating_add(ms(wait));
        let budget = Budget {
            wait_until_ms,
            until_ms: wait_until_ms.saturating_add(ms(self.timeout)),
        };
        let alone;
        let sequence = match effect {
            Effect::Read => None,
            Effect::Write => Some(self.begin(&self.shared.writes, 1, &budget).await?),
            Effect::Batch(count) => Some(self.begin(&self.shared.writes, count, &budget).await?),
            Effect::Wait => {
                alone = Sequences::new(ClientId(self.shared.host.rng.id()));
                let first = alone.try_begin(1);
                Some(first.expect("a fresh client has no open sequence"))
            }
        };
        let mut doubt = Doubt::new(self, sequence.is_some());
        loop {
            let node = self.node_for(effect, doubt.unreached());
            let tried = self
                .attempt(&node, sequence.as_ref(), doubt.attempt(), &budget, &build)
                .await;
            let failure = match tried {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match doubt.after(failure, node) {
                Next::GiveUp(error) => return Err(error),
                Next::Elsewhere if self.left(&budget).is_zero() => return Err(doubt.in_time()),
                Next::Elsewhere => {}
                Next::Again(pause) if pause >= self.left(&budget) => return Err(doubt.in_time()),
                Next::Again(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    /// The node that is asked next. A stale read needs no leader: any node will do, and
    /// another one each time, as the others have work to do as well.
    fn node_for(&self, effect: Effect, tried: &[Arc<Node>]) -> Arc<Node> {
        let nodes = &self.shared.nodes;
        if effect != Effect::Read || self.consistency == Consistency::Linearizable {
            return self.route.choose(nodes, self.spread(), tried);
        }
        let turn = self.stale_turn.unwrap_or_else(|| nodes.turn());
        self.route.choose_any(nodes, turn, tried)
    }

    /// One try at one node.
    async fn attempt(
        &self,
        node: &Arc<Node>,
        sequence: Option<&Sequence<'_>>,
        attempt: u32,
        budget: &Budget,
        build: &impl Fn(Attempt) -> Request,
    ) -> Result<Answer, TryFailure> {
        let connected = self.reach(node, budget.until_ms).await?;
        let wait_ms = budget.wait_until_ms.saturating_sub(self.now_ms());
        let request = build(Attempt {
            request_id: sequence.map(|it| it.request_id(attempt)),
            wait_ms,
        });
        check_size(&request).map_err(TryFailure::Final)?;
        let left_ms = budget.until_ms.saturating_sub(self.now_ms());
        let frame = v1::RequestFrame {
            id: 0,
            lane: self.lane,
            // A lock's wait counts beside the deadline. 0 would be the server's default.
            deadline_ms: left_ms.saturating_sub(wait_ms).max(1),
            request: Some(request),
        };
        let outcome = connected.session.call(frame, budget.until_ms).await;
        let reply = outcome.map_err(TryFailure::Session)?;
        self.accept(reply, node)
    }

    /// A stream to `node`, if the shard there is the one this client knows.
    pub(super) async fn reach(
        &self,
        node: &Arc<Node>,
        until_ms: u64,
    ) -> Result<Arc<Connected>, TryFailure> {
        let link = self.spread();
        let connected = match node.up(link) {
            Some(connected) => connected,
            None => tokio::time::timeout(self.left_until(until_ms), node.connected(link))
                .await
                .map_err(|_| Unreachable::because("no connection in time"))
                .flatten()
                .map_err(TryFailure::Unreachable)?,
        };
        let shard = self.route.shard();
        if let Some((identity, local)) = connected.identity(shard) {
            self.route
                .admit(identity, local, node)
                .map_err(|Stranger { pinned, answered }| {
                    TryFailure::Stranger(Unreachable::because(format!(
                        "its shard {shard} is {answered}, but this client began with {pinned}"
                    )))
                })?;
        }
        Ok(connected)
    }

    /// Checks that a reply comes from the shard this client is pinned to.
    fn accept(&self, reply: Reply, node: &Arc<Node>) -> Result<Answer, TryFailure> {
        let broken = |what| TryFailure::Final(broken_contract(&node.endpoint, what));
        let header = header(&reply).ok_or_else(|| broken("without a header"))?;
        let identity = header
            .identity
            .as_ref()
            .try_into()
            .map_err(|_| broken("with a shard identity that is not 16 bytes"))?;
        let shard = self.route.shard();
        self.route.admit(identity, header.local, node).map_err(
            |Stranger { pinned, answered }| {
                TryFailure::Final(Error::internal(format!(
                    "the server at {} answered for shard {shard} of {answered}, but this client \
                     began with shard {shard} of {pinned}: the reply was refused; check that the \
                     endpoints lead to one cluster",
                    node.endpoint
                )))
            },
        )?;
        // Without a leader's name a stale answer does not say that its node leads: it may
        // know of none.
        let names_leader = !header.stale || !header.leader.is_empty();
        if !header.local && names_leader {
            self.route
                .led_from(&self.shared.nodes, &header.leader, node);
        }
        Ok(Answer {
            revision: Revision(header.revision),
            freshness: Freshness::of(header),
            reply,
            from: Source::Node(Arc::clone(node)),
        })
    }

    async fn begin<'a>(
        &self,
        sequences: &'a Sequences,
        count: usize,
        budget: &Budget,
    ) -> Result<Sequence<'a>> {
        if let Some(sequence) = sequences.try_begin(count) {
            return Ok(sequence);
        }
        tokio::time::timeout(self.left(budget), sequences.begin(count))
            .await
            .map_err(|_| {
                Error::unavailable(format!(
                    "{} later writes wait for an earlier one that is not answered: nothing was \
                     sent; try again",
                    limits::SESSION_OUTCOMES_MAX
                ))
            })
    }

    fn left(&self, budget: &Budget) -> Duration {
        self.left_until(budget.until_ms)
    }

    fn left_until(&self, until_ms: u64) -> Duration {
        Duration::from_millis(until_ms.saturating_sub(self.now_ms()))
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.shared.host.clock.boot_ms()
    }

    /// The same for all calls of a lane, so that they share a stream and keep their
    /// order; different for each unordered one.
    fn spread(&self) -> u64 {
        match self.lane {
            0 => self.shared.nodes.turn(),
            lane => lane - 1,
        }
    }
}

impl TryFailure {
    /// The error of a frame, by `node`.
    pub(super) fn refused(error: v1::Error, node: &Node) -> Error {
        from_wire(error, &node.endpoint)
    }
}

/// An oversized message would end the stream, and with it the calls of others. The
/// server takes more, by what the message adds around the request.
pub(super) fn check_size(request: &Request) -> Result<()> {
    let bytes = request_bytes(Some(request));
    if bytes <= limits::REQUEST_BYTES_MAX {
        return Ok(());
    }
    Err(Error::limit_exceeded(format!(
        "the request takes {bytes} bytes, and one may take {}: send a smaller key, name or value",
        limits::REQUEST_BYTES_MAX
    )))
}

/// What every answer but an error begins with.
pub(super) fn header(reply: &Reply) -> Option<&v1::Header> {
    match reply {
        Reply::Error(_) => None,
        Reply::Set(reply) => reply.header.as_ref(),
        Reply::Get(reply) => reply.header.as_ref(),
        Reply::Has(reply) => reply.header.as_ref(),
        Reply::Delete(reply) => reply.header.as_ref(),
        Reply::Expire(reply) => reply.header.as_ref(),
        Reply::Touch(reply) => reply.header.as_ref(),
        Reply::Persist(reply) => reply.header.as_ref(),
        Reply::Scan(reply) => reply.header.as_ref(),
        Reply::Acquire(reply) => reply.header.as_ref(),
        Reply::Renew(reply) => reply.header.as_ref(),
        Reply::Release(reply) => reply.header.as_ref(),
        Reply::Info(reply) => reply.header.as_ref(),
        Reply::List(reply) => reply.header.as_ref(),
        Reply::Revoke(reply) => reply.header.as_ref(),
        Reply::Incr(reply) => reply.header.as_ref(),
        Reply::GetMany(reply) => reply.header.as_ref(),
        Reply::History(reply) => reply.header.as_ref(),
        Reply::Batch(reply) => reply.header.as_ref(),
        Reply::Txn(reply) => reply.header.as_ref(),
        Reply::CreateBucket(reply) => reply.header.as_ref(),
        Reply::UpdateBucket(reply) => reply.header.as_ref(),
        Reply::DropBucket(reply) => reply.header.as_ref(),
        Reply::ListBuckets(reply) => reply.header.as_ref(),
    }
}

/// Milliseconds, rounded up: a time limit is never shorter than asked for.
pub(super) fn ms(duration: Duration) -> u64 {
    let ms = duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(ms).unwrap_or(u64::MAX)
}
