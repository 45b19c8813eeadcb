//! Kills the leader, sees who leads then, and brings it back.

use std::time::Duration;

use rustix::process::Signal;

use super::crew::Crew;
use super::watch::{Sight, Watch};
use crate::base::host::Clock;
use crate::base::types::{LogIndex, ShardId};
use crate::base::{Error, Result};
use crate::cli::output::Printer;

/// Between two looks at the nodes that are left.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// An election, or catching up with a demonstration's data, that takes longer has failed.
const WITHIN_MS: u64 = 30_000;

/// Does it, and tells each step.
///
/// # Errors
/// `Unavailable` if there is no leader to kill, none comes after it, or it does not catch up.
pub(super) async fn fail_over(
    crew: &mut Crew,
    watch: &Watch,
    clock: &dyn Clock,
    printer: &mut Printer,
) -> Result<()> {
    let before = watch.look().await;
    let shards = before.shards();
    let first = shards.first().copied();
    let Some(victim) = first.and_then(|shard| before.leader(shard)) else {
        return Err(Error::unavailable("there is no leader to kill right now"));
    };
    if before.nodes.iter().flatten().count() <= crew.nodes.len().div_ceil(2) {
        return Err(Error::unavailable(
            "one node less is no majority any more: r and Enter restarts those that have ended",
        ));
    }
    let name = crew.nodes[victim].plan.name.clone();
    let pid = crew.nodes[victim].pid().unwrap_or_default();
    let role = before.role(victim);
    crew.nodes[victim].tell(Signal::KILL);
    let killed_ms = clock.boot_ms();
    crew.nodes[victim].ended().await;
    printer.note(&format!("killed {name} (pid {pid}, {role}) with SIGKILL"));

    let after = until(watch, clock, |sight| {
        let led = |shard: &ShardId| sight.leader(*shard).is_some_and(|it| it != victim);
        shards.iter().all(led)
    })
    .await
    .ok_or_else(|| Error::unavailable("nobody leads after it; see the logs"))?;
    let took_ms = clock.boot_ms() - killed_ms;
    printer.note(&format!(
        "after {took_ms} ms {}",
        leaders(crew, &after, &shards)
    ));

    let goal = committed(&after, &shards);
    crew.nodes[victim].start()?;
    let started_ms = clock.boot_ms();
    let is_back = |sight: &Sight| {
        let Ok(status) = &sight.nodes[victim] else {
            return false;
        };
        let caught_up = |(shard, index): &(ShardId, LogIndex)| {
            let it = status.shard(*shard);
            it.is_some_and(|it| it.applied_index >= *index && it.leader.is_some())
        };
        goal.iter().all(caught_up)
    };
    until(watch, clock, is_back).await.ok_or_else(|| {
        Error::unavailable(format!(
            "{name} was restarted and does not catch up; see its log"
        ))
    })?;
    let took_ms = clock.boot_ms() - started_ms;
    let reached: Vec<String> = goal
        .iter()
        .map(|(shard, index)| format!("entry {index} of shard {shard}"))
        .collect();
    let pid = crew.nodes[victim].pid().unwrap_or_default();
    printer.note(&format!(
        "{name} is back (pid {pid}) and has caught up after {took_ms} ms: {}",
        reached.join(", ")
    ));
    Ok(())
}

/// Looks until the sight is as it should be; nothing if it never is.
async fn until(watch: &Watch, clock: &dyn Clock, is_so: impl Fn(&Sight) -> bool) -> Option<Sight> {
    let until_ms = clock.boot_ms() + WITHIN_MS;
    while clock.boot_ms() < until_ms {
        let sight = watch.look().await;
        if is_so(&sight) {
            return Some(sight);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    None
}

fn leaders(crew: &Crew, sight: &Sight, shards: &[ShardId]) -> String {
    let led = shards.iter().filter_map(|shard| {
        let leader = &crew.nodes[sight.leader(*shard)?].plan.name;
        Some(format!("{leader} leads shard {shard}"))
    });
    let led: Vec<String> = led.collect();
    led.join(", ")
}

/// How far each shard is, as its leader knows it.
fn committed(sight: &Sight, shards: &[ShardId]) -> Vec<(ShardId, LogIndex)> {
    let known = shards.iter().filter_map(|shard| {
        let leader = sight.nodes[sight.leader(*shard)?].as_ref().ok()?;
        Some((*shard, leader.shard(*shard)?.committed_index))
    });
    known.collect()
}
