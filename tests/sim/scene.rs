//! A stage without dice: a few machines, to whom a scenario does one thing after the other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use turmoil::Sim;

use dkv::base::Result;
use dkv::base::time::Timer;
use dkv::kv::{KvCommand, Set};
use dkv::machine::{Command, HistoryLimits, Op};
use dkv::server::service::{Answer, Consistency, Operation, Query};
use dkv::server::settings::EngineKind;

use crate::cast;
use crate::machine::{Glimpse, Job, Machine, Request, Setup};
use crate::onlooker::Onlooker;
use crate::panics;
use crate::run;
use crate::stage::Stage;
use crate::words::{bytes, text};

/// One way, ms at most.
const LATENCY_MS: u64 = 2;

/// What may take its time takes no longer, ms.
const PATIENCE_MS: u64 = 10_000;

/// See the module.
pub(crate) struct Scene<'a> {
    pub(crate) stage: Arc<Stage>,
    pub(crate) machines: Vec<Arc<Machine>>,
    sim: Sim<'a>,
    onlooker: Onlooker,
}

impl Scene<'_> {
    /// So many machines, whose nodes have founded a cluster.
    pub(crate) fn open(machines: usize) -> Self {
        panics::watch();
        let setup = Setup {
            engine: EngineKind::Memory,
            snapshot_entries: 1_000,
            unflushed_bytes_max: 256 << 20,
            compaction_overhead: u64::MAX,
            wal_segment_bytes: 1 << 20,
            history: HistoryLimits::default(),
            has_port: false,
        };
        let stage = Arc::new(Stage::default());
        let mut sim = run::build(7, LATENCY_MS);
        let machines: Vec<_> = (1..=machines)
            .map(|it| Machine::new(&format!("node-{it}"), it as u64, &setup, &stage))
            .map(Arc::new)
            .collect();
        cast::introduce(&machines, machines.len());
        for machine in &machines {
            let machine = machine.clone();
            sim.host(machine.name.clone(), move || machine.clone().live());
        }
        let onlooker = Onlooker::new(&stage);
        Self {
            stage,
            machines,
            sim,
            onlooker,
        }
    }

    /// Lets a millisecond pass, in which everything must hold that always must.
    pub(crate) fn step(&mut self) {
        run::step(&mut self.sim, &self.stage, &self.machines);
        self.onlooker.look(&self.machines);
        let wrong = self.stage.wrong();
        assert!(wrong.is_empty(), "{}\n{}", self.told(), wrong.join("\n"));
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) {
        (0..ms).for_each(|_| self.step());
    }

    /// Waits until something is so, at most for so long; says whether it is.
    pub(crate) fn within_ms(&mut self, ms: u64, is_so: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..ms {
            if is_so(self) {
                return true;
            }
            self.step();
        }
        is_so(self)
    }

    /// Waits until something is so, as it must be before long.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let is_so = self.within_ms(PATIENCE_MS, is_so);
        assert!(is_so, "{}\nit never was: {what}", self.told());
    }

    fn told(&self) -> String {
        let states = self.machines.iter().map(|it| it.describe());
        let lines = self.stage.trace().into_iter().chain(states);
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn glimpse(&self, at: usize) -> Option<Glimpse> {
        self.machines[at].look()
    }

    /// Waits for a leader; it, and the others.
    pub(crate) fn leader(&mut self) -> (usize, [usize; 2]) {
        let leads =
            |scene: &Self, at: usize| scene.glimpse(at).is_some_and(|it| it.leads.is_some());
        let any = |scene: &Self| (0..scene.machines.len()).find(|at| leads(scene, *at));
        self.until("somebody leads", |scene| any(scene).is_some());
        let leader = any(self).expect("it was just found");
        let others: Vec<_> = (0..self.machines.len())
            .filter(|it| *it != leader)
            .collect();
        (leader, others.try_into().expect("there are three"))
    }

    fn name(&self, at: usize) -> &str {
        &self.machines[at].name
    }

    pub(crate) fn cut(&mut self, a: usize, b: usize) {
        self.stage
            .note(format!("{a} and {b} are cut off from each other"));
        let (a, b) = (self.name(a).to_owned(), self.name(b).to_owned());
        self.sim.partition(a, b);
    }

    /// Ends a process at once.
    pub(crate) fn end(&mut self, at: usize, of_power_loss: bool) {
        self.stage.note(format!("{at} ends"));
        let name = self.name(at).to_owned();
        self.sim.crash(name);
        self.machines[at].die(of_power_loss);
    }

    pub(crate) fn start(&mut self, at: usize) {
        self.stage.note(format!("{at} starts"));
        let name = self.name(at).to_owned();
        self.sim.bounce(name);
    }

    /// Sets a key at a node; true if it says in time that it is set.
    pub(crate) fn set(&mut self, at: usize, key: &str, value: &str, within_ms: u64) -> bool {
        let set = Set {
            key: bytes(key),
            value: bytes(value),
            expire: Timer::Never,
            delete: Timer::Never,
            keep_timers: false,
            condition: None,
            return_previous: false,
        };
        let operation = Operation::Write(Command {
            request: None,
            fence: None,
            op: Op::Kv {
                bucket: String::new(),
                command: KvCommand::Set(set),
            },
        });
        let said = self.ask(at, operation, within_ms);
        matches!(said, Some(Ok(Answer::Applied(_))))
    }

    /// What a linearizable read of a key finds at a node; `None` if it is not answered.
    pub(crate) fn get(&mut self, at: usize, key: &str, within_ms: u64) -> Option<String> {
        let query = Query::Get {
            bucket: String::new(),
            key: bytes(key),
            at: None,
        };
        let operation = Operation::Read(query, Consistency::Linearizable);
        match self.ask(at, operation, within_ms)? {
            Ok(Answer::Record(record, ..)) => {
                Some(record.map_or_else(String::new, |it| text(&it.value.unwrap_or_default())))
            }
            _ => None,
        }
    }

    fn ask(&mut self, at: usize, operation: Operation, within_ms: u64) -> Option<Result<Answer>> {
        let (tell, mut told) = oneshot::channel();
        let within = Duration::from_millis(within_ms);
        let request = Request {
            operation,
            within,
            tell,
        };
        assert!(self.machines[at].give(Job::Answer(request)), "{at} lives");
        for _ in 0..=within_ms {
            if let Ok(answer) = told.try_recv() {
                return Some(answer);
            }
            self.step();
        }
        None
    }
}
