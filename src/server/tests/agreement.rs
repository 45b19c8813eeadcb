//! Members whose states differ although their logs do not.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::member::in_simulated_time;
use super::three::Three;
use super::world::{contents, kv, set, store};
use crate::base::{Error, ErrorKind};
use crate::kv::KvCommand;
use crate::store::Store;

/// Time for some comparisons.
const A_WHILE: Duration = Duration::from_secs(4);

impl Three {
    /// Loses the keys of one member, and makes that show: all others delete one that
    /// it does not have any more.
    async fn damage(&self, at: usize) {
        self.shard(at).lose_keys();
        let key = Bytes::from_static(b"first");
        let via = self.leader();
        self.write(via, kv(KvCommand::Delete { key }))
            .await
            .unwrap();
        self.settle(&[at]).await;
    }

    async fn stopped(&self, at: usize) -> Error {
        self.drive(self.node(at).fatal.raised()).await
    }

    /// Those of the members that must stop.
    fn fatal(&self) -> Vec<usize> {
        let is_fatal = |at: &usize| {
            let node = self.places[*at].node.as_ref();
            node.is_some_and(|node| node.fatal.reason().is_some())
        };
        (0..3).filter(is_fatal).collect()
    }

    /// Comparisons at a member while it led, and those in which somebody differed.
    fn compared(&self, at: usize) -> (u64, u64) {
        let figures = self.shard(at).figures();
        (figures.state_checks, figures.state_mismatches)
    }
}

fn assert_says_what_to_do(failure: &Error, name: &str) {
    assert_eq!(failure.kind(), ErrorKind::Corrupt);
    let remove = format!("dkv cluster remove {name})");
    for words in ["shard 100", "after entry", "majority", &remove, "--join"] {
        assert!(failure.message().contains(words), "{failure}");
    }
}

#[test]
fn a_follower_in_another_state_stops_and_the_others_go_on() {
    in_simulated_time(async {
        let mut three = Box::pin(Three::found(1)).await;
        let leader = three.leader();
        let [wrong, right] = [(leader + 1) % 3, (leader + 2) % 3];
        three.drive(sleep(A_WHILE)).await;
        let (checks, mismatches) = three.compared(leader);
        assert!(checks >= 2, "a quiet shard is compared, too");
        assert_eq!(mismatches, 0);
        three.damage(wrong).await;
        let failure = three.stopped(wrong).await;
        assert_says_what_to_do(&failure, &format!("node-{}", wrong + 1));
        assert_eq!(three.fatal(), [wrong]);
        assert!(three.compared(leader).1 > 0);
        let late = three.write(wrong, kv(set("late", "value"))).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Unavailable);
        // One that is as it should be does not stop, whatever it is told.
        let shard = three.shard(right);
        let status = shard.status();
        assert!(!shard.diverged_at(status.applied, status.state_hash));
        assert!(!shard.diverged_at(status.applied.next(), 1));
        three.end(wrong).await;
        let mismatches = three.compared(leader).1;
        for at in [leader, right] {
            three.write(at, kv(set("next", "value"))).await.unwrap();
        }
        three.drive(sleep(A_WHILE)).await;
        three.settle(&[leader, right]).await;
        assert_eq!(three.fatal(), [] as [usize; 0]);
        assert_eq!(three.compared(leader).1, mismatches, "those two agree");
        let [one, other] = [leader, right].map(|at| contents(&store(three.node(at))));
        assert_eq!(one, other);
    });
}

#[test]
fn a_leader_in_another_state_than_the_majority_stops_itself() {
    in_simulated_time(async {
        let mut three = Box::pin(Three::found(2)).await;
        let wrong = three.leader();
        three.damage(wrong).await;
        let failure = three.stopped(wrong).await;
        assert_says_what_to_do(&failure, &format!("node-{}", wrong + 1));
        three.end(wrong).await;
        let right = (wrong + 1) % 3;
        three.write(right, kv(set("next", "value"))).await.unwrap();
        three.drive(sleep(A_WHILE)).await;
        assert_eq!(three.fatal(), [] as [usize; 0]);
    });
}

/// Two members differ and the third cannot be asked: none of them is known to be wrong.
/// When it is back, its state decides.
#[test]
fn without_a_majority_nobody_stops_until_there_is_one() {
    in_simulated_time(async {
        let three = Box::pin(Three::found(3)).await;
        let leader = three.leader();
        let [wrong, away] = [(leader + 1) % 3, (leader + 2) % 3];
        three.cut_off(away);
        three.damage(wrong).await;
        three.drive(sleep(A_WHILE)).await;
        assert!(three.compared(leader).1 > 0, "it must be seen");
        assert_eq!(three.fatal(), [] as [usize; 0]);
        three.heal();
        three.stopped(wrong).await;
        three.drive(sleep(A_WHILE)).await;
        assert_eq!(three.fatal(), [wrong]);
    });
}

/// Its checkpoint has the damage, and nothing was written since: what it has is compared
/// all the same.
#[test]
fn a_member_that_comes_back_as_wrong_as_it_went_stops_again() {
    in_simulated_time(async {
        let mut three = Box::pin(Three::found(4)).await;
        let leader = three.leader();
        let [wrong, away] = [(leader + 1) % 3, (leader + 2) % 3];
        // Without the third it is left alone for now.
        three.cut_off(away);
        three.damage(wrong).await;
        let shard = three.shard(wrong);
        shard.checkpoint_now();
        let covered = async {
            while shard.status().durable < shard.status().applied {
                sleep(Duration::from_millis(1)).await;
            }
        };
        three.drive(covered).await;
        drop(shard);
        assert_eq!(three.fatal(), [] as [usize; 0]);
        three.end(wrong).await;
        three.heal();
        three.start(wrong).await;
        assert_eq!(three.stopped(wrong).await.kind(), ErrorKind::Corrupt);
        assert_eq!(three.fatal(), [wrong]);
    });
}

/// A member that took over rows has come to its state by another way than entries.
#[test]
fn a_snapshot_replaces_what_a_member_remembers() {
    in_simulated_time(async {
        let three = Box::pin(Three::found(5)).await;
        let leader = three.leader();
        let away = (leader + 1) % 3;
        let shard = three.shard(away);
        three.cut_off(away);
        shard.lose_keys();
        let before = shard.status().applied;
        assert!(shard.state_hash_at(before).is_some());
        three.leave_behind(away).await;
        three.heal();
        three.settle(&[away]).await;
        assert_eq!(shard.state_hash_at(before), None);
        let status = shard.status();
        let hash = shard.state_hash_at(status.applied);
        assert_eq!(hash, Some(status.state_hash));
        let seen = three.compared(three.leader());
        three.drive(sleep(A_WHILE)).await;
        let now = three.compared(three.leader());
        assert!(now.0 > seen.0);
        assert_eq!(now.1, seen.1, "they agree");
        assert_eq!(three.fatal(), [] as [usize; 0]);
        let stores: Vec<Store> = (0..3).map(|at| store(three.node(at))).collect();
        assert_eq!(contents(&stores[away]), contents(&stores[leader]));
    });
}
