//! Watches of buckets that are dropped, and made anew.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use tokio::time::timeout;

use crate::machine::{BucketCommand, BucketSettings, Command, Op};
use crate::proto::v1;
use crate::proto::v1::watch_reply::Reply;
use crate::server::node::Node;
use crate::server::tests::member::in_simulated_time;
use crate::server::tests::world::{World, kv, set, store};
use crate::server::watch::says;

fn about(command: BucketCommand) -> Command {
    Command {
        request: None,
        fence: None,
        op: Op::Bucket {
            name: "users".to_owned(),
            command,
        },
    }
}

fn made() -> Command {
    about(BucketCommand::Create(BucketSettings::default()))
}

fn user(name: &str) -> Command {
    let mut command = kv(set(name, "here"));
    if let Op::Kv { bucket, .. } = &mut command.op {
        "users".clone_into(bucket);
    }
    command
}

fn watch(node: &Node, from_revision: u64) -> BoxStream<'static, Reply> {
    let create = v1::WatchCreate {
        target: Some(v1::Target {
            bucket: "users".to_owned(),
            ..v1::Target::default()
        }),
        from_revision,
        progress_ms: 200,
        ..v1::WatchCreate::default()
    };
    says(node.service.clone(), create, Arc::default()).boxed()
}

/// The rest of what is told, marks left out, and the error it ends with.
async fn rest(says: BoxStream<'static, Reply>) -> (Vec<v1::WatchEvent>, v1::Error) {
    let (mut events, mut end) = (Vec::new(), None);
    let all = timeout(Duration::from_mins(1), says.collect::<Vec<_>>()).await;
    for reply in all.expect("it ends") {
        match reply {
            Reply::Events(told) => events.extend(told.events),
            Reply::Ended(error) => end = Some(error),
            Reply::Created(_) | Reply::ProgressRevision(_) => {}
        }
    }
    (events, end.expect("it ends"))
}

#[test]
fn a_drop_ends_a_watch_after_it_told_what_went() {
    for again in [false, true] {
        in_simulated_time(async {
            let mut world = World::new(9);
            let node = world.open().unwrap();
            let shard = store(&node);
            world.apply(&shard, vec![made(), user("alice"), user("bob")]);
            let mut says = watch(&node, 0);
            assert!(matches!(says.next().await, Some(Reply::Created(_))));
            assert!(matches!(
                says.next().await,
                Some(Reply::ProgressRevision(3))
            ));
            world.apply(&shard, vec![about(BucketCommand::Drop)]);
            if again {
                world.apply(&shard, vec![made()]);
            }
            let (events, end) = rest(says).await;
            assert_eq!(events.len(), 2, "alice and bob went");
            assert_eq!(end.kind, v1::ErrorKind::NotFound as i32);
            assert!(
                end.message.contains("`users` was dropped"),
                "{}",
                end.message
            );
        });
    }
}

#[test]
fn an_empty_bucket_that_goes_ends_its_watches_too() {
    in_simulated_time(async {
        let mut world = World::new(10);
        let node = world.open().unwrap();
        let shard = store(&node);
        world.apply(&shard, vec![made()]);
        let mut says = watch(&node, 0);
        assert!(matches!(says.next().await, Some(Reply::Created(_))));
        world.apply(&shard, vec![about(BucketCommand::Drop)]);
        assert_eq!(rest(says).await.0.len(), 0);
    });
}

#[test]
fn what_happened_before_a_bucket_was_made_is_no_part_of_it() {
    in_simulated_time(async {
        let mut world = World::new(11);
        let node = world.open().unwrap();
        let shard = store(&node);
        world.apply(&shard, vec![made(), user("alice")]);
        world.apply(
            &shard,
            vec![about(BucketCommand::Drop), made(), user("bob")],
        );
        for from in [1, 3, 4] {
            let (events, end) = rest(watch(&node, from)).await;
            assert_eq!(events, [], "of another bucket");
            assert_eq!(end.kind, v1::ErrorKind::NotFound as i32);
            assert!(
                end.message.contains("watch it from 5 on"),
                "{}",
                end.message
            );
        }
        let mut says = watch(&node, 5);
        assert!(matches!(says.next().await, Some(Reply::Created(_))));
        let Some(Reply::Events(told)) = says.next().await else {
            panic!("there is one");
        };
        assert_eq!(told.events[0].record.as_ref().unwrap().key, "bob");
    });
}
