//! Clients that ask for many things about few keys, and record every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::check::client::Knowledge;
use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Consistency, Operation, Outcome, Recorder};
use crate::falsify::Liar;
use crate::library;
use crate::wire::WireClient;

/// Keys in use at once. They are retired after so many operations, so that no key's history
/// grows too long to be searched.
const KEYS: u64 = 6;
const OPERATIONS_PER_GENERATION: u64 = 3_000;

/// The clients of a run.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

struct Shared {
    recorder: Recorder,
    stop: AtomicBool,
    drawn: AtomicU64,
    liar: Option<Liar>,
}

/// How a client asks.
enum Caller {
    Wire(WireClient),
    Library(library::Caller),
}

/// One client: what it knows, and what it holds.
struct Asker {
    number: u32,
    node: String,
    caller: Caller,
    dice: Dice,
    known: Knowledge,
}

impl Load {
    /// Starts clients: every other one speaks gRPC to one node, the rest use the library.
    pub(crate) async fn start(
        addresses: &[String],
        clients: u32,
        dice: &Dice,
        liar: Option<Liar>,
    ) -> Self {
        let shared = Arc::new(Shared {
            recorder: Recorder::start(),
            stop: AtomicBool::new(false),
            drawn: AtomicU64::new(0),
            liar,
        });
        let mut set = JoinSet::new();
        for number in 0..clients {
            let mut dice = dice.fork(u64::from(number) + 1);
            let at = number as usize / 2 % addresses.len();
            let (node, caller) = if number % 2 == 0 {
                let client = WireClient::new(&addresses[at], &mut dice);
                (format!("node-{}", at + 1), Caller::Wire(client))
            } else {
                let mut endpoints = addresses.to_vec();
                endpoints.rotate_left(at);
                let client = library::Caller::of(library::connect(endpoints).await);
                ("any".to_owned(), Caller::Library(client))
            };
            let asker = Asker {
                number,
                node,
                caller,
                dice,
                known: Knowledge::of(number),
            };
            set.spawn(asker.run(Arc::clone(&shared)));
        }
        let clients = set;
        Self { shared, clients }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.shared.recorder
    }

    /// True once the liar, if there is one, has lied.
    pub(crate) fn was_falsified(&self) -> bool {
        self.shared.liar.as_ref().is_some_and(Liar::has_lied)
    }

    /// Ends the load and reads every key at every node: all is healed, so each must answer.
    ///
    /// # Errors
    /// Names the node that does not answer.
    pub(crate) async fn finish(&mut self, addresses: &[String], dice: &Dice) -> Result<(), String> {
        self.shared.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client does not panic");
        }
        let mut keys: Vec<String> = self
            .recorder()
            .history()
            .iter()
            .filter_map(key_of)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        for (at, address) in addresses.iter().enumerate() {
            let mut dice = dice.fork(1_000 + at as u64);
            let mut client = WireClient::new(address, &mut dice);
            for key in &keys {
                self.read_at_last(&mut client, at, key).await?;
            }
        }
        Ok(())
    }

    /// Writes, at one node after the other, until that is confirmed.
    pub(crate) async fn write_at_last(&self, addresses: &[String], dice: &Dice, round: u64) {
        let mut dice = dice.fork(2_000 + round);
        let mut clients: Vec<WireClient> = addresses
            .iter()
            .map(|address| WireClient::new(address, &mut dice))
            .collect();
        let began = std::time::Instant::now();
        for turn in 0.. {
            assert!(began.elapsed() < crate::PATIENCE, "nothing can be written");
            let at = turn % clients.len();
            let action = Action::Set {
                key: "at-last".to_owned(),
                value: format!("{round}-{turn}"),
                condition: None,
                fence: None,
            };
            let invoked_ns = self.recorder().now_ns();
            let outcome = clients[at].call(&action).await;
            let is_written = matches!(outcome, Outcome::Written { .. });
            self.recorder().record(Operation {
                client: 0,
                node: format!("node-{}", at + 1),
                invoked_ns,
                returned_ns: self.recorder().now_ns(),
                action,
                outcome,
            });
            if is_written {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Reads until there is an answer.
    async fn read_at_last(
        &self,
        client: &mut WireClient,
        at: usize,
        key: &str,
    ) -> Result<(), String> {
        let action = Action::Get {
            key: key.to_owned(),
            consistency: Consistency::Linearizable,
        };
        let began = std::time::Instant::now();
        loop {
            let invoked_ns = self.recorder().now_ns();
            let outcome = client.call(&action).await;
            let is_answered = matches!(outcome, Outcome::Read { .. });
            let said = format!("{outcome:?}");
            self.recorder().record(Operation {
                client: u32::MAX - u32::try_from(at).expect("few nodes"),
                node: format!("node-{}", at + 1),
                invoked_ns,
                returned_ns: self.recorder().now_ns(),
                action: action.clone(),
                outcome,
            });
            if is_answered {
                return Ok(());
            }
            if began.elapsed() > crate::PATIENCE {
                let node = at + 1;
                return Err(format!(
                    "node-{node} does not answer a read of `{key}`: {said}"
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn key_of(operation: &Operation) -> Option<String> {
    operation.key().map(str::to_owned)
}

impl Asker {
    async fn run(mut self, shared: Arc<Shared>) {
        while !shared.stop.load(Ordering::SeqCst) {
            let number = shared.drawn.fetch_add(1, Ordering::Relaxed);
            let action = self.draw(number / OPERATIONS_PER_GENERATION);
            let invoked_ns = shared.recorder.now_ns();
            let outcome = match &mut self.caller {
                Caller::Wire(client) => client.call(&action).await,
                Caller::Library(client) => client.call(&action).await,
            };
            let outcome = match &shared.liar {
                Some(liar) => liar.pass(&action, outcome),
                None => outcome,
            };
            let went_wrong = matches!(outcome, Outcome::Failed { .. } | Outcome::Unknown { .. });
            self.known.learn(&action, &outcome);
            shared.recorder.record(Operation {
                client: self.number,
                node: self.node.clone(),
                invoked_ns,
                returned_ns: shared.recorder.now_ns(),
                action,
                outcome,
            });
            let pause_ms = self.dice.within(1, if went_wrong { 60 } else { 8 });
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    /// What to ask next.
    fn draw(&mut self, generation: u64) -> Action {
        let key = format!("{generation}-{}", self.dice.below(KEYS));
        match self.dice.below(100) {
            0..=34 => {
                // The library has no stale reads.
                let is_wire = matches!(self.caller, Caller::Wire(_));
                let consistency = match is_wire && self.dice.percent(20) {
                    true => Consistency::Stale,
                    false => Consistency::Linearizable,
                };
                Action::Get { key, consistency }
            }
            35..=54 => self.known.set(key, None, None),
            55..=69 => self.known.set_if_seen(&mut self.dice, key),
            70..=74 => self.known.set(key, Some(Condition::Absent), None),
            75..=82 => Action::Delete { key, fence: None },
            _ => {
                let ttl_ms = self.dice.within(300, 1_500);
                let may_wait = matches!(self.caller, Caller::Library(_));
                self.known.draw_lock(&mut self.dice, key, ttl_ms, may_wait)
            }
        }
    }
}
