//! Counters: every confirmed addition counts, none counts twice, and one without an answer counts
//! once at most. As only positive numbers are added, whatever shows a counter has bounds: what was
//! confirmed before it was asked for, and what was asked for before it was answered.

use std::collections::{BTreeMap, BTreeSet};

use super::told::{Anomaly, Kind, Step, Transaction};

/// One counter, as a history shows it.
#[derive(Default)]
struct Counter<'a> {
    /// When confirmed additions were confirmed, and by how much.
    confirmed: Vec<(u64, i64)>,
    /// When additions were asked for that took place, or may have.
    asked: Vec<(u64, i64)>,
    seen: Vec<Seen<'a>>,
}

/// A value that was shown, by a read or after an addition.
struct Seen<'a> {
    value: i64,
    /// What the transaction itself added; 0: it read.
    by: i64,
    transaction: &'a Transaction,
}

/// See the module.
pub(crate) fn check(history: &[Transaction]) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    for (name, counter) in gather(history) {
        counter.check_bounds(name, &mut anomalies);
        counter.check_order(name, &mut anomalies);
    }
    anomalies
}

fn gather(history: &[Transaction]) -> BTreeMap<&str, Counter<'_>> {
    let mut counters: BTreeMap<&str, Counter<'_>> = BTreeMap::new();
    for transaction in history {
        for step in &transaction.steps {
            let committed = transaction.is_committed();
            match step {
                Step::Added { counter, by, now } => {
                    assert!(*by > 0, "only positive numbers are added");
                    let it = counters.entry(counter).or_default();
                    if committed {
                        it.confirmed.push((transaction.returned_ns, *by));
                    }
                    if committed || transaction.is_unknown() {
                        it.asked.push((transaction.invoked_ns, *by));
                    }
                    if let Some(value) = now.filter(|_| committed) {
                        let by = *by;
                        it.seen.push(Seen {
                            value,
                            by,
                            transaction,
                        });
                    }
                }
                Step::Counted { counter, value } if committed => {
                    let (value, by) = (*value, 0);
                    counters.entry(counter).or_default().seen.push(Seen {
                        value,
                        by,
                        transaction,
                    });
                }
                _ => {}
            }
        }
    }
    for counter in counters.values_mut() {
        add_up(&mut counter.confirmed);
        add_up(&mut counter.asked);
    }
    counters
}

/// Sorts by time, and makes each number the sum of all up to it.
fn add_up(numbers: &mut [(u64, i64)]) {
    numbers.sort_unstable();
    let mut sum = 0;
    for (_, number) in numbers {
        sum += *number;
        *number = sum;
    }
}

/// The sum of all before a moment.
fn sum_before(sums: &[(u64, i64)], moment: u64) -> i64 {
    let many = sums.partition_point(|(at, _)| *at < moment);
    many.checked_sub(1).map_or(0, |last| sums[last].1)
}

impl Counter<'_> {
    fn check_bounds(&self, name: &str, anomalies: &mut Vec<Anomaly>) {
        for seen in &self.seen {
            let transaction = seen.transaction;
            let least = sum_before(&self.confirmed, transaction.invoked_ns) + seen.by;
            let most = sum_before(&self.asked, transaction.returned_ns);
            if !(least..=most).contains(&seen.value) {
                let value = seen.value;
                let message = format!(
                    "{name} was {value}: {least} at least was confirmed before, and {most} at most \
                     was asked for"
                );
                anomalies.push(Anomaly::new(Kind::Count, message, &[transaction]));
            }
        }
    }

    fn check_order(&self, name: &str, anomalies: &mut Vec<Anomaly>) {
        let mut values = BTreeSet::new();
        for seen in self.seen.iter().filter(|seen| seen.by > 0) {
            if !values.insert(seen.value) {
                let message = format!("two additions to {name} came to {}", seen.value);
                anomalies.push(Anomaly::new(Kind::Backwards, message, &[seen.transaction]));
            }
        }
        let mut by_end: Vec<&Seen<'_>> = self.seen.iter().collect();
        by_end.sort_by_key(|seen| seen.transaction.returned_ns);
        let mut by_start = by_end.clone();
        by_start.sort_by_key(|seen| seen.transaction.invoked_ns);
        let mut ended = by_end.into_iter().peekable();
        let mut greatest: Option<&Seen<'_>> = None;
        for seen in by_start {
            while let Some(before) =
                ended.next_if(|before| before.transaction.returned_ns < seen.transaction.invoked_ns)
            {
                let is_greater = greatest.is_none_or(|greatest| greatest.value < before.value);
                greatest = if is_greater { Some(before) } else { greatest };
            }
            if let Some(before) = greatest.filter(|it| it.value + seen.by > seen.value) {
                let message = format!("{name} was {}, and {} later", before.value, seen.value);
                let involved = [before.transaction, seen.transaction];
                anomalies.push(Anomaly::new(Kind::Backwards, message, &involved));
            }
        }
    }
}
