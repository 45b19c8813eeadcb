//! Transactions, additions, buckets, and replies with results.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{record, refused, stored};
use crate::base::limits::{DURATION_MS_MAX, KEY_BYTES_MAX, TXN_OPS_MAX};
use crate::base::time::{BootStamp, MachineTime, Timer};
use crate::base::types::{ClientId, FenceToken, OwnerId, RequestId, Revision};
use crate::kv::{Condition, Incr, KvCommand, Set};
use crate::lock::LockCommand;
use crate::machine::codec::bucket::{decode_bucket, encode_bucket};
use crate::machine::codec::{
    decode_entry, encode_entry, read_proposal, read_reply, store_proposal, store_replies,
};
use crate::machine::{
    Applied, Bucket, BucketCommand, BucketSettings, Command, Compare, Entry, Fence, Given, Op,
    OpResult, Outcome, OutcomeKind, Relation, Subject, Transaction, TxnOp, Usage,
};
use crate::proto::storage;
use bytes::Bytes;

fn word(word: &'static str) -> Bytes {
    Bytes::from_static(word.as_bytes())
}

/// Every compare there is.
fn compares() -> Vec<Compare> {
    let range = |end| Subject::Range {
        start: word("a"),
        end,
    };
    let mut compares = Vec::new();
    for relation in Relation::ALL {
        for (subject, given) in [
            (Subject::Key(word("k")), Given::Value(Bytes::new())),
            (Subject::Key(word("k")), Given::Value(word("v"))),
            (Subject::Key(word("k")), Given::Version(0)),
            (Subject::Key(word("k")), Given::Version(u64::MAX)),
            (range(None), Given::CreateRevision(Revision(7))),
            (range(Some(word("b"))), Given::Revision(Revision(8))),
            (range(Some(Bytes::new())), Given::Count(9)),
            (Subject::Lock(word("job")), Given::Fence(10)),
        ] {
            compares.push(Compare {
                subject,
                relation,
                given,
            });
        }
    }
    let there = |exists| Compare {
        subject: Subject::Key(word("k")),
        relation: Relation::Equal,
        given: Given::Exists(exists),
    };
    compares.extend([there(false), there(true)]);
    compares
}

/// Every operation there is, with these timers.
fn ops(expire: Timer, delete: Timer) -> Vec<TxnOp> {
    let key = word;
    let writes = [
        KvCommand::Set(Set {
            key: key("set"),
            value: word("v"),
            expire,
            delete,
            keep_timers: false,
            condition: None,
            return_previous: true,
        }),
        KvCommand::Delete { key: key("delete") },
        KvCommand::DeleteRange {
            start: word("range"),
            end: Some(word("range9")),
        },
        KvCommand::DeleteRange {
            start: word("z"),
            end: None,
        },
        KvCommand::Expire { key: key("expire") },
        KvCommand::Touch {
            key: key("touch"),
            expire,
            delete,
        },
        KvCommand::Persist {
            key: key("persist"),
        },
        KvCommand::Incr(Incr {
            key: key("incr"),
            by: i64::MIN,
            expire,
            delete,
        }),
    ];
    let get = TxnOp::Get { key: key("get") };
    writes.into_iter().map(TxnOp::Write).chain([get]).collect()
}

fn commands(expire: Timer, delete: Timer) -> Vec<Command> {
    let settings = BucketSettings {
        expire_in_ms: 1,
        delete_in_ms: DURATION_MS_MAX,
        no_history: true,
        quota: Usage { keys: 2, bytes: 3 },
    };
    let about = |command| Op::Bucket {
        name: "users".to_owned(),
        command,
    };
    let transaction = |compares, then, otherwise| Op::Transaction {
        bucket: "users".to_owned(),
        transaction: Transaction {
            compares,
            then,
            otherwise,
        },
    };
    let all = ops(expire, delete);
    let incr = KvCommand::Incr(Incr {
        key: word("n"),
        by: -1,
        expire,
        delete,
    });
    let ops = [
        transaction(Vec::new(), Vec::new(), Vec::new()),
        transaction(compares(), all.clone(), Vec::new()),
        transaction(Vec::new(), Vec::new(), all),
        Op::Kv {
            bucket: "users".to_owned(),
            command: incr,
        },
        about(BucketCommand::Create(settings)),
        about(BucketCommand::Create(BucketSettings::default())),
        about(BucketCommand::Update(settings)),
        about(BucketCommand::Drop),
    ];
    let command = |op| Command {
        request: None,
        fence: None,
        op,
    };
    ops.map(command).to_vec()
}

fn entry() -> Entry {
    let at = |ms| Timer::At(MachineTime(ms));
    Entry {
        now: MachineTime(1),
        boot: BootStamp::default(),
        commands: [commands(at(5), Timer::Never), commands(at(0), at(u64::MAX))].concat(),
    }
}

#[test]
fn entries_of_all_operations_round_trip() {
    let entry = entry();
    assert_eq!(decode_entry(encode_entry(&entry)).unwrap(), entry);
}

/// The leader counts on it: an entry that is larger than what its log takes would end the node.
#[test]
fn no_command_takes_more_of_the_log_than_it_weighs() {
    let late = Timer::At(MachineTime(u64::MAX));
    let long = Bytes::from(vec![b'v'; 3 << 20]);
    let mut all: Vec<Op> = commands(late, late).into_iter().map(|it| it.op).collect();
    for write in ops(late, late) {
        let TxnOp::Write(mut command) = write else {
            continue;
        };
        if let KvCommand::Set(set) = &mut command {
            set.condition = Some(Condition::Value(long.clone()));
            set.value = long.clone();
            set.keep_timers = true;
        }
        let transaction = Transaction {
            compares: Vec::new(),
            then: vec![TxnOp::Write(command.clone()); 100],
            otherwise: Vec::new(),
        };
        let bucket = String::new();
        all.push(Op::Kv { bucket, command });
        let bucket = String::new();
        all.push(Op::Transaction {
            bucket,
            transaction,
        });
    }
    all.push(Op::Lock {
        name: word("job"),
        command: LockCommand::Acquire {
            owner: OwnerId([9; 16]),
            ttl_ms: u64::MAX,
            wait: late,
        },
    });
    for op in all {
        let command = Command {
            request: Some(RequestId {
                client: ClientId([9; 16]),
                sequence: u64::MAX,
                acked_below: u64::MAX,
                attempt: u32::MAX,
            }),
            fence: Some(Fence {
                name: word("fence"),
                token: FenceToken(u64::MAX),
            }),
            op,
        };
        let mut entry = Entry {
            now: MachineTime(u64::MAX),
            boot: BootStamp::default(),
            commands: Vec::new(),
        };
        let head = encode_entry(&entry).len();
        let weight = command.weight();
        entry.commands.push(command);
        let bytes = encode_entry(&entry).len() - head;
        let what = &format!("{:?}", entry.commands)[..200];
        assert!(bytes <= weight, "{bytes} weigh {weight}: {what}");
    }
}

#[test]
fn proposals_keep_their_relative_timers() {
    for (expire, delete) in [
        (Timer::InMs(300), Timer::InMs(DURATION_MS_MAX)),
        (Timer::Never, Timer::InMs(1)),
        (Timer::Never, Timer::Never),
    ] {
        let commands = commands(expire, delete);
        let stored = store_proposal(&commands);
        assert_eq!(read_proposal(stored).unwrap(), commands);
    }
}

fn stored_txn(txn: storage::Txn) -> Vec<storage::Command> {
    vec![stored(storage::command::Op::Txn(txn))]
}

#[test]
fn transactions_that_cannot_be_are_refused() {
    use storage::compare::{Given, Subject};
    use storage::txn_op::Op;
    let branch = |ops: Vec<Op>| storage::Txn {
        then: ops
            .into_iter()
            .map(|op| storage::TxnOp { op: Some(op) })
            .collect(),
        ..storage::Txn::default()
    };
    let delete = |key| Op::Delete(word(key));
    let many = branch(vec![Op::Get(word("k")); TXN_OPS_MAX + 1]);
    refused(stored_txn(many), "1025 parts of a transaction");
    refused(
        stored_txn(branch(vec![delete("k"), delete("k")])),
        "its own rules",
    );
    let long = Op::Get(vec![b'k'; KEY_BYTES_MAX + 1].into());
    refused(stored_txn(branch(vec![long])), "key of 4097 bytes");
    let newer = storage::Txn {
        otherwise: vec![storage::TxnOp { op: None }],
        ..storage::Txn::default()
    };
    refused(stored_txn(newer), "operation of a transaction");

    let compare = |subject, relation, given| storage::Txn {
        compares: vec![storage::Compare {
            subject,
            relation,
            given,
        }],
        ..storage::Txn::default()
    };
    let key = || Some(Subject::Key(word("k")));
    let version = || Some(Given::Version(1));
    refused(
        stored_txn(compare(None, 0, version())),
        "subject of a compare",
    );
    refused(
        stored_txn(compare(key(), 6, version())),
        "relation of a compare",
    );
    refused(stored_txn(compare(key(), 0, None)), "compare");
    let fence = Some(Given::Fence(1));
    refused(stored_txn(compare(key(), 0, fence)), "its own rules");
}

#[test]
fn buckets_that_cannot_be_are_refused() {
    let create = |name: &str, expire_in_ms| {
        let settings = storage::BucketSettings {
            expire_in_ms,
            ..storage::BucketSettings::default()
        };
        vec![stored(storage::command::Op::CreateBucket(
            storage::CreateBucket {
                name: name.to_owned(),
                settings: Some(settings),
            },
        ))]
    };
    refused(create("", 0), "default bucket");
    refused(create("a/b", 0), "bucket name with bytes other than");
    refused(create("users", DURATION_MS_MAX + 1), "more than 100 years");
}

prop_compose! {
    fn result()(
        kind in 0..OutcomeKind::ALL.len(), count: u64, record in option::of(record()),
    ) -> OpResult {
        OpResult { kind: OutcomeKind::ALL[kind], count, record }
    }
}

proptest! {
    #[test]
    fn replies_with_results_round_trip(
        kind in 0..OutcomeKind::ALL.len(), revision: u64, count: u64, repeated: bool,
        previous in option::of(record()), results in vec(result(), 0..5),
    ) {
        let outcome = Outcome { kind: OutcomeKind::ALL[kind], revision: Revision(revision), count };
        let applied = Applied { outcome, previous, results, repeated };
        prop_assert_eq!(read_reply(store_replies(std::slice::from_ref(&applied)).remove(0)).unwrap(), applied);
    }

    #[test]
    fn bucket_rows_round_trip(words: [u64; 6], timers in (0..DURATION_MS_MAX, 0..DURATION_MS_MAX),
        no_history: bool, dropping: bool,
    ) {
        let bucket = Bucket {
            settings: BucketSettings {
                expire_in_ms: timers.0,
                delete_in_ms: timers.1,
                no_history,
                quota: Usage { keys: words[0], bytes: words[1] },
            },
            usage: Usage { keys: words[2], bytes: words[3] },
            create_revision: Revision(words[4]),
            revision: Revision(words[5]),
            dropping,
        };
        prop_assert_eq!(decode_bucket(encode_bucket(&bucket)).unwrap(), bucket);
    }

    #[test]
    fn a_flipped_bit_of_an_entry_gives_one_that_round_trips_or_an_error(at: u32, bit in 0..8) {
        let mut bytes = encode_entry(&entry()).to_vec();
        let at = at as usize % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        if let Ok(entry) = decode_entry(bytes.into()) {
            prop_assert_eq!(decode_entry(encode_entry(&entry)).unwrap(), entry);
        }
    }
}

#[test]
fn results_of_a_newer_dkv_are_refused() {
    let applied = Applied {
        outcome: Outcome {
            kind: OutcomeKind::Succeeded,
            revision: Revision(1),
            count: 0,
        },
        previous: None,
        results: vec![OpResult {
            kind: OutcomeKind::Found,
            count: 0,
            record: None,
        }],
        repeated: false,
    };
    let mut stored = store_replies(std::slice::from_ref(&applied)).remove(0);
    stored.results[0].kind = 250;
    let error = read_reply(stored).unwrap_err().to_string();
    assert!(error.contains("outcome of an operation"), "{error}");
}
