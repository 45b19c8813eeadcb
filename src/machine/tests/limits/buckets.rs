//! Buckets with more keys than one command may remove, and as many as there may be.

use super::{apply, machine, set, summary};
use crate::base::ErrorKind;
use crate::base::limits::{BUCKETS_MAX, COMMAND_KEYS_MAX, ENTRY_COMMANDS_MAX};
use crate::base::time::Timer;
use crate::base::types::{ClientId, RequestId};
use crate::machine::{
    BucketCommand, BucketSettings, Command, Machine, Op, OutcomeKind, Transaction, Usage, query,
};

fn about(name: &str, command: BucketCommand) -> Command {
    let name = name.to_owned();
    Command {
        request: None,
        fence: None,
        op: Op::Bucket { name, command },
    }
}

fn create(name: &str) -> Command {
    about(name, BucketCommand::Create(BucketSettings::default()))
}

fn set_in(bucket: &str, key: &str) -> Command {
    let mut command = set(key.to_owned(), "v", Timer::Never);
    let Op::Kv { bucket: place, .. } = &mut command.op else {
        panic!("a set is about a key");
    };
    bucket.clone_into(place);
    command
}

fn kind(machine: &mut Machine, command: Command) -> OutcomeKind {
    apply(machine, 2, vec![command]).replies[0].outcome.kind
}

/// A machine with one bucket, of so many keys.
fn filled(count: usize) -> Machine {
    let mut machine = machine();
    apply(&mut machine, 1, vec![create("users")]);
    let sets = (0..count).map(|number| set_in("users", &format!("{number:06}")));
    apply(&mut machine, 1, sets.collect());
    machine
}

#[test]
fn a_large_bucket_goes_in_pieces_and_takes_no_requests_meanwhile() {
    let mut machine = filled(COMMAND_KEYS_MAX + 5);
    let request = |attempt| RequestId {
        client: ClientId([1; 16]),
        sequence: 1,
        acked_below: 0,
        attempt,
    };
    let drop_it = |attempt| Command {
        request: Some(request(attempt)),
        ..about("users", BucketCommand::Drop)
    };
    let effects = apply(&mut machine, 2, vec![drop_it(0)]);
    let (kind_of, count, _) = summary(&effects.replies[0]);
    assert_eq!(
        (kind_of, count),
        (OutcomeKind::BucketDroppedMore, COMMAND_KEYS_MAX as u64)
    );

    let transaction = Op::Transaction {
        bucket: "users".to_owned(),
        transaction: Transaction::default(),
    };
    let transaction = Command {
        op: transaction,
        ..create("users")
    };
    let update = about("users", BucketCommand::Update(BucketSettings::default()));
    for (command, expected) in [
        (set_in("users", "x"), OutcomeKind::NoSuchBucket),
        (transaction, OutcomeKind::NoSuchBucket),
        (update, OutcomeKind::NoSuchBucket),
        (create("users"), OutcomeKind::BucketDropping),
    ] {
        assert_eq!(kind(&mut machine, command), expected);
    }
    let error = machine.get("users", b"000001", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let listed = query::buckets(&*machine.view(), "", "", 9).unwrap();
    let (name, bucket) = &listed[0];
    assert_eq!((name.as_str(), bucket.dropping), ("users", true));
    assert_eq!(bucket.usage, Usage { keys: 5, bytes: 35 });

    // The piece is no outcome: the same request goes on, and its end is remembered.
    let effects = apply(&mut machine, 2, vec![drop_it(1), drop_it(2)]);
    let replies = effects.replies.iter();
    let replies = replies.map(|it| (it.outcome.kind, it.outcome.count, it.repeated));
    let dropped = OutcomeKind::BucketDropped;
    assert_eq!(
        replies.collect::<Vec<_>>(),
        [(dropped, 5, false), (dropped, 5, true)]
    );
    let state = machine.state();
    assert_eq!((state.keys, state.buckets), (0, 0));
    assert_eq!(
        kind(&mut machine, create("users")),
        OutcomeKind::BucketCreated
    );
}

/// Somebody made the bucket anew; a piece of the old drop that was late must not touch it.
#[test]
fn a_late_piece_of_a_drop_leaves_the_next_bucket_alone() {
    let mut machine = filled(3);
    let late = Command {
        request: Some(RequestId {
            client: ClientId([1; 16]),
            sequence: 1,
            acked_below: 0,
            attempt: 0,
        }),
        ..about("users", BucketCommand::Drop)
    };
    let commands = vec![late.clone(), create("users"), set_in("users", "x"), late];
    let effects = apply(&mut machine, 2, commands);
    assert!(effects.replies[3].repeated);
    assert_eq!((machine.state().buckets, machine.state().keys), (1, 1));
}

#[test]
fn a_shard_has_only_so_many_buckets() {
    let mut machine = machine();
    let names: Vec<_> = (0..BUCKETS_MAX).map(|n| format!("b{n:05}")).collect();
    for names in names.chunks(ENTRY_COMMANDS_MAX) {
        apply(
            &mut machine,
            1,
            names.iter().map(|name| create(name)).collect(),
        );
    }
    assert_eq!(machine.state().buckets, BUCKETS_MAX as u64);
    let before = machine.state().revision;
    assert_eq!(kind(&mut machine, create("more")), OutcomeKind::BucketsFull);
    assert_eq!(kind(&mut machine, create("b00007")), OutcomeKind::Unchanged);
    assert_eq!(machine.state().revision, before);
    let dropped = about("b00007", BucketCommand::Drop);
    assert_eq!(kind(&mut machine, dropped), OutcomeKind::BucketDropped);
    assert_eq!(
        kind(&mut machine, create("more")),
        OutcomeKind::BucketCreated
    );
}

/// A quota that is made smaller than what is there refuses growth, and nothing else.
#[test]
fn a_bucket_beyond_its_quota_may_shrink_and_change() {
    let mut machine = filled(4);
    let quota = Usage { keys: 2, bytes: 0 };
    let settings = BucketSettings {
        quota,
        ..BucketSettings::default()
    };
    let update = about("users", BucketCommand::Update(settings));
    for (command, expected) in [
        (update, OutcomeKind::BucketUpdated),
        (set_in("users", "x"), OutcomeKind::QuotaExceeded),
        (set_in("users", "000001"), OutcomeKind::Written),
    ] {
        assert_eq!(kind(&mut machine, command), expected);
    }
    assert_eq!(machine.state().keys, 4);
}
