//! What clients were told, and so what there is at each revision.

use std::collections::{BTreeMap, BTreeSet};

use crate::wishes::{SHARDS, Wish};

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Of the request; the answer has it in its head.
    pub(crate) number: u64,
    pub(crate) wish: Wish,
    /// The shard's revision after it.
    pub(crate) revision: u64,
    /// Of an acquisition.
    pub(crate) fence: u64,
}

/// Keys with values and revisions, and locks with fences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) keys: BTreeMap<String, (u64, String)>,
    pub(crate) locks: BTreeMap<String, u64>,
}

impl State {
    fn apply(&mut self, told: &Told) {
        let revision = told.revision;
        let mut set = |(key, value): &(String, String)| {
            self.keys.insert(key.clone(), (revision, value.clone()));
        };
        match &told.wish {
            Wish::Set(key, value) => set(&(key.clone(), value.clone())),
            Wish::Pair(both) => both.iter().for_each(set),
            Wish::Delete(key) => drop(self.keys.remove(key)),
            Wish::Acquire(_, lock) => drop(self.locks.insert(lock.clone(), told.fence)),
            Wish::Release(_, lock) => drop(self.locks.remove(lock)),
        }
    }
}

/// All answers of a run, by shard and revision: no two have the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tale {
    shards: BTreeMap<u32, BTreeMap<u64, Told>>,
}

impl Tale {
    /// Puts answers in order.
    ///
    /// # Panics
    /// If revisions are missing or told twice: then this test does not know what there is.
    pub(crate) fn of(answers: Vec<Told>) -> Self {
        let mut tale = Self::default();
        tale.add(answers);
        tale
    }

    /// Takes what a node told that began with what there was at `from` of each shard; what was
    /// behind that is not to come again.
    pub(crate) fn add(&mut self, answers: Vec<Told>) {
        let mut fresh: BTreeMap<u32, BTreeMap<u64, Told>> = BTreeMap::new();
        for told in answers {
            let of = fresh.entry(told.wish.shard()).or_default();
            let before = of.insert(told.revision, told);
            assert!(before.is_none(), "a revision was told twice: {before:?}");
        }
        for (shard, fresh) in fresh {
            let first = *fresh.keys().next().expect("nobody was told nothing");
            let known = self.shards.entry(shard).or_default();
            known.split_off(&first);
            known.extend(fresh);
            let dense = known.keys().copied().eq(1..=known.len() as u64);
            assert!(dense, "revisions are missing: {:?}", known.keys());
        }
    }

    /// What there is at a revision; `None` if nothing ever made it.
    pub(crate) fn at(&self, shard: u32, revision: u64) -> Option<State> {
        let known = self.shards.get(&shard);
        let last = known.map_or(0, |known| known.len() as u64);
        if revision > last {
            return None;
        }
        let mut state = State::default();
        for told in known.iter().flat_map(|known| known.range(..=revision)) {
            state.apply(told.1);
        }
        Some(state)
    }

    /// What of each shard must be there when the requests of these numbers were answered.
    pub(crate) fn promised(&self, answered: &BTreeSet<u64>) -> Promised {
        let mut promised = Promised::default();
        for shard in SHARDS {
            let known = self.shards.get(&shard).into_iter().flatten();
            let kept = known.filter(|(_, told)| answered.contains(&told.number));
            for (revision, told) in kept {
                promised.answers += 1;
                promised.revisions.insert(shard, *revision);
                if let Wish::Acquire(_, lock) = &told.wish {
                    promised.fences.insert((shard, lock.clone()), told.fence);
                }
            }
        }
        promised
    }
}

/// What a disk must have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promised {
    pub(crate) answers: u64,
    /// The last of each shard.
    pub(crate) revisions: BTreeMap<u32, u64>,
    /// The last of each lock.
    pub(crate) fences: BTreeMap<(u32, String), u64>,
}
