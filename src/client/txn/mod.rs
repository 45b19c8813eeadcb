//! Many operations in one request: batches, transactions, and transactions that read
//! first and are tried again when somebody else was faster.

mod compare;
mod op;
mod optimistic;

use super::Client;
use super::call::{Answer, Attempt, Effect};
use super::convert::wire_fence;
use super::error::from_wire;
use super::types::Fence;
use crate::base::types::Revision;
use crate::base::{Error, Result, limits};
use crate::proto::v1;
use crate::proto::v1::op_result::Result as WireResult;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

pub use compare::{Compare, Relation};
pub use op::{Op, OpOutcome};
pub use optimistic::{Transaction, TransactionOptions};

/// Compares, then, otherwise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Txn {
    /// All must hold for `then`; none always do.
    pub compares: Vec<Compare>,
    /// What is done if they do.
    pub then: Vec<Op>,
    /// What is done if not.
    pub otherwise: Vec<Op>,
    /// The lock that must still be held.
    pub fence: Option<Fence>,
}

/// What a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnOutcome {
    /// The compares held, and `then` was applied; else `otherwise` was.
    pub succeeded: bool,
    /// Of all that changed; if nothing did, the shard's.
    pub revision: Revision,
    /// What became of each operation of the branch. `None`: the request had to be
    /// repeated, and only which branch was applied is remembered.
    pub results: Option<Vec<OpOutcome>>,
}

/// What one operation of a batch did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOutcome {
    /// What became of it.
    pub outcome: OpOutcome,
    /// The shard's revision after it.
    pub revision: Revision,
}

impl Client {
    /// Applies up to 1,000 operations together in one log entry, each with its own
    /// outcome: one that is refused changes nothing, and the others are done.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::{Op, OpOutcome};
    ///
    /// let ops = vec![Op::set("user:1", "alice"), Op::incr("users", 1)];
    /// let outcomes = client.batch(ops, None).await?;
    /// let counted = outcomes[1].as_ref().expect("it was no text before");
    /// assert_eq!(counted.outcome, OpOutcome::Number(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::set_with`], when nothing was done or the outcome of all is unknown.
    pub async fn batch(
        &self,
        ops: Vec<Op>,
        fence: Option<Fence>,
    ) -> Result<Vec<Result<BatchOutcome>>> {
        if ops.is_empty() || ops.len() > limits::BATCH_OPS_MAX {
            return Err(Error::invalid(format!(
                "a batch has 1 to {} operations, and this one has {}",
                limits::BATCH_OPS_MAX,
                ops.len()
            )));
        }
        let build = |attempt: Attempt| {
            Request::Batch(v1::BatchRequest {
                target: self.target(),
                request_id: attempt.request_id,
                fence: fence.as_ref().map(wire_fence),
                ops: ops.iter().map(Op::wire).collect(),
            })
        };
        let effect = Effect::Batch(ops.len());
        let answer = self.call(effect, std::time::Duration::ZERO, build).await?;
        let Reply::Batch(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        if reply.results.len() != ops.len() {
            return Err(mismatched_length(&answer.from));
        }
        let outcome = |result: v1::OpResult| match result.result {
            Some(WireResult::Error(error)) => Err(from_wire(error, &answer.from)),
            Some(told) => {
                let revision = Revision(result.revision);
                let outcome = op::outcome(told, revision);
                Ok(BatchOutcome { outcome, revision })
            }
            None => Err(mismatched_length(&answer.from)),
        };
        Ok(reply.results.into_iter().map(outcome).collect())
    }

    /// Compares, and applies one of two branches, atomically and at one revision. Which
    /// one is an answer, not an error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::{Compare, Op, Txn};
    ///
    /// let outcome = client
    ///     .txn(Txn {
    ///         compares: vec![Compare::absent("job:7:owner")],
    ///         then: vec![Op::set("job:7:owner", "alice"), Op::set("job:7:state", "running")],
    ///         otherwise: vec![Op::get("job:7:owner")],
    ///         fence: None,
    ///     })
    ///     .await?;
    /// assert!(outcome.succeeded);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::set_with`]; nothing was done then, unless the outcome is unknown.
    pub async fn txn(&self, txn: Txn) -> Result<TxnOutcome> {
        let build = |attempt: Attempt| {
            Request::Txn(v1::TxnRequest {
                target: self.target(),
                request_id: attempt.request_id,
                fence: txn.fence.as_ref().map(wire_fence),
                compares: txn.compares.iter().map(Compare::wire).collect(),
                then: txn.then.iter().map(Op::wire).collect(),
                otherwise: txn.otherwise.iter().map(Op::wire).collect(),
            })
        };
        let answer = self.write(build).await?;
        let (revision, from) = (answer.revision, &answer.from);
        let Reply::Txn(reply) = answer.reply else {
            return Err(Answer::mismatched(&answer));
        };
        let results = reply.results.into_iter().map(|result| match result.result {
            None | Some(WireResult::Error(_)) => Err(mismatched_length(from)),
            Some(told) => Ok(op::outcome(told, revision)),
        });
        let results = results.collect::<Result<_>>()?;
        Ok(TxnOutcome {
            succeeded: reply.succeeded,
            revision,
            results: (!reply.results_unavailable).then_some(results),
        })
    }
}

fn mismatched_length(from: &super::call::Source) -> Error {
    super::error::broken_contract(from, "with other results than were asked for")
}
