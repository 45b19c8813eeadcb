//! Operations of a history in words, for people.

use crate::check::history::{Action, Condition, Consistency, Fence, Operation, Outcome};

/// What was asked for.
pub(super) fn asked(action: &Action) -> String {
    match action {
        Action::Get { key, consistency } => match consistency {
            Consistency::Linearizable => format!("get {key}"),
            Consistency::Stale => format!("get {key}, stale"),
        },
        Action::Set {
            key,
            value,
            condition,
            fence,
        } => {
            let condition = condition.as_ref().map(provided).unwrap_or_default();
            format!("set {key} to {value}{condition}{}", under(fence.as_ref()))
        }
        Action::Delete { key, fence } => format!("delete {key}{}", under(fence.as_ref())),
        Action::Acquire {
            lock,
            owner,
            ttl_ms,
            waits,
        } => {
            let waits = if *waits { ", waiting" } else { "" };
            format!(
                "acquire {lock} as {}, {}{waits}",
                short(owner),
                lease(*ttl_ms)
            )
        }
        Action::Renew {
            lock,
            owner,
            ttl_ms,
        } => format!("renew {lock} as {}, {}", short(owner), lease(*ttl_ms)),
        Action::Release { lock, owner } => format!("release {lock} as {}", short(owner)),
        Action::Other { what } => what.clone(),
    }
}

/// What was answered.
pub(super) fn answered(outcome: &Outcome) -> String {
    let at = |revision: &Option<u64>| match revision {
        Some(revision) => format!(" at {revision}"),
        None => String::new(),
    };
    match outcome {
        Outcome::Read { found, revision } => {
            let found = match found {
                Some(found) => format!("{}, written at {}", found.value, found.revision),
                None => "not there".to_owned(),
            };
            match revision {
                Some(revision) => format!("{found}, as of {revision}"),
                None => found,
            }
        }
        Outcome::Written { revision } => format!("written at {revision}"),
        Outcome::NotWritten { revision } => format!("the condition did not hold{}", at(revision)),
        Outcome::Deleted { revision } => format!("deleted at {revision}"),
        Outcome::NotDeleted { revision } => format!("not there{}", at(revision)),
        Outcome::Acquired { fence } => format!("acquired, fence {fence}"),
        Outcome::NotAcquired { revision } => format!("somebody else holds it{}", at(revision)),
        Outcome::Renewed { fence, revision } => format!("renewed, fence {fence}{}", at(revision)),
        Outcome::NotRenewed { revision } => format!("not the holder{}", at(revision)),
        Outcome::Released { revision } => format!("released{}", at(revision)),
        Outcome::NotReleased { revision } => format!("not the holder{}", at(revision)),
        Outcome::FenceStale => "refused: the fence is stale".to_owned(),
        Outcome::Failed { why } => format!("failed: {why}"),
        Outcome::Unknown { why } => format!("unknown: {why}"),
    }
}

/// Operations as lines in columns.
pub(super) fn table(operations: &[Operation]) -> Vec<String> {
    let mut cells = vec![["ms", "client", "member", "asked", "answered"].map(str::to_owned)];
    cells.extend(operations.iter().map(|it| {
        [
            format!("{} - {}", ms(it.invoked_ns), ms(it.returned_ns)),
            it.client.to_string(),
            it.node.clone(),
            asked(&it.action),
            answered(&it.outcome),
        ]
    }));
    let width = |at: usize| {
        let widths = cells.iter().map(|row| row[at].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let line = |row: &[String; 5]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        line + &row[4]
    };
    cells.iter().map(line).collect()
}

/// Milliseconds since the history began, to the microsecond.
fn ms(moment_ns: u64) -> String {
    format!("{}.{:03}", moment_ns / 1_000_000, moment_ns / 1_000 % 1_000)
}

fn provided(condition: &Condition) -> String {
    match condition {
        Condition::Absent => ", if it is not there".to_owned(),
        Condition::Present => ", if it is there".to_owned(),
        Condition::Value(value) => format!(", if it is {value}"),
        Condition::Unchanged { revision, value } => {
            format!(", if it is still {value}, written at {revision}")
        }
    }
}

fn under(fence: Option<&Fence>) -> String {
    match fence {
        Some(Fence { lock, token }) => format!(", under fence {token} of {lock}"),
        None => String::new(),
    }
}

fn lease(ttl_ms: u64) -> String {
    match ttl_ms {
        0 => "until released".to_owned(),
        ms => format!("for {ms} ms"),
    }
}

/// Enough of an owner to tell it from the others around it.
fn short(owner: &str) -> &str {
    const SHOWN: usize = 6;
    let from = owner.char_indices().rev().nth(SHOWN - 1);
    from.map_or(owner, |(from, _)| &owner[from..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::history::Found;

    #[test]
    fn operations_read_like_sentences_in_columns() {
        let get = Operation {
            client: 3,
            node: "node-2".to_owned(),
            invoked_ns: 1_203_004_000,
            returned_ns: 1_204_999_999,
            action: Action::Get {
                key: "0-1".to_owned(),
                consistency: Consistency::Linearizable,
            },
            outcome: Outcome::Read {
                found: Some(Found {
                    value: "c1-7".to_owned(),
                    revision: 5,
                }),
                revision: Some(9),
            },
        };
        let lines = table(&[get]);
        assert_eq!(
            lines,
            [
                "ms                   client  member  asked    answered",
                "1203.004 - 1204.999  3       node-2  get 0-1  c1-7, written at 5, as of 9",
            ]
        );
        let set = Action::Set {
            key: "k".to_owned(),
            value: "v".to_owned(),
            condition: Some(Condition::Unchanged {
                revision: 4,
                value: "u".to_owned(),
            }),
            fence: Some(Fence {
                lock: "l".to_owned(),
                token: 3,
            }),
        };
        assert_eq!(
            asked(&set),
            "set k to v, if it is still u, written at 4, under fence 3 of l"
        );
    }
}
