//! Keys that come in swarms and do not live long: more changes at once than a mailbox takes, and
//! changes that nobody asked for at the moment when they come.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use dkv::base::time::Timer;
use dkv::kv::{KvCommand, Set};

use crate::asker::Asker;
use crate::check::dice::Dice;
use crate::check::history::{Action, Operation, Outcome};
use crate::load::Asks;
use crate::stage::{Life, Stage};
use crate::words::{bytes, text};

const KEYS: u64 = 100;
const SWARM_MAX: u64 = 90;

/// Between two swarms, ms, at least and at most.
const PAUSE_MS: (u64, u64) = (300, 2_500);

/// How long one lives, ms, at least and at most.
const LIFE_MS: (u64, u64) = (50, 3_000);

/// Lets swarms out until all is to end.
pub(crate) async fn run(stage: Arc<Stage>, mut asker: Asker) {
    let mut swarms = 0;
    while !stage.is_stopping() {
        swarms += 1;
        let swarm = draw(swarms, asker.dice());
        let changes: Vec<_> = swarm.iter().cloned().map(KvCommand::Set).collect();
        let asked_ns = stage.moment_ns();
        let told = asker.change(&changes).await;
        let told = told.into_iter().map(|it| Some(it.ok()?.outcome.revision.0));
        let known: Vec<(&Set, u64)> = swarm
            .iter()
            .zip(told)
            .filter_map(|(set, revision)| Some((set, revision?)))
            .collect();
        let lives = known.iter().filter_map(|(set, revision)| {
            Some(Life {
                key: text(&set.key),
                revision: *revision,
                asked_ns,
                ttl_ms: shortest(set)?,
            })
        });
        stage.record_lives(lives.collect());
        let writes: Vec<Operation> = known
            .iter()
            .map(|(set, revision)| written(&stage, set, *revision))
            .collect();
        stage.note(format!(
            "{} of {} mayflies hatched",
            writes.len(),
            swarm.len()
        ));
        stage.record_brief(writes);
        let (least_ms, most_ms) = PAUSE_MS;
        sleep(Duration::from_millis(
            asker.dice().within(least_ms, most_ms),
        ))
        .await;
    }
}

pub(crate) fn is_mayfly(key: &str) -> bool {
    key.starts_with("brief-")
}

/// Each value is another one.
fn draw(number: u64, dice: &mut Dice) -> Vec<Set> {
    let first = dice.below(KEYS);
    let many = dice.within(1, SWARM_MAX);
    let mayfly = |at| Set {
        key: bytes(&format!("brief-{:02}", at % KEYS)),
        value: bytes(&format!("{number}-{at}")),
        expire: lives(dice),
        delete: lives(dice),
        keep_timers: false,
        condition: None,
        return_previous: false,
    };
    (first..first + many).map(mayfly).collect()
}

fn lives(dice: &mut Dice) -> Timer {
    let (least_ms, most_ms) = LIFE_MS;
    match dice.percent(60) {
        true => Timer::InMs(dice.within(least_ms, most_ms)),
        false => Timer::Never,
    }
}

/// The first of its timers.
fn shortest(set: &Set) -> Option<u64> {
    let ms = |timer| match timer {
        Timer::InMs(ms) => Some(ms),
        _ => None,
    };
    [set.expire, set.delete].into_iter().filter_map(ms).min()
}

fn written(stage: &Stage, set: &Set, revision: u64) -> Operation {
    Operation {
        client: 0,
        node: "any".to_owned(),
        invoked_ns: stage.moment_ns(),
        returned_ns: stage.moment_ns(),
        action: Action::Set {
            key: text(&set.key),
            value: text(&set.value),
            condition: None,
            fence: None,
        },
        outcome: Outcome::Written { revision },
    }
}
