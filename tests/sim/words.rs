//! The words of a history, and those of a node.

use std::time::Duration;

use bytes::Bytes;

use dkv::base::time::Timer;
use dkv::base::types::{FenceToken, OwnerId, RequestId, Revision};
use dkv::kv::{self, KvCommand, Set};
use dkv::lock::LockCommand;
use dkv::machine::{Applied, Command, Op, OutcomeKind};
use dkv::server::service::{self, Answer, Query};

use crate::check::history::{Action, Condition, Consistency, Fence, Found, Outcome};

/// How long a queued acquire waits.
pub(crate) const WAIT: Duration = Duration::from_millis(400);

/// What is asked of a node.
pub(crate) fn operation(action: &Action, request: RequestId) -> service::Operation {
    let command = |fence: &Option<Fence>, op| Command {
        request: Some(request),
        fence: fence.as_ref().map(held),
        op,
    };
    match action {
        Action::Get { key, consistency } => {
            let query = Query::Get {
                bucket: String::new(),
                key: bytes(key),
                at: None,
            };
            let consistency = match consistency {
                Consistency::Linearizable => service::Consistency::Linearizable,
                Consistency::Stale => service::Consistency::Stale,
            };
            service::Operation::Read(query, consistency)
        }
        Action::Set {
            key,
            value,
            condition,
            fence,
        } => {
            let set = KvCommand::Set(Set {
                key: bytes(key),
                value: bytes(value),
                expire: Timer::Never,
                delete: Timer::Never,
                keep_timers: false,
                condition: condition.as_ref().map(wanted),
                return_previous: false,
            });
            service::Operation::Write(command(fence, about_keys(set)))
        }
        Action::Delete { key, fence } => {
            let delete = KvCommand::Delete { key: bytes(key) };
            service::Operation::Write(command(fence, about_keys(delete)))
        }
        Action::Acquire { waits: true, .. } => {
            service::Operation::AcquireWaiting(command(&None, about_locks(action)), WAIT)
        }
        Action::Acquire { .. } | Action::Renew { .. } | Action::Release { .. } => {
            service::Operation::Write(command(&None, about_locks(action)))
        }
        Action::Other { what } => unreachable!("players ask for {what}"),
    }
}

fn about_keys(command: KvCommand) -> Op {
    Op::Kv {
        bucket: String::new(),
        command,
    }
}

fn about_locks(action: &Action) -> Op {
    let (lock, command) = match action {
        Action::Acquire {
            lock,
            owner,
            ttl_ms,
            waits,
        } => {
            let wait_ms = u64::try_from(WAIT.as_millis()).expect("a short wait");
            let acquire = LockCommand::Acquire {
                owner: owner_of(owner),
                ttl_ms: *ttl_ms,
                wait: if *waits {
                    Timer::InMs(wait_ms)
                } else {
                    Timer::Never
                },
            };
            (lock, acquire)
        }
        Action::Renew {
            lock,
            owner,
            ttl_ms,
        } => {
            let owner = owner_of(owner);
            let ttl_ms = *ttl_ms;
            (lock, LockCommand::Renew { owner, ttl_ms })
        }
        Action::Release { lock, owner } => {
            let owner = owner_of(owner);
            (lock, LockCommand::Release { owner })
        }
        _ => unreachable!("keys are asked for elsewhere"),
    };
    Op::Lock {
        name: bytes(lock),
        command,
    }
}

/// What a node's answer means.
pub(crate) fn outcome(action: &Action, answer: Answer) -> Outcome {
    match answer {
        Answer::Record(record, _, revision) => {
            let found = record.map(|record| Found {
                value: text(&record.value.unwrap_or_default()),
                revision: record.revision.0,
            });
            Outcome::Read {
                found,
                revision: Some(revision.0),
            }
        }
        Answer::Applied(applied) => applied_outcome(action, &applied),
        _ => unreachable!("nothing else is asked for"),
    }
}

fn applied_outcome(action: &Action, applied: &Applied) -> Outcome {
    let it = applied.outcome;
    let revision = it.revision.0;
    let maybe = Some(revision);
    match (it.kind, action) {
        (OutcomeKind::Written, _) => Outcome::Written { revision },
        (OutcomeKind::ConditionFailed, _) => Outcome::NotWritten { revision: maybe },
        (OutcomeKind::Deleted, _) if it.count > 0 => Outcome::Deleted { revision },
        (OutcomeKind::Deleted, _) => Outcome::NotDeleted { revision: maybe },
        (OutcomeKind::Granted, _) => Outcome::Acquired { fence: it.count },
        (OutcomeKind::Held | OutcomeKind::Queued, _) => Outcome::NotAcquired { revision: maybe },
        (OutcomeKind::Renewed, _) => Outcome::Renewed {
            fence: it.count,
            revision: maybe,
        },
        (OutcomeKind::Released, _) => Outcome::Released { revision: maybe },
        (OutcomeKind::NotHolder, Action::Renew { .. }) => Outcome::NotRenewed { revision: maybe },
        (OutcomeKind::NotHolder, _) => Outcome::NotReleased { revision: maybe },
        (other, _) => unreachable!("{action:?} was answered with {other:?}"),
    }
}

fn wanted(condition: &Condition) -> kv::Condition {
    match condition {
        Condition::Absent => kv::Condition::Absent,
        Condition::Present => kv::Condition::Present,
        Condition::Value(value) => kv::Condition::Value(bytes(value)),
        Condition::Unchanged { revision, .. } => kv::Condition::Revision(Revision(*revision)),
    }
}

fn held(fence: &Fence) -> dkv::machine::Fence {
    dkv::machine::Fence {
        name: bytes(&fence.lock),
        token: FenceToken(fence.token),
    }
}

/// The owner written in hexadecimal.
fn owner_of(owner: &str) -> OwnerId {
    let number = u128::from_str_radix(owner, 16).expect("owners are written so");
    OwnerId(number.to_be_bytes())
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
