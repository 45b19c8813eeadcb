//! Lists that transactions append to and read: Elle's list-append (Kingsbury and Alvaro, "Elle:
//! inferring isolation anomalies from experimental observations", 2020).
//!
//! An element is appended once, so a read of a list tells who appended, in which order, before
//! whatever the reader missed. What follows is a graph of who must come before whom: if the
//! transactions were strictly serializable, it has no cycle.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::graph;
use super::told::{Anomaly, End, Kind, Step, Transaction};

/// All lists of a history.
#[derive(Default)]
pub(super) struct Lists<'a> {
    pub(super) all: BTreeMap<&'a str, List<'a>>,
    /// Transactions that took place for sure.
    pub(super) happened: BTreeSet<usize>,
}

/// One list.
#[derive(Default)]
pub(super) struct List<'a> {
    /// Who appended what, committed or not.
    pub(super) appends: BTreeMap<u64, usize>,
    /// The elements in order, as the longest read has them.
    pub(super) order: &'a [u64],
    longest: usize,
    /// Who read how many elements of it.
    pub(super) reads: Vec<(usize, usize)>,
}

/// See the module.
pub(crate) fn check(history: &[Transaction]) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    let mut lists = gather(history);
    for (at, transaction) in history.iter().enumerate() {
        if transaction.is_committed() {
            for (list, elements) in external_reads(transaction, &mut anomalies) {
                lists.read(history, at, list, elements, &mut anomalies);
            }
        }
    }
    // A graph made of orders that cannot be would say nothing more.
    if anomalies.is_empty() {
        anomalies.extend(lists.lost(history));
    }
    if anomalies.is_empty() {
        anomalies.extend(graph::check(history, &lists));
    }
    anomalies
}

fn gather(history: &[Transaction]) -> Lists<'_> {
    let mut lists = Lists::default();
    for (at, transaction) in history.iter().enumerate() {
        let mut is_about_lists = false;
        for step in &transaction.steps {
            is_about_lists |= matches!(step, Step::Append { .. } | Step::Read { .. });
            if let Step::Append { list, element } = step {
                let list = lists.all.entry(list).or_default();
                let twice = list.appends.insert(*element, at);
                assert!(twice.is_none(), "{element} is appended by two transactions");
            }
        }
        if is_about_lists && transaction.is_committed() {
            lists.happened.insert(at);
        }
    }
    lists
}

/// What a transaction read of others: its reads without what it had appended itself by then.
fn external_reads<'a>(
    transaction: &'a Transaction,
    anomalies: &mut Vec<Anomaly>,
) -> Vec<(&'a str, &'a [u64])> {
    let mut own: HashMap<&str, Vec<u64>> = HashMap::new();
    let mut reads: Vec<(&str, &[u64])> = Vec::new();
    for step in &transaction.steps {
        match step {
            Step::Append { list, element } => own.entry(list).or_default().push(*element),
            Step::Read { list, elements } => {
                let own = own.entry(list).or_default();
                let before = elements.strip_suffix(own.as_slice());
                let earlier = reads.iter().find(|(other, _)| other == list);
                match (before, earlier) {
                    (Some(before), None) => reads.push((list, before)),
                    (Some(before), Some((_, earlier))) if before == *earlier => {}
                    _ => {
                        let message = format!("{list} is not what it was, and what was appended");
                        anomalies.push(Anomaly::new(Kind::Internal, message, &[transaction]));
                    }
                }
            }
            _ => {}
        }
    }
    reads
}

impl<'a> Lists<'a> {
    /// Takes in what a transaction read of others.
    fn read(
        &mut self,
        history: &'a [Transaction],
        at: usize,
        name: &'a str,
        elements: &'a [u64],
        anomalies: &mut Vec<Anomaly>,
    ) {
        let reader = &history[at];
        let list = self.all.entry(name).or_default();
        list.reads.push((at, elements.len()));
        let mut seen = BTreeSet::new();
        for element in elements {
            if !seen.insert(element) {
                let message = format!("{element} is in {name} twice");
                anomalies.push(Anomaly::new(Kind::Duplicated, message, &[reader]));
            }
            let Some(&by) = list.appends.get(element) else {
                let message = format!("nobody appended {element} to {name}");
                anomalies.push(Anomaly::new(Kind::Invented, message, &[reader]));
                continue;
            };
            self.happened.insert(by);
            let writer = &history[by];
            if let End::Aborted { why } = &writer.end {
                let message = format!("{element} is in {name}, and was not committed: {why}");
                anomalies.push(Anomaly::new(Kind::AbortedRead, message, &[writer, reader]));
            }
            if writer.invoked_ns > reader.returned_ns {
                let message = format!("{element} was read before anybody appended it to {name}");
                anomalies.push(Anomaly::new(Kind::Future, message, &[writer, reader]));
            }
        }
        if let Some(last) = elements.last()
            && let Some(&by) = list.appends.get(last)
            && last_of(&history[by], name).is_some_and(|it| it != *last)
        {
            let message = format!("{name} was read while {last} was not all that was appended");
            let involved = [&history[by], reader];
            anomalies.push(Anomaly::new(Kind::IntermediateRead, message, &involved));
        }
        let common = elements.len().min(list.order.len());
        if elements[..common] != list.order[..common] {
            let message = format!("two reads of {name} do not continue one another");
            let involved = [&history[list.longest], reader];
            anomalies.push(Anomaly::new(Kind::TwoOrders, message, &involved));
        }
        if elements.len() > list.order.len() {
            (list.order, list.longest) = (elements, at);
        }
    }

    /// What was committed before a read began, and is not in it.
    fn lost(&self, history: &[Transaction]) -> Vec<Anomaly> {
        let mut anomalies = Vec::new();
        for (name, list) in &self.all {
            let place = |element| list.order.iter().position(|it| it == element);
            // By end, the greatest place of all that had ended by then.
            let mut ended: Vec<(u64, usize, u64)> = list
                .appends
                .iter()
                .filter(|(_, by)| history[**by].is_committed())
                .map(|(element, by)| {
                    let place = place(element).unwrap_or(usize::MAX);
                    (history[*by].returned_ns, place, *element)
                })
                .collect();
            ended.sort_unstable();
            let mut greatest = (0, 0);
            for (_, place, element) in &mut ended {
                greatest = greatest.max((*place, *element));
                (*place, *element) = greatest;
            }
            for &(reader, many) in &list.reads {
                let reader = &history[reader];
                let before = ended.partition_point(|(end, _, _)| *end < reader.invoked_ns);
                let Some((_, place, element)) = before.checked_sub(1).map(|at| ended[at]) else {
                    continue;
                };
                if place >= many {
                    let message = format!("{element} was appended to {name}, and is not there");
                    let writer = &history[list.appends[&element]];
                    anomalies.push(Anomaly::new(Kind::Lost, message, &[writer, reader]));
                }
            }
        }
        anomalies
    }
}

/// The last element that a transaction appends to a list.
fn last_of(transaction: &Transaction, list: &str) -> Option<u64> {
    let mut steps = transaction.steps.iter().rev();
    steps.find_map(|step| match step {
        Step::Append { list: to, element } if to == list => Some(*element),
        _ => None,
    })
}
