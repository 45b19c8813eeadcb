//! Disks without room: a node refuses writes with a sentence, loses nothing, and goes on by itself
//! once there is room again.

use super::drill::{Drill, perform};
use crate::check::history::Outcome;
use crate::cluster::{ASIDE, until};
use crate::disk::{fill_log, page, recovers};
use crate::inject::Defect;
use crate::nemesis::Fault;
use crate::settings::Settings;

/// Two segments of the log, and what the engines have beside it.
const DISK_BYTES: u64 = 200 << 20;

/// What fills the log goes into a shard that each node has for itself: only its disk is full then.
fn small(settings: &mut Settings) {
    settings.disk_bytes = Some(DISK_BYTES);
    let own = format!("{ASIDE}=lstore");
    for argument in &mut settings.arguments {
        *argument = argument.replace(&format!("{ASIDE}=dstore"), &own);
    }
}

#[test]
fn a_lone_node_without_room_refuses_and_recovers() {
    perform("full-alone", 1, small, async |drill| {
        drill.warm_up().await?;
        fill(drill, 0).await?;
        let refused = drill.try_write(0).await;
        is_plain(&refused)?;
        let read = drill.read(0).await;
        if !matches!(read, Outcome::Read { found: Some(_), .. }) {
            return Err(format!("a node that is full does not read: {read:?}"));
        }
        free(drill, 0).await
    });
}

#[test]
fn a_leader_without_room_loses_nothing_and_recovers() {
    perform("full-leader", 3, small, async |drill| {
        let leader = drill.warm_up().await?;
        fill(drill, leader).await?;
        // Who leads by now may have room.
        let written = drill.try_write(leader).await;
        if !matches!(written, Outcome::Written { .. }) {
            is_plain(&written)?;
        }
        free(drill, leader).await
    });
}

/// Takes the room of a disk, or, where no small one can be mounted, says that there is none.
async fn fill(drill: &mut Drill, node: usize) -> Result<(), String> {
    drill.write(node).await?;
    match &drill.cluster.nodes[node].disk {
        Some(disk) => {
            disk.fill();
            if disk.left() > 0 {
                return Err(format!("the disk has {} bytes left", disk.left()));
            }
        }
        None => {
            let full = drill.cluster.nodes[node].inject(Defect::NoRoom)?;
            drill.cluster.injections.push(full);
        }
    }
    fill_log(&drill.cluster, node).await
}

/// Gives it back, and the same process takes writes again.
async fn free(drill: &mut Drill, node: usize) -> Result<(), String> {
    let full = &drill.cluster.nodes[node];
    let ready = page(&full.address, "/readyz").await.unwrap_or_default();
    if !ready.contains("no space left") {
        return Err(format!(
            "it does not say at /readyz that it is full: {ready}"
        ));
    }
    if let Some(disk) = &full.disk {
        disk.free();
    }
    drill.cluster.injections.clear();
    recovers(&drill.cluster.nodes[node]).await?;
    let ended = drill.cluster.nodes[node].ended_by_itself();
    ended.map_or(Ok(()), Err)?;
    drill.struck(Fault::FullDisk, node, 0);
    drill.write(node).await?;
    let address = drill.cluster.nodes[node].address.clone();
    until("it says that it is ready", async || {
        let ready = page(&address, "/readyz").await;
        ready.is_some_and(|it| it.starts_with("HTTP/1.1 200"))
    })
    .await
}

/// A refusal that says what to do.
fn is_plain(said: &Outcome) -> Result<(), String> {
    match said {
        Outcome::Failed { why } if why.contains("no space left") && why.contains("free ") => Ok(()),
        other => Err(format!(
            "a write was answered by a full node with {other:?}"
        )),
    }
}
