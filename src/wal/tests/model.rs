//! What the log should be, and a random life lived against it.

use std::collections::BTreeMap;

use super::*;

pub(super) const GROUPS: u32 = 3;

/// One accepted append: an entry with a unique payload, perhaps with a state.
struct Accepted {
    records: Vec<Record>,
    durability: Durability,
    outcome: Outcome,
}

/// Every append that is or may be in the log, oldest first.
#[derive(Default)]
pub(super) struct Model {
    accepted: Vec<Accepted>,
    next_index: BTreeMap<u32, u64>,
    released: BTreeMap<u32, u64>,
    written: u64,
    /// Appends that a crash may not take: known durable at the last recovery.
    safe: usize,
    pub(super) most_segments: u64,
    pub(super) truncated: u64,
}

impl Model {
    /// Lives `steps` random steps, or until the machine stops.
    pub(super) fn live(&mut self, sim: &Sim, wal: &Wal, steps: u32) {
        for _ in 0..steps {
            match sim.host.rng.below(10) {
                0..5 => self.append(sim, wal),
                5..7 => {
                    sim.spawn.poll_one();
                }
                7 => sim.spawn.run_until_idle(),
                8 => self.release(sim, wal),
                _ => sim.clock.advance_ms(sim.host.rng.below(30)),
            }
            self.most_segments = self.most_segments.max(wal.status().segments);
        }
    }

    fn append(&mut self, sim: &Sim, wal: &Wal) {
        let rng = &sim.host.rng;
        let group = rng.below(u64::from(GROUPS)) as u32;
        let index = self.next_index.get(&group).copied().unwrap_or(1);
        self.written += 1;
        let mut payload = self.written.to_le_bytes().to_vec();
        payload.resize(8 + rng.below(1500) as usize, group as u8);
        let mut records = vec![record(group, RecordKind::Entry, index, payload)];
        if rng.below(4) == 0 {
            let vote = format!("vote of {group} after {}", self.written);
            records.push(record(group, RecordKind::State, index, vote));
        }
        let durability = match rng.below(4) {
            0 => Durability::None,
            1 => Durability::IntervalMs(20),
            _ => Durability::Fsync,
        };
        if let Ok(outcome) = append(wal, records.clone(), durability) {
            self.next_index.insert(group, index + 1);
            self.accepted.push(Accepted {
                records,
                durability,
                outcome,
            });
        }
    }

    /// Releases up to an entry that was acknowledged as durable.
    fn release(&mut self, sim: &Sim, wal: &Wal) {
        let done = self.required();
        let group = sim.host.rng.below(u64::from(GROUPS)) as u32;
        let mut durable = self.accepted[..done]
            .iter()
            .map(|append| &append.records[0]);
        if let Some(last) = durable.rfind(|entry| entry.group == group) {
            let released = self.released.entry(group).or_default();
            *released = last.index.0.max(*released);
            wal.release(group, last.index);
        }
    }

    /// How many appends must survive: all up to the last acknowledged as durable.
    fn required(&self) -> usize {
        let durable = |append: &Accepted| {
            append.durability == Durability::Fsync && *append.outcome.lock() == Some(Ok(()))
        };
        let acknowledged = self.accepted.iter().rposition(durable);
        self.safe.max(acknowledged.map_or(0, |last| last + 1))
    }

    /// Outcomes come in order: once one append has none, no later one has.
    pub(super) fn check_outcomes(&self) {
        let told = self.accepted[self.safe..].iter();
        let told: Vec<bool> = told.map(|append| append.outcome.lock().is_some()).collect();
        assert!(
            told.is_sorted_by(|before, after| before >= after),
            "{told:?}"
        );
    }

    /// Checks what was replayed after a crash, and makes it the truth.
    pub(super) fn check(&mut self, replayed: &[Record]) {
        let required = self.required();
        let entries: Vec<&Record> = replayed
            .iter()
            .filter(|r| r.kind == RecordKind::Entry)
            .collect();
        let all: Vec<&Record> = self
            .accepted
            .iter()
            .map(|append| &append.records[0])
            .collect();
        let from = match entries.first() {
            Some(first) => all
                .iter()
                .position(|entry| entry == first)
                .expect("nothing is invented"),
            None => all.len().min(required),
        };
        for dropped in &all[..from] {
            let released = self.released.get(&dropped.group).copied().unwrap_or(0);
            assert!(dropped.index.0 <= released, "lost: {dropped:?}");
        }
        let kept = from + entries.len();
        assert!(kept <= all.len(), "nothing is invented");
        assert_eq!(entries, all[from..kept], "in order, without a gap");
        assert!(
            kept >= required,
            "{required} appends were durable, {kept} are there"
        );

        let mut states = BTreeMap::new();
        let written = self.accepted[..kept]
            .iter()
            .flat_map(|append| &append.records);
        for state in written.filter(|record| record.kind == RecordKind::State) {
            states.insert(state.group, state);
        }
        let mut found = BTreeMap::new();
        for state in replayed
            .iter()
            .filter(|record| record.kind == RecordKind::State)
        {
            found.insert(state.group, state);
        }
        assert_eq!(found, states, "the latest state of each group");

        self.truncated += u64::from(kept < self.accepted.len());
        self.accepted.truncate(kept);
        self.safe = kept;
        self.next_index.clear();
        for append in &self.accepted {
            let entry = &append.records[0];
            self.next_index.insert(entry.group, entry.index.0 + 1);
        }
    }
}

// `WalError` has no equality of its own: only success is compared.
impl PartialEq for WalError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}
