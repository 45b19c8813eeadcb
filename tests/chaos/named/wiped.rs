//! A member that comes back with its old name and an empty directory: refused, for its vote may
//! have been given; and a member again once it was taken out and joined anew, all under load.
//!
//! What the commands say on the way is tested in `tests/it/cluster_loss.rs` and its neighbours.

use super::drill::{Drill, is_confirmed, perform};
use crate::cluster::until;
use crate::nemesis::{Fault, wipe};

/// Changes that others confirm while it is away.
const MEANWHILE: usize = 50;

#[test]
fn a_member_without_its_disk_is_refused_until_it_joins_anew() {
    perform("wiped", 3, |_| {}, lose);
}

async fn lose(drill: &mut Drill) -> Result<(), String> {
    let leader = drill.warm_up().await?;
    let lost = (leader + 1) % 3;
    drill.write(lost).await?;
    let from_ns = drill.recorder().now_ns();
    wipe(&mut drill.cluster, lost).await?;
    until("the others go on", async || {
        drill.answered_elsewhere(lost, from_ns, is_confirmed) > MEANWHILE
    })
    .await?;
    drill.cluster.replace(lost).await?;
    drill.struck(Fault::WipedDisk, lost, from_ns);
    drill.write(lost).await?;
    // It counts as one of two again: without the former leader they decide.
    drill.cluster.nodes[leader].kill();
    drill.write(lost).await
}
