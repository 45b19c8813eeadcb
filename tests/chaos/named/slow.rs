//! A follower whose disk is slow: writes go on at the pace of the others.

use super::drill::{Drill, is_confirmed, perform};
use crate::cluster::until;
use crate::inject::Defect;
use crate::nemesis::Fault;

/// Syncs of the slow disk for as long as which it is looked at.
const SYNCS: usize = 4;

#[test]
fn a_slow_disk_of_a_follower_holds_nobody_up() {
    perform("slow-disk", 3, |_| {}, follow_slowly);
}

/// If each write waited for the slow disk, each client had one confirmed for each of its syncs, at
/// most.
async fn follow_slowly(drill: &mut Drill) -> Result<(), String> {
    let leader = drill.warm_up().await?;
    let follower = (leader + 1) % 3;
    let slow = drill.cluster.nodes[follower].inject(Defect::SyncCrawls)?;
    let from_ns = drill.recorder().now_ns();
    // Those that stay with one of the two others.
    let clients = 2;
    until(
        "writes are confirmed at the pace of those that are fast",
        async || {
            let confirmed = drill.answered_elsewhere(follower, from_ns, is_confirmed);
            let syncs = slow.count();
            syncs >= SYNCS && confirmed > (syncs + 1) * clients
        },
    )
    .await?;
    drop(slow);
    drill.struck(Fault::SlowDisk, follower, from_ns);
    Ok(())
}
