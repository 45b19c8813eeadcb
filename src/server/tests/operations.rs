//! Batches and buckets as a node answers them: what is repeated, and what breaks off.

use bytes::Bytes;

use super::regressions::{finish, poll};
use super::world::{SHARD, World, kv, set, store};
use crate::base::ErrorKind;
use crate::base::time::Timer;
use crate::base::types::{ClientId, RequestId};
use crate::kv::{Incr, KvCommand};
use crate::machine::{Applied, BucketCommand, BucketSettings, Command, Op, OutcomeKind};
use crate::server::node::Node;
use crate::server::service::{Answer, Operation};

fn request(sequence: u64, attempt: u32) -> Option<RequestId> {
    Some(RequestId {
        client: ClientId([1; 16]),
        sequence,
        acked_below: 0,
        attempt,
    })
}

fn call(world: &World, node: &Node, operation: Operation) -> crate::base::Result<Answer> {
    let mut call = Box::pin(node.service.call(SHARD, operation, node.service.due()));
    finish(world, &mut call)
}

fn incr(sequence: u64, attempt: u32) -> Command {
    Command {
        request: request(sequence, attempt),
        ..kv(KvCommand::Incr(Incr {
            key: Bytes::from_static(b"visits"),
            by: 1,
            expire: Timer::Never,
            delete: Timer::Never,
        }))
    }
}

/// The first half of a batch was applied one by one, or by a try that was cut in two: the
/// whole batch, asked again, does only the rest.
#[test]
fn a_repeated_batch_does_only_what_was_not_done() {
    let mut world = World::new(3);
    let node = world.open().unwrap();
    let batch = |from: u64, to, attempt| {
        let commands = (from..to).map(|sequence| incr(sequence, attempt));
        Operation::Batch(commands.collect())
    };
    call(&world, &node, batch(1, 3, 0)).unwrap();
    let Answer::Batch(outcomes, _) = call(&world, &node, batch(1, 5, 1)).unwrap() else {
        panic!("a batch has the answer of one");
    };
    let told = |outcome: &crate::base::Result<Applied>| {
        let applied = outcome.as_ref().unwrap();
        (applied.outcome.count, applied.repeated)
    };
    let told: Vec<_> = outcomes.iter().map(told).collect();
    assert_eq!(told, [(1, true), (2, true), (3, false), (4, false)]);
}

/// One operation that is refused is that one's error, and the others are done.
#[test]
fn a_batch_goes_on_behind_a_refusal() {
    let mut world = World::new(4);
    let node = world.open().unwrap();
    let commands = vec![kv(set("visits", "many")), incr(1, 0), kv(set("other", "1"))];
    let Answer::Batch(outcomes, revision) =
        call(&world, &node, Operation::Batch(commands)).unwrap()
    else {
        panic!("a batch has the answer of one");
    };
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("`visits`"), "{error}");
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert_eq!(revision.0, 2);
}

fn about(command: BucketCommand, request: Option<RequestId>) -> Command {
    Command {
        request,
        fence: None,
        op: Op::Bucket {
            name: "users".to_owned(),
            command,
        },
    }
}

/// Whoever dropped a bucket went away after the first piece: the bucket takes nothing
/// meanwhile, and the repeated request, or anybody's, finishes it.
#[test]
fn a_drop_that_broke_off_is_finished_by_its_repetition() {
    for again in [request(1, 1), request(2, 0), None] {
        let mut world = World::new(5);
        world.config.wal_segment_bytes = 8 << 20;
        let node = world.open().unwrap();
        let shard = store(&node);
        let create = BucketCommand::Create(BucketSettings::default());
        world.apply(&shard, vec![about(create, None)]);
        for group in 0..11 {
            let commands = (0..1_000).map(|n| {
                let mut command = kv(set(&format!("{group:03}{n:04}"), "v"));
                if let Op::Kv { bucket, .. } = &mut command.op {
                    "users".clone_into(bucket);
                }
                command
            });
            world.apply(&shard, commands.collect());
        }
        let drop_it = |request| Operation::WriteInPieces(about(BucketCommand::Drop, request));
        let due = node.service.due();
        let mut broken = Box::pin(node.service.call(SHARD, drop_it(request(1, 0)), due));
        assert!(poll(&mut broken).is_pending());
        world.spawn.run_until_idle();
        drop(broken);
        let read = shard.read(|machine| machine.get("users", b"0000001", None));
        assert_eq!(read.unwrap_err().kind(), ErrorKind::NotFound);
        let create = Operation::Write(about(create, None));
        let error = call(&world, &node, create)
            .err()
            .expect("it is being dropped");
        assert_eq!(error.kind(), ErrorKind::Conflict);

        let Answer::Applied(dropped) = call(&world, &node, drop_it(again)).unwrap() else {
            panic!("a drop is a write");
        };
        assert_eq!(dropped.outcome.kind, OutcomeKind::BucketDropped);
        assert_eq!(dropped.outcome.count, 1_000, "the first try had 10,000");
        assert_eq!(shard.read(|machine| machine.state().buckets), 0);
    }
}
