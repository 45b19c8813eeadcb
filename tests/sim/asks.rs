//! The words of players, and those of a node.

use std::collections::BTreeMap;

use bytes::Bytes;

use dkv::base::time::Timer;
use dkv::base::types::{RequestId, Revision};
use dkv::kv::{Incr, KvCommand, Record, Set};
use dkv::machine::{
    Applied, BucketCommand, BucketSettings, Command, Compare, Given, Op, OutcomeKind, Relation,
    ScanQuery, Subject, Transaction, TxnOp,
};
use dkv::server::service::{Answer, Consistency, Operation, Query};

use crate::check::history::{Found, Outcome};
use crate::check::txn::asked::{Ask, Each, Said};
use crate::words::{bytes, text};

/// How many request ids it takes.
pub(crate) fn sequences(ask: &Ask) -> u64 {
    match ask {
        Ask::Many { .. } | Ask::Scan { .. } | Ask::Get { .. } => 0,
        // It goes through the log, as every transaction.
        Ask::Look { .. } => 1,
        _ => ask.changes() as u64,
    }
}

/// What is asked of a node.
pub(crate) fn operation(ask: &Ask, request: RequestId) -> Operation {
    let one = |op| Operation::Write(command(op, request));
    let bucket = String::new();
    match ask {
        Ask::Look { keys } => {
            let read = |key: &String| TxnOp::Get { key: bytes(key) };
            let then = keys.iter().map(read).collect();
            one(transaction(Vec::new(), then))
        }
        Ask::Many { keys } => read(Query::GetMany {
            bucket,
            keys: keys.iter().map(|key| bytes(key)).collect(),
            at: None,
        }),
        Ask::Scan { prefix } => scan(prefix),
        Ask::Commit {
            unchanged,
            puts,
            adds,
        } => one(commit(unchanged, puts, adds)),
        Ask::Add { key, by } => one(in_bucket("", add(key, *by))),
        Ask::Batch { adds } => batch(adds.iter().map(|(key, by)| add(key, *by)), request),
        Ask::Get { bucket, key } => read(Query::Get {
            bucket: bucket.clone(),
            key: bytes(key),
            at: None,
        }),
        Ask::Put { bucket, key, value } => one(in_bucket(bucket, put(key, value.as_deref()))),
        Ask::Make { bucket } => one(Op::Bucket {
            name: bucket.clone(),
            command: BucketCommand::Create(BucketSettings::default()),
        }),
        Ask::Drop { bucket } => Operation::WriteInPieces(command(
            Op::Bucket {
                name: bucket.clone(),
                command: BucketCommand::Drop,
            },
            request,
        )),
    }
}

/// Changes of the default bucket together, the first of which has this request id.
pub(crate) fn batch(changes: impl Iterator<Item = KvCommand>, request: RequestId) -> Operation {
    let nth = |at: u64| RequestId {
        sequence: request.sequence + at,
        ..request
    };
    let changes = changes.map(|change| in_bucket("", change));
    let commands = (0..).zip(changes).map(|(at, op)| command(op, nth(at)));
    Operation::Batch(commands.collect())
}

fn read(query: Query) -> Operation {
    Operation::Read(query, Consistency::Linearizable)
}

fn scan(prefix: &str) -> Operation {
    const MANY: usize = 1_000;
    // No key has such a byte.
    let end = [prefix.as_bytes(), &[0xff]].concat();
    read(Query::Scan {
        query: Box::new(ScanQuery {
            bucket: String::new(),
            start: bytes(prefix),
            end: Some(Bytes::from(end)),
            after: None,
            reverse: false,
            limit: MANY,
            bytes_max: 1 << 20,
            keys_max: MANY,
            keys_only: false,
            count_only: false,
            include_expired: false,
            at: None,
        }),
        at: None,
    })
}

fn commit(
    unchanged: &[(String, u64)],
    puts: &[(String, Option<String>)],
    adds: &[(String, i64)],
) -> Op {
    let compare = |(key, revision): &(String, u64)| Compare {
        subject: Subject::Key(bytes(key)),
        relation: Relation::Equal,
        given: Given::Revision(Revision(*revision)),
    };
    let puts = puts.iter().map(|(key, value)| put(key, value.as_deref()));
    let adds = adds.iter().map(|(key, by)| add(key, *by));
    let then = puts.chain(adds).map(TxnOp::Write).collect();
    transaction(unchanged.iter().map(compare).collect(), then)
}

fn transaction(compares: Vec<Compare>, then: Vec<TxnOp>) -> Op {
    Op::Transaction {
        bucket: String::new(),
        transaction: Transaction {
            compares,
            then,
            otherwise: Vec::new(),
        },
    }
}

fn command(op: Op, request: RequestId) -> Command {
    Command {
        request: Some(request),
        fence: None,
        op,
    }
}

fn in_bucket(bucket: &str, command: KvCommand) -> Op {
    let bucket = bucket.to_owned();
    Op::Kv { bucket, command }
}

fn put(key: &str, value: Option<&str>) -> KvCommand {
    let key = bytes(key);
    match value {
        None => KvCommand::Delete { key },
        Some(value) => KvCommand::Set(Set {
            key,
            value: bytes(value),
            expire: Timer::Never,
            delete: Timer::Never,
            keep_timers: false,
            condition: None,
            return_previous: false,
        }),
    }
}

fn add(key: &str, by: i64) -> KvCommand {
    KvCommand::Incr(Incr {
        key: bytes(key),
        by,
        expire: Timer::Never,
        delete: Timer::Never,
    })
}

/// True if something that had been applied was not applied again.
pub(crate) fn was_repeated(answer: &Answer) -> bool {
    match answer {
        Answer::Applied(applied) => applied.repeated,
        Answer::Batch(each, _) => each.iter().flatten().any(|applied| applied.repeated),
        _ => false,
    }
}

/// What a node's answer means.
pub(crate) fn said(ask: &Ask, answer: Answer) -> Said {
    match (ask, answer) {
        (Ask::Look { keys }, Answer::Applied(applied)) if !applied.repeated => {
            let records = applied.results.into_iter().map(|result| result.record);
            seen(keys, records, applied.outcome.revision)
        }
        (Ask::Look { .. }, Answer::Applied(_)) => Said::Failed {
            why: "what was read is not remembered".to_owned(),
        },
        (Ask::Many { keys }, Answer::Records(records, _, revision)) => {
            seen(keys, records.into_iter(), revision)
        }
        (Ask::Get { key, .. }, Answer::Record(record, _, revision)) => {
            seen(std::slice::from_ref(key), std::iter::once(record), revision)
        }
        (Ask::Scan { .. }, Answer::Page(page, _)) => Said::Seen {
            found: page
                .records
                .iter()
                .map(|(key, it)| (text(key), shown(it)))
                .collect(),
            revision: page.revision.0,
        },
        (Ask::Add { .. }, Answer::Applied(applied)) => Said::Added(vec![added(&applied)]),
        (Ask::Batch { .. }, Answer::Batch(each, _)) => {
            let each = each.into_iter().map(|told| match told {
                Ok(applied) => added(&applied),
                Err(error) if error.kind() == dkv::base::ErrorKind::Timeout => Each::Unknown {
                    why: error.to_string(),
                },
                Err(error) => Each::Failed {
                    why: error.to_string(),
                },
            });
            Said::Added(each.collect())
        }
        (_, Answer::Applied(applied)) => written(&applied),
        _ => unreachable!("{ask:?} was answered with something else"),
    }
}

fn seen(
    keys: &[String],
    records: impl Iterator<Item = Option<Record>>,
    revision: Revision,
) -> Said {
    let there = keys.iter().zip(records);
    let found = there.filter_map(|(key, record)| Some((key.clone(), shown(&record?))));
    let found: BTreeMap<_, _> = found.collect();
    let revision = revision.0;
    Said::Seen { found, revision }
}

fn shown(record: &Record) -> Found {
    let value = record.value.as_ref();
    Found {
        value: value.map_or_else(String::new, |value| text(value)),
        revision: record.revision.0,
    }
}

fn added(applied: &Applied) -> Each {
    assert_eq!(applied.outcome.kind, OutcomeKind::Added);
    Each::Added {
        now: applied.outcome.count.cast_signed(),
        revision: applied.outcome.revision.0,
    }
}

fn written(applied: &Applied) -> Said {
    let revision = applied.outcome.revision.0;
    match applied.outcome.kind {
        OutcomeKind::Succeeded
        | OutcomeKind::Written
        | OutcomeKind::BucketCreated
        | OutcomeKind::BucketDropped => Said::Done { revision },
        OutcomeKind::Deleted if applied.outcome.count > 0 => Said::Done { revision },
        OutcomeKind::Otherwise => Said::Refused { revision },
        OutcomeKind::Unchanged | OutcomeKind::Deleted => Said::NothingToDo { revision },
        other => unreachable!("nobody asked for what gives {other:?}"),
    }
}

/// What the history of single operations holds of it: for every revision that may have been taken,
/// who took it.
pub(crate) fn outcomes(ask: &Ask, said: &Said) -> Vec<Outcome> {
    let untouched = |revision: u64| {
        let revision = Some(revision);
        vec![Outcome::NotWritten { revision }]
    };
    match said {
        Said::Seen { revision, .. }
        | Said::Refused { revision }
        | Said::NothingToDo { revision } => untouched(*revision),
        Said::Done { revision } => {
            let revision = *revision;
            vec![Outcome::Written { revision }]
        }
        Said::Added(each) => {
            let outcome = |each: &Each| match each.clone() {
                Each::Added { revision, .. } => Outcome::Written { revision },
                Each::Failed { why } => Outcome::Failed { why },
                Each::Unknown { why } => Outcome::Unknown { why },
            };
            each.iter().map(outcome).collect()
        }
        Said::NoBucket => Vec::new(),
        Said::Failed { why } => vec![Outcome::Failed { why: why.clone() }],
        Said::Unknown { why } => {
            let unknown = Outcome::Unknown { why: why.clone() };
            vec![unknown; ask.changes()]
        }
    }
}
