//! What clients ask for: much about few keys, so that they get into each other's way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::asker::Asker;
use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Consistency, Fence, Found, Outcome};
use crate::machine::Machine;
use crate::members;
use crate::stage::Stage;

const KEYS: u64 = 4;
const LOCKS: u64 = 2;

/// Operations of one client on a set of keys before it goes on to the next, so that no history of
/// a key grows too long to be searched.
const OPERATIONS_OF_A_GENERATION: u64 = 40;

/// One client: what it has seen, and what it holds.
pub(crate) struct Client {
    number: u32,
    stage: Arc<Stage>,
    asker: Asker,
    seen: BTreeMap<String, Found>,
    held: Option<Held>,
    asked: u64,
    pause_ms: u64,
}

struct Held {
    owner: String,
    fence: Fence,
    /// It was released, or may have been: to write under its fence is to try one's luck.
    is_over: bool,
}

impl Client {
    pub(crate) fn new(number: u32, stage: &Arc<Stage>, asker: Asker, pause_ms: u64) -> Self {
        Self {
            number,
            stage: stage.clone(),
            asker,
            seen: BTreeMap::new(),
            held: None,
            asked: 0,
            pause_ms,
        }
    }

    /// Asks one thing after another until all is to end.
    pub(crate) async fn run(mut self) {
        while !self.stage.is_stopping() {
            self.asked += 1;
            let action = self.draw();
            let outcome = self.asker.ask(action.clone()).await;
            self.learn(&action, &outcome);
            let pause_ms = self.asker.dice.within(0, self.pause_ms);
            sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    fn dice(&mut self) -> &mut Dice {
        &mut self.asker.dice
    }

    fn draw(&mut self) -> Action {
        let generation = self.asked / OPERATIONS_OF_A_GENERATION;
        let key = format!("{generation}-{}", self.dice().below(KEYS));
        match self.dice().below(100) {
            0..=29 => {
                let consistency = match self.dice().percent(15) {
                    true => Consistency::Stale,
                    false => Consistency::Linearizable,
                };
                Action::Get { key, consistency }
            }
            30..=51 => self.set(key, None, None),
            52..=66 => {
                let by_value = self.dice().percent(40);
                let condition = match self.seen.get(&key) {
                    Some(found) if by_value => Condition::Value(found.value.clone()),
                    Some(found) => Condition::Unchanged {
                        revision: found.revision,
                        value: found.value.clone(),
                    },
                    None => Condition::Present,
                };
                self.set(key, Some(condition), None)
            }
            67..=71 => self.set(key, Some(Condition::Absent), None),
            72..=79 => Action::Delete { key, fence: None },
            _ => self.draw_lock(key),
        }
    }

    fn set(&mut self, key: String, condition: Option<Condition>, fence: Option<Fence>) -> Action {
        Action::Set {
            key,
            value: format!("c{}-{}", self.number, self.asked),
            condition,
            fence,
        }
    }

    fn draw_lock(&mut self, key: String) -> Action {
        let ttl_ms = self.dice().within(200, 2_000);
        let what = self.dice().below(100);
        match &self.held {
            // A holder that does not know that it lost the lock writes on.
            Some(held) if what < if held.is_over { 30 } else { 60 } => {
                let fence = held.fence.clone();
                self.set(key, None, Some(fence))
            }
            Some(held) if !held.is_over => {
                let lock = held.fence.lock.clone();
                let owner = held.owner.clone();
                match what < 70 {
                    true => Action::Renew {
                        lock,
                        owner,
                        ttl_ms,
                    },
                    false => Action::Release { lock, owner },
                }
            }
            _ => {
                let owner = self.dice().below(u64::MAX);
                Action::Acquire {
                    lock: format!("lock-{}", self.dice().below(LOCKS)),
                    owner: format!("{:016x}{owner:016x}", self.number + 1),
                    ttl_ms,
                    waits: self.dice().percent(20),
                }
            }
        }
    }

    fn learn(&mut self, action: &Action, outcome: &Outcome) {
        match (action, outcome) {
            // What a stale read showed is tried as a condition, too: it has to fail then.
            (Action::Get { key, .. }, Outcome::Read { found, .. }) => match found {
                Some(found) => drop(self.seen.insert(key.clone(), found.clone())),
                None => drop(self.seen.remove(key)),
            },
            (Action::Acquire { lock, owner, .. }, Outcome::Acquired { fence }) => {
                self.held = Some(Held {
                    owner: owner.clone(),
                    fence: Fence {
                        lock: lock.clone(),
                        token: *fence,
                    },
                    is_over: false,
                });
            }
            (Action::Release { .. }, _)
            | (Action::Renew { .. }, Outcome::NotRenewed { .. })
            | (_, Outcome::FenceStale) => {
                if let Some(held) = &mut self.held {
                    held.is_over = true;
                }
            }
            _ => {}
        }
    }
}

/// Reads every key at every member once all is well again: there must be an answer.
pub(crate) async fn read_all(
    stage: &Arc<Stage>,
    machines: &[Arc<Machine>],
    clients: u32,
    dice: &Dice,
) {
    // Whoever is on the way in or out need not answer yet, or any more.
    let members = loop {
        match members::steady(machines) {
            Some(members) => break members,
            None => sleep(Duration::from_millis(10)).await,
        }
    };
    let history = stage.history();
    let mut keys: Vec<String> = history
        .iter()
        .filter_map(|it| it.key().map(str::to_owned))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    for (at, machine) in members.iter().enumerate() {
        let number = clients + u32::try_from(at).expect("few machines");
        let dice = dice.fork(u64::from(number) + 100);
        let mut asker = Asker::new(number, stage, &members, dice, 0);
        asker.stay_at(at);
        for key in &keys {
            let outcome = asker
                .ask(Action::Get {
                    key: key.clone(),
                    consistency: Consistency::Linearizable,
                })
                .await;
            if !matches!(outcome, Outcome::Read { .. }) {
                stage.is_wrong(format!(
                    "{} does not answer after all was mended: {outcome:?}",
                    machine.name
                ));
            }
        }
    }
}
