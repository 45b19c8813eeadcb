//! Nodes that are held for longer than an election takes, and go on with what they were asked
//! meanwhile, believing what they believed before.

use std::time::Duration;

use futures_util::future::join_all;

use super::drill::{Drill, WAITING, name, perform, read};
use crate::check::history::{Operation, Outcome};
use crate::cluster::until;
use crate::nemesis::Fault;
use crate::wire::WireClient;

/// Reads that wait at the node that is held.
const READS: u32 = 8;

/// Twice the longest time after which a member stands for election.
const LONG: Duration = Duration::from_secs(2);

#[test]
fn a_leader_that_was_held_does_not_answer_as_one() {
    perform(
        "paused-leader",
        3,
        |_| {},
        async |drill| {
            let leader = drill.warm_up().await?;
            hold(drill, leader, Fault::PauseLeader).await
        },
    );
}

#[test]
fn a_follower_that_was_held_does_not_answer_with_what_it_had() {
    perform(
        "paused-follower",
        3,
        |_| {},
        async |drill| {
            let follower = (drill.warm_up().await? + 1) % 3;
            hold(drill, follower, Fault::PauseAny).await
        },
    );
}

async fn hold(drill: &mut Drill, node: usize, fault: Fault) -> Result<(), String> {
    let other = (node + 1) % 3;
    drill.write(node).await?;
    let mut readers = Vec::new();
    for number in 0..READS {
        let address = &drill.cluster.nodes[node].address;
        let mut dice = drill.dice.fork(u64::from(WAITING + number));
        let mut reader = WireClient::patient(address, &mut dice);
        // So that it is connected.
        wait(drill, node, number, &mut reader).await;
        readers.push(reader);
    }
    drill.cluster.nodes[node].pause();
    let from_ns = drill.recorder().now_ns();
    if fault == Fault::PauseLeader {
        let cluster = &drill.cluster;
        until("the others elect one of them", async || {
            let seen = cluster.leader_seen_by(other).await;
            seen.is_some_and(|it| it != node)
        })
        .await?;
    } else {
        tokio::time::sleep(LONG).await;
    }
    drill.write(other).await?;
    let written_ns = drill.recorder().now_ns();
    let waiting = (0..).zip(&mut readers);
    let waiting = waiting.map(|(number, reader)| wait(drill, node, number, reader));
    let resumed = async {
        // All of them are on their way by then.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let resumed_ns = drill.recorder().now_ns();
        drill.cluster.nodes[node].go_on();
        resumed_ns
    };
    let (answers, resumed_ns) = tokio::join!(join_all(waiting), resumed);
    drill.cluster.heal()?;
    drill.struck(fault, node, from_ns);
    let queued = drill.asked(node, written_ns);
    let queued = queued
        .iter()
        .filter(|it| it.invoked_ns < resumed_ns && it.returned_ns > resumed_ns);
    let is_told = answers.iter().any(|it| matches!(it, Outcome::Read { .. }));
    match queued.count() >= READS as usize && is_told {
        true => Ok(()),
        false => Err(format!(
            "no read waited for it, so this proves nothing: {answers:?}"
        )),
    }
}

/// Reads, however long that takes.
async fn wait(drill: &Drill, node: usize, number: u32, reader: &mut WireClient) -> Outcome {
    let invoked_ns = drill.recorder().now_ns();
    let outcome = reader.call(&read()).await;
    drill.recorder().record(Operation {
        client: WAITING + number,
        node: name(node),
        invoked_ns,
        returned_ns: drill.recorder().now_ns(),
        action: read(),
        outcome: outcome.clone(),
    });
    outcome
}
