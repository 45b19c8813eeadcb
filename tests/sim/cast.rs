//! Who takes part in a run: machines, of which some found the cluster, and how their nodes are set up.

use std::collections::BTreeMap;
use std::sync::Arc;

use dkv::machine::HistoryLimits;
use dkv::server::settings::EngineKind;

use crate::check::dice::Dice;
use crate::machine::{Machine, Setup};
use crate::members;
use crate::options::{MACHINES_MAX, Options};
use crate::stage::Stage;

/// See the module.
pub(crate) struct Cast {
    pub(crate) machines: Vec<Arc<Machine>>,
    /// Members that stay at least, whoever goes.
    pub(crate) stay_min: usize,
    pub(crate) clients: u32,
}

/// Machines whose nodes know each other, and of which the first will found the cluster with some
/// of the others.
pub(crate) fn draw(dice: &mut Dice, stage: &Arc<Stage>, options: &Options) -> Cast {
    let setup = setup(dice, options);
    stage.note(format!("{setup:?}"));
    let (founders, all) = how_many(&mut dice.fork(5), options);
    let machines = enter(dice, stage, &setup, founders, all);
    let mut dice = dice.fork(6);
    // What a run costs grows with its machines; what they are asked for need not.
    let clients = match all {
        ..=4 => dice.within(3, 7),
        _ => dice.within(2, 4),
    };
    let stay_min = usize::try_from(dice.within(1, founders)).expect("a few");
    stage.note(format!(
        "{founders} of {all} found it, {stay_min} stay, {clients} clients"
    ));
    Cast {
        machines,
        stay_min,
        clients: u32::try_from(clients).expect("a few"),
    }
}

fn setup(dice: &mut Dice, options: &Options) -> Setup {
    Setup {
        has_port: options.has_ports,
        history: remembered(&mut dice.fork(4)),
        engine: *dice.pick(&EngineKind::ALL),
        snapshot_entries: dice.within(5, 80),
        unflushed_bytes_max: *dice.pick(&[256 << 20, 16 << 10]),
        // Whoever was away is sent all rows, or what it missed.
        compaction_overhead: match dice.percent(75) {
            true => dice.within(0, 20),
            false => u64::MAX,
        },
        // Half of one holds what clients may ask for at once: an entry groups that.
        wal_segment_bytes: *dice.pick(&[64 << 10, 1 << 20]),
    }
}

/// How many found the cluster, and how many machines there are.
fn how_many(dice: &mut Dice, options: &Options) -> (u64, u64) {
    if let Some(nodes) = options.nodes {
        return (nodes, nodes);
    }
    let founders = match dice.below(100) {
        0..=14 => 1,
        15..=74 => 3,
        _ => 5,
    };
    let others = match founders {
        3 if dice.percent(85) => dice.within(0, 1),
        _ => dice.within(0, MACHINES_MAX - founders).min(4),
    };
    (founders, founders + others)
}

fn enter(
    dice: &mut Dice,
    stage: &Arc<Stage>,
    setup: &Setup,
    founders: u64,
    all: u64,
) -> Vec<Arc<Machine>> {
    let machines: Vec<_> = (1..=all)
        .map(|number| {
            let seed = dice.below(u64::MAX);
            Arc::new(Machine::new(&format!("node-{number}"), seed, setup, stage))
        })
        .collect();
    introduce(&machines, usize::try_from(founders).expect("a few"));
    machines
}

/// Makes each of them somebody whom the others know. The first will found the cluster, with so
/// many members.
pub(crate) fn introduce(machines: &[Arc<Machine>], founders: usize) {
    let nodes: Vec<_> = machines.iter().map(|it| it.mint().unwrap()).collect();
    let named = || nodes.iter().zip(machines);
    for (at, machine) in machines.iter().enumerate() {
        let others = named().filter(|(node, _)| **node != nodes[at]);
        let others = others.map(|(node, it)| (*node, it.name.clone())).collect();
        let founders: BTreeMap<_, _> = named()
            .take(if at == 0 { founders } else { 0 })
            .map(|(node, it)| (*node, members::fresh(it)))
            .collect();
        machine.enter(nodes[at], others, founders).unwrap();
    }
}

/// How much of what happened each member remembers: now and then so little that watchers which
/// were away are told that it is gone.
fn remembered(dice: &mut Dice) -> HistoryLimits {
    let all = HistoryLimits::default();
    match dice.below(4) {
        0 => HistoryLimits {
            age_ms: dice.within(500, 3_000),
            ..all
        },
        1 => HistoryLimits {
            bytes_max: *dice.pick(&[8 << 10, 32 << 10]),
            ..all
        },
        _ => all,
    }
}
