//! The runs of every commit, and the campaign somebody asks for.

use std::path::PathBuf;

use crate::campaign::{die_while_founding, judge, read_after_crashes, run, run_falsified};
use crate::check::history;
use crate::check::txn::player::Workload;
use crate::check::txn::told::judge as judge_transactions;
use crate::falsify::{Liar, Lie};
use crate::injectors::Injectors;
use crate::play::{play, play_falsified};
use crate::played;
use crate::settings::Settings;

/// The run, or the campaign, that the environment asks for.
fn campaign(nodes: usize, faults: usize) {
    let report = run(Settings::from_environment(nodes, faults));
    if Settings::is_campaign() {
        eprintln!("{}\n{report}", Injectors::found());
    }
    report.settle();
}

#[test]
fn a_lone_node_that_is_killed_loses_nothing() {
    campaign(1, 6);
}

#[test]
fn a_cluster_that_is_treated_badly_loses_nothing() {
    campaign(3, 5);
}

/// Lists, a bank, pairs, counters and buckets, all at once, under faults.
#[test]
fn transactions_under_faults_are_serializable() {
    let mut settings = Settings::from_environment(3, 4);
    if !Settings::is_campaign() {
        settings.clients = 3;
    }
    settings.folder.set_extension("played");
    let played = play(settings, &Settings::workloads());
    if Settings::is_campaign() {
        eprintln!("{}\n{played}", Injectors::found());
    }
    played.settle();
}

/// The proof that it can fail: now and then a key is shown as it was before.
#[test]
fn every_workload_sees_the_past_as_a_lie() {
    for workload in Workload::ALL {
        let mut settings = Settings::from_environment(1, 0);
        settings.nodes = 1;
        settings.folder.set_extension(format!("past-{workload:?}"));
        let problems = play_falsified(settings, workload);
        assert!(!problems.is_empty(), "{workload:?} believed it");
    }
}

/// A cluster that was founded, and died before its log had reached the second node, never came
/// back: nobody but the founder knew who the members were, so nobody could answer it.
#[test]
fn a_cluster_that_dies_while_it_is_founded_lives_on() {
    for after_ms in [0, 30, 300] {
        let mut settings = Settings::from_environment(3, 0);
        settings.nodes = 3;
        settings.folder.set_extension(format!("founded-{after_ms}"));
        die_while_founding(&settings, std::time::Duration::from_millis(after_ms));
    }
}

/// A leader that was started again went on leading in its old term, with what it remembered of how
/// far the log was committed, and answered reads from before the last confirmed writes.
#[test]
fn a_leader_that_comes_back_does_not_read_the_past() {
    let mut settings = Settings::from_environment(3, 0);
    settings.nodes = 3;
    settings.folder.set_extension("back");
    let problems = read_after_crashes(&settings, 6);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The proof that a run can fail: one falsified answer among thousands.
#[test]
fn every_lie_is_found_out() {
    for (at, lie) in [
        Lie::OldValue,
        Lie::Nothing,
        Lie::Written,
        Lie::Granted,
        Lie::Deleted,
    ]
    .into_iter()
    .enumerate()
    {
        let mut settings = Settings::from_environment(1, 0);
        settings.nodes = 1;
        settings.folder.set_extension(format!("lie-{at}"));
        let problems = run_falsified(&settings, Liar::new(lie, 20));
        assert!(!problems.is_empty(), "{lie:?} was believed");
    }
}

/// With `CHAOS_HISTORY` a history that was kept is judged again.
#[test]
fn a_history_that_was_kept_is_judged_again() {
    let Some(path) = std::env::var_os("CHAOS_HISTORY").map(PathBuf::from) else {
        return;
    };
    if path.ends_with(played::KEPT) {
        let history = played::load(&path).expect("the history can be read");
        let anomalies = judge_transactions(&history);
        eprintln!("transactions={}", history.len());
        let said: Vec<String> = anomalies.iter().map(ToString::to_string).collect();
        assert!(said.is_empty(), "{}", said.join("\n"));
        return;
    }
    let history = history::load(&path).expect("the history can be read");
    let (problems, undecided) = judge(&history);
    eprintln!("operations={} undecided_keys={undecided}", history.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
