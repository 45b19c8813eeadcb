//! Somebody who breaks things, and mends them again.

use std::sync::Arc;
use std::time::Duration;

use turmoil::Sim;

use crate::check::dice::Dice;
use crate::clocks;
use crate::faults::Fault;
use crate::machine::{Glimpse, Job, Machine};
use crate::members::{self, Errand};
use crate::stage::{Event, Stage};

/// Operations of a disk until it stops, at most.
const LAST_OPERATIONS: u64 = 12;

/// Room that a full disk still has, at most.
const FREE_BYTES: u64 = 1 << 10;

/// Of a hundred frames, how many are lost at most while some are.
const LOST_PERCENT_MAX: u64 = 30;

/// How long a node may go on whose disk has failed, ms: it may be a slow one.
const GOES_ON_MS: u64 = 3_000;

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
    MakeRoom(usize),
    LoseNothing(usize),
    SendOnce,
}

/// What a run suffers from.
pub(crate) struct Suffering {
    /// Each run has its own mixture.
    pub(crate) palette: Vec<Fault>,
    pub(crate) latency_ms_max: u64,
    /// Members that stay at least.
    pub(crate) stay_min: usize,
    /// Machines whose connections stand still with a machine.
    pub(crate) guests: Vec<String>,
}

/// See the module.
pub(crate) struct Nemesis {
    stage: Arc<Stage>,
    dice: Dice,
    machines: Vec<Arc<Machine>>,
    suffers: Suffering,
    next_ms: u64,
    between_ms: u64,
    todo: Vec<(u64, Deed)>,
    /// Machines that are dead or dying.
    dead: Vec<bool>,
    /// Since when a disk has failed whose node goes on.
    failed_at_ms: Vec<Option<u64>>,
    /// How far clocks have leapt, all together.
    leapt_ms: u64,
}

impl Nemesis {
    pub(crate) fn new(
        stage: &Arc<Stage>,
        machines: &[Arc<Machine>],
        mut dice: Dice,
        suffers: Suffering,
    ) -> Self {
        let between_ms = dice.within(80, 700);
        Self {
            stage: stage.clone(),
            dice,
            machines: machines.to_vec(),
            suffers,
            next_ms: 0,
            between_ms,
            todo: Vec::new(),
            dead: vec![false; machines.len()],
            failed_at_ms: vec![None; machines.len()],
            leapt_ms: 0,
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
        (0..self.machines.len()).for_each(|at| self.look_at_disk(at));
        let may_break = may_break && !self.suffers.palette.is_empty();
        if may_break && now >= self.next_ms {
            self.next_ms = now + self.dice.within(20, 2 * self.between_ms);
            let fault = *self.dice.pick(&self.suffers.palette);
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
        self.perform(sim, Deed::SendOnce);
        for a in 0..self.machines.len() {
            self.perform(sim, Deed::MakeRoom(a));
            self.perform(sim, Deed::LoseNothing(a));
            self.machines[a].clock.go_at(100);
            self.machines[a].disk.fail_write_after(u64::MAX);
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
        let others = self.others(at);
        if others.is_empty() && fault.takes_two() {
            return;
        }
        // Of a lone machine nothing is cut.
        let other = match others.is_empty() {
            true => at,
            false => *self.dice.clone().pick(&others),
        };
        let lasts_ms = self.dice.within(50, 3_000);
        self.stage
            .note(format!("{fault:?} of {} ({lasts_ms} ms)", self.name(at)));
        match fault {
            Fault::Isolate => {
                for other in others {
                    self.cut(sim, at, other, lasts_ms);
                }
            }
            Fault::Split => self.cut(sim, at, other, lasts_ms),
            Fault::OneWay => self.cut_one_way(sim, at, other, lasts_ms),
            Fault::Latency => self.slow_link(sim, at, other, lasts_ms),
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
            Fault::DiskError => {
                let writes = self.dice.below(LAST_OPERATIONS);
                self.machines[at].disk.fail_write_after(writes);
            }
            Fault::FullDisk => {
                self.machines[at].fill_disk(self.dice.below(FREE_BYTES));
                // Long enough for a log to need another segment.
                self.after(lasts_ms + 2_000, Deed::MakeRoom(at));
            }
            Fault::Members => self.change_members(),
            Fault::Transfer => self.transfer(),
            Fault::ClockJump => self.leap(at),
            Fault::ClockDrift => {
                let rate = clocks::draw_rate(&mut self.dice);
                self.machines[at].clock.go_at(rate);
                self.stage.count(Event::ClockDrift);
            }
            Fault::Loss => {
                let percent = self.dice.within(1, LOST_PERCENT_MAX);
                self.machines[at].weather.lose(percent);
                self.after(lasts_ms, Deed::LoseNothing(at));
            }
            Fault::Duplicate => {
                self.stage.send_twice(self.dice.within(10, 80));
                self.after(lasts_ms, Deed::SendOnce);
            }
        }
    }

    fn slow_link(&mut self, sim: &mut Sim<'_>, at: usize, other: usize, lasts_ms: u64) {
        let ms = self.dice.within(50, 500);
        let latency = Duration::from_millis(ms);
        sim.set_link_max_message_latency(self.name(at), self.name(other), latency);
        self.stage.count(Event::Latency);
        self.after(lasts_ms, Deed::Quicken(at, other));
    }

    /// A machine was suspended, as it finds by its clock and by nothing else.
    fn leap(&mut self, at: usize) {
        let ms = clocks::draw_leap_ms(&mut self.dice, self.leapt_ms);
        if ms > 0 {
            self.leapt_ms += ms;
            self.machines[at].clock.leap_ms(ms);
            self.stage.advance_fastest_us(ms * 1_000);
            self.stage.count(Event::ClockJump);
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
        for guest in &self.suffers.guests {
            sim.hold(self.name(at), guest.as_str());
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
        if !of_power_loss {
            self.machines[at].hang_up();
        }
        let agony = self.dice.below(AGONY_MS);
        self.after(agony, Deed::Bury { at, of_power_loss });
    }

    /// A node whose disk has failed must stop, and is started again.
    fn look_at_disk(&mut self, at: usize) {
        let machine = self.machines[at].clone();
        if self.dead[at] || !machine.disk.has_failed_write() || machine.is_paused() {
            self.failed_at_ms[at] = None;
            return;
        }
        let now = self.stage.now_ms();
        let since = *self.failed_at_ms[at].get_or_insert(now);
        if machine.has_stopped() {
            self.stage.count(Event::DiskError);
            self.dead[at] = true;
            let of_power_loss = self.dice.percent(50);
            let agony = self.dice.below(AGONY_MS);
            self.after(agony, Deed::Bury { at, of_power_loss });
        } else if now > since + GOES_ON_MS {
            let wrong = format!("{} goes on although its disk failed", machine.name);
            self.stage.is_wrong(wrong);
        }
    }

    fn change_members(&mut self) {
        let least = self.suffers.stay_min;
        if let Some((leader, change)) = members::draw_change(&self.machines, &mut self.dice, least)
        {
            self.ask_leader(&leader, Errand::Change(change));
        }
    }

    fn transfer(&mut self) {
        let Some(leader) = members::leader(&self.machines) else {
            return;
        };
        let me = leader.handle.node();
        let voters = leader.handle.members().voters;
        let others: Vec<_> = voters.into_iter().filter(|it| *it != me).collect();
        if !others.is_empty() {
            let to = *self.dice.pick(&others);
            self.ask_leader(&leader, Errand::Transfer(to));
        }
    }

    fn ask_leader(&self, leader: &Glimpse, errand: Errand) {
        let node = leader.handle.node();
        if let Some(machine) = self.machines.iter().find(|it| it.node() == node) {
            // It may have more to do than it can: then nothing is asked.
            let _is_asked = machine.give(Job::Run(errand));
        }
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
                for guest in &self.suffers.guests {
                    sim.release(self.name(at), guest.as_str());
                }
            }
            Deed::Quicken(a, b) => {
                let latency = Duration::from_millis(self.suffers.latency_ms_max);
                sim.set_link_max_message_latency(self.name(a), self.name(b), latency);
            }
            Deed::Bury { at, of_power_loss } => {
                self.machines[at].fall_silent();
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
                // A node that does not fit on its disk does not start; that is proven elsewhere.
                self.machines[at].disk.set_capacity_bytes(None);
                sim.bounce(self.name(at));
                self.dead[at] = false;
                self.stage.count(Event::Restart);
            }
            Deed::HurryDisk(at) => self.machines[at].lag(0),
            Deed::MakeRoom(at) => self.machines[at].disk.set_capacity_bytes(None),
            Deed::LoseNothing(at) => self.machines[at].weather.lose(0),
            Deed::SendOnce => self.stage.send_twice(0),
        }
    }
}
