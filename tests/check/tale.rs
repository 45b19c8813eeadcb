//! Words to tell short histories by hand, and what the checkers say of them.

use crate::check::history::{Action, Condition, Consistency, Fence, Found, Operation, Outcome};
use crate::check::verdict::Rule;
use crate::check::{replay, search};

/// One operation: client, from and to in milliseconds, what was asked, what was answered.
pub(crate) fn op(client: u32, from: u64, to: u64, action: Action, outcome: Outcome) -> Operation {
    Operation {
        client,
        node: "node-1".to_owned(),
        invoked_ns: from * 1_000_000,
        returned_ns: to * 1_000_000,
        action,
        outcome,
    }
}

pub(crate) fn get(key: &str) -> Action {
    let consistency = Consistency::Linearizable;
    let key = key.to_owned();
    Action::Get { key, consistency }
}

pub(crate) fn get_stale(key: &str) -> Action {
    let consistency = Consistency::Stale;
    let key = key.to_owned();
    Action::Get { key, consistency }
}

pub(crate) fn set(key: &str, value: &str) -> Action {
    set_as(key, value, None, None)
}

pub(crate) fn set_if(key: &str, value: &str, condition: Condition) -> Action {
    set_as(key, value, Some(condition), None)
}

pub(crate) fn set_fenced(key: &str, value: &str, lock: &str, token: u64) -> Action {
    let lock = lock.to_owned();
    set_as(key, value, None, Some(Fence { lock, token }))
}

fn set_as(key: &str, value: &str, condition: Option<Condition>, fence: Option<Fence>) -> Action {
    Action::Set {
        key: key.to_owned(),
        value: value.to_owned(),
        condition,
        fence,
    }
}

pub(crate) fn is(value: &str) -> Condition {
    Condition::Value(value.to_owned())
}

pub(crate) fn delete(key: &str) -> Action {
    let key = key.to_owned();
    Action::Delete { key, fence: None }
}

pub(crate) fn acquire(lock: &str, owner: &str, ttl_ms: u64) -> Action {
    Action::Acquire {
        lock: lock.to_owned(),
        owner: owner.to_owned(),
        ttl_ms,
        waits: false,
    }
}

pub(crate) fn release(lock: &str, owner: &str) -> Action {
    Action::Release {
        lock: lock.to_owned(),
        owner: owner.to_owned(),
    }
}

pub(crate) fn found(value: &str, written_at: u64, revision: u64) -> Outcome {
    let found = Some(Found {
        value: value.to_owned(),
        revision: written_at,
    });
    let revision = Some(revision);
    Outcome::Read { found, revision }
}

pub(crate) fn absent(revision: u64) -> Outcome {
    let revision = Some(revision);
    let found = None;
    Outcome::Read { found, revision }
}

pub(crate) fn written(revision: u64) -> Outcome {
    Outcome::Written { revision }
}

pub(crate) fn not_written(revision: u64) -> Outcome {
    let revision = Some(revision);
    Outcome::NotWritten { revision }
}

pub(crate) fn deleted(revision: u64) -> Outcome {
    Outcome::Deleted { revision }
}

pub(crate) fn not_deleted(revision: u64) -> Outcome {
    let revision = Some(revision);
    Outcome::NotDeleted { revision }
}

pub(crate) fn acquired(fence: u64) -> Outcome {
    Outcome::Acquired { fence }
}

pub(crate) fn not_acquired(revision: u64) -> Outcome {
    let revision = Some(revision);
    Outcome::NotAcquired { revision }
}

pub(crate) fn released(revision: u64) -> Outcome {
    let revision = Some(revision);
    Outcome::Released { revision }
}

pub(crate) fn failed() -> Outcome {
    let why = "refused".to_owned();
    Outcome::Failed { why }
}

pub(crate) fn unknown() -> Outcome {
    let why = "no answer".to_owned();
    Outcome::Unknown { why }
}

/// Which rules the replay sees broken, each once.
pub(crate) fn replayed(history: &[Operation]) -> Vec<Rule> {
    let violations = replay::check(history, 0);
    let mut rules: Vec<Rule> = violations.iter().map(|violation| violation.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Whether the search finds an order.
pub(crate) fn has_order(history: &[Operation]) -> bool {
    let searched = search::check(history);
    assert!(searched.undecided.is_empty(), "{:?}", searched.undecided);
    searched.violations.is_empty()
}
