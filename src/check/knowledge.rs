//! What one client of a load has seen and holds, and what it asks for because of that.

use std::collections::BTreeMap;

use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Fence, Found, Outcome};

/// Locks of a load: few, so that clients get into each other's way.
pub const LOCKS: u64 = 2;

/// See the module.
#[derive(Debug)]
pub struct Knowledge {
    /// Whose it is.
    number: u32,
    /// What the names of locks begin with.
    locks: String,
    /// Values that it has set: each is different.
    values: u64,
    seen: BTreeMap<String, Found>,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    owner: String,
    fence: Fence,
    /// It was released, or may have been: to write under its fence is to try one's luck.
    is_over: bool,
}

impl Knowledge {
    /// Of a client that has seen nothing and holds nothing.
    #[must_use]
    pub fn of(number: u32) -> Self {
        Self {
            number,
            locks: "lock-".to_owned(),
            values: 0,
            seen: BTreeMap::new(),
            held: None,
        }
    }

    /// From here on it is about other keys than before, and about other locks, whose names begin
    /// with `locks`. What it holds it holds on to.
    pub fn move_on(&mut self, locks: String) {
        self.locks = locks;
        self.seen.clear();
    }

    /// Sets the key to what it never was.
    pub fn set(
        &mut self,
        key: String,
        condition: Option<Condition>,
        fence: Option<Fence>,
    ) -> Action {
        self.values += 1;
        Action::Set {
            key,
            value: format!("c{}-{}", self.number, self.values),
            condition,
            fence,
        }
    }

    /// Sets the key if it is as it was seen.
    pub fn set_if_seen(&mut self, dice: &mut Dice, key: String) -> Action {
        let by_value = dice.percent(45);
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

    /// Does something about a lock, or under it.
    pub fn draw_lock(
        &mut self,
        dice: &mut Dice,
        key: String,
        ttl_ms: u64,
        may_wait: bool,
    ) -> Action {
        let what = dice.below(100);
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
            _ => Action::Acquire {
                lock: format!("{}{}", self.locks, dice.below(LOCKS)),
                owner: format!("{:016x}{:016x}", self.number + 1, dice.below(u64::MAX)),
                ttl_ms,
                waits: may_wait && dice.percent(20),
            },
        }
    }

    /// Remembers what became of it.
    pub fn learn(&mut self, action: &Action, outcome: &Outcome) {
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
