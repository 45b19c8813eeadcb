//! One run of the second level: founded, used over connections and mistreated, mended, and judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::sleep;
use turmoil::Sim;

use super::cuts::Cuts;
use super::guest::{Guest, Home};
use super::roads;
use super::spy::Spy;
use crate::cast;
use crate::check::dice::Dice;
use crate::check::history::{Action, Outcome};
use crate::faults::{self, Fault};
use crate::load::{self, Asks, Client};
use crate::machine::Machine;
use crate::nemesis::{Nemesis, Suffering};
use crate::options::Options;
use crate::panics;
use crate::run::{Report, TICK, build, play, report};
use crate::stage::Stage;

/// Members of the cluster, none of which comes or goes.
const NODES: u64 = 3;

/// How long a call may take: long enough to outlive a failover now and then, short enough not to
/// outlive all of them.
const CALL: Duration = Duration::from_millis(2_500);

/// The same once all is mended: a connection that nothing comes over any more is given up after
/// two pings.
const LAST_CALL: Duration = Duration::from_secs(20);

/// How often somebody looks whether others are done.
const LOOK: Duration = Duration::from_millis(5);

/// What makes no sense here: nobody sends twice but the library, and nobody comes or goes.
const NOT_HERE: [Fault; 2] = [Fault::Duplicate, Fault::Members];

/// Clients of a run, and how far they are.
struct Party {
    stage: Arc<Stage>,
    machines: Vec<Arc<Machine>>,
    homes: Vec<Arc<Home>>,
    dice: Dice,
    pause_ms: u64,
    /// What they need is there.
    is_founded: AtomicBool,
    done: AtomicU32,
}

/// Makes the run of a seed.
pub(crate) fn run(seed: u64, options: &Options) -> Report {
    panics::watch();
    let mut dice = Dice::new(seed);
    let stage = Arc::new(Stage::default());
    let latency_ms_max = dice.within(1, 15);
    let mut sim = build(seed, latency_ms_max);
    let options = Options {
        nodes: Some(options.nodes.unwrap_or(NODES)),
        has_ports: true,
        ..options.clone()
    };
    let cast = cast::draw(&mut dice, &stage, &options);
    let machines = &cast.machines;
    for machine in machines {
        let machine = machine.clone();
        sim.host(machine.name.clone(), move || machine.clone().live());
    }
    let guests = homes("guest", cast.clients.min(4), machines, &dice.fork(1));
    let spies = homes("watcher", 2, machines, &dice.fork(3));
    invite(&mut sim, &stage, machines, &guests, &mut dice);
    watch(&mut sim, &stage, &spies, &dice);
    let everybody: Vec<_> = guests.iter().chain(&spies).cloned().collect();
    let names: Vec<_> = everybody.iter().map(|it| it.name.clone()).collect();
    let suffers = suffering(&options, &mut dice, latency_ms_max, names.clone());
    stage.note(format!("it suffers from {:?}", suffers.palette));
    let nemesis = Nemesis::new(&stage, machines, dice.fork(2), suffers);
    let nodes = machines.iter().map(|it| it.name.clone()).collect();
    let mut cuts = Cuts::new(&stage, names, nodes, dice.fork(7));
    let tick_us = u64::try_from(TICK.as_micros()).expect("a short time");
    let onlooker = play(&mut sim, &stage, machines, nemesis, |sim, may_break| {
        cuts.step(sim, may_break);
        for home in &everybody {
            home.clock.pass_us(tick_us);
        }
    });
    report(&sim, &stage, &onlooker)
}

/// Machines of clients, each of which knows another node first.
fn homes(kind: &str, many: u32, machines: &[Arc<Machine>], dice: &Dice) -> Vec<Arc<Home>> {
    let home = |number: u32| {
        let mut addresses: Vec<_> = machines.iter().map(|it| roads::address(&it.name)).collect();
        let first = number as usize % addresses.len();
        addresses.rotate_left(first);
        let dice = dice.fork(1_000 + u64::from(number));
        Arc::new(Home::new(format!("{kind}-{number}"), addresses, dice))
    };
    (0..many).map(home).collect()
}

fn suffering(
    options: &Options,
    dice: &mut Dice,
    latency_ms_max: u64,
    guests: Vec<String>,
) -> Suffering {
    let mut allowed = options.allowed();
    allowed.retain(|it| !NOT_HERE.contains(it));
    Suffering {
        palette: match options.only.is_empty() {
            true => faults::draw(dice, &allowed),
            false => allowed,
        },
        latency_ms_max,
        stay_min: usize::try_from(NODES).expect("a few"),
        guests,
    }
}

/// Clients that read and write.
fn invite(
    sim: &mut Sim<'_>,
    stage: &Arc<Stage>,
    machines: &[Arc<Machine>],
    homes: &[Arc<Home>],
    dice: &mut Dice,
) {
    let party = Arc::new(Party {
        stage: stage.clone(),
        machines: machines.to_vec(),
        homes: homes.to_vec(),
        pause_ms: dice.within(5, 120),
        dice: dice.fork(8),
        is_founded: AtomicBool::new(false),
        done: AtomicU32::new(0),
    });
    for (number, home) in (0..).zip(homes) {
        let party = party.clone();
        sim.client(home.name.clone(), async move {
            party.take_part(number).await;
            Ok(())
        });
    }
}

/// Clients that watch.
fn watch(sim: &mut Sim<'_>, stage: &Arc<Stage>, homes: &[Arc<Home>], dice: &Dice) {
    for (number, home) in (0..).zip(homes) {
        let (home, stage, dice) = (home.clone(), stage.clone(), dice.fork(2_000 + number));
        sim.client(home.name.clone(), async move {
            let client = home.client(&stage, CALL);
            Spy::new(&home.name, &stage, client, dice).run().await;
            Ok(())
        });
    }
}

impl Party {
    /// Everything that one client does.
    async fn take_part(&self, number: u32) {
        let home = &self.homes[number as usize];
        let client = home.client(&self.stage, CALL);
        let dice = self.dice.fork(u64::from(number));
        let mut guest = Guest::new(number, "any", &self.stage, &client, dice.fork(1));
        if number == 0 {
            load::found(&self.stage, &mut guest).await;
            self.is_founded.store(true, Ordering::SeqCst);
        }
        self.until(|| self.is_founded.load(Ordering::SeqCst)).await;
        Client::new(number, &self.stage, guest, self.pause_ms)
            .run()
            .await;
        self.stage.note(format!("{} is done", home.name));
        let patient = client.with_timeout(LAST_CALL).expect("it is possible");
        let guest = Guest::new(number, "any", &self.stage, &patient, dice.fork(2));
        self.write_at_last(number, guest).await;
        self.done.fetch_add(1, Ordering::SeqCst);
        if number == 0 {
            let all = u32::try_from(self.homes.len()).expect("a few");
            self.until(|| self.done.load(Ordering::SeqCst) == all).await;
            self.read_all(home).await;
            self.stage.end();
        }
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        while !is_so() {
            sleep(LOOK).await;
        }
    }

    /// The client that went through all of it is served once all is mended.
    async fn write_at_last(&self, number: u32, mut guest: Guest) {
        let set = Action::Set {
            key: format!("last-{number}"),
            value: format!("last-{number}"),
            condition: None,
            fence: None,
        };
        let outcome = guest.ask(set).await;
        if !matches!(outcome, Outcome::Written { .. }) {
            self.stage.is_wrong(format!(
                "client {number} cannot write after all was mended: {outcome:?}"
            ));
        }
    }

    /// Reads everything at every node: each must answer.
    async fn read_all(&self, home: &Home) {
        let keys = load::keys(&self.stage);
        let many = u32::try_from(self.homes.len()).expect("a few");
        for (number, machine) in (many..).zip(&self.machines) {
            while !machine.is_well() {
                sleep(LOOK).await;
            }
            let address = roads::address(&machine.name);
            let client = home.client_at(&address, &self.stage, LAST_CALL);
            let dice = self.dice.fork(u64::from(number));
            let mut guest = Guest::new(number, &machine.name, &self.stage, &client, dice);
            load::read(&self.stage, &keys, &mut guest, &machine.name).await;
            load::survey(&self.stage, number, &mut guest).await;
        }
    }
}
