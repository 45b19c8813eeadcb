//! What the machine should remember of clients.

use std::collections::BTreeMap;

use super::{Kind, Model, plain};
use crate::base::types::RequestId;
use crate::kv::{KvCommand, Set};
use crate::lock::LockCommand as Lock;
use crate::machine::{Applied, BucketCommand as Bucket, Command, Op, Outcome};

#[derive(Debug, Clone, Default)]
pub(in super::super) struct Client {
    pub(in super::super) last_used: u64,
    floor: u64,
    first: u64,
    outcomes: BTreeMap<u64, Outcome>,
}

impl Model {
    /// Forgets the client that was away for longest; `false`: all were here lately.
    fn forget_one(&mut self) -> bool {
        let away = |client: &Client| self.now - client.last_used;
        let longest = self
            .clients
            .iter()
            .filter(|(_, client)| away(client) >= self.limits.held_ms)
            .max_by_key(|(id, client)| (away(client), std::cmp::Reverse(**id)))
            .map(|(id, _)| *id);
        longest.is_some_and(|id| self.clients.remove(&id).is_some())
    }

    pub(super) fn admit(
        &mut self,
        request: &RequestId,
        command: &Command,
    ) -> Result<(), Box<Applied>> {
        let refuse = |model: &Self| Err(Box::new(model.reply(plain(Kind::OutcomeUnknown))));
        if !self.clients.contains_key(&request.client) {
            if request.attempt > 0 {
                return refuse(self);
            }
            if self.clients.len() == self.limits.clients && !self.forget_one() {
                return Err(Box::new(self.reply(plain(Kind::SessionsFull))));
            }
            let fresh = Client {
                first: request.sequence,
                ..Client::default()
            };
            self.clients.insert(request.client, fresh);
        }
        let now = self.now;
        let client = self.clients.get_mut(&request.client).unwrap();
        client.last_used = now;
        client.floor = client.floor.max(request.acked_below);
        let floor = client.floor;
        client.outcomes.retain(|sequence, _| *sequence >= floor);
        if let Some(outcome) = client.outcomes.get(&request.sequence) {
            if !is_of(outcome.kind, command) {
                return Err(Box::new(self.reply(plain(Kind::OtherRequest))));
            }
            return Err(Box::new(Applied {
                outcome: *outcome,
                previous: None,
                results: Vec::new(),
                repeated: true,
            }));
        }
        let lost = request.attempt > 0 && request.sequence < client.first;
        if request.sequence < floor || lost {
            return refuse(self);
        }
        Ok(())
    }

    fn outcomes(&self) -> usize {
        let clients = self.clients.values();
        clients.map(|client| client.outcomes.len()).sum()
    }

    pub(super) fn remember(&mut self, request: &RequestId, outcome: Outcome) {
        while self.outcomes() >= self.limits.outcomes && self.forget_one() {}
        let is_full = self.outcomes() >= self.limits.outcomes;
        let client = self.clients.get_mut(&request.client).unwrap();
        let most = match is_full {
            true => client.outcomes.len().max(1),
            false => self.limits.outcomes_per_client,
        };
        client.outcomes.insert(request.sequence, outcome);
        if client.outcomes.len() > most {
            let (lowest, _) = client.outcomes.pop_first().unwrap();
            client.floor = client.floor.max(lowest + 1);
        }
    }
}

/// Whether an outcome that was remembered can be a command's: kind by kind.
fn is_of(kind: Kind, command: &Command) -> bool {
    let op = &command.op;
    let kv = |is: fn(&KvCommand) -> bool| matches!(op, Op::Kv { command, .. } if is(command));
    let lock = |is: fn(&Lock) -> bool| matches!(op, Op::Lock { command, .. } if is(command));
    let bucket = |is: fn(&Bucket) -> bool| matches!(op, Op::Bucket { command, .. } if is(command));
    let is_txn = matches!(op, Op::Transaction { .. });
    match kind {
        Kind::Written => kv(|it| matches!(it, KvCommand::Set(_))),
        Kind::ConditionFailed => kv(|it| {
            matches!(
                it,
                KvCommand::Set(Set {
                    condition: Some(_),
                    ..
                })
            )
        }),
        Kind::Deleted => {
            kv(|it| matches!(it, KvCommand::Delete { .. } | KvCommand::DeleteRange { .. }))
        }
        Kind::Expired => kv(|it| matches!(it, KvCommand::Expire { .. })),
        Kind::Touched => kv(|it| matches!(it, KvCommand::Touch { .. })),
        Kind::Persisted => kv(|it| matches!(it, KvCommand::Persist { .. })),
        Kind::Added => kv(|it| matches!(it, KvCommand::Incr(_))),
        Kind::NotInteger | Kind::Overflow => is_txn || kv(|it| matches!(it, KvCommand::Incr(_))),
        Kind::QuotaExceeded => {
            is_txn || kv(|it| matches!(it, KvCommand::Incr(_) | KvCommand::Set(_)))
        }
        Kind::NoSuchBucket => {
            is_txn || kv(|_| true) || bucket(|it| matches!(it, Bucket::Update(_)))
        }
        Kind::Unchanged => {
            kv(|it| {
                matches!(
                    it,
                    KvCommand::Expire { .. } | KvCommand::Touch { .. } | KvCommand::Persist { .. }
                )
            }) || bucket(|_| true)
                || lock(|it| matches!(it, Lock::Revoke))
        }
        Kind::FenceStale => command.fence.is_some(),
        Kind::Succeeded | Kind::Otherwise | Kind::TooManyKeys | Kind::TooManyBytes => is_txn,
        Kind::Granted | Kind::Held | Kind::QueueFull => {
            lock(|it| matches!(it, Lock::Acquire { .. }))
        }
        Kind::Renewed => lock(|it| matches!(it, Lock::Renew { .. })),
        Kind::Released => lock(|it| matches!(it, Lock::Release { .. })),
        Kind::NotHolder => lock(|it| matches!(it, Lock::Renew { .. } | Lock::Release { .. })),
        Kind::Revoked => lock(|it| matches!(it, Lock::Revoke)),
        Kind::Cancelled => lock(|it| matches!(it, Lock::CancelWait { .. })),
        Kind::Swept | Kind::SweptMore => matches!(op, Op::Sweep),
        Kind::BucketCreated | Kind::BucketsFull | Kind::BucketDropping => {
            bucket(|it| matches!(it, Bucket::Create(_)))
        }
        Kind::BucketUpdated => bucket(|it| matches!(it, Bucket::Update(_))),
        Kind::BucketDiffers => bucket(|it| matches!(it, Bucket::Create(_) | Bucket::Update(_))),
        Kind::BucketDropped => bucket(|it| matches!(it, Bucket::Drop)),
        Kind::Queued
        | Kind::DeletedMore
        | Kind::BucketDroppedMore
        | Kind::Found
        | Kind::OutcomeUnknown
        | Kind::SessionsFull
        | Kind::OtherRequest => unreachable!("{kind:?} is never remembered"),
    }
}
