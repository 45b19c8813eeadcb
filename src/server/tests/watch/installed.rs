//! A snapshot takes the place of what a watcher was to be told.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use crate::base::ErrorKind;
use crate::base::types::Revision;
use crate::server::tests::member::in_simulated_time;
use crate::server::tests::three::Three;
use crate::server::tests::world::{kv, set, store};
use crate::store::Interest;
use crate::store::watch::{Kinds, Span};

fn everything() -> Interest {
    Interest {
        bucket: String::new(),
        span: Span::Range {
            start: Bytes::new(),
            end: None,
        },
        kinds: Kinds::ALL,
    }
}

/// A member that was cut off and given a snapshot has no history of what it missed: its
/// watchers hear that, and those of the others are told everything.
#[test]
fn whoever_watches_a_member_that_is_given_a_snapshot_hears_of_the_gap() {
    in_simulated_time(async {
        let three = Three::found(77).await;
        let leader = three.leader();
        let lags = (leader + 1) % 3;
        let now = store(three.node(lags)).read(|machine| machine.state().revision);
        let mut lagging = store(three.node(lags)).watch(everything(), now);
        let mut leading = store(three.node(leader)).watch(everything(), now);
        three
            .write(leader, kv(set("seen", "by all")))
            .await
            .unwrap();
        three.settle(&[0, 1, 2]).await;
        let seen = three.drive(lagging.next()).await.unwrap();
        assert_eq!(seen[0].key, "seen");
        let idle = three
            .drive(timeout(Duration::from_millis(50), lagging.next()))
            .await;
        assert!(idle.is_err(), "nothing more happened");

        three.cut_off(lags);
        let writes = 260_u64;
        for n in 0..writes {
            let command = kv(set(&format!("key-{n}"), &"v".repeat(100)));
            three.write(leader, command).await.unwrap();
        }
        three.heal();
        three.settle(&[lags]).await;
        let gone = three.drive(lagging.next()).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::Compacted, "{gone}");
        let floor = gone.compacted_floor().unwrap();
        assert!(floor > seen[0].revision.next(), "{floor}");
        let mut told = Vec::new();
        while (told.len() as u64) < writes + 1 {
            told.extend(three.drive(leading.next()).await.unwrap());
        }
        let revisions = told.iter().map(|event| event.revision);
        let expected = (now.0 + 1..).map(Revision).take(told.len());
        assert!(
            revisions.eq(expected),
            "the leader's watcher missed nothing"
        );

        // From the floor on it is told everything again.
        let mut again = store(three.node(lags)).watch(everything(), Revision(floor.0 - 1));
        three.write(leader, kv(set("after", "all"))).await.unwrap();
        three.settle(&[lags]).await;
        let mut told = Vec::new();
        while told.last() != Some(&Bytes::from_static(b"after")) {
            let events = three.drive(again.next()).await.unwrap();
            told.extend(events.iter().map(|event| event.key.clone()));
        }
    });
}
