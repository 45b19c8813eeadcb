//! Opening a watch: what is refused, what is there at first, and marks of progress.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Notify;

use crate::base::ErrorKind;
use crate::proto::v1;
use crate::proto::v1::watch_create::What;
use crate::proto::v1::watch_reply::Reply;
use crate::server::node::Node;
use crate::server::tests::member::in_simulated_time;
use crate::server::tests::world::{World, kv, set, store};
use crate::server::watch::says;

type Says = BoxStream<'static, Reply>;

fn watch(node: &Node, create: v1::WatchCreate) -> (Says, Arc<Notify>) {
    let asked = Arc::new(Notify::new());
    let says = says(node.service.clone(), create, Arc::clone(&asked));
    (says.boxed(), asked)
}

/// A node whose shard has `keys` keys of so many bytes, each set at a revision of its own.
fn node_with(world: &mut World, keys: usize, bytes: usize) -> Node {
    world.config.wal_segment_bytes = 8 << 20;
    let node = world.open().unwrap();
    for n in 0..keys {
        let command = kv(set(&format!("key-{n:04}"), &"v".repeat(bytes)));
        world.apply(&store(&node), vec![command]);
    }
    node
}

fn range(start: &'static str, end: &'static str) -> Option<What> {
    Some(What::Range(v1::KeyRange {
        start: start.into(),
        end: end.into(),
    }))
}

async fn refused(node: &Node, create: v1::WatchCreate) -> v1::Error {
    let (mut says, _) = watch(node, create);
    let Some(Reply::Ended(error)) = says.next().await else {
        panic!("it should be refused");
    };
    assert!(says.next().await.is_none(), "that was its last word");
    error
}

/// Requests that are wrong, and what is said about them.
fn wrong() -> Vec<(v1::WatchCreate, ErrorKind, &'static str)> {
    let plain = v1::WatchCreate::default;
    let on = |shard: u32, bucket: &str| {
        let (bucket, stale) = (bucket.to_owned(), false);
        let target = Some(v1::Target {
            shard,
            bucket,
            stale,
        });
        v1::WatchCreate {
            target,
            ..v1::WatchCreate::default()
        }
    };
    let of = |what| v1::WatchCreate {
        what,
        ..v1::WatchCreate::default()
    };
    let from = |from_revision, initial| v1::WatchCreate {
        from_revision,
        initial,
        ..plain()
    };
    let kind = |kind| v1::WatchCreate {
        kinds: vec![kind],
        ..plain()
    };
    let long = Some(What::Key(vec![b'k'; 4_097].into()));
    let often = v1::WatchCreate {
        progress_ms: 99,
        ..plain()
    };
    let future = "revision 9 does not exist yet (the shard is at 5)";
    vec![
        (from(9, false), ErrorKind::Invalid, future),
        (from(1, true), ErrorKind::Invalid, "leave one of them out"),
        (on(200, ""), ErrorKind::Invalid, "locks only"),
        (on(7, ""), ErrorKind::NotFound, "shard 7"),
        (on(100, "no"), ErrorKind::NotFound, "`no`"),
        (on(100, "a/b"), ErrorKind::Invalid, "a/b"),
        (of(long), ErrorKind::Invalid, "4097 bytes"),
        (of(range("b", "a")), ErrorKind::Invalid, "after its end"),
        (kind(4), ErrorKind::Invalid, "TOUCH"),
        (kind(99), ErrorKind::Invalid, "99 is not a kind"),
        (often, ErrorKind::Invalid, "at least 100 ms"),
    ]
}

#[test]
fn what_cannot_be_watched_is_refused_and_says_why() {
    in_simulated_time(async {
        let mut world = World::new(3);
        let node = node_with(&mut world, 5, 10);
        for (create, kind, says) in wrong() {
            let error = refused(&node, create).await;
            assert!(error.message.contains(says), "{}", error.message);
            assert_eq!(error.kind, kind as i32 + 1, "{}", error.message);
        }
        // The next revision is the first that does not exist, and may be waited for.
        let create = v1::WatchCreate {
            from_revision: 6,
            ..v1::WatchCreate::default()
        };
        let (mut says, _) = watch(&node, create);
        assert!(matches!(says.next().await, Some(Reply::Created(_))));
        let left = store(&node).watch_figures().watchers;
        assert_eq!(left, 1, "none of the others is left");
    });
}

#[test]
fn history_that_is_gone_is_said_to_be() {
    in_simulated_time(async {
        let mut world = World::new(4);
        let node = node_with(&mut world, 5, 10);
        world.clock.advance_ms(11 * 60 * 1_000);
        world.apply(&store(&node), vec![kv(set("late", "value"))]);
        let floor = store(&node).status().history_floor.0;
        assert!(floor > 1);
        let create = v1::WatchCreate {
            from_revision: floor - 1,
            ..v1::WatchCreate::default()
        };
        let error = refused(&node, create).await;
        assert_eq!(error.kind, v1::ErrorKind::Compacted as i32);
        assert_eq!(error.compacted_floor, floor);
    });
}

#[test]
fn the_initial_state_is_told_whole_and_goes_on_without_a_gap() {
    in_simulated_time(async {
        let mut world = World::new(5);
        let node = node_with(&mut world, 40, 100_000);
        let create = v1::WatchCreate {
            initial: true,
            what: range("key-0010", "key-0030"),
            previous: true,
            ..v1::WatchCreate::default()
        };
        let (mut says, _) = watch(&node, create);
        let Some(Reply::Created(created)) = says.next().await else {
            panic!("it is there");
        };
        assert_eq!(created.header.unwrap().revision, 40);
        // What changes meanwhile is no part of it, and comes after it.
        world.apply(&store(&node), vec![kv(set("key-0029", "new"))]);
        let (mut keys, mut parts) = (Vec::new(), 0);
        loop {
            let Some(Reply::Events(told)) = says.next().await else {
                panic!("it is not complete");
            };
            assert!(told.initial && told.events.len() <= 12);
            parts += 1;
            keys.extend(told.events.into_iter().map(|event| {
                assert_eq!(event.kind, v1::EventKind::Set as i32);
                let record = event.record.unwrap();
                assert_eq!(record.value.len(), 100_000);
                record.key
            }));
            if told.initial_is_complete {
                break;
            }
        }
        let expected: Vec<_> = (10..30).map(|n| format!("key-{n:04}")).collect();
        assert_eq!(keys, expected);
        assert!(parts >= 2, "it was told in {parts} parts");
        let Some(Reply::Events(told)) = says.next().await else {
            panic!("it goes on");
        };
        assert_eq!((told.events.len(), told.events[0].revision), (1, 41));
        let previous = told.events[0].previous.as_ref().unwrap();
        assert_eq!((previous.revision, previous.value.len()), (30, 100_000));
    });
}

#[test]
fn marks_come_when_it_is_quiet_and_when_asked_for_and_never_before_events() {
    in_simulated_time(async {
        let mut world = World::new(6);
        let node = node_with(&mut world, 3, 10);
        let create = v1::WatchCreate {
            what: Some(What::Key("key-0001".into())),
            progress_ms: 200,
            ..v1::WatchCreate::default()
        };
        let (mut says, asked) = watch(&node, create);
        assert!(matches!(says.next().await, Some(Reply::Created(_))));
        let began = tokio::time::Instant::now();
        assert_eq!(says.next().await, Some(Reply::ProgressRevision(3)));
        assert_eq!(began.elapsed().as_millis(), 200);
        // What does not concern it moves it on all the same.
        world.apply(&store(&node), vec![kv(set("other", "value"))]);
        assert_eq!(says.next().await, Some(Reply::ProgressRevision(4)));
        asked.notify_one();
        assert!(says.next().now_or_never().is_some(), "it was asked for");
        world.apply(&store(&node), vec![kv(set("key-0001", "new"))]);
        asked.notify_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
        let told = says.next().await;
        assert!(matches!(&told, Some(Reply::Events(_))), "{told:?}");
        assert_eq!(says.next().await, Some(Reply::ProgressRevision(5)));
    });
}

#[test]
fn a_revision_larger_than_a_message_comes_in_parts_that_say_so() {
    in_simulated_time(async {
        use crate::kv::KvCommand;
        let mut world = World::new(7);
        let node = node_with(&mut world, 30, 100_000);
        let create = v1::WatchCreate {
            previous: true,
            ..v1::WatchCreate::default()
        };
        let (mut says, _) = watch(&node, create);
        assert!(matches!(says.next().await, Some(Reply::Created(_))));
        let all = KvCommand::DeleteRange {
            start: "key".into(),
            end: None,
        };
        world.apply(&store(&node), vec![kv(all), kv(set("after", "it"))]);
        let (mut events, mut goes_on) = (Vec::new(), Vec::new());
        while events.len() < 31 {
            let Some(Reply::Events(told)) = says.next().await else {
                panic!("there is more");
            };
            goes_on.push(told.revision_goes_on);
            events.extend(told.events.into_iter().map(|event| event.revision));
        }
        assert_eq!(goes_on[..3], [true, true, false]);
        assert_eq!(events[..30], [31; 30]);
        assert_eq!(events[30], 32);
    });
}
