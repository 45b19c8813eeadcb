//! A request id under which another request came before: `incr` under a delete's id was
//! answered that the number is 0 now, and nothing had been added.

use bytes::Bytes;

use super::engine::MapEngine;
use crate::base::limits::LOCK_WAITERS_MAX;
use crate::base::time::{BootStamp, MachineTime, Timer};
use crate::base::types::{ClientId, FenceToken, OwnerId, RequestId, Revision};
use crate::kv::{Condition, Incr, KvCommand, Set};
use crate::lock::LockCommand;
use crate::machine::{
    Applied, BucketCommand, BucketSettings, Command, Entry, Fence, HistoryLimits, Machine, Op,
    OutcomeKind as Kind, Transaction,
};

/// A command, its name, and the outcome it has here.
type Case = (&'static str, Op, Kind);

const ALICE: OwnerId = OwnerId([1; 16]);

fn kv(command: KvCommand) -> Op {
    let bucket = String::new();
    Op::Kv { bucket, command }
}

fn set(key: &'static str, condition: Option<Condition>) -> Op {
    kv(KvCommand::Set(Set {
        key: Bytes::from_static(key.as_bytes()),
        value: Bytes::from_static(b"7"),
        expire: Timer::Never,
        delete: Timer::Never,
        keep_timers: false,
        condition,
        return_previous: false,
    }))
}

fn touch(key: Bytes) -> Op {
    let (expire, delete) = (Timer::Never, Timer::At(MachineTime(90_000)));
    kv(KvCommand::Touch {
        key,
        expire,
        delete,
    })
}

fn incr(key: &'static str) -> Op {
    kv(KvCommand::Incr(Incr {
        key: Bytes::from_static(key.as_bytes()),
        by: 1,
        expire: Timer::Never,
        delete: Timer::Never,
    }))
}

fn bucket(name: &str, command: BucketCommand) -> Op {
    let name = name.to_owned();
    Op::Bucket { name, command }
}

fn lock(name: &'static str, command: LockCommand) -> Op {
    let name = Bytes::from_static(name.as_bytes());
    Op::Lock { name, command }
}

fn acquire(name: &'static str) -> Op {
    let (owner, ttl_ms, wait) = (ALICE, 60_000, Timer::Never);
    lock(
        name,
        LockCommand::Acquire {
            owner,
            ttl_ms,
            wait,
        },
    )
}

/// Every command there is, each with something to do.
fn cases() -> Vec<Case> {
    [of_keys(), of_all_else()].concat()
}

fn of_keys() -> Vec<Case> {
    let key = |name: &'static str| Bytes::from_static(name.as_bytes());
    let range = KvCommand::DeleteRange {
        start: key("range"),
        end: Some(key("rangf")),
    };
    let transaction = Op::Transaction {
        bucket: String::new(),
        transaction: Transaction::default(),
    };
    vec![
        ("set", set("new", None), Kind::Written),
        (
            "set if absent",
            set("there", Some(Condition::Absent)),
            Kind::ConditionFailed,
        ),
        (
            "delete",
            kv(KvCommand::Delete { key: key("gone") }),
            Kind::Deleted,
        ),
        ("delete of a range", kv(range), Kind::Deleted),
        (
            "expire",
            kv(KvCommand::Expire { key: key("soft") }),
            Kind::Expired,
        ),
        ("touch", touch(key("there")), Kind::Touched),
        (
            "persist",
            kv(KvCommand::Persist { key: key("timed") }),
            Kind::Persisted,
        ),
        ("incr", incr("number"), Kind::Added),
        ("transaction", transaction, Kind::Succeeded),
    ]
}

fn of_all_else() -> Vec<Case> {
    let settings = BucketSettings {
        expire_in_ms: 5,
        ..BucketSettings::default()
    };
    let create = BucketCommand::Create(BucketSettings::default());
    let owner = ALICE;
    vec![
        ("create", bucket("new", create), Kind::BucketCreated),
        (
            "update",
            bucket("kept", BucketCommand::Update(settings)),
            Kind::BucketUpdated,
        ),
        (
            "drop",
            bucket("dropped", BucketCommand::Drop),
            Kind::BucketDropped,
        ),
        ("acquire", acquire("free"), Kind::Granted),
        (
            "renew",
            lock(
                "held",
                LockCommand::Renew {
                    owner,
                    ttl_ms: 70_000,
                },
            ),
            Kind::Renewed,
        ),
        (
            "release",
            lock("let go", LockCommand::Release { owner }),
            Kind::Released,
        ),
        ("revoke", lock("taken", LockCommand::Revoke), Kind::Revoked),
        (
            "cancel",
            lock("held", LockCommand::CancelWait { owner }),
            Kind::Cancelled,
        ),
        ("sweep", Op::Sweep, Kind::Swept),
    ]
}

/// Commands that find nothing to do, or are refused, in the same words as others.
fn shared() -> Vec<Case> {
    let none = || Bytes::from_static(b"none");
    let nobody = || "nobody".to_owned();
    let same = BucketSettings::default();
    let in_nobody = |command| Op::Kv {
        bucket: nobody(),
        command,
    };
    let transaction = Op::Transaction {
        bucket: nobody(),
        transaction: Transaction::default(),
    };
    vec![
        (
            "expire",
            kv(KvCommand::Expire { key: none() }),
            Kind::Unchanged,
        ),
        ("touch", touch(none()), Kind::Unchanged),
        (
            "persist",
            kv(KvCommand::Persist { key: none() }),
            Kind::Unchanged,
        ),
        (
            "create",
            bucket("same", BucketCommand::Create(same)),
            Kind::Unchanged,
        ),
        (
            "update",
            bucket("same", BucketCommand::Update(same)),
            Kind::Unchanged,
        ),
        ("drop", bucket("none", BucketCommand::Drop), Kind::Unchanged),
        ("revoke", lock("none", LockCommand::Revoke), Kind::Unchanged),
        (
            "delete",
            in_nobody(KvCommand::Delete { key: none() }),
            Kind::NoSuchBucket,
        ),
        ("transaction", transaction, Kind::NoSuchBucket),
        ("incr", incr("text"), Kind::NotInteger),
    ]
}

/// A machine in which each of the commands has something to do.
fn machine() -> Machine {
    let engine = Box::new(MapEngine::default());
    let mut machine = Machine::open(engine, HistoryLimits::default()).unwrap();
    let create = BucketCommand::Create(BucketSettings::default());
    let ops = ["there", "gone", "range 1", "soft", "timed", "number"].map(|key| set(key, None));
    let buckets = ["kept", "dropped", "same"].map(|name| bucket(name, create));
    let locks = ["held", "let go", "taken"].map(acquire);
    let mut text = set("text", None);
    if let Op::Kv {
        command: KvCommand::Set(set),
        ..
    } = &mut text
    {
        set.value = Bytes::from_static(b"seven");
    }
    let timed = touch(Bytes::from_static(b"timed"));
    for op in ops
        .into_iter()
        .chain(buckets)
        .chain(locks)
        .chain([text, timed])
    {
        apply(&mut machine, None, None, op);
    }
    machine
}

fn apply(
    machine: &mut Machine,
    request: Option<RequestId>,
    fence: Option<Fence>,
    op: Op,
) -> Applied {
    let index = machine.state().applied.next();
    let command = Command { request, fence, op };
    let entry = Entry {
        now: MachineTime(1_000),
        boot: BootStamp::default(),
        commands: vec![command],
    };
    machine.apply(index, &entry).unwrap().replies.remove(0)
}

fn request(attempt: u32) -> Option<RequestId> {
    Some(RequestId {
        client: ClientId([9; 16]),
        sequence: 1,
        acked_below: 0,
        attempt,
    })
}

/// Asks for `first`, then for `second` under its id, then for `first` again.
fn ask_under_its_id(first: &Case, second: &Case) -> Applied {
    let mut machine = machine();
    let (name, op, kind) = first;
    let place = format!("{} under the id of {name}", second.0);
    let answer = apply(&mut machine, request(0), None, op.clone());
    assert_eq!(
        (answer.outcome.kind, answer.repeated),
        (*kind, false),
        "{name}"
    );
    let before = *machine.state();
    let under = apply(&mut machine, request(0), None, second.1.clone());
    let after = *machine.state();
    assert_eq!(after.revision, before.revision, "{place}: it did something");
    assert_eq!(
        (after.keys, after.locks, after.buckets),
        (before.keys, before.locks, before.buckets),
        "{place}: it did something"
    );
    let again = apply(&mut machine, request(1), None, op.clone());
    let known = Applied {
        repeated: true,
        previous: None,
        results: Vec::new(),
        outcome: answer.outcome,
    };
    assert_eq!(again, known, "{place}: it is remembered");
    under
}

/// The kinds of commands whose outcome of this kind is like another's, and which are
/// therefore answered with it.
fn alike(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Deleted => &["delete", "delete of a range"],
        Kind::Written => &["set", "set if absent"],
        Kind::Unchanged => &[
            "expire", "touch", "persist", "create", "update", "drop", "revoke",
        ],
        Kind::NoSuchBucket => &[
            "set",
            "set if absent",
            "delete",
            "delete of a range",
            "expire",
            "touch",
            "persist",
            "incr",
            "transaction",
            "update",
        ],
        Kind::NotInteger => &["incr", "transaction"],
        _ => &[],
    }
}

#[test]
fn a_request_under_the_id_of_another_one_is_refused() {
    let all = cases();
    for first in all.iter().chain(&shared()) {
        for second in &all {
            let answer = ask_under_its_id(first, second);
            let (name, kind) = (first.0, first.2);
            let place = format!("{} under the id of {name}", second.0);
            if name == second.0 || alike(kind).contains(&second.0) {
                assert_eq!(
                    (answer.outcome.kind, answer.repeated),
                    (kind, true),
                    "{place}"
                );
                continue;
            }
            assert_eq!(answer.outcome.kind, Kind::OtherRequest, "{place}");
            assert_eq!(
                (answer.outcome.count, answer.repeated),
                (0, false),
                "{place}"
            );
        }
    }
}

/// What neither the drawing of the model gives nor the commands above: no outcome may be
/// missing among those that a command is known to give.
#[test]
fn a_full_queue_and_other_settings_are_answered_again() {
    let wait = Timer::At(MachineTime(90_000));
    let waits = |owner| {
        let ttl_ms = 60_000;
        lock(
            "held",
            LockCommand::Acquire {
                owner,
                ttl_ms,
                wait,
            },
        )
    };
    let no_history = BucketSettings {
        no_history: true,
        ..BucketSettings::default()
    };
    let create = bucket("same", BucketCommand::Create(no_history));
    for (op, kind) in [
        (waits(OwnerId([2; 16])), Kind::QueueFull),
        (create, Kind::BucketDiffers),
    ] {
        let mut machine = machine();
        for number in 0..LOCK_WAITERS_MAX {
            let owner = OwnerId((1_000 + number as u128).to_be_bytes());
            let queued = apply(&mut machine, None, None, waits(owner));
            assert_eq!(queued.outcome.kind, Kind::Queued);
        }
        let first = apply(&mut machine, request(0), None, op.clone());
        assert_eq!((first.outcome.kind, first.repeated), (kind, false));
        let again = apply(&mut machine, request(1), None, op);
        assert_eq!((again.outcome.kind, again.repeated), (kind, true));
    }
}

/// A stale fence is remembered as well, and only what names a fence can have met one.
#[test]
fn what_names_no_fence_cannot_have_met_a_stale_one() {
    let mut machine = machine();
    let fence = Some(Fence {
        name: Bytes::from_static(b"held"),
        token: FenceToken(999),
    });
    let met = apply(&mut machine, request(0), fence.clone(), set("a", None));
    assert_eq!(met.outcome.kind, Kind::FenceStale);
    let revision = Revision(machine.state().revision.0);
    let bare = apply(&mut machine, request(1), None, set("a", None));
    assert_eq!(bare.outcome.kind, Kind::OtherRequest);
    assert_eq!(bare.outcome.revision, revision);
    let again = apply(&mut machine, request(2), fence, set("a", None));
    assert_eq!(
        (again.outcome.kind, again.repeated),
        (Kind::FenceStale, true)
    );
}
