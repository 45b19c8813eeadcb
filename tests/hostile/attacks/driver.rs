//! Runs an attack: so many connections at once, each opened anew when it is cut.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;

use super::catalogue::Attack;
use super::plan::{Plan, Tally};
use super::{http1, wire};

/// Between a connection that is gone and the next one: an attacker's connections are bounded,
/// its attempts are not.
const PAUSE: Duration = Duration::from_millis(50);

/// What attacks read: so many values of so many bytes.
pub(super) const VALUES: usize = 8;
const VALUE_BYTES: usize = 1 << 20;

pub(super) fn key(number: usize) -> String {
    format!("hostile:{}", number % VALUES)
}

/// Writes what the attack will ask for.
///
/// # Errors
/// If the target does not take it.
pub(crate) async fn prepare(attack: Attack, plan: &Plan) -> io::Result<()> {
    if !attack.reads() {
        return Ok(());
    }
    let value = vec![b'v'; VALUE_BYTES];
    for number in 0..VALUES {
        let wire = wire::open(Attack::Churn, plan, 0).await?;
        http1::put(wire, &key(number), &value).await?;
    }
    Ok(())
}

/// Attacks until the plan is over, and tells what became of it.
pub(crate) async fn run(attack: Attack, plan: &Plan) -> Tally {
    let mut slots = JoinSet::new();
    for number in 0..plan.connections {
        slots.spawn(slot(attack, plan.clone(), number));
    }
    while slots.join_next().await.is_some() {}
    plan.tally()
}

/// One connection after the other.
async fn slot(attack: Attack, plan: Plan, number: usize) {
    while !plan.is_over() {
        match wire::open(attack, &plan, number).await {
            Ok(wire) => {
                plan.count_opened();
                tokio::select! {
                    biased;
                    () = plan.over() => return,
                    ended = attack.one(wire, plan.clone(), number) => {
                        if ended.is_err() {
                            plan.count_cut();
                        }
                    }
                }
            }
            Err(_) => plan.count_refused(),
        }
        if !plan.pause(PAUSE).await {
            return;
        }
    }
}
