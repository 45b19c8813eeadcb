//! Somebody who breaks things, and mends them again.

use std::sync::Arc;
use std::time::Duration;

use turmoil::Sim;

use crate::check::dice::Dice;
use crate::machine::Machine;
use crate::stage::{Event, Stage};

/// What can be done to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// One machine reaches nobody.
    Isolate,
    /// Two machines do not reach each other.
    Split,
    /// Frames go in one direction only.
    OneWay,
    /// A link is slow.
    Latency,
    /// A machine stands still, and goes on as if nothing had been.
    Pause,
    /// A process dies; what it wrote is there.
    Kill,
    /// A machine loses power, in the middle of something.
    PowerLoss,
    /// All machines lose power at once.
    Blackout,
    /// A disk is slow.
    SlowDisk,
    /// A shard writes a checkpoint now.
    Checkpoint,
}

const FAULTS: [Fault; 10] = [
    Fault::Isolate,
    Fault::Split,
    Fault::OneWay,
    Fault::Latency,
    Fault::Pause,
    Fault::Kill,
    Fault::PowerLoss,
    Fault::Blackout,
    Fault::SlowDisk,
    Fault::Checkpoint,
];

/// Operations of a disk until it stops, at most.
const LAST_OPERATIONS: u64 = 12;

/// How long a machine whose disk stops lives on, ms.
const AGONY_MS: u64 = 15;

/// Something to be done at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Mend(usize, usize),
    Release(usize),
    Quicken(usize, usize),
    Bury { at: usize, of_power_loss: bool },
    Start(usize),
    HurryDisk(usize),
}

/// See the module.
pub(crate) struct Nemesis {
    stage: Arc<Stage>,
    dice: Dice,
    machines: Vec<Arc<Machine>>,
    /// What this run suffers from: each has its own mixture.
    palette: Vec<Fault>,
    next_ms: u64,
    between_ms: u64,
    latency_ms_max: u64,
    todo: Vec<(u64, Deed)>,
    /// Machines that are dead or dying.
    dead: Vec<bool>,
}

impl Nemesis {
    pub(crate) fn new(
        stage: &Arc<Stage>,
        machines: &[Arc<Machine>],
        mut dice: Dice,
        latency_ms_max: u64,
    ) -> Self {
        let mut palette: Vec<Fault> = FAULTS.into_iter().filter(|_| dice.percent(60)).collect();
        if palette.is_empty() {
            palette.push(*dice.pick(&FAULTS));
        }
        let between_ms = dice.within(100, 900);
        Self {
            stage: stage.clone(),
            dice,
            machines: machines.to_vec(),
            palette,
            next_ms: 0,
            between_ms,
            latency_ms_max,
            todo: Vec::new(),
            dead: vec![false; machines.len()],
        }
    }

    /// What is due now; new faults only if that is allowed.
    pub(crate) fn step(&mut self, sim: &mut Sim<'_>, leader: Option<&str>, may_break: bool) {
        let now = self.stage.now_ms();
        let todo = std::mem::take(&mut self.todo);
        let (due, later): (Vec<_>, Vec<_>) = todo.into_iter().partition(|(at, _)| *at <= now);
        self.todo = later;
        for (_, deed) in due {
            self.perform(sim, deed);
        }
        if may_break && now >= self.next_ms {
            self.next_ms = now + self.dice.within(20, 2 * self.between_ms);
            let fault = *self.dice.pick(&self.palette);
            self.strike(sim, fault, leader);
        }
    }

    /// Mends everything, and starts whoever is dead.
    pub(crate) fn mend_all(&mut self, sim: &mut Sim<'_>) {
        self.stage.note("all is mended");
        for (_, deed) in std::mem::take(&mut self.todo) {
            self.perform(sim, deed);
        }
        // A burial has only now said when the machine is started.
        for (_, deed) in std::mem::take(&mut self.todo) {
            self.perform(sim, deed);
        }
        for a in 0..self.machines.len() {
            for b in 0..a {
                self.perform(sim, Deed::Mend(a, b));
                self.perform(sim, Deed::Quicken(a, b));
            }
        }
    }

    fn name(&self, at: usize) -> &str {
        &self.machines[at].name
    }

    fn others(&self, at: usize) -> Vec<usize> {
        (0..self.machines.len())
            .filter(|other| *other != at)
            .collect()
    }

    /// The leader rather than another.
    fn victim(&mut self, leader: Option<&str>) -> usize {
        let leads = self
            .machines
            .iter()
            .position(|it| Some(it.name.as_str()) == leader);
        match leads {
            Some(leads) if self.dice.percent(50) => leads,
            _ => self.dice.below(self.machines.len() as u64) as usize,
        }
    }

    fn after(&mut self, ms: u64, deed: Deed) {
        let at = self.stage.now_ms() + ms;
        self.todo.push((at, deed));
    }

    fn strike(&mut self, sim: &mut Sim<'_>, fault: Fault, leader: Option<&str>) {
        let at = self.victim(leader);
        let other = *self.dice.clone().pick(&self.others(at));
        let lasts_ms = self.dice.within(50, 3_000);
        self.stage
            .note(format!("{fault:?} of {} ({lasts_ms} ms)", self.name(at)));
        match fault {
            Fault::Isolate => {
                for other in self.others(at) {
                    self.cut(sim, at, other, lasts_ms);
                }
            }
            Fault::Split => self.cut(sim, at, other, lasts_ms),
            Fault::OneWay => self.cut_one_way(sim, at, other, lasts_ms),
            Fault::Latency => {
                let ms = self.dice.within(50, 500);
                let latency = Duration::from_millis(ms);
                sim.set_link_max_message_latency(self.name(at), self.name(other), latency);
                self.stage.count(Event::Latency);
                self.after(lasts_ms, Deed::Quicken(at, other));
            }
            Fault::Pause => self.pause(sim, at, lasts_ms),
            Fault::Kill => self.kill(at, false),
            Fault::PowerLoss => self.kill(at, true),
            Fault::Blackout => (0..self.machines.len()).for_each(|at| self.kill(at, true)),
            Fault::SlowDisk => {
                self.machines[at].lag(self.dice.within(80, 99));
                self.stage.count(Event::SlowDisk);
                self.after(lasts_ms, Deed::HurryDisk(at));
            }
            Fault::Checkpoint => self.machines[at].checkpoint_now(),
        }
    }

    fn cut(&mut self, sim: &mut Sim<'_>, a: usize, b: usize, lasts_ms: u64) {
        sim.partition(self.name(a), self.name(b));
        self.stage.count(Event::Partition);
        self.after(lasts_ms, Deed::Mend(a, b));
    }

    /// Either one link, or everything that a machine says, or hears.
    fn cut_one_way(&mut self, sim: &mut Sim<'_>, at: usize, other: usize, lasts_ms: u64) {
        let whom = match self.dice.percent(50) {
            true => self.others(at),
            false => vec![other],
        };
        let is_deaf = self.dice.percent(50);
        for other in whom {
            match is_deaf {
                true => sim.partition_oneway(self.name(other), self.name(at)),
                false => sim.partition_oneway(self.name(at), self.name(other)),
            }
            self.stage.count(Event::OneWay);
            self.after(lasts_ms, Deed::Mend(at, other));
        }
    }

    fn pause(&mut self, sim: &mut Sim<'_>, at: usize, lasts_ms: u64) {
        if self.dead[at] {
            return;
        }
        self.machines[at].pause(true);
        for other in self.others(at) {
            sim.hold(self.name(at), self.name(other));
        }
        self.stage.count(Event::Pause);
        self.after(lasts_ms, Deed::Release(at));
    }

    fn kill(&mut self, at: usize, of_power_loss: bool) {
        if self.dead[at] {
            return;
        }
        self.dead[at] = true;
        let operations = self.dice.below(LAST_OPERATIONS);
        self.machines[at].begin_to_die(operations);
        let agony = self.dice.below(AGONY_MS);
        self.after(agony, Deed::Bury { at, of_power_loss });
    }

    fn perform(&mut self, sim: &mut Sim<'_>, deed: Deed) {
        self.stage.note(format!("{deed:?}"));
        match deed {
            Deed::Mend(a, b) => {
                sim.repair(self.name(a), self.name(b));
                sim.release(self.name(a), self.name(b));
            }
            Deed::Release(at) => {
                self.machines[at].pause(false);
                for other in self.others(at) {
                    sim.release(self.name(at), self.name(other));
                }
            }
            Deed::Quicken(a, b) => {
                let latency = Duration::from_millis(self.latency_ms_max);
                sim.set_link_max_message_latency(self.name(a), self.name(b), latency);
            }
            Deed::Bury { at, of_power_loss } => {
                sim.crash(self.name(at));
                self.machines[at].die(of_power_loss);
                self.stage.count(match of_power_loss {
                    true => Event::PowerLoss,
                    false => Event::Crash,
                });
                let down_ms = self.dice.within(10, 2_000);
                self.after(down_ms, Deed::Start(at));
            }
            Deed::Start(at) => {
                sim.bounce(self.name(at));
                self.dead[at] = false;
                self.stage.count(Event::Restart);
            }
            Deed::HurryDisk(at) => self.machines[at].lag(0),
        }
    }
}
