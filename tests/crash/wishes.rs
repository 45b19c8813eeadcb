//! What clients ask: sets of values of many sizes, removals, pairs that belong together, locks.

use dkv::check::dice::Dice;

/// The shard for keys and locks, and the one for locks alone, of a node without settings.
pub(crate) const SHARDS: [u32; 2] = [100, 200];

/// Lengths of values, bytes: within a sector, over one, over pages.
const LENGTHS: [u64; 4] = [40, 700, 5_000, 14_000];

/// Keys of one client.
const KEYS: u64 = 5;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Set(String, String),
    Delete(String),
    /// Both or none.
    Pair([(String, String); 2]),
    Acquire(u32, String),
    Release(u32, String),
}

impl Wish {
    /// Whom it is for.
    pub(crate) fn shard(&self) -> u32 {
        match self {
            Self::Acquire(shard, _) | Self::Release(shard, _) => *shard,
            _ => SHARDS[0],
        }
    }
}

/// What one client asks, one after the other: each changes something, whatever others do, for
/// they have other keys and locks.
pub(crate) struct Wishes {
    client: u64,
    dice: Dice,
    present: Vec<String>,
    held: Vec<(u32, String)>,
    made: u64,
}

impl Wishes {
    pub(crate) fn new(client: u64, dice: Dice) -> Self {
        Self {
            client,
            dice,
            present: Vec::new(),
            held: Vec::new(),
            made: 0,
        }
    }

    pub(crate) fn next(&mut self) -> Wish {
        self.made += 1;
        match self.dice.below(10) {
            0 | 1 if !self.present.is_empty() => {
                let which = self.dice.index(self.present.len());
                Wish::Delete(self.present.swap_remove(which))
            }
            2 => Wish::Pair([self.set(KEYS), self.set(KEYS + 1)]),
            3 | 4 => self.lock(),
            _ => {
                let key = self.dice.below(KEYS);
                let (key, value) = self.set(key);
                Wish::Set(key, value)
            }
        }
    }

    fn set(&mut self, number: u64) -> (String, String) {
        let key = format!("key-{}-{number}", self.client);
        if !self.present.contains(&key) {
            self.present.push(key.clone());
        }
        let length = *self.dice.pick(&LENGTHS);
        let length = length / 2 + self.dice.below(length / 2);
        // No two values are the same, and none has a part that is everywhere the same.
        let mut value = format!("{}.{}.{number}", self.client, self.made);
        while (value.len() as u64) < length {
            value.push_str(&format!("-{:016x}", self.dice.below(u64::MAX)));
        }
        (key, value)
    }

    fn lock(&mut self) -> Wish {
        let shard = *self.dice.pick(&SHARDS);
        let name = format!("lock-{}-{}", self.client, self.dice.below(2));
        let lock = (shard, name);
        if self.held.contains(&lock) {
            self.held.retain(|held| *held != lock);
            return Wish::Release(lock.0, lock.1);
        }
        self.held.push(lock.clone());
        Wish::Acquire(lock.0, lock.1)
    }
}
