//! What a caller reads when it is refused.

use bytes::Bytes;

use super::{Subject, settle, settle_batch};
use crate::base::ErrorKind;
use crate::base::time::Timer;
use crate::base::types::{FenceToken, Revision};
use crate::kv::{Incr, KvCommand};
use crate::machine::{
    Applied, BucketCommand, Command, Fence, Op, Outcome, OutcomeKind, Transaction,
};
use crate::server::service::Answer;

fn command(op: Op) -> Command {
    Command {
        request: None,
        fence: Some(Fence {
            name: Bytes::from_static(b"job"),
            token: FenceToken(7),
        }),
        op,
    }
}

fn incr() -> Command {
    let incr = Incr {
        key: Bytes::from_static(b"visits\n"),
        by: 1,
        expire: Timer::Never,
        delete: Timer::Never,
    };
    command(Op::Kv {
        bucket: "users".to_owned(),
        command: KvCommand::Incr(incr),
    })
}

fn transaction() -> Command {
    command(Op::Transaction {
        bucket: "users".to_owned(),
        transaction: Transaction::default(),
    })
}

fn bucket() -> Command {
    command(Op::Bucket {
        name: "users".to_owned(),
        command: BucketCommand::Drop,
    })
}

fn applied(kind: OutcomeKind, count: u64) -> Applied {
    Applied {
        outcome: Outcome {
            kind,
            revision: Revision(9),
            count,
        },
        previous: None,
        results: Vec::new(),
        repeated: false,
    }
}

type Refusal = (Command, OutcomeKind, u64, ErrorKind, &'static str);

/// What keys and their values are refused for.
fn refusals_of_values() -> Vec<Refusal> {
    use ErrorKind::{Invalid, LimitExceeded};
    vec![
        (
            incr(),
            OutcomeKind::NotInteger,
            0,
            Invalid,
            "the value of `visits\\n` is not a 64-bit integer in decimal text: nothing was done",
        ),
        (
            transaction(),
            OutcomeKind::NotInteger,
            2,
            Invalid,
            "operation 3: the value of its key is not a 64-bit integer in decimal text: nothing was done",
        ),
        (
            incr(),
            OutcomeKind::Overflow,
            0,
            Invalid,
            "the value of `visits\\n` would leave the range of 64-bit integers: nothing was done",
        ),
        (
            transaction(),
            OutcomeKind::Overflow,
            0,
            Invalid,
            "operation 1: the value of its key would leave the range of 64-bit integers: nothing was done",
        ),
        (
            incr(),
            OutcomeKind::QuotaExceeded,
            1_000,
            LimitExceeded,
            "the write would take bucket `users` beyond its quota of bytes or keys (1000 bytes are in it): \
             delete keys, or raise it with `dkv bucket update users`",
        ),
    ]
}

/// What bounds, buckets and fences refuse.
fn refusals_of_bounds() -> Vec<Refusal> {
    use ErrorKind::{Conflict, FenceStale, LimitExceeded};
    vec![
        (
            transaction(),
            OutcomeKind::TooManyKeys,
            0,
            LimitExceeded,
            "the ranges of the transaction have more than 10000 keys: narrow them",
        ),
        (
            transaction(),
            OutcomeKind::TooManyBytes,
            0,
            LimitExceeded,
            "what the transaction looks at and replaces takes more than 20971520 bytes: split it",
        ),
        (
            bucket(),
            OutcomeKind::BucketDiffers,
            0,
            Conflict,
            "bucket `users` is there with other settings (`dkv bucket list` shows them): change them with \
          `dkv bucket update users`; whether it keeps history is fixed",
        ),
        (
            bucket(),
            OutcomeKind::BucketDropping,
            0,
            Conflict,
            "bucket `users` is being dropped: wait, or finish it with `dkv bucket drop users`",
        ),
        (
            bucket(),
            OutcomeKind::BucketsFull,
            0,
            LimitExceeded,
            "the shard has 10000 buckets, the most it can have: drop one first",
        ),
        (
            incr(),
            OutcomeKind::OtherRequest,
            0,
            Conflict,
            "this request id (over REST the Idempotency-Key) came before, with another request: \
             nothing was done now; a new request takes the next sequence",
        ),
        (
            incr(),
            OutcomeKind::FenceStale,
            0,
            FenceStale,
            "stale fence 7 of the lock `job`: nobody holds the lock now; stop, the lock was lost",
        ),
    ]
}

#[test]
fn each_refusal_says_what_was_wrong_and_what_to_do() {
    let table = [refusals_of_values(), refusals_of_bounds()].concat();
    for (command, refusal, count, kind, message) in table {
        let error = settle(applied(refusal, count), &Subject::of(&command)).unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, message));
    }
    for command in [incr(), transaction(), bucket()] {
        let refusal = applied(OutcomeKind::NoSuchBucket, 0);
        let error = settle(refusal, &Subject::of(&command)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("`users`"), "{error}");
    }
}

#[test]
fn a_batch_has_an_outcome_for_each_of_its_operations() {
    let subjects = [Subject::of(&incr()), Subject::of(&incr())];
    let replies = vec![
        applied(OutcomeKind::NotInteger, 0),
        applied(OutcomeKind::Added, 5),
    ];
    let Answer::Batch(outcomes, revision) = settle_batch(replies, &subjects) else {
        panic!("a batch has the answer of one");
    };
    assert_eq!(revision, Revision(9));
    assert_eq!(outcomes[0].as_ref().unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(outcomes[1].as_ref().unwrap().outcome.count, 5);
}
