//! A server that is linearizable by its making, or wrong in one chosen way, and clients of it
//! that overlap, give up waiting, and now and then never hear.

use std::collections::{BTreeMap, BinaryHeap, HashMap};

use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Consistency, Fence, Found, Operation, Outcome};

/// What the server does wrong, if it gets the chance, one time in eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    None,
    /// Confirms a set and forgets it.
    LosesWrites,
    /// Applies a set, and a little later again.
    AppliesTwice,
    /// Answers a read from the past, and says so.
    ReadsThePast,
    /// Answers a read from the past as if it were now.
    ReadsThePastAsNow,
    /// Does not look at conditions.
    IgnoresConditions,
    /// Says that a set failed, and applies it.
    AppliesFailures,
    /// Gives one revision to two changes.
    RepeatsRevisions,
    /// Grants a lock that is held.
    GrantsHeldLocks,
    /// Does not look at fences.
    IgnoresFences,
    /// Brings a deleted key back.
    UndoesDeletes,
}

/// How the world is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    pub(crate) clients: u32,
    pub(crate) keys: u64,
    pub(crate) operations: usize,
    /// Of a hundred writes, how many are never answered.
    pub(crate) unanswered_percent: u64,
    pub(crate) defect: Defect,
}

/// Something that takes effect at a moment: the client, or what a defect left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Effect(usize),
    Again(usize),
    Begin(u32),
}

struct Server {
    revision: u64,
    keys: HashMap<String, (String, u64)>,
    past: Vec<HashMap<String, (String, u64)>>,
    locks: HashMap<String, (String, u64)>,
    defect: Defect,
}

/// The last lock each client was granted, and as whom. It is kept after a release: somebody will
/// try to write under its fence.
type Held = BTreeMap<u32, (String, Fence)>;

/// Plays a world through, and reads every key at its end.
pub(crate) fn play(seed: u64, world: World) -> Vec<Operation> {
    let mut dice = Dice::new(seed);
    let mut server = Server {
        revision: 0,
        keys: HashMap::new(),
        past: vec![HashMap::new()],
        locks: HashMap::new(),
        defect: world.defect,
    };
    let mut history: Vec<Operation> = Vec::new();
    let mut due = BinaryHeap::new();
    let mut held: Held = BTreeMap::new();
    for client in 0..world.clients {
        due.push(std::cmp::Reverse((dice.below(50), Due::Begin(client))));
    }
    let mut now = 0;
    while let Some(std::cmp::Reverse((at, what))) = due.pop() {
        now = at;
        match what {
            Due::Begin(client) if history.len() < world.operations => {
                let action = draw(&mut dice, &world, client, history.len(), held.get(&client));
                let answered = at + dice.within(2, 60);
                let effect = dice.within(at + 1, answered - 1).max(at);
                let is_read = matches!(action, Action::Get { .. });
                let goes_silent = !is_read && dice.percent(world.unanswered_percent);
                let outcome = Outcome::Unknown {
                    why: "silence".to_owned(),
                };
                history.push(Operation {
                    client,
                    node: "any".to_owned(),
                    invoked_ns: at,
                    returned_ns: answered,
                    action,
                    outcome,
                });
                let operation = history.len() - 1;
                if !goes_silent {
                    due.push(std::cmp::Reverse((effect, Due::Effect(operation))));
                } else if dice.percent(50) {
                    let late = at + dice.within(1, 400);
                    due.push(std::cmp::Reverse((late, Due::Again(operation))));
                }
                let next = answered + dice.within(1, 20);
                due.push(std::cmp::Reverse((next, Due::Begin(client))));
            }
            Due::Begin(_) => {}
            Due::Effect(operation) => {
                let outcome = server.apply(&history[operation].action, &mut dice);
                if world.defect == Defect::AppliesTwice
                    && matches!(outcome, Outcome::Written { .. })
                    && dice.percent(12)
                {
                    let later = at + dice.within(1, 80);
                    due.push(std::cmp::Reverse((later, Due::Again(operation))));
                }
                note_lock(&history[operation], &outcome, &mut held);
                history[operation].outcome = outcome;
            }
            // Nobody hears what comes of it.
            Due::Again(operation) => drop(server.apply(&history[operation].action, &mut dice)),
        }
    }
    finish(&mut history, &mut server, &world, now + 1_000, &mut dice);
    history
}

/// Every key is read once all is over.
fn finish(
    history: &mut Vec<Operation>,
    server: &mut Server,
    world: &World,
    from: u64,
    dice: &mut Dice,
) {
    server.defect = Defect::None;
    for key in 0..world.keys {
        let action = Action::Get {
            key: format!("k{key}"),
            consistency: Consistency::Linearizable,
        };
        let outcome = server.apply(&action, dice);
        let invoked_ns = from + key * 10;
        history.push(Operation {
            client: 0,
            node: "any".to_owned(),
            invoked_ns,
            returned_ns: invoked_ns + 5,
            action,
            outcome,
        });
    }
    history.sort_by_key(|operation| operation.invoked_ns);
}

fn note_lock(operation: &Operation, outcome: &Outcome, held: &mut Held) {
    if let Action::Acquire { lock, owner, .. } = &operation.action
        && let Outcome::Acquired { fence } = outcome
    {
        let lock = lock.clone();
        let fence = Fence {
            lock,
            token: *fence,
        };
        held.insert(operation.client, (owner.clone(), fence));
    }
}

fn draw(
    dice: &mut Dice,
    world: &World,
    client: u32,
    number: usize,
    held: Option<&(String, Fence)>,
) -> Action {
    let key = format!("k{}", dice.below(world.keys));
    let value = format!("v{number}");
    match dice.below(20) {
        0..=6 => Action::Get {
            key,
            consistency: Consistency::Linearizable,
        },
        7..=8 => Action::Delete { key, fence: None },
        9..=11 => {
            let guess = format!("v{}", dice.below(number as u64 + 1));
            let guess = Condition::Value(guess);
            let guesses = [Condition::Absent, Condition::Present, guess];
            let condition = Some(dice.pick(&guesses).clone());
            Action::Set {
                key,
                value,
                condition,
                fence: None,
            }
        }
        12 => Action::Acquire {
            lock: "lock".to_owned(),
            owner: format!("c{client}-{number}"),
            ttl_ms: 0,
            waits: false,
        },
        13 => Action::Release {
            lock: "lock".to_owned(),
            owner: held.map_or_else(|| "nobody".to_owned(), |(owner, _)| owner.clone()),
        },
        14..=15 => Action::Set {
            key,
            value,
            condition: None,
            fence: held.map(|(_, fence)| fence.clone()),
        },
        _ => Action::Set {
            key,
            value,
            condition: None,
            fence: None,
        },
    }
}

impl Server {
    fn apply(&mut self, action: &Action, dice: &mut Dice) -> Outcome {
        let revision = Some(self.revision);
        match action {
            Action::Get { key, .. } => self.get(key, dice),
            Action::Set {
                key,
                value,
                condition,
                fence,
            } => {
                let holds = condition.as_ref().is_none_or(|it| self.holds(key, it));
                if !self.admits(fence.as_ref(), dice) {
                    Outcome::FenceStale
                } else if holds || self.strikes(Defect::IgnoresConditions, dice) {
                    self.set(key, value, dice)
                } else {
                    Outcome::NotWritten { revision }
                }
            }
            Action::Delete { key, .. } => {
                let Some(before) = self.keys.remove(key) else {
                    return Outcome::NotDeleted { revision };
                };
                self.change();
                if self.strikes(Defect::UndoesDeletes, dice) {
                    self.keys.insert(key.clone(), before);
                }
                let revision = self.revision;
                Outcome::Deleted { revision }
            }
            Action::Acquire { lock, owner, .. } => self.acquire(lock, owner, dice),
            Action::Release { lock, owner } => match self.locks.get(lock) {
                Some((holder, _)) if holder != owner => Outcome::NotReleased { revision },
                None => Outcome::Released { revision },
                Some(_) => {
                    self.locks.remove(lock);
                    self.change();
                    let revision = Some(self.revision);
                    Outcome::Released { revision }
                }
            },
            Action::Renew { .. } | Action::Other { .. } => unreachable!("not drawn here"),
        }
    }

    /// True if a defect shows now.
    fn strikes(&self, defect: Defect, dice: &mut Dice) -> bool {
        self.defect == defect && dice.percent(25)
    }

    /// Takes the next revision.
    fn change(&mut self) {
        self.revision += 1;
        self.past.push(self.keys.clone());
    }

    fn get(&self, key: &str, dice: &mut Dice) -> Outcome {
        let past = dice.below(self.past.len() as u64);
        let (record, revision) = if self.strikes(Defect::ReadsThePast, dice) {
            (self.past[usize::try_from(past).unwrap()].get(key), past)
        } else if self.strikes(Defect::ReadsThePastAsNow, dice) {
            let past = usize::try_from(past).unwrap();
            (self.past[past].get(key), self.revision)
        } else {
            (self.keys.get(key), self.revision)
        };
        let found = record
            .cloned()
            .map(|(value, revision)| Found { value, revision });
        let revision = Some(revision);
        Outcome::Read { found, revision }
    }

    fn holds(&self, key: &str, condition: &Condition) -> bool {
        let held = self.keys.get(key).map(|(value, _)| value);
        match condition {
            Condition::Absent => held.is_none(),
            Condition::Present => held.is_some(),
            Condition::Value(value) | Condition::Unchanged { value, .. } => held == Some(value),
        }
    }

    fn admits(&self, fence: Option<&Fence>, dice: &mut Dice) -> bool {
        let Some(fence) = fence else { return true };
        let current = self.locks.get(&fence.lock).map(|(_, token)| *token);
        current == Some(fence.token) || self.strikes(Defect::IgnoresFences, dice)
    }

    fn set(&mut self, key: &str, value: &str, dice: &mut Dice) -> Outcome {
        let revision = if self.strikes(Defect::RepeatsRevisions, dice) {
            self.revision
        } else {
            self.revision + 1
        };
        if !self.strikes(Defect::LosesWrites, dice) {
            let record = (value.to_owned(), revision);
            self.keys.insert(key.to_owned(), record);
        }
        if revision > self.revision {
            self.change();
        }
        if self.strikes(Defect::AppliesFailures, dice) {
            let why = "refused".to_owned();
            return Outcome::Failed { why };
        }
        Outcome::Written { revision }
    }

    fn acquire(&mut self, lock: &str, owner: &str, dice: &mut Dice) -> Outcome {
        let is_held = self.locks.contains_key(lock);
        if is_held && !self.strikes(Defect::GrantsHeldLocks, dice) {
            let revision = Some(self.revision);
            return Outcome::NotAcquired { revision };
        }
        self.change();
        let fence = self.revision;
        self.locks
            .insert(lock.to_owned(), (owner.to_owned(), fence));
        Outcome::Acquired { fence }
    }
}
