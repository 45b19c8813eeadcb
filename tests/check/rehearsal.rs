//! A store that does one thing after another, or is wrong in one chosen way, and the players of
//! transactions against it: what they do is legal by its making, and no defect stays unseen.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::check::dice::Dice;
use crate::check::history::Found;
use crate::check::txn::asked::{Ask, Each, Said};
use crate::check::txn::player::{Next, Part, Player, Workload};
use crate::check::txn::told::{Transaction, judge};

/// What the store does wrong, if it gets the chance, one time in eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    /// Confirms and forgets.
    Forgets,
    /// Does not look whether anything is unchanged.
    IgnoresCompares,
    /// Looks only whether what is written is unchanged: snapshot isolation.
    ComparesWritesOnly,
    /// Does only the first half of what it confirms.
    DoesHalf,
    /// Adds twice.
    AddsTwice,
    /// Says that it refused, and did it.
    DoesWhatItRefuses,
    /// Reads the past.
    ReadsThePast,
    /// Reads every other key as it was in the past.
    ReadsTornly,
    /// A bucket that is dropped keeps its keys.
    KeepsDroppedKeys,
}

type Keys = BTreeMap<(String, String), Found>;

struct Store {
    revision: u64,
    keys: Keys,
    buckets: BTreeSet<String>,
    /// By revision.
    past: Vec<Keys>,
    defect: Defect,
}

const CLIENTS: u32 = 6;
const TURNS: usize = 500;
const UNANSWERED_PERCENT: u64 = 5;

/// What takes effect at a moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Begin(u32),
    Effect(u32),
    /// Something whose client does not wait any more.
    Late(usize),
}

struct Client {
    player: Player,
    began: u64,
    ask: Option<Ask>,
}

/// One whole rehearsal.
struct Stage {
    now: u64,
    dice: Dice,
    store: Store,
    clients: Vec<Client>,
    late: Vec<Ask>,
    due: BinaryHeap<Reverse<(u64, Due)>>,
    history: Vec<Transaction>,
}

fn play(seed: u64, workload: Workload, defect: Defect) -> Vec<Transaction> {
    let client = |number| Client {
        player: Player::new(workload, number),
        began: 0,
        ask: None,
    };
    let mut stage = Stage {
        now: 0,
        dice: Dice::new(seed),
        store: Store {
            revision: 0,
            keys: Keys::new(),
            buckets: BTreeSet::new(),
            past: vec![Keys::new()],
            defect: Defect::None,
        },
        clients: (0..CLIENTS).map(client).collect(),
        late: Vec::new(),
        due: BinaryHeap::new(),
        history: Vec::new(),
    };
    if let Some(ask) = workload.founding() {
        stage.store.apply(&ask, &mut stage.dice);
    }
    stage.store.defect = defect;
    for number in 0..CLIENTS {
        stage.soon(30, Due::Begin(number));
    }
    stage.run();
    stage.survey(workload);
    stage.history
}

impl Stage {
    fn soon(&mut self, within: u64, due: Due) {
        let at = self.now + self.dice.within(1, within);
        self.due.push(Reverse((at, due)));
    }

    fn run(&mut self) {
        while let Some(Reverse((at, due))) = self.due.pop() {
            self.now = at;
            match due {
                Due::Begin(number) if self.history.len() < TURNS => {
                    let client = &mut self.clients[number as usize];
                    client.began = at;
                    let ask = client.player.begin(&mut self.dice);
                    self.ask(number, ask);
                }
                Due::Begin(_) => {}
                Due::Effect(number) => {
                    let ask = self.clients[number as usize].ask.take();
                    let ask = ask.expect("it asked");
                    let is_lost = ask.is_write() && self.dice.percent(UNANSWERED_PERCENT);
                    let said = if is_lost {
                        if self.dice.percent(60) {
                            self.late.push(ask);
                            self.soon(200, Due::Late(self.late.len() - 1));
                        }
                        let why = "silence".to_owned();
                        Said::Unknown { why }
                    } else {
                        self.store.apply(&ask, &mut self.dice)
                    };
                    self.hear(number, said);
                }
                Due::Late(at) => {
                    let ask = self.late[at].clone();
                    self.store.apply(&ask, &mut self.dice);
                }
            }
        }
    }

    fn ask(&mut self, number: u32, ask: Ask) {
        self.clients[number as usize].ask = Some(ask);
        self.soon(15, Due::Effect(number));
    }

    fn hear(&mut self, number: u32, said: Said) {
        let client = &mut self.clients[number as usize];
        let began = client.began;
        match client.player.hear(said) {
            Next::Ask(ask) => self.ask(number, ask),
            Next::Done(parts) => {
                self.now += 1;
                self.record(number, began, parts);
                self.soon(10, Due::Begin(number));
            }
        }
    }

    fn record(&mut self, client: u32, invoked_ns: u64, parts: Vec<Part>) {
        let returned_ns = self.now;
        let told = |part: Part| Transaction {
            client,
            invoked_ns,
            returned_ns,
            steps: part.steps,
            revision: part.revision,
            end: part.end,
        };
        self.history.extend(parts.into_iter().map(told));
    }

    /// Reads everything once more, as it is.
    fn survey(&mut self, workload: Workload) {
        self.store.defect = Defect::None;
        let mut surveyor = Player::surveyor(workload, CLIENTS, &self.history);
        while let Some(ask) = surveyor.survey() {
            self.now += 2;
            let began = self.now;
            let said = self.store.apply(&ask, &mut self.dice);
            let Next::Done(parts) = surveyor.hear(said) else {
                panic!("a survey only reads");
            };
            self.now += 1;
            self.record(CLIENTS, began, parts);
        }
    }
}

impl Store {
    fn is_wrong(&self, defect: Defect, dice: &mut Dice) -> bool {
        self.defect == defect && dice.percent(12)
    }

    fn apply(&mut self, ask: &Ask, dice: &mut Dice) -> Said {
        let is_right = self.is_wrong(Defect::Forgets, dice);
        if is_right && ask.is_write() && !matches!(ask, Ask::Make { .. }) {
            let kept = (self.keys.clone(), self.buckets.clone());
            let said = self.apply_right(ask, dice);
            (self.keys, self.buckets) = kept;
            return said;
        }
        self.apply_right(ask, dice)
    }

    fn apply_right(&mut self, ask: &Ask, dice: &mut Dice) -> Said {
        match ask {
            Ask::Look { keys } | Ask::Many { keys } => {
                let wanted = keys.iter().map(|key| (String::new(), key.clone()));
                self.read(wanted.collect(), dice)
            }
            Ask::Scan { prefix } => {
                let keys = self.keys.keys();
                let wanted =
                    keys.filter(|(bucket, key)| bucket.is_empty() && key.starts_with(prefix));
                let wanted = wanted.cloned().collect();
                self.read(wanted, dice)
            }
            Ask::Get { bucket, key } => match self.buckets.contains(bucket) {
                true => self.read(vec![(bucket.clone(), key.clone())], dice),
                false => Said::NoBucket,
            },
            Ask::Commit {
                unchanged,
                puts,
                adds,
            } => self.commit(unchanged, puts, adds, dice),
            Ask::Add { key, by } => Said::Added(vec![self.add(key, *by, dice)]),
            Ask::Batch { adds } => {
                let each = adds.iter().map(|(key, by)| self.add(key, *by, dice));
                Said::Added(each.collect())
            }
            Ask::Put { bucket, key, value } if self.buckets.contains(bucket) => {
                self.revision += 1;
                self.put(bucket, key, value.clone());
                self.done()
            }
            Ask::Put { .. } => Said::NoBucket,
            Ask::Make { bucket } => {
                self.revision += u64::from(self.buckets.insert(bucket.clone()));
                self.done()
            }
            Ask::Drop { bucket } if self.buckets.remove(bucket) => {
                self.revision += 1;
                if !self.is_wrong(Defect::KeepsDroppedKeys, dice) {
                    self.keys.retain(|(of, _), _| of != bucket);
                }
                self.done()
            }
            Ask::Drop { .. } => Said::NoBucket,
        }
    }

    fn done(&mut self) -> Said {
        self.past.resize(self.revision as usize + 1, Keys::new());
        self.past[self.revision as usize] = self.keys.clone();
        Said::Done {
            revision: self.revision,
        }
    }

    fn read(&self, wanted: Vec<(String, String)>, dice: &mut Dice) -> Said {
        let back = dice.within(1, 6) as usize;
        let then = &self.past[self.past.len().saturating_sub(back)];
        let is_past = self.is_wrong(Defect::ReadsThePast, dice);
        let is_torn = self.is_wrong(Defect::ReadsTornly, dice);
        let mut found = BTreeMap::new();
        for (at, wanted) in wanted.into_iter().enumerate() {
            let keys = match is_past || (is_torn && at % 2 == 1) {
                true => then,
                false => &self.keys,
            };
            if let Some(it) = keys.get(&wanted) {
                found.insert(wanted.1, it.clone());
            }
        }
        let revision = self.revision;
        Said::Seen { found, revision }
    }

    fn commit(
        &mut self,
        unchanged: &[(String, u64)],
        puts: &[(String, Option<String>)],
        adds: &[(String, i64)],
        dice: &mut Dice,
    ) -> Said {
        let is_blind = self.is_wrong(Defect::IgnoresCompares, dice);
        let is_weak = self.is_wrong(Defect::ComparesWritesOnly, dice);
        let holds = |(key, revision): &(String, u64)| {
            let found = self.keys.get(&(String::new(), key.clone()));
            let is_written = puts.iter().any(|(put, _)| put == key);
            found.map_or(0, |found| found.revision) == *revision
                || is_blind
                || (is_weak && !is_written)
        };
        let is_refused = !unchanged.iter().all(holds);
        if is_refused && !self.is_wrong(Defect::DoesWhatItRefuses, dice) {
            let revision = self.revision;
            return Said::Refused { revision };
        }
        self.revision += 1;
        let many = match self.is_wrong(Defect::DoesHalf, dice) {
            true => puts.len() / 2,
            false => puts.len(),
        };
        for (key, value) in puts.iter().take(many) {
            self.put("", key, value.clone());
        }
        for (key, by) in adds {
            self.add_at(key, *by, dice);
        }
        match (self.done(), is_refused) {
            (_, true) => Said::Refused {
                revision: self.revision,
            },
            (done, false) => done,
        }
    }

    fn add(&mut self, key: &str, by: i64, dice: &mut Dice) -> Each {
        self.revision += 1;
        let now = self.add_at(key, by, dice);
        self.done();
        let revision = self.revision;
        Each::Added { now, revision }
    }

    fn add_at(&mut self, key: &str, by: i64, dice: &mut Dice) -> i64 {
        let place = (String::new(), key.to_owned());
        let found = self.keys.get(&place);
        let before: i64 = found.map_or(0, |found| found.value.parse().unwrap());
        let times = 1 + i64::from(self.is_wrong(Defect::AddsTwice, dice));
        self.put("", key, Some((before + times * by).to_string()));
        before + by
    }

    fn put(&mut self, bucket: &str, key: &str, value: Option<String>) {
        let place = (bucket.to_owned(), key.to_owned());
        let revision = self.revision;
        match value {
            Some(value) => drop(self.keys.insert(place, Found { value, revision })),
            None => drop(self.keys.remove(&place)),
        }
    }
}

#[test]
fn what_a_sound_store_does_is_legal() {
    for workload in Workload::ALL {
        for seed in 0..30 {
            let history = play(seed, workload, Defect::None);
            let anomalies = judge(&history);
            let first = anomalies.first().map(ToString::to_string);
            assert_eq!(first, None, "{workload:?}, seed {seed}");
            let committed = history.iter().filter(|it| it.is_committed());
            assert!(
                committed.count() > TURNS / 2,
                "{workload:?} hardly did anything"
            );
        }
    }
}

/// In how many of 20 histories a defect is seen.
fn seen(workload: Workload, defect: Defect) -> usize {
    let is_seen = |seed: &u64| !judge(&play(*seed, workload, defect)).is_empty();
    (0..20).filter(is_seen).count()
}

#[test]
fn every_defect_is_seen() {
    use Workload::{Bank, Lane, Lists, Skew, Sums};
    for (defect, workloads) in [
        (Defect::Forgets, &[Lists, Sums, Lane][..]),
        (Defect::IgnoresCompares, &[Lists, Bank, Skew]),
        (Defect::ComparesWritesOnly, &[Lists, Skew]),
        (Defect::DoesHalf, &[Lists, Bank]),
        (Defect::AddsTwice, &[Sums]),
        (Defect::DoesWhatItRefuses, &[Lists, Bank]),
        (Defect::ReadsThePast, &[Lists, Sums, Lane]),
        (Defect::ReadsTornly, &[Lists, Bank, Sums]),
        (Defect::KeepsDroppedKeys, &[Lane]),
    ] {
        for workload in workloads {
            let seen = seen(*workload, defect);
            // Skew shows only while both are there, or where no answer was lost; what is one
            // client's alone changes seldom.
            let at_least = match workload {
                Skew => 10,
                Lane => 8,
                _ => 14,
            };
            assert!(seen >= at_least, "{defect:?} in {workload:?}: {seen} of 20");
        }
    }
}
