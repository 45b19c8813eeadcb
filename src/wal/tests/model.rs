//! What the log should be, and a random life lived against it.

use std::collections::BTreeMap;

use super::*;

pub(super) const GROUPS: u32 = 3;

/// One accepted append.
struct Accepted {
    /// What is no state has a unique payload.
    records: Vec<Record>,
    durability: Durability,
    outcome: Outcome,
    /// What is released once it is told.
    releases: Option<(u32, u64)>,
}

/// Every append that is or may be in the log, oldest first.
#[derive(Default)]
pub(super) struct Model {
    accepted: Vec<Accepted>,
    /// Appends that a crash may not take: known durable at the last recovery.
    safe: usize,
    /// Where each group appends next, and the first index that it may still change.
    tips: BTreeMap<u32, Tip>,
    /// What was ever released, and what since the last start: a start forgets it.
    released: BTreeMap<u32, u64>,
    released_since: BTreeMap<u32, u64>,
    /// What the last start replayed; all behind it is `accepted[safe..]`.
    replayed: Vec<Record>,
    written: u64,
    pub(super) seen: Seen,
}

/// What happened, for tests to see that they bite.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) most_segments: u64,
    pub(super) cut_by_crash: u64,
    pub(super) dropped_by_log: u64,
    pub(super) voided: u64,
    pub(super) purged: u64,
    pub(super) read: u64,
    pub(super) failed_reads: u64,
}

#[derive(Debug, Clone, Copy)]
struct Tip {
    next: u64,
    fixed: u64,
}

/// What the records of a group make together.
#[derive(Debug, Default, PartialEq)]
struct Group<'a> {
    entries: BTreeMap<u64, &'a Record>,
    state: Option<&'a Record>,
}

fn fold<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeMap<u32, Group<'a>> {
    let mut groups: BTreeMap<u32, Group<'a>> = BTreeMap::new();
    for record in records {
        let group = groups.entry(record.group).or_default();
        let index = record.index.0;
        match record.kind {
            RecordKind::Entry => drop(group.entries.insert(index, record)),
            RecordKind::State => group.state = Some(record),
            RecordKind::Truncate => group.entries.retain(|at, _| *at < index),
            RecordKind::Purge => group.entries.retain(|at, _| *at > index),
        }
    }
    groups
}

fn above<'a>(group: Option<&Group<'a>>, released: Option<&u64>) -> BTreeMap<u64, &'a Record> {
    let entries = group.map(|group| group.entries.clone()).unwrap_or_default();
    let kept = entries.into_iter();
    kept.filter(|(at, _)| released.is_none_or(|upto| at > upto))
        .collect()
}

impl Model {
    /// Lives `steps` random steps, or until the machine stops.
    pub(super) fn live(&mut self, sim: &Sim, wal: &Wal, steps: u32) {
        for _ in 0..steps {
            match sim.host.rng.below(16) {
                0..5 | 14 | 15 => self.append_entries(sim, wal),
                5 => self.truncate(sim, wal),
                6 => self.purge(sim, wal),
                7..9 => {
                    sim.spawn.poll_one();
                }
                9 => sim.spawn.run_until_idle(),
                10 => self.release(sim, wal),
                11 | 12 => self.read(sim, wal),
                _ => sim.clock.advance_ms(sim.host.rng.below(30)),
            }
            self.seen.most_segments = self.seen.most_segments.max(wal.status().segments);
        }
    }

    /// A group, and where it stands. Group 0 begins at 0, as Raft does.
    fn draw_group(&self, sim: &Sim) -> (u32, Tip) {
        let group = sim.host.rng.below(u64::from(GROUPS)) as u32;
        let first = Tip {
            next: u64::from(group > 0),
            fixed: 0,
        };
        (group, self.tips.get(&group).copied().unwrap_or(first))
    }

    fn unique(&mut self, sim: &Sim, group: u32, kind: RecordKind, index: u64) -> Record {
        self.written += 1;
        let mut payload = self.written.to_le_bytes().to_vec();
        let bytes_max = if kind == RecordKind::Entry { 1500 } else { 8 };
        payload.resize(8 + sim.host.rng.below(bytes_max) as usize, group as u8);
        record(group, kind, index, payload)
    }

    fn append_entries(&mut self, sim: &Sim, wal: &Wal) {
        let (group, tip) = self.draw_group(sim);
        let count = 1 + sim.host.rng.below(6) / 4;
        let mut records: Vec<Record> = (tip.next..tip.next + count)
            .map(|index| self.unique(sim, group, RecordKind::Entry, index))
            .collect();
        if sim.host.rng.below(4) == 0 {
            records.push(self.unique(sim, group, RecordKind::State, tip.next));
        }
        self.append(sim, wal, records, None);
    }

    /// Voids some of the last entries, perhaps with others in their place at once.
    fn truncate(&mut self, sim: &Sim, wal: &Wal) {
        let (group, tip) = self.draw_group(sim);
        let last = tip.next.saturating_sub(tip.fixed).min(8);
        let from = tip.next - sim.host.rng.below(last + 1);
        let mut records = vec![self.unique(sim, group, RecordKind::Truncate, from)];
        for index in from..from + sim.host.rng.below(3) {
            records.push(self.unique(sim, group, RecordKind::Entry, index));
        }
        if self.append(sim, wal, records, None) {
            self.seen.voided += tip.next - from;
        }
    }

    /// Drops the oldest entries, or all and some that never came, as a snapshot does.
    fn purge(&mut self, sim: &Sim, wal: &Wal) {
        let (group, tip) = self.draw_group(sim);
        let rng = &sim.host.rng;
        let upto = match rng.below(10) {
            0 => tip.next + rng.below(5),
            _ => tip.fixed + rng.below(tip.next.saturating_sub(tip.fixed) / 2 + 1),
        };
        let state = self.unique(sim, group, RecordKind::State, upto);
        let purge = self.unique(sim, group, RecordKind::Purge, upto);
        let records = match sim.host.rng.below(3) {
            0 => vec![state],
            _ => vec![state, purge],
        };
        self.seen.purged += u64::from(self.append(sim, wal, records, None));
    }

    /// Releases up to an entry that was acknowledged as durable, and will not be void; at
    /// once, or when a state that says so is durable.
    fn release(&mut self, sim: &Sim, wal: &Wal) {
        let (group, _) = self.draw_group(sim);
        let done = fold(self.records(0, self.required()));
        let all = fold(self.records(0, self.accepted.len()));
        let (Some(done), Some(all)) = (done.get(&group), all.get(&group)) else {
            return;
        };
        let mut sure = done.entries.iter();
        let skipped = sim.host.rng.below(done.entries.len() as u64 + 1) as usize;
        sure.nth_back(skipped);
        let mut sure = sure.rev();
        let Some((&index, _)) = sure.find(|(at, entry)| all.entries.get(at) == Some(entry)) else {
            return;
        };
        if sim.host.rng.below(2) == 0 {
            let state = self.unique(sim, group, RecordKind::State, index);
            self.append(sim, wal, vec![state], Some((group, index)));
            return;
        }
        wal.release(group, LogIndex(index));
        raise(&mut self.released, group, index);
        raise(&mut self.released_since, group, index);
        self.tips.entry(group).and_modify(|tip| tip.pass(index));
    }

    /// Appends, and says whether that was accepted.
    fn append(
        &mut self,
        sim: &Sim,
        wal: &Wal,
        records: Vec<Record>,
        releases: Option<(u32, u64)>,
    ) -> bool {
        let durability = match sim.host.rng.below(4) {
            _ if releases.is_some() => Durability::Fsync,
            0 => Durability::None,
            1 => Durability::IntervalMs(20),
            _ => Durability::Fsync,
        };
        let outcome = Outcome::default();
        let (told, releasing) = (outcome.clone(), wal.clone());
        let done = move |result: Result<(), WalError>| {
            if let Some((group, index)) = releases.filter(|_| result.is_ok()) {
                releasing.release(group, LogIndex(index));
            }
            *told.lock() = Some(result);
        };
        let append = Append {
            records: records.clone(),
            durability,
            done: Box::new(done),
        };
        if wal.append(append).is_err() {
            return false;
        }
        records.iter().for_each(|record| self.pass(record));
        if let Some((group, index)) = releases {
            self.tips.entry(group).and_modify(|tip| tip.pass(index));
        }
        self.accepted.push(Accepted {
            records,
            durability,
            outcome,
            releases,
        });
        true
    }

    /// Notes where a record leaves its group.
    fn pass(&mut self, record: &Record) {
        let index = record.index.0;
        let first = Tip { next: 0, fixed: 0 };
        let tip = self.tips.entry(record.group).or_insert(first);
        match record.kind {
            RecordKind::Entry => tip.next = index + 1,
            RecordKind::Truncate => tip.next = index,
            RecordKind::Purge => tip.pass(index),
            RecordKind::State => {}
        }
    }

    /// Reads a random part of a group, which must be what was told to be written.
    fn read(&mut self, sim: &Sim, wal: &Wal) {
        let (group, tip) = self.draw_group(sim);
        let rng = &sim.host.rng;
        let from = rng.below(tip.next + 2);
        let to = from + rng.below(tip.next + 2);
        let bytes_max = rng.below(6000) as usize;
        match wal.read(group, LogIndex(from), LogIndex(to), bytes_max) {
            Ok(found) => self.check_read(group, (from, to, bytes_max), &found),
            Err(WalError::Io { .. } | WalError::Poisoned(_)) => self.seen.failed_reads += 1,
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads all that there is.
    pub(super) fn read_all(&mut self, wal: &Wal) {
        for group in 0..GROUPS {
            let everything = (0, u64::MAX, usize::MAX);
            let found = wal.read(group, LogIndex(0), LogIndex(u64::MAX), usize::MAX);
            self.check_read(group, everything, &found.unwrap());
        }
    }

    fn check_read(&mut self, group: u32, asked: (u64, u64, usize), found: &[Record]) {
        let (from, to, bytes_max) = asked;
        let told = self.told();
        let records = self.replayed.iter().chain(self.records(self.safe, told));
        let mut released = self.released_since.clone();
        for (group, index) in self.releases(self.safe, told) {
            raise(&mut released, group, index);
        }
        let groups = fold(records);
        let mut bytes = 0;
        let expected: Vec<&Record> = above(groups.get(&group), released.get(&group))
            .range(from..to.max(from))
            .map(|(_, entry)| *entry)
            .enumerate()
            .take_while(|(position, entry)| {
                bytes += entry.payload.len();
                *position == 0 || bytes <= bytes_max
            })
            .map(|(_, entry)| entry)
            .collect();
        let found: Vec<&Record> = found.iter().collect();
        assert_eq!(found, expected, "group {group}, {from} to {to}");
        self.seen.read += found.len() as u64;
    }

    fn records(&self, from: usize, to: usize) -> impl Iterator<Item = &Record> {
        let appends = self.accepted[from..to].iter();
        appends.flat_map(|append| &append.records)
    }

    fn releases(&self, from: usize, to: usize) -> impl Iterator<Item = (u32, u64)> {
        let appends = self.accepted[from..to].iter();
        appends.filter_map(|append| append.releases)
    }

    /// How many appends were told that they are written.
    fn told(&self) -> usize {
        let since = self.accepted[self.safe..].iter();
        let told = since.take_while(|append| *append.outcome.lock() == Some(Ok(())));
        self.safe + told.count()
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
        let told = self.told();
        for (group, index) in self.releases(self.safe, told).collect::<Vec<_>>() {
            raise(&mut self.released, group, index);
        }
        let required = self.required();
        let kept = (required..=self.accepted.len())
            .rev()
            .find(|kept| self.explains(*kept, replayed) && self.is_enough(*kept, replayed));
        let kept = kept.unwrap_or_else(|| {
            let count = self.accepted.len();
            let found = replayed.iter().map(|r| (r.group, r.kind, r.index.0));
            let found: Vec<_> = found.collect();
            panic!("of {count} appends, {required} or more are not what was replayed: {found:?}")
        });

        let logged = |record: &&Record| record.kind != RecordKind::State;
        let written = self.records(0, kept).filter(logged).count();
        self.seen.dropped_by_log += (written - replayed.iter().filter(logged).count()) as u64;
        self.seen.cut_by_crash += u64::from(kept < self.accepted.len());
        self.accepted.truncate(kept);
        self.safe = kept;
        self.replayed = replayed.to_vec();
        self.released_since.clear();
        self.tips.clear();
        let records: Vec<Record> = self.records(0, kept).cloned().collect();
        records.iter().for_each(|record| self.pass(record));
        for (group, index) in &self.released {
            self.tips.entry(*group).and_modify(|tip| tip.pass(*index));
        }
    }

    /// True if the first `kept` appends, less some of the oldest records, give `replayed`:
    /// in order, without a gap, each append whole, with the latest state of each group.
    fn explains(&self, kept: usize, replayed: &[Record]) -> bool {
        let logged = |record: &&Record| record.kind != RecordKind::State;
        let mut written: Vec<&Record> = self.records(0, kept).filter(logged).collect();
        let found: Vec<&Record> = replayed.iter().filter(logged).collect();
        let Some(dropped) = written.len().checked_sub(found.len()) else {
            return false;
        };
        written.drain(..dropped);
        let (expected, states) = (fold(self.records(0, kept)), fold(replayed.iter()));
        let state = |groups: &BTreeMap<u32, Group<'_>>, group| {
            groups.get(&group).and_then(|group| group.state.cloned())
        };
        written == found
            && (0..GROUPS).all(|group| state(&expected, group) == state(&states, group))
    }

    /// True if nothing that is needed was dropped, and nothing that is void is alive.
    fn is_enough(&self, kept: usize, replayed: &[Record]) -> bool {
        let (expected, found) = (fold(self.records(0, kept)), fold(replayed.iter()));
        (0..GROUPS).all(|group| {
            let released = self.released.get(&group);
            let (expected, found) = (expected.get(&group), found.get(&group));
            let written = above(expected, None);
            let mut alive = above(found, None).into_iter();
            above(found, released) == above(expected, released)
                && alive.all(|(index, entry)| written.get(&index) == Some(&entry))
        })
    }
}

impl Tip {
    /// Entries up to `index` stay as they are from now on.
    fn pass(&mut self, index: u64) {
        self.fixed = self.fixed.max(index + 1);
        self.next = self.next.max(self.fixed);
    }
}

fn raise(released: &mut BTreeMap<u32, u64>, group: u32, index: u64) {
    let upto = released.entry(group).or_insert(index);
    *upto = index.max(*upto);
}

// `WalError` has no equality of its own: only success is compared.
impl PartialEq for WalError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}
