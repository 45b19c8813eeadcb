//! What a run showed, judged once it is over.

use std::collections::BTreeSet;

use crate::annals::Annals;
use crate::check::history::{Action, Operation, Outcome};
use crate::check::txn::told;
use crate::check::watched::log::Log;
use crate::check::watched::{acked, validate};
use crate::check::{replay, search};
use crate::mayflies::is_mayfly;
use crate::stage::Stage;

/// Checks what everybody was told, and what happened. Of a run that was broken off too little is
/// known for that.
pub(crate) fn judge(stage: &Stage, annals: &Annals) {
    if !stage.wrong().is_empty() {
        return;
    }
    let log = annals.log();
    stage.note(format!("what happened is known from {} on", log.from));
    clients(stage, &log);
    watchers(stage, annals, &log);
    let early = annals.ended_early(log.from);
    early.iter().for_each(|it| stage.is_wrong(it));
    let missing = acked::missing(&stage.transactions(), &log);
    missing.iter().for_each(|it| stage.is_wrong(it));
    for writes in [stage.history(), stage.brief()] {
        let missing = acked::missing_write(&writes, &log);
        missing.iter().for_each(|it| stage.is_wrong(it));
    }
}

fn clients(stage: &Stage, log: &Log) {
    let history: Vec<Operation> = stage.history();
    let mut all = history.clone();
    all.extend(mayflies(log));
    for violation in replay::check(&all, 0) {
        stage.is_wrong(violation);
    }
    let searched = search::check(&history);
    for violation in searched.violations {
        stage.is_wrong(violation);
    }
    for key in searched.undecided {
        stage.is_wrong(format!(
            "the search gave up on {key}: of two checkers only one has judged it"
        ));
    }
    for anomaly in told::judge(&stage.transactions()) {
        stage.is_wrong(anomaly);
    }
}

/// The revisions that mayflies took, at any time: most of them nobody asked for when they came.
fn mayflies(log: &Log) -> impl Iterator<Item = Operation> {
    let events = log.events().filter(|event| is_mayfly(&event.key));
    let known: BTreeSet<u64> = events.map(|event| event.revision).collect();
    let known = known
        .into_iter()
        .map(|revision| Outcome::Written { revision });
    // Of those that nobody remembers it is not known which ones.
    let why = "nobody remembers".to_owned();
    let forgotten = (1..log.from).map(move |_| Outcome::Unknown { why: why.clone() });
    known.chain(forgotten).map(|outcome| Operation {
        client: u32::MAX,
        node: "any".to_owned(),
        invoked_ns: 0,
        returned_ns: u64::MAX,
        action: Action::Other {
            what: "mayflies".to_owned(),
        },
        outcome,
    })
}

/// Checks what watchers were told against everything that happened.
fn watchers(stage: &Stage, annals: &Annals, log: &Log) {
    for watcher in stage.watchers() {
        let (broken, _) = validate::check(&watcher, log);
        broken.iter().for_each(|it| stage.is_wrong(it));
        let through = watcher.streams.iter().filter_map(|it| it.through()).max();
        if through > Some(annals.through()) {
            let name = &watcher.name;
            stage.is_wrong(format!(
                "{name} was told through {through:?}, where nobody was"
            ));
        }
    }
}
