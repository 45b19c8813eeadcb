//! One run from the start of the nodes to the verdict.

use std::time::{Duration, Instant};

use dkv::client::Client;

use crate::check::dice::Dice;
use crate::check::history::{Operation, Outcome};
use crate::check::{replay, search};
use crate::cluster::Cluster;
use crate::falsify::Liar;
use crate::library;
use crate::load::Load;
use crate::nemesis::{self, Struck};
use crate::node::Node;
use crate::report::Report;
use crate::settings::Settings;

/// Runs, checks, and keeps everything in the folder of the settings.
pub(crate) fn run(settings: Settings) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let report = runtime.block_on(run_load(settings));
    report.save();
    report
}

/// A run without faults in which one answer is falsified: the problems that are found.
pub(crate) fn run_falsified(settings: &Settings, liar: Liar) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
    let history = runtime.block_on(async {
        let dice = Dice::new(settings.seed);
        let cluster = Cluster::start(settings).await;
        let addresses = cluster.addresses();
        let mut load = Load::start(&addresses, settings.clients, &dice, Some(liar)).await;
        let began = Instant::now();
        while !load.was_falsified() {
            assert!(
                began.elapsed() < crate::PATIENCE,
                "there was nothing to lie about"
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // What comes after the lie contradicts it.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let answered = load.finish(&addresses, &dice).await;
        answered.expect("nothing happened to the node");
        load.recorder().history()
    });
    let (problems, _undecided) = judge(&history);
    let _gone = std::fs::remove_dir_all(&settings.folder);
    problems
}

/// Founds a cluster, kills all of it so long after its nodes were ready, and expects that it works
/// once it is started again.
pub(crate) fn die_while_founding(settings: &Settings, after: std::time::Duration) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
    let written = runtime.block_on(async {
        let mut cluster = Cluster::start(settings).await;
        tokio::time::sleep(after).await;
        cluster.nodes.iter_mut().for_each(Node::kill);
        cluster.heal().expect("what was founded starts again");
        write_at_last(&library::connect(cluster.addresses()).await).await
    });
    assert!(written, "kept: {}", settings.folder.display());
    let _gone = std::fs::remove_dir_all(&settings.folder);
}

/// Writes until it is confirmed; false if it never is.
async fn write_at_last(client: &Client) -> bool {
    let began = Instant::now();
    while began.elapsed() < crate::PATIENCE {
        if client.set("at-last", "alice").await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// Kills all of a cluster as soon as a write is confirmed, starts it again, and reads at every
/// node, again and again: what both checkers say.
pub(crate) fn read_after_crashes(settings: &Settings, rounds: u64) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
    let history = runtime.block_on(async {
        let dice = Dice::new(settings.seed);
        let mut cluster = Cluster::start(settings).await;
        let addresses = cluster.addresses();
        let mut load = Load::start(&addresses, 0, &dice, None).await;
        for round in 0..rounds {
            load.write_at_last(&addresses, &dice, round).await;
            cluster.nodes.iter_mut().for_each(Node::kill);
            cluster.heal().expect("what was killed starts again");
            let answered = load.finish(&addresses, &dice.fork(round)).await;
            answered.expect("all is healed");
        }
        load.recorder().history()
    });
    let (problems, _undecided) = judge(&history);
    let _gone = std::fs::remove_dir_all(&settings.folder);
    problems
}

async fn run_load(settings: Settings) -> Report {
    let began = Instant::now();
    let dice = Dice::new(settings.seed);
    let mut cluster = Cluster::start(&settings).await;
    let addresses = cluster.addresses();
    let load = Load::start(&addresses, settings.clients, &dice, None).await;
    let mut fate = dice.fork(u64::MAX);
    let mut problems = Vec::new();
    let mut struck = Vec::new();
    while struck.len() < settings.faults || began.elapsed() < settings.lasts {
        let kinds = &settings.kinds;
        match nemesis::strike(kinds, &mut cluster, load.recorder(), &mut fate).await {
            Ok(one) => struck.push(one),
            Err(problem) => problems.push(problem),
        }
        problems.extend(cluster.nodes.iter_mut().find_map(Node::ended_by_itself));
        if !problems.is_empty() {
            break;
        }
    }
    let mut report = conclude(settings, cluster, load, &dice, (struck, problems)).await;
    report.problems.extend(vacuous(&report.history));
    report.lasted = began.elapsed();
    report
}

/// Heals all, ends the load, and judges what was recorded; what went wrong before is not judged
/// again.
pub(crate) async fn conclude(
    settings: Settings,
    mut cluster: Cluster,
    mut load: Load,
    dice: &Dice,
    (struck, mut problems): (Vec<Struck>, Vec<String>),
) -> Report {
    if problems.is_empty() {
        problems.extend(cluster.heal().err());
    }
    if problems.is_empty() {
        problems.extend(load.finish(&cluster.addresses(), dice).await.err());
    }
    let history = load.recorder().history();
    let mut elections = None;
    if problems.is_empty() {
        elections = Some(cluster.term().await);
        problems.extend(states(&mut cluster).await.err());
    }
    let panicked = cluster.nodes.iter().filter(|node| node.panicked());
    problems.extend(panicked.map(|node| format!("{} panicked: see its log", node.name)));
    if !problems.is_empty() {
        cluster.keep();
    }
    drop(cluster);
    let (found, undecided) = judge(&history);
    problems.extend(found);
    Report {
        settings,
        history,
        struck,
        problems,
        undecided,
        elections,
        lasted: Duration::ZERO,
    }
}

/// The nodes have the same state, and have it still after a crash of them all.
pub(crate) async fn states(cluster: &mut Cluster) -> Result<(), String> {
    let before = cluster.converge(&[]).await?;
    cluster.nodes.iter_mut().for_each(Node::kill);
    cluster.heal()?;
    let after = cluster.converge(&before).await?;
    for (before, after) in before.iter().zip(&after) {
        if before.applied_index == after.applied_index && before != after {
            return Err(format!("a restart made {before:?} into {after:?}"));
        }
    }
    Ok(())
}

/// A run in which nothing happened proves nothing.
fn vacuous(history: &[Operation]) -> Option<String> {
    type Counts = fn(&Outcome) -> bool;
    let expected: [(&str, Counts); 5] = [
        ("reads that found something", |it| {
            matches!(it, Outcome::Read { found: Some(_), .. })
        }),
        ("writes", |it| matches!(it, Outcome::Written { .. })),
        ("deletes", |it| matches!(it, Outcome::Deleted { .. })),
        ("conditions that failed", |it| {
            matches!(it, Outcome::NotWritten { .. })
        }),
        ("grants", |it| matches!(it, Outcome::Acquired { .. })),
    ];
    let missing = expected
        .iter()
        .find(|(_, counts)| !history.iter().any(|it| counts(&it.outcome)));
    missing.map(|(what, _)| format!("there were no {what}: this run proves nothing"))
}

/// What both checkers say of a history, and how many keys could not be searched.
pub(crate) fn judge(history: &[Operation]) -> (Vec<String>, usize) {
    let replayed = replay::check(history, 0);
    let searched = search::check(history);
    let violations = replayed.iter().chain(&searched.violations);
    let problems = violations.map(ToString::to_string).collect();
    (problems, searched.undecided.len())
}
