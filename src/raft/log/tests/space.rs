//! A full disk makes a group wait, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;

use super::model::Contents;
use super::{Sim, append, entry, in_simulated_time};
use crate::base::types::NodeId;
use crate::raft::types::{LogId, Vote};

const LONG: Duration = Duration::from_secs(5);

#[test]
fn a_full_disk_holds_entries_up_and_neither_votes_nor_purges() {
    in_simulated_time(async {
        let sim = Sim::new(1, 10_000);
        sim.disk.set_capacity_bytes(Some(6 * super::SEGMENT_BYTES));
        let mut log = sim.start().unwrap();
        let mut written = 0;
        let waiting = loop {
            let one = vec![entry(1, written, Bytes::from(vec![1; 1_000]))];
            written += 1;
            let mut writer = log.clone();
            let mut appending = Box::pin(async move {
                let told = append(&mut writer, one).await?;
                told.await.unwrap()
            });
            let waited = tokio::time::timeout(LONG, &mut appending);
            match sim.drive(waited).await {
                Ok(told) => told.unwrap(),
                Err(_) => break appending,
            }
        };
        assert!(written > 40, "{written}");
        assert!(log.shared.wal.status().read_only.is_some());
        for term in 2..6 {
            let vote = Vote::new(term, NodeId([1; 16]));
            sim.drive(log.save_vote(&vote)).await.unwrap();
        }
        let upto = LogId::new_term_index(1, written - 3);
        sim.drive(log.purge(upto)).await.unwrap();
        // What was purged made room: the entry that waits is written now, and told.
        let told = sim.drive(tokio::time::timeout(LONG, waiting)).await;
        told.expect("there is room again").unwrap();
        let before = Contents::of(&mut log).await.unwrap();
        assert_eq!(before.entries.len(), 2);
        sim.spawn.crash();
        sim.disk.crash();
        let mut log = sim.start().unwrap();
        assert_eq!(Contents::of(&mut log).await.unwrap(), before);
        let vote = log.read_vote().await.unwrap().unwrap();
        assert_eq!(vote.leader_id.term, 5);
    });
}

/// When even what is left for votes is used up, a vote waits too, and is told in the end.
#[test]
fn a_vote_without_any_room_waits() {
    in_simulated_time(async {
        let sim = Sim::new(2, 10_000);
        sim.disk.set_capacity_bytes(Some(4 * super::SEGMENT_BYTES));
        let mut log = sim.start().unwrap();
        let mut term = 0;
        let stuck = loop {
            term += 1;
            let mut voter = log.clone();
            let mut voting = Box::pin(async move {
                let vote = Vote::new(term, NodeId([1; 16]));
                voter.save_vote(&vote).await
            });
            // States never pin a segment: only entries can fill the disk.
            let mut writer = log.clone();
            let one = vec![entry(1, term - 1, Bytes::from(vec![1; 3_000]))];
            let full = sim.drive(tokio::time::timeout(LONG, append(&mut writer, one)));
            if full.await.is_err() {
                break voting;
            }
            sim.drive(&mut voting).await.unwrap();
        };
        drop(stuck);
        let mut last = term;
        let stuck = loop {
            last += 1;
            let mut voter = log.clone();
            let mut voting = Box::pin(async move {
                let vote = Vote::new(last, NodeId([1; 16]));
                voter.save_vote(&vote).await
            });
            match sim.drive(tokio::time::timeout(LONG, &mut voting)).await {
                Ok(voted) => voted.unwrap(),
                Err(_) => break voting,
            }
        };
        sim.disk.set_capacity_bytes(None);
        sim.drive(stuck).await.unwrap();
        let vote = log.read_vote().await.unwrap().unwrap();
        assert_eq!(vote.leader_id.term, last);
    });
}
