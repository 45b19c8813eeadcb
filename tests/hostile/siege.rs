//! One attack on one node, watched.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::setpriority_process;

use crate::attacks::{Attack, Plan, Tally, prepare, run};
use crate::figures::{Figures, forget_peak};
use crate::harness::Node;
use crate::judge::Seen;

/// How much of an attack there is, and what it may cost.
pub(crate) struct Siege {
    pub(crate) attack: Attack,
    pub(crate) connections: usize,
    /// What the node's limits allow it to take, bytes.
    pub(crate) allowed_bytes: u64,
    /// How long fresh clients try to be served.
    pub(crate) fresh_tries: Duration,
}

/// An attack lasts at least so long, ...
const LEAST: Duration = Duration::from_millis(700);

/// ... and what must become true does within this: clients are served, and descriptors given
/// back, for which the node gives an unfinished request half a minute.
const PATIENCE: Duration = Duration::from_secs(50);

/// Between two looks.
const BEAT: Duration = Duration::from_millis(10);

impl Siege {
    pub(crate) fn of(attack: Attack) -> Self {
        Self {
            attack,
            connections: 200,
            allowed_bytes: 0,
            // That they are served is what counts, not how soon.
            fresh_tries: PATIENCE,
        }
    }

    /// Attacks, and watches.
    pub(crate) fn lay(&self, node: &mut Node) -> (Seen, Tally) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let target = node.address().parse().unwrap();
        let (plan, stop) = Plan::new(target, self.connections);
        runtime.block_on(prepare(self.attack, &plan)).unwrap();
        let pid = node.pid();
        forget_peak(pid);
        let mut seen = Seen {
            before: Figures::of(pid),
            allowed_bytes: self.allowed_bytes,
            ..Seen::default()
        };
        let attacker = thread::spawn({
            let (attack, plan) = (self.attack, plan.clone());
            move || {
                yield_to_others();
                runtime.block_on(run(attack, &plan))
            }
        });
        let began = Instant::now();
        let strokes = self.connections as u64;
        let is_at_it = || plan.tally().struck >= strokes || began.elapsed() > PATIENCE;
        let is_bounded = || Figures::of(pid).resident_bytes <= seen.bytes_max();
        // It is stopped before it takes the memory of the machine.
        while (began.elapsed() < LEAST || !is_at_it()) && is_bounded() {
            thread::sleep(BEAT);
        }
        let served = thread::scope(|scope| {
            let client = scope.spawn(|| self.fresh(node));
            while !client.is_finished() && is_bounded() {
                thread::sleep(BEAT);
            }
            if !client.is_finished() {
                stop.stop();
            }
            client.join().unwrap()
        });
        stop.stop();
        let tally = attacker.join().unwrap();
        seen.refused_during = served.err();
        seen.refused_after = self.fresh(node).err();
        seen.ended = node.ended();
        seen.after = Figures::of(pid);
        let told = Instant::now();
        while seen.after.descriptors > seen.descriptors_max() && told.elapsed() < PATIENCE {
            thread::sleep(BEAT);
            seen.after = Figures::of(pid);
        }
        seen.log = node.said();
        (seen, tally)
    }

    /// Writes and reads as a client that was not there before, again until it is served.
    fn fresh(&self, node: &Node) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let set = node.dkv(&["kv", "set", "fresh", "client"]);
            let get = node.dkv(&["kv", "get", "fresh"]);
            match (set.code, get.code, &get.stdout[..]) {
                (0, 0, b"client\n" | b"client") => return Ok(()),
                _ if began.elapsed() > self.fresh_tries => return Err(format!("{set} {get}")),
                _ => {}
            }
        }
    }
}

/// An attacker stands for another machine: what the node and its clients want to do here
/// comes before it. On Linux this is for the thread alone.
fn yield_to_others() {
    setpriority_process(None, 19).unwrap();
}
