//! A sync that fails: the node must not go on, for nobody knows what is on its disk.

use super::drill::{Drill, is_confirmed, perform};
use crate::cluster::until;
use crate::inject::Defect;
use crate::nemesis::Fault;

/// Changes that are confirmed after its sync failed, of which a node that stops may still send
/// the few that others had made durable.
const LATE: usize = 200;

#[test]
fn a_node_whose_sync_fails_ends_and_nothing_is_lost() {
    perform(
        "sync-error",
        3,
        |_| {},
        async |drill| {
            let leader = drill.warm_up().await?;
            fail(drill, leader).await?;
            let follower = (drill.leader().await? + 1) % 3;
            fail(drill, follower).await
        },
    );
}

#[test]
fn a_lone_node_whose_sync_fails_ends_and_nothing_is_lost() {
    perform(
        "sync-error-alone",
        1,
        |_| {},
        async |drill| {
            drill.warm_up().await?;
            fail(drill, 0).await
        },
    );
}

async fn fail(drill: &mut Drill, node: usize) -> Result<(), String> {
    drill.write(node).await?;
    let began_ns = drill.recorder().now_ns();
    let injection = drill.cluster.nodes[node].inject(Defect::SyncFails)?;
    until("a sync fails", async || injection.count() > 0).await?;
    let failed_ns = drill.recorder().now_ns();
    let (load, name) = (&drill.load, super::drill::name(node));
    let goes_on = until("it confirms one change after the other", async || {
        let history = load.recorder().history();
        let of_it = history
            .iter()
            .filter(|it| it.node == name && it.invoked_ns > failed_ns);
        of_it.filter(|it| is_confirmed(it)).count() > LATE
    });
    let (ended, said) = tokio::select! {
        ended = drill.cluster.nodes[node].end_by_itself() => ended?,
        went_on = goes_on => {
            return Err(format!("a sync of {name} failed, and it goes on: {went_on:?}"));
        }
    };
    if ended.success() || !said.contains("sync: Input/output error") {
        return Err(format!(
            "{name} ended without a word of the failed sync ({ended}):\n{said}"
        ));
    }
    drop(injection);
    if drill.cluster.nodes.len() > 1 {
        let other = (node + 1) % 3;
        drill.write(other).await?;
    }
    drill.cluster.heal()?;
    drill.struck(Fault::FsyncError, node, began_ns);
    drill.write(node).await
}
