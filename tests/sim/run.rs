//! One run: a cluster is founded, used and mistreated, mended, and judged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use turmoil::{Builder, Sim};

use dkv::machine::HistoryLimits;
use dkv::raft::Member;
use dkv::server::settings::EngineKind;

use crate::asker::Asker;
use crate::check::dice::Dice;
use crate::faults::Nemesis;
use crate::judge;
use crate::load::{self, Client};
use crate::machine::{Machine, Setup};
use crate::mayflies;
use crate::onlooker::Onlooker;
use crate::panics;
use crate::stage::{Stage, Tally};
use crate::watcher;

/// Nodes that found the cluster, and all that there may be.
const FOUNDERS: usize = 3;
const NODES_MAX: u64 = 4;

/// When faults begin and end.
const FAULTS_FROM_MS: u64 = 800;
const FAULTS_UNTIL_MS: u64 = 5_500;

/// When clients begin nothing new: they must be served once all is mended.
const LOAD_UNTIL_MS: u64 = 6_500;

/// When whatever is not done is stuck.
const STUCK_MS: u64 = 60_000;

const TICK: Duration = Duration::from_millis(1);

/// What a run showed.
pub(crate) struct Report {
    pub(crate) trace: Vec<String>,
    pub(crate) tally: Tally,
    /// What went wrong; empty if all is well.
    pub(crate) wrong: Vec<String>,
    pub(crate) operations: usize,
}

/// Makes the run of a seed.
pub(crate) fn run(seed: u64) -> Report {
    panics::watch();
    let mut dice = Dice::new(seed);
    let stage = Arc::new(Stage::default());
    let latency_ms_max = dice.within(2, 25);
    let mut sim = Builder::new()
        .rng_seed(seed)
        .tick_duration(TICK)
        .simulation_duration(Duration::from_secs(3_600))
        .min_message_latency(Duration::from_millis(0))
        .max_message_latency(Duration::from_millis(latency_ms_max))
        .enable_random_order()
        .tcp_capacity(256)
        .build();
    let machines = found(&mut dice, &stage);
    for machine in &machines {
        let machine = machine.clone();
        sim.host(machine.name.clone(), move || machine.clone().live());
    }
    invite(&mut sim, &mut dice, &stage, &machines);
    watcher::invite(&mut sim, &dice, &stage, &machines);
    let nemesis = Nemesis::new(&stage, &machines, dice.fork(2), latency_ms_max);
    let onlooker = play(&mut sim, &stage, &machines, nemesis);
    judge::judge(&stage, &onlooker.annals);
    Report {
        trace: stage.trace(),
        tally: stage.tally(),
        wrong: stage.wrong(),
        operations: stage.history().len(),
    }
}

/// Machines whose nodes know each other, and of which one will found the cluster. The last
/// may be no member yet.
fn found(dice: &mut Dice, stage: &Arc<Stage>) -> Vec<Arc<Machine>> {
    let setup = Setup {
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
    };
    stage.note(format!("{setup:?}"));
    let machines: Vec<_> = (1..=dice.within(FOUNDERS as u64, NODES_MAX))
        .map(|number| {
            let seed = dice.below(u64::MAX);
            Arc::new(Machine::new(&format!("node-{number}"), seed, &setup, stage))
        })
        .collect();
    let nodes: Vec<_> = machines.iter().map(|it| it.mint().unwrap()).collect();
    let named = || nodes.iter().zip(&machines);
    for (at, machine) in machines.iter().enumerate() {
        let others = named().filter(|(node, _)| **node != nodes[at]);
        let others = others.map(|(node, it)| (*node, it.name.clone())).collect();
        let founders: BTreeMap<_, _> = named()
            .take(if at == 0 { FOUNDERS } else { 0 })
            .map(|(node, it)| {
                let member = Member {
                    name: it.name.clone(),
                    wants_vote: true,
                    ..Member::default()
                };
                (*node, member)
            })
            .collect();
        machine.enter(nodes[at], others, founders).unwrap();
    }
    machines
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

/// Clients, on a machine of their own.
fn invite(sim: &mut Sim<'_>, dice: &mut Dice, stage: &Arc<Stage>, machines: &[Arc<Machine>]) {
    let clients = u32::try_from(dice.within(3, 7)).expect("a few");
    let pause_ms = dice.within(5, 120);
    let lost_percent = dice.within(0, 12);
    let (stage, machines, dice) = (stage.clone(), machines.to_vec(), dice.fork(1));
    sim.client("clients", async move {
        let mut founder = Asker::new(clients, &stage, &machines, dice.fork(u64::MAX), 0);
        load::found(&stage, &mut founder).await;
        let mut asking = Vec::new();
        for number in 0..clients {
            let dice = dice.fork(u64::from(number));
            let asker = Asker::new(number, &stage, &machines, dice, lost_percent);
            let client = Client::new(number, &stage, asker, pause_ms);
            asking.push(tokio::task::spawn_local(client.run()));
        }
        let asker = Asker::new(clients, &stage, &machines, dice.fork(50), lost_percent);
        asking.push(tokio::task::spawn_local(mayflies::run(
            stage.clone(),
            asker,
        )));
        for client in asking {
            client.await?;
        }
        stage.note("the clients are done");
        load::read_all(&stage, &machines, clients, &dice).await;
        stage.end();
        Ok(())
    });
}

/// Lets time pass until all is done, or something is wrong.
fn play(
    sim: &mut Sim<'_>,
    stage: &Arc<Stage>,
    machines: &[Arc<Machine>],
    mut nemesis: Nemesis,
) -> Onlooker {
    let mut onlooker = Onlooker::new(stage);
    let mut is_mended = false;
    let mut is_read = false;
    while !(is_read && onlooker.is_settled(machines)) {
        let elapsed = sim.elapsed();
        stage.set_now_ns(u64::try_from(elapsed.as_nanos()).expect("an hour at most"));
        match sim.step() {
            Ok(is_done) => is_read = is_done,
            Err(error) => stage.is_wrong(format!("the simulation failed: {error}")),
        }
        for machine in machines {
            machine.clock.advance_us(1_000);
        }
        onlooker.look(machines);
        let now_ms = stage.now_ms();
        if now_ms >= FAULTS_UNTIL_MS && !is_mended {
            nemesis.mend_all(sim);
            is_mended = true;
        }
        let may_break = now_ms >= FAULTS_FROM_MS && !is_mended;
        nemesis.step(sim, onlooker.leader(), may_break);
        if now_ms >= LOAD_UNTIL_MS {
            stage.stop();
        }
        if let Some(panicked) = panics::take() {
            stage.is_wrong(panicked);
        }
        if now_ms > STUCK_MS {
            stage.is_wrong("it is stuck: a minute has passed and not all is done");
        }
        if !stage.wrong().is_empty() {
            machines.iter().for_each(|it| stage.note(it.describe()));
            break;
        }
    }
    onlooker
}
