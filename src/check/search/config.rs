//! The set of all ways to explain a history so far.

use std::collections::HashMap;

use crate::check::search::key::{ABSENT, KeyHistory, Kind, State, Step};

/// One way: what the key holds, which operations under way took effect already (by slot), and
/// how many of each class of writes without an answer did.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Config {
    state: State,
    done: u128,
    used: Box<[u16]>,
}

pub(super) struct Configs<'a> {
    history: &'a KeyHistory,
    configs: Vec<Config>,
    /// Operations under way that have an answer.
    open: Vec<(u32, Step)>,
    /// How many of each class were invoked.
    invoked: Vec<u16>,
    too_many: bool,
}

/// Configurations by what they hold and did: of those that used more than another, none.
#[derive(Default)]
struct Least {
    by_place: HashMap<(State, u128), Vec<Box<[u16]>>>,
}

impl<'a> Configs<'a> {
    pub(super) fn new(history: &'a KeyHistory) -> Self {
        let classes = history.classes.len();
        Self {
            history,
            configs: vec![Config {
                state: ABSENT,
                done: 0,
                used: vec![0; classes].into(),
            }],
            open: Vec::new(),
            invoked: vec![0; classes],
            too_many: false,
        }
    }

    /// True if nothing explains the history.
    pub(super) fn is_empty(&self) -> bool {
        self.configs.is_empty()
    }

    /// True if the search was given up.
    pub(super) fn is_too_many(&self) -> bool {
        self.too_many
    }

    /// An operation begins. If it can take effect at once and changes nothing, it does.
    pub(super) fn invoke(&mut self, at: usize) {
        match self.history.operations[at] {
            Kind::Open { class } => self.invoked[class] += 1,
            Kind::Answered { step, slot } => {
                self.open.push((slot, step));
                for config in &mut self.configs {
                    look(config, &self.open);
                }
            }
        }
    }

    /// An operation has its answer: only what explains it goes on. Looks at so many configurations
    /// at most, and says at how many it did.
    pub(super) fn finish(&mut self, at: usize, most: usize) -> usize {
        let Kind::Answered { slot, .. } = self.history.operations[at] else {
            return 0;
        };
        let mut looked_at = 0;
        let bit = 1 << slot;
        let mut seen = Least::default();
        let mut explained = Least::default();
        let mut todo: Vec<Config> = Vec::new();
        for config in std::mem::take(&mut self.configs) {
            if seen.insert(&config) {
                todo.push(config);
            }
        }
        while let Some(mut config) = todo.pop() {
            looked_at += 1;
            if config.done & bit != 0 {
                config.done &= !bit;
                explained.insert(&config);
                continue;
            }
            for next in self.next(&config) {
                if seen.insert(&next) {
                    todo.push(next);
                }
            }
            if looked_at > most {
                self.too_many = true;
                return looked_at;
            }
        }
        self.configs = explained.into_configs();
        self.open.retain(|(open, _)| *open != slot);
        looked_at
    }

    /// Every configuration that is one change further.
    fn next(&self, config: &Config) -> Vec<Config> {
        let mut next = Vec::new();
        for (slot, step) in &self.open {
            if config.done & (1 << slot) == 0
                && !step.is_look()
                && let Some(state) = step.after(config.state)
            {
                let mut further = config.clone();
                further.state = state;
                further.done |= 1 << slot;
                look(&mut further, &self.open);
                next.push(further);
            }
        }
        for (class, step) in self.history.classes.iter().enumerate() {
            if config.used[class] < self.invoked[class]
                && let Some(state) = step.after(config.state)
                && state != config.state
            {
                let mut further = config.clone();
                further.state = state;
                further.used[class] += 1;
                look(&mut further, &self.open);
                next.push(further);
            }
        }
        next
    }
}

/// Lets everything that only looks, and sees what it has to, take effect.
fn look(config: &mut Config, open: &[(u32, Step)]) {
    for (slot, step) in open {
        if step.is_look() && step.after(config.state).is_some() {
            config.done |= 1 << slot;
        }
    }
}

impl Least {
    /// False if a configuration that used no more was there already.
    fn insert(&mut self, config: &Config) -> bool {
        let least = self
            .by_place
            .entry((config.state, config.done))
            .or_default();
        let no_more = |one: &[u16], other: &[u16]| one.iter().zip(other).all(|(a, b)| a <= b);
        if least.iter().any(|used| no_more(used, &config.used)) {
            return false;
        }
        least.retain(|used| !no_more(&config.used, used));
        least.push(config.used.clone());
        true
    }

    fn into_configs(self) -> Vec<Config> {
        let places = self.by_place.into_iter();
        places
            .flat_map(|((state, done), least)| {
                let config = move |used| Config { state, done, used };
                least.into_iter().map(config)
            })
            .collect()
    }
}
