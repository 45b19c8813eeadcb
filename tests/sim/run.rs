//! One run: a cluster is founded, used and mistreated, mended, and judged.

use std::sync::Arc;
use std::time::Duration;

use turmoil::{Builder, Sim};

use crate::asker::Asker;
use crate::cast::{self, Cast};
use crate::check::dice::Dice;
use crate::faults;
use crate::judge;
use crate::load::{self, Client};
use crate::machine::Machine;
use crate::mayflies;
use crate::nemesis::{Nemesis, Suffering};
use crate::onlooker::Onlooker;
use crate::options::Options;
use crate::panics;
use crate::stage::{Stage, Tally};
use crate::watcher;

/// When faults begin and end.
const FAULTS_FROM_MS: u64 = 800;
const FAULTS_UNTIL_MS: u64 = 5_500;

/// When clients begin nothing new: they must be served once all is mended.
const LOAD_UNTIL_MS: u64 = 6_500;

/// When whatever is not done is stuck.
const STUCK_MS: u64 = 60_000;

pub(crate) const TICK: Duration = Duration::from_millis(1);

/// What a run showed.
pub(crate) struct Report {
    pub(crate) trace: Vec<String>,
    pub(crate) tally: Tally,
    /// What went wrong; empty if all is well.
    pub(crate) wrong: Vec<String>,
    pub(crate) operations: usize,
    /// How much time passed there.
    pub(crate) simulated: Duration,
    /// How many voters there were at most.
    pub(crate) voters: usize,
}

/// Makes the run of a seed.
pub(crate) fn run(seed: u64, options: &Options) -> Report {
    panics::watch();
    let mut dice = Dice::new(seed);
    let stage = Arc::new(Stage::default());
    let latency_ms_max = dice.within(2, 25);
    let mut sim = build(seed, latency_ms_max);
    let cast = cast::draw(&mut dice, &stage, options);
    let machines = &cast.machines;
    for machine in machines {
        let machine = machine.clone();
        sim.host(machine.name.clone(), move || machine.clone().live());
    }
    invite(&mut sim, &mut dice, &stage, &cast);
    watcher::invite(&mut sim, &dice, &stage, machines);
    let allowed = options.allowed();
    let mut chance = dice.fork(2);
    let suffers = Suffering {
        palette: match options.only.is_empty() {
            true => faults::draw(&mut chance, &allowed),
            false => allowed,
        },
        latency_ms_max,
        stay_min: cast.stay_min,
        guests: Vec::new(),
    };
    stage.note(format!("it suffers from {:?}", suffers.palette));
    let nemesis = Nemesis::new(&stage, machines, chance, suffers);
    let onlooker = play(&mut sim, &stage, machines, nemesis, |_, _| {});
    report(&sim, &stage, &onlooker)
}

/// Judges a run that is over.
pub(crate) fn report(sim: &Sim<'_>, stage: &Stage, onlooker: &Onlooker) -> Report {
    judge::judge(stage, &onlooker.annals);
    Report {
        trace: stage.trace(),
        tally: stage.tally(),
        wrong: stage.wrong(),
        operations: stage.history().len(),
        simulated: sim.elapsed(),
        voters: onlooker.voters_max(),
    }
}

/// An empty world.
pub(crate) fn build<'a>(seed: u64, latency_ms_max: u64) -> Sim<'a> {
    Builder::new()
        .rng_seed(seed)
        .tick_duration(TICK)
        .simulation_duration(Duration::from_secs(3_600))
        .min_message_latency(Duration::from_millis(0))
        .max_message_latency(Duration::from_millis(latency_ms_max))
        .enable_random_order()
        .tcp_capacity(256)
        .build()
}

/// Clients, on a machine of their own.
fn invite(sim: &mut Sim<'_>, dice: &mut Dice, stage: &Arc<Stage>, cast: &Cast) {
    let (machines, clients) = (&cast.machines, cast.clients);
    let pause_ms = dice.within(5, 120);
    let lost_percent = dice.within(0, 12);
    let (stage, machines, dice) = (stage.clone(), machines.clone(), dice.fork(1));
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

/// Lets a millisecond pass, and less or more on the clocks of machines. True once all clients are
/// done.
pub(crate) fn step(sim: &mut Sim<'_>, stage: &Stage, machines: &[Arc<Machine>]) -> bool {
    let elapsed = sim.elapsed();
    stage.set_now_ns(u64::try_from(elapsed.as_nanos()).expect("an hour at most"));
    let is_done = sim.step().unwrap_or_else(|error| {
        stage.is_wrong(format!("the simulation failed: {error}"));
        false
    });
    let us = u64::try_from(TICK.as_micros()).expect("a short time");
    let passed = machines.iter().map(|it| it.clock.pass_us(us));
    // Each of them goes on, not only those before the fastest.
    stage.advance_fastest_us(passed.fold(0, u64::max));
    if let Some(panicked) = panics::take() {
        stage.is_wrong(panicked);
    }
    is_done
}

/// Lets time pass until all is done, or something is wrong. `beside` is done at each moment, and
/// told whether anything may be broken.
pub(crate) fn play(
    sim: &mut Sim<'_>,
    stage: &Arc<Stage>,
    machines: &[Arc<Machine>],
    mut nemesis: Nemesis,
    mut beside: impl FnMut(&mut Sim<'_>, bool),
) -> Onlooker {
    let mut onlooker = Onlooker::new(stage);
    let mut is_mended = false;
    let mut is_read = false;
    while !(is_read && onlooker.is_settled(machines)) {
        is_read = step(sim, stage, machines);
        onlooker.look(machines);
        let now_ms = stage.now_ms();
        if now_ms >= FAULTS_UNTIL_MS && !is_mended {
            nemesis.mend_all(sim);
            is_mended = true;
        }
        let may_break = now_ms >= FAULTS_FROM_MS && !is_mended;
        nemesis.step(sim, onlooker.leader(), may_break);
        beside(sim, may_break);
        if now_ms >= LOAD_UNTIL_MS {
            stage.stop();
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
