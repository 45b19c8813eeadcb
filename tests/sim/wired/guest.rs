//! A client that asks by the library, on a machine of its own.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use dkv::base::host::sim_disk::SimDisk;
use dkv::base::host::{Host, SeededRng, SimSpawn};
use dkv::client::{Client, ClientOptions, simulated};

use super::roads::Roads;
use crate::asks;
use crate::check::dice::Dice;
use crate::check::history::{Action, Operation, Outcome};
use crate::check::txn::asked::{Ask, Said};
use crate::clocks::MachineClock;
use crate::library::{Caller, Teller};
use crate::load::Asks;
use crate::stage::Stage;

/// A machine on which the library runs.
pub(crate) struct Home {
    pub(crate) name: String,
    pub(crate) clock: MachineClock,
    dice: Mutex<Dice>,
    /// Of the nodes, the first of which is asked first.
    addresses: Vec<String>,
}

impl Home {
    pub(crate) fn new(name: String, addresses: Vec<String>, dice: Dice) -> Self {
        Self {
            name,
            clock: MachineClock::default(),
            dice: Mutex::new(dice),
            addresses,
        }
    }

    /// A client that knows all nodes.
    pub(crate) fn client(&self, stage: &Arc<Stage>, timeout: Duration) -> Client {
        self.client_of(&self.addresses, stage, timeout)
    }

    /// One that asks a single node, and stays there.
    pub(crate) fn client_at(&self, address: &str, stage: &Arc<Stage>, timeout: Duration) -> Client {
        let client = self.client_of(&[address.to_owned()], stage, timeout);
        client.staying()
    }

    fn client_of(&self, addresses: &[String], stage: &Arc<Stage>, timeout: Duration) -> Client {
        // Each is somebody else than those before.
        let rng = Arc::new(SeededRng::new(self.dice.lock().below(u64::MAX)));
        let host = Host {
            clock: self.clock.shown(),
            disk: Arc::new(SimDisk::new(rng.clone())),
            spawn: Arc::new(SimSpawn::new(rng.clone())),
            rng,
        };
        let options = ClientOptions {
            endpoints: addresses.to_vec(),
            timeout,
            ..ClientOptions::default()
        };
        let roads = Arc::new(Roads::new(stage));
        simulated::connect(options, host, roads).expect("the options are sound")
    }
}

/// See the module.
pub(crate) struct Guest {
    number: u32,
    /// Whom it asks, for people.
    node: String,
    stage: Arc<Stage>,
    dice: Dice,
    caller: Caller,
    teller: Teller,
}

impl Guest {
    pub(crate) fn new(
        number: u32,
        node: &str,
        stage: &Arc<Stage>,
        client: &Client,
        dice: Dice,
    ) -> Self {
        Self {
            number,
            node: node.to_owned(),
            stage: stage.clone(),
            dice,
            caller: Caller::of(client.clone()),
            teller: Teller::of(client.clone()),
        }
    }

    fn record(&self, invoked_ns: u64, action: Action, outcome: Outcome) {
        self.stage.record(Operation {
            client: self.number,
            node: self.node.clone(),
            invoked_ns,
            returned_ns: self.stage.moment_ns(),
            action,
            outcome,
        });
    }
}

impl Asks for Guest {
    fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    async fn ask(&mut self, action: Action) -> Outcome {
        let invoked_ns = self.stage.moment_ns();
        let outcome = self.caller.call(&action).await;
        self.record(invoked_ns, action, outcome.clone());
        self.stage.count_outcome(&outcome);
        outcome
    }

    async fn ask_for(&mut self, ask: &Ask) -> Said {
        let invoked_ns = self.stage.moment_ns();
        let said = self.teller.ask(ask).await;
        self.stage.count_said(&said);
        for outcome in asks::outcomes(ask, &said) {
            let what = format!("{ask:?}");
            let outcome = match outcome {
                // The library does not show which.
                Outcome::Written { revision: 0 } => Outcome::Unknown {
                    why: "it took a revision".to_owned(),
                },
                known => known,
            };
            self.record(invoked_ns, Action::Other { what }, outcome);
        }
        said
    }
}
