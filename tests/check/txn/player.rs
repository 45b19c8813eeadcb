//! A client of transactions without the client: what it asks for next, given what it heard. Each
//! test crate asks in its own way, and records what the player says was done.

use std::collections::{BTreeMap, BTreeSet};

use super::asked::{Ask, Each, Said};
use super::told::{End, Step, Transaction};
use super::workload::{ACCOUNT_PREFIX, accounts, counters, pair, pairs};
pub(crate) use super::workload::{Workload, lists_in_use};
use crate::check::dice::Dice;
use crate::check::history::Found;

/// See the module.
#[derive(Debug)]
pub(crate) struct Player {
    workload: Workload,
    number: u32,
    turns: u64,
    /// Nothing is written twice.
    written: u64,
    plan: Plan,
    /// Lists, if the player only reads them: those of others.
    surveyed: BTreeSet<String>,
    is_surveyor: bool,
    /// Its bucket is to be made before anything else.
    is_homeless: bool,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    Ask(Ask),
    /// The turn is over; several: each had a fate of its own.
    Done(Vec<Part>),
}

/// A transaction, but for who and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) steps: Vec<Step>,
    pub(crate) revision: Option<u64>,
    pub(crate) end: End,
}

/// What is under way.
#[derive(Debug, Default)]
enum Plan {
    #[default]
    Nothing,
    /// Keys are read, to end with that.
    Read(Vec<String>),
    /// Lists are read, and these will be appended to.
    Append(Vec<String>, Vec<String>),
    Move {
        from: String,
        to: String,
        amount: i64,
    },
    Post {
        pair: u64,
        is_left: bool,
        looks_at_both: bool,
    },
    /// These steps are done if the request was.
    Commit(Vec<Step>),
    Batch(Vec<(String, i64)>),
    Own(Step),
}

impl Player {
    pub(crate) fn new(workload: Workload, number: u32) -> Self {
        Self {
            workload,
            number,
            turns: 0,
            written: 0,
            plan: Plan::Nothing,
            surveyed: BTreeSet::new(),
            is_surveyor: false,
            is_homeless: true,
        }
    }

    /// One that reads, once each, everything that shared keys of a history were.
    pub(crate) fn surveyor(workload: Workload, number: u32, history: &[Transaction]) -> Self {
        let steps = history.iter().flat_map(|it| &it.steps);
        let surveyed = steps.filter_map(|step| match step {
            Step::Append { list, .. } | Step::Read { list, .. } => Some(list.clone()),
            _ => None,
        });
        Self {
            surveyed: surveyed.collect(),
            is_surveyor: true,
            ..Self::new(workload, number)
        }
    }

    /// What a surveyor reads next; `None`: it has read all.
    pub(crate) fn survey(&mut self) -> Option<Ask> {
        const AT_ONCE: usize = 40;
        assert!(self.is_surveyor, "players play");
        let keys: Vec<String> = match self.workload {
            Workload::Lists => {
                let rest = self.surveyed.iter().nth(AT_ONCE).cloned();
                let later = rest.map(|rest| self.surveyed.split_off(&rest));
                let now = std::mem::replace(&mut self.surveyed, later.unwrap_or_default());
                now.into_iter().collect()
            }
            _ if self.turns > 0 => Vec::new(),
            Workload::Bank => accounts(),
            Workload::Skew => pairs().into_iter().flat_map(|(_, sides)| sides).collect(),
            Workload::Sums => counters(),
            Workload::Lane => Vec::new(),
        };
        self.turns += 1;
        (!keys.is_empty()).then(|| self.look(keys))
    }

    /// Begins a turn.
    pub(crate) fn begin(&mut self, dice: &mut Dice) -> Ask {
        self.turns += 1;
        match self.workload {
            Workload::Lists => self.begin_lists(dice),
            Workload::Bank => self.begin_bank(dice),
            Workload::Skew => self.begin_skew(dice),
            Workload::Sums => self.begin_sums(dice),
            Workload::Lane => self.begin_lane(dice),
        }
    }

    fn look(&mut self, keys: Vec<String>) -> Ask {
        self.plan = Plan::Read(keys.clone());
        match self.turns % 2 {
            0 => Ask::Look { keys },
            _ => Ask::Many { keys },
        }
    }

    fn begin_lists(&mut self, dice: &mut Dice) -> Ask {
        let all = lists_in_use(self.turns);
        let keys = some_of(&all, dice);
        if dice.percent(25) {
            return self.look(keys);
        }
        let appended = some_of(&keys, dice);
        self.plan = Plan::Append(keys.clone(), appended);
        Ask::Look { keys }
    }

    fn begin_bank(&mut self, dice: &mut Dice) -> Ask {
        match dice.below(100) {
            0..=14 => self.look(accounts()),
            15..=29 => {
                self.plan = Plan::Read(accounts());
                let prefix = ACCOUNT_PREFIX.to_owned();
                Ask::Scan { prefix }
            }
            _ => {
                let all = accounts();
                let from = dice.pick(&all).clone();
                let others: Vec<_> = all.into_iter().filter(|it| *it != from).collect();
                let to = dice.pick(&others).clone();
                let keys = vec![from.clone(), to.clone()];
                let amount = dice.within(1, 40) as i64;
                self.plan = Plan::Move { from, to, amount };
                Ask::Look { keys }
            }
        }
    }

    fn begin_skew(&mut self, dice: &mut Dice) -> Ask {
        let number = dice.below(10);
        let (_, sides) = pair(number);
        if dice.percent(35) {
            return self.look(sides.to_vec());
        }
        self.plan = Plan::Post {
            pair: number,
            is_left: dice.percent(50),
            looks_at_both: dice.percent(50),
        };
        let keys = sides.to_vec();
        Ask::Look { keys }
    }

    fn begin_sums(&mut self, dice: &mut Dice) -> Ask {
        let all = counters();
        let mut draw = |times: u64| -> Vec<(String, i64)> {
            let one = |_| (dice.pick(&all).clone(), dice.within(1, 5) as i64);
            (0..times).map(one).collect()
        };
        let one = draw(1).remove(0);
        let adds = draw(3);
        let added = |(counter, by): &(String, i64)| Step::Added {
            counter: counter.clone(),
            by: *by,
            now: None,
        };
        match dice.below(100) {
            0..=24 => self.look(all),
            25..=54 => {
                let (key, by) = one.clone();
                self.plan = Plan::Batch(vec![one]);
                Ask::Add { key, by }
            }
            55..=84 => {
                self.plan = Plan::Batch(adds.clone());
                Ask::Batch { adds }
            }
            _ => {
                // A transaction writes no key twice.
                let adds: BTreeMap<String, i64> = adds.into_iter().collect();
                let adds: Vec<_> = adds.into_iter().collect();
                self.plan = Plan::Commit(adds.iter().map(added).collect());
                Ask::Commit {
                    unchanged: Vec::new(),
                    puts: Vec::new(),
                    adds,
                }
            }
        }
    }

    fn begin_lane(&mut self, dice: &mut Dice) -> Ask {
        let bucket = format!("own-{}", self.number);
        let key = format!("key-{}", dice.below(3));
        let what = dice.below(100);
        if std::mem::take(&mut self.is_homeless) || what < 3 {
            let step = Step::Made {
                bucket: bucket.clone(),
            };
            self.plan = Plan::Own(step);
            return Ask::Make { bucket };
        }
        if what < 12 {
            let step = Step::Dropped {
                bucket: bucket.clone(),
            };
            self.plan = Plan::Own(step);
            return Ask::Drop { bucket };
        }
        if what < 55 {
            let value = None;
            let (bucket, key) = (bucket, key);
            let step = Step::Got {
                bucket: bucket.clone(),
                key: key.clone(),
                value,
            };
            self.plan = Plan::Own(step);
            return Ask::Get { bucket, key };
        }
        let value = dice.percent(80).then(|| self.fresh().to_string());
        let step = Step::Put {
            bucket: bucket.clone(),
            key: key.clone(),
            value: value.clone(),
        };
        self.plan = Plan::Own(step);
        Ask::Put { bucket, key, value }
    }

    /// A number that nobody had.
    fn fresh(&mut self) -> u64 {
        self.written += 1;
        u64::from(self.number) * 1_000_000 + self.written
    }

    /// Goes on with what was heard.
    pub(crate) fn hear(&mut self, said: Said) -> Next {
        let plan = std::mem::take(&mut self.plan);
        match said {
            Said::Seen { found, revision } => self.seen(plan, &found, revision),
            Said::Done { revision } => done(plan, Some(revision)),
            Said::NothingToDo { .. } => match plan {
                Plan::Own(Step::Dropped { bucket }) => {
                    self.is_homeless = true;
                    committed(vec![Step::NoBucket { bucket }], None)
                }
                plan => done(plan, None),
            },
            Said::Added(each) => Next::Done(added(plan, each)),
            Said::NoBucket => match plan {
                Plan::Own(
                    Step::Made { bucket }
                    | Step::Dropped { bucket }
                    | Step::Got { bucket, .. }
                    | Step::Put { bucket, .. },
                ) => {
                    self.is_homeless = true;
                    committed(vec![Step::NoBucket { bucket }], None)
                }
                other => unreachable!("{other:?} needs no bucket"),
            },
            Said::Refused { .. } => failed(plan, "a key was not unchanged"),
            Said::Failed { why } => failed(plan, &why),
            Said::Unknown { why } => {
                let end = End::Unknown { why };
                let part = |steps| Part {
                    steps,
                    revision: None,
                    end: end.clone(),
                };
                Next::Done(steps_of(plan).into_iter().map(part).collect())
            }
        }
    }

    /// What was read decides what is written.
    fn seen(&mut self, plan: Plan, found: &BTreeMap<String, Found>, revision: u64) -> Next {
        match plan {
            Plan::Read(keys) => committed(self.read(&keys, found), Some(revision)),
            Plan::Append(keys, appended) => {
                let mut steps = self.read(&keys, found);
                let mut puts = Vec::new();
                for list in appended {
                    let mut elements = elements_of(found.get(&list));
                    let element = self.fresh();
                    elements.push(element);
                    let text: Vec<_> = elements.iter().map(ToString::to_string).collect();
                    puts.push((list.clone(), Some(text.join(","))));
                    steps.push(Step::Append { list, element });
                }
                self.commit(unchanged(&keys, found), puts, steps)
            }
            Plan::Move { from, to, amount } => {
                let balance = |key: &String| found.get(key).map_or(0, number_of);
                let amount = amount.min(balance(&from));
                if amount <= 0 {
                    return committed(Vec::new(), Some(revision));
                }
                let puts = vec![
                    (from.clone(), Some((balance(&from) - amount).to_string())),
                    (to.clone(), Some((balance(&to) + amount).to_string())),
                ];
                let unchanged = unchanged(&[from.clone(), to.clone()], found);
                self.commit(unchanged, puts, vec![Step::Moved { from, to, amount }])
            }
            Plan::Post {
                pair: number,
                is_left,
                looks_at_both,
            } => {
                let (pair, sides) = pair(number);
                let there = sides.iter().position(|side| found.contains_key(side));
                let is_left = there.map_or(is_left, |side| side == 0);
                let own = sides[usize::from(!is_left)].clone();
                // Whoever is there is removed; else one is set, if the other is not there.
                let value = there.is_none().then(|| self.fresh().to_string());
                let keys = match (there, looks_at_both) {
                    (Some(_), false) => vec![own.clone()],
                    (None, false) => vec![sides[usize::from(is_left)].clone()],
                    (_, true) => sides.to_vec(),
                };
                let step = Step::Posted {
                    pair,
                    is_left,
                    is_there: value.is_some(),
                };
                self.commit(unchanged(&keys, found), vec![(own, value)], vec![step])
            }
            Plan::Own(Step::Got { bucket, key, .. }) => {
                let value = found.get(&key).map(|found| found.value.clone());
                let step = Step::Got { bucket, key, value };
                committed(vec![step], Some(revision))
            }
            other => unreachable!("{other:?} reads nothing"),
        }
    }

    fn commit(
        &mut self,
        unchanged: Vec<(String, u64)>,
        puts: Vec<(String, Option<String>)>,
        steps: Vec<Step>,
    ) -> Next {
        self.plan = Plan::Commit(steps);
        let adds = Vec::new();
        Next::Ask(Ask::Commit {
            unchanged,
            puts,
            adds,
        })
    }

    /// What a read of these keys shows.
    fn read(&self, keys: &[String], found: &BTreeMap<String, Found>) -> Vec<Step> {
        match self.workload {
            Workload::Lists => {
                let read = |list: &String| Step::Read {
                    list: list.clone(),
                    elements: elements_of(found.get(list)),
                };
                keys.iter().map(read).collect()
            }
            Workload::Bank => {
                let all = found.iter().map(|(key, it)| (key.clone(), number_of(it)));
                vec![Step::Balances { all: all.collect() }]
            }
            Workload::Skew => {
                let asked = pairs().into_iter().filter(|(_, it)| keys.contains(&it[0]));
                let value = |key: &String| found.get(key).map(|found| found.value.clone());
                let read = |(pair, [left, right]): (String, [String; 2])| Step::Pair {
                    pair,
                    left: value(&left),
                    right: value(&right),
                };
                asked.map(read).collect()
            }
            Workload::Sums => {
                let read = |counter: &String| Step::Counted {
                    counter: counter.clone(),
                    value: found.get(counter).map_or(0, number_of),
                };
                keys.iter().map(read).collect()
            }
            Workload::Lane => unreachable!("a lane gets one key after the other"),
        }
    }
}

/// One to all of these, in order.
fn some_of(from: &[String], dice: &mut Dice) -> Vec<String> {
    let first = dice.pick(from).clone();
    let picked = |it: &&String| **it == first || dice.percent(30);
    from.iter().filter(picked).cloned().collect()
}

fn elements_of(found: Option<&Found>) -> Vec<u64> {
    elements_in(found.map_or("", |found| found.value.as_str()))
}

/// The elements of a list, given its value.
pub(crate) fn elements_in(text: &str) -> Vec<u64> {
    let elements = text.split(',').filter(|it| !it.is_empty());
    elements
        .map(|it| it.parse().expect("lists hold numbers"))
        .collect()
}

fn number_of(found: &Found) -> i64 {
    found.value.parse().expect("it holds a number")
}

fn unchanged(keys: &[String], found: &BTreeMap<String, Found>) -> Vec<(String, u64)> {
    let revision = |key: &String| found.get(key).map_or(0, |found| found.revision);
    keys.iter()
        .map(|key| (key.clone(), revision(key)))
        .collect()
}

fn committed(steps: Vec<Step>, revision: Option<u64>) -> Next {
    Next::Done(vec![Part {
        steps,
        revision,
        end: End::Committed,
    }])
}

fn done(plan: Plan, revision: Option<u64>) -> Next {
    let steps = steps_of(plan).into_iter().flatten().collect();
    committed(steps, revision)
}

fn failed(plan: Plan, why: &str) -> Next {
    let part = |steps| Part {
        steps,
        revision: None,
        end: End::Aborted {
            why: why.to_owned(),
        },
    };
    Next::Done(steps_of(plan).into_iter().map(part).collect())
}

/// What a request would do, by parts that have a fate of their own.
fn steps_of(plan: Plan) -> Vec<Vec<Step>> {
    match plan {
        Plan::Commit(steps) => vec![steps],
        Plan::Own(step) => vec![vec![step]],
        Plan::Batch(adds) => {
            let step = |(counter, by)| Step::Added {
                counter,
                by,
                now: None,
            };
            adds.into_iter().map(|add| vec![step(add)]).collect()
        }
        // It had not come to a write.
        _ => Vec::new(),
    }
}

fn added(plan: Plan, each: Vec<Each>) -> Vec<Part> {
    let Plan::Batch(adds) = plan else {
        unreachable!("{plan:?} adds nothing");
    };
    assert_eq!(adds.len(), each.len(), "every addition has an outcome");
    let part = |((counter, by), each)| {
        let (now, revision, end) = match each {
            Each::Added { now, revision } => (Some(now), Some(revision), End::Committed),
            Each::Failed { why } => (None, None, End::Aborted { why }),
            Each::Unknown { why } => (None, None, End::Unknown { why }),
        };
        let steps = vec![Step::Added { counter, by, now }];
        Part {
            steps,
            revision,
            end,
        }
    };
    adds.into_iter().zip(each).map(part).collect()
}
