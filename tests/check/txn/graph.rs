//! Which transaction must come before which: by what they wrote and read, by real time, and by
//! the revisions they were told. What must come before itself cannot have been.
//!
//! The kinds of cycles are named as by Adya ("Weak consistency", 1999); the edges of real time
//! are the least that imply all of them.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use super::cycle;
use super::lists::Lists;
use super::told::{Anomaly, Kind, Step, Transaction};

/// Why one comes before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason<'a> {
    /// It appended before the other did (ww).
    Write(&'a str),
    /// The other read what it appended (wr).
    Read(&'a str),
    /// It read the list as it was before the other appended (rw).
    Anti(&'a str),
    /// It had ended before the other began.
    Time,
    /// By their revisions.
    Revision,
}

struct Graph<'a> {
    history: &'a [Transaction],
    edges: Vec<Vec<usize>>,
    reasons: Vec<Vec<Reason<'a>>>,
}

/// Complains about a cycle, if there is one.
pub(super) fn check(history: &[Transaction], lists: &Lists<'_>) -> Option<Anomaly> {
    let mut graph = Graph {
        history,
        edges: vec![Vec::new(); history.len()],
        reasons: vec![Vec::new(); history.len()],
    };
    graph.add_data(lists);
    graph.add_time(lists);
    graph.add_revisions(lists);
    let cycle = cycle::shortest(&graph.edges)?;
    Some(graph.complaint(&cycle))
}

impl<'a> Graph<'a> {
    fn add(&mut self, from: usize, to: usize, reason: Reason<'a>) {
        if from != to {
            self.edges[from].push(to);
            self.reasons[from].push(reason);
        }
    }

    /// From the order of each list's elements, and from who saw how much of it.
    fn add_data(&mut self, lists: &Lists<'a>) {
        for (&name, list) in &lists.all {
            let writers: Vec<usize> = list.order.iter().map(|it| list.appends[it]).collect();
            for pair in writers.windows(2) {
                self.add(pair[0], pair[1], Reason::Write(name));
            }
            let in_order: BTreeSet<u64> = list.order.iter().copied().collect();
            // What took place and nobody saw comes after all that was seen.
            let unseen = list.appends.iter().filter(|it| !in_order.contains(it.0));
            let unseen: Vec<usize> = unseen
                .map(|(_, by)| *by)
                .filter(|by| lists.happened.contains(by))
                .collect();
            for &later in &unseen {
                if let Some(&last) = writers.last() {
                    self.add(last, later, Reason::Write(name));
                }
            }
            for &(reader, many) in &list.reads {
                if many > 0 {
                    self.add(writers[many - 1], reader, Reason::Read(name));
                }
                match writers.get(many) {
                    Some(&next) => self.add(reader, next, Reason::Anti(name)),
                    None => unseen
                        .iter()
                        .for_each(|&later| self.add(reader, later, Reason::Anti(name))),
                }
            }
        }
    }

    fn add_time(&mut self, lists: &Lists<'_>) {
        // Ends before beginnings would be wrong at the same moment: such overlap.
        let mut moments: Vec<(u64, bool, usize)> = Vec::new();
        for &at in &lists.happened {
            moments.push((self.history[at].invoked_ns, false, at));
            if !self.history[at].is_unknown() {
                moments.push((self.history[at].returned_ns, true, at));
            }
        }
        moments.sort_unstable();
        // What has ended, and is before nothing else that has.
        let mut frontier: Vec<usize> = Vec::new();
        for (_, has_ended, at) in moments {
            if has_ended {
                let began = self.history[at].invoked_ns;
                frontier.retain(|&before| self.history[before].returned_ns >= began);
                frontier.push(at);
            } else {
                let before = frontier.clone();
                for before in before {
                    self.add(before, at, Reason::Time);
                }
            }
        }
    }

    /// A change, then whatever read at its revision, then the next change.
    fn add_revisions(&mut self, lists: &Lists<'_>) {
        let is_append = |step: &Step| matches!(step, Step::Append { .. });
        let told = lists.happened.iter().filter_map(|&at| {
            let transaction = &self.history[at];
            let reads = !transaction.steps.iter().any(is_append);
            Some((transaction.revision?, reads, at))
        });
        let mut told: Vec<(u64, bool, usize)> = told.collect();
        told.sort_unstable();
        let (mut change, mut readers) = (None, Vec::new());
        for (_, reads, at) in told {
            if let Some(change) = change {
                self.add(change, at, Reason::Revision);
            }
            if reads {
                readers.push(at);
                continue;
            }
            for reader in readers.drain(..) {
                self.add(reader, at, Reason::Revision);
            }
            change = Some(at);
        }
    }

    fn complaint(&self, cycle: &[usize]) -> Anomaly {
        let mut message = String::new();
        let mut reasons = Vec::new();
        for (place, &at) in cycle.iter().enumerate() {
            let next = cycle[(place + 1) % cycle.len()];
            let edge = self.edges[at].iter().position(|&to| to == next);
            let reason = self.reasons[at][edge.expect("a cycle goes along edges")];
            let to = (place + 1) % cycle.len() + 1;
            write!(message, "\n  T{} {reason} T{to}", place + 1)
                .expect("writing to a string cannot fail");
            reasons.push(reason);
        }
        let involved: Vec<&Transaction> = cycle.iter().map(|&at| &self.history[at]).collect();
        let message = format!("{}, each before the next:{message}", class(&reasons));
        Anomaly::new(Kind::Cycle, message, &involved)
    }
}

/// What such a cycle is called.
fn class(reasons: &[Reason<'_>]) -> String {
    let has = |is: fn(&Reason<'_>) -> bool| reasons.iter().any(is);
    let anti = reasons.iter().filter(|it| matches!(it, Reason::Anti(_)));
    let name = match anti.count() {
        0 if has(|it| matches!(it, Reason::Read(_))) => "G1c",
        0 => "G0",
        1 => "G-single",
        _ => "G2",
    };
    let time = if has(|it| *it == Reason::Time) {
        " with real time"
    } else {
        ""
    };
    let revision = if has(|it| *it == Reason::Revision) {
        " with revisions"
    } else {
        ""
    };
    format!("{name}{time}{revision}")
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(list) => write!(f, "appended to {list} before (ww)"),
            Self::Read(list) => write!(f, "appended to {list} what was read by (wr)"),
            Self::Anti(list) => write!(f, "read {list} without what was appended by (rw)"),
            Self::Time => write!(f, "ended before the beginning of"),
            Self::Revision => write!(f, "has a revision before that of"),
        }
    }
}
