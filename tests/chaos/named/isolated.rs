//! A leader that is cut off from the others, with clients that stay with it.

use super::drill::{Drill, is_confirmed, is_fresh_read, perform};
use crate::cluster::until;
use crate::links::Flow;
use crate::nemesis::Fault;

/// It believes that it leads until it hears of another: what it has is the past by then.
#[test]
fn a_leader_that_is_cut_off_tells_its_clients_nothing() {
    perform("isolated", 3, |_| {}, isolate);
}

async fn isolate(drill: &mut Drill) -> Result<(), String> {
    let leader = drill.warm_up().await?;
    let other = (leader + 1) % 3;
    drill.write(leader).await?;
    for it in (0..3).filter(|it| *it != leader) {
        drill.cluster.links.set(leader, it, Flow::Silent);
        drill.cluster.links.set(it, leader, Flow::Silent);
    }
    let from_ns = drill.recorder().now_ns();
    let cluster = &drill.cluster;
    until("the others elect one of them", async || {
        let seen = cluster.leader_seen_by(other).await;
        seen.is_some_and(|it| it != leader)
    })
    .await?;
    drill.write(other).await?;
    // It knows nothing of that write, and must not say what was before it.
    let _read = drill.read(leader).await;
    let _written = drill.try_write(leader).await;
    until("others are read meanwhile", async || {
        drill.answered_elsewhere(leader, from_ns, is_fresh_read) >= 50
    })
    .await?;
    let to_ns = drill.recorder().now_ns();
    let asked = drill.asked(leader, from_ns);
    drill.cluster.heal()?;
    drill.struck(Fault::IsolateLeader, leader, from_ns);
    let asked = asked.iter().filter(|it| it.returned_ns <= to_ns);
    let told = asked.filter(|it| is_fresh_read(it) || is_confirmed(it));
    let told: Vec<String> = told.map(|it| format!("{it:?}")).collect();
    match told.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "it answered while it was cut off: {}",
            told.join("\n")
        )),
    }
}
