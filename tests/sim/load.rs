//! What clients ask for: much about few keys, so that they get into each other's way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::asker::Asker;
use crate::check::client::Knowledge;
use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Consistency, Outcome};
use crate::check::txn::asked::{Ask, Said};
use crate::check::txn::player::{Next, Player, Workload};
use crate::machine::Machine;
use crate::members;
use crate::stage::Stage;

const KEYS: u64 = 4;

/// Of a hundred things that a client does, how many are transactions and the like.
const TURNS_PERCENT: u64 = 30;

/// Operations of one client on a set of keys before it goes on to the next, so that no history of
/// a key grows too long to be searched.
const OPERATIONS_OF_A_GENERATION: u64 = 40;

/// How a client asks: until there is an answer or it gives up. What came of it is recorded.
pub(crate) trait Asks {
    fn dice(&mut self) -> &mut Dice;

    /// Asks for one thing.
    async fn ask(&mut self, action: Action) -> Outcome;

    /// The same for what a player asks. The history holds that something took place, too.
    async fn ask_for(&mut self, ask: &Ask) -> Said;
}

/// One client.
pub(crate) struct Client<A> {
    stage: Arc<Stage>,
    asker: A,
    known: Knowledge,
    players: Vec<Player>,
    number: u32,
    asked: u64,
    pause_ms: u64,
}

impl<A: Asks> Client<A> {
    pub(crate) fn new(number: u32, stage: &Arc<Stage>, asker: A, pause_ms: u64) -> Self {
        Self {
            stage: stage.clone(),
            asker,
            known: Knowledge::of(number),
            players: Workload::ALL.map(|it| Player::new(it, number)).into(),
            number,
            asked: 0,
            pause_ms,
        }
    }

    /// Asks one thing after another until all is to end.
    pub(crate) async fn run(mut self) {
        while !self.stage.is_stopping() {
            self.asked += 1;
            if self.dice().percent(TURNS_PERCENT) {
                self.play().await;
            } else {
                let action = self.draw();
                let outcome = self.asker.ask(action.clone()).await;
                self.known.learn(&action, &outcome);
            }
            let pause_ms = self.asker.dice().within(0, self.pause_ms);
            sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    /// One turn of one of its players.
    async fn play(&mut self) {
        let players = self.players.len() as u64;
        let at = usize::try_from(self.dice().below(players)).expect("a few");
        let player = &mut self.players[at];
        let invoked_ns = self.stage.moment_ns();
        let mut ask = player.begin(self.asker.dice());
        let parts = loop {
            let said = self.asker.ask_for(&ask).await;
            match player.hear(said) {
                Next::Ask(next) => ask = next,
                Next::Done(parts) => break parts,
            }
        };
        self.stage.record_turn(self.number, invoked_ns, parts);
    }

    fn dice(&mut self) -> &mut Dice {
        self.asker.dice()
    }

    fn draw(&mut self) -> Action {
        let generation = self.asked / OPERATIONS_OF_A_GENERATION;
        let key = format!("{generation}-{}", self.dice().below(KEYS));
        match self.dice().below(100) {
            0..=29 => {
                let consistency = match self.dice().percent(15) {
                    true => Consistency::Stale,
                    false => Consistency::Linearizable,
                };
                Action::Get { key, consistency }
            }
            30..=51 => self.known.set(key, None, None),
            52..=66 => self.known.set_if_seen(self.asker.dice(), key),
            67..=71 => self.known.set(key, Some(Condition::Absent), None),
            72..=79 => Action::Delete { key, fence: None },
            _ => {
                let ttl_ms = self.dice().within(200, 2_000);
                let dice = self.asker.dice();
                self.known.draw_lock(dice, key, ttl_ms, true)
            }
        }
    }
}

/// Makes what players need.
pub(crate) async fn found(stage: &Arc<Stage>, asker: &mut impl Asks) {
    for ask in Workload::ALL.into_iter().filter_map(Workload::founding) {
        while !stage.is_stopping() {
            let said = asker.ask_for(&ask).await;
            if matches!(said, Said::Done { .. } | Said::Refused { .. }) {
                break;
            }
        }
    }
}

/// Reads every key at every member once all is well again: there must be an answer.
pub(crate) async fn read_all(
    stage: &Arc<Stage>,
    machines: &[Arc<Machine>],
    clients: u32,
    dice: &Dice,
) {
    // Whoever is on the way in or out need not answer yet, or any more; nor one whose disk failed
    // in the last moment, before it has started again.
    let members = loop {
        match members::steady(machines) {
            Some(members) if members.iter().all(|it| it.is_well()) => break members,
            _ => sleep(Duration::from_millis(10)).await,
        }
    };
    let keys = keys(stage);
    for (at, machine) in members.iter().enumerate() {
        let number = clients + u32::try_from(at).expect("few machines");
        let dice = dice.fork(u64::from(number) + 100);
        let mut asker = Asker::new(number, stage, &members, dice, 0);
        asker.stay_at(at);
        read(stage, &keys, &mut asker, &machine.name).await;
        survey(stage, number, &mut asker).await;
    }
}

/// Every key that somebody asked for.
pub(crate) fn keys(stage: &Stage) -> Vec<String> {
    let history = stage.history();
    let keys = history.iter().filter_map(|it| it.key().map(str::to_owned));
    keys.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Reads keys at the one node that somebody asks.
pub(crate) async fn read(stage: &Stage, keys: &[String], asker: &mut impl Asks, name: &str) {
    for key in keys {
        let key = key.clone();
        let consistency = Consistency::Linearizable;
        let outcome = asker.ask(Action::Get { key, consistency }).await;
        if !matches!(outcome, Outcome::Read { .. }) {
            stage.is_wrong(format!(
                "{name} does not answer after all was mended: {outcome:?}"
            ));
        }
    }
}

/// Reads what players left.
pub(crate) async fn survey(stage: &Arc<Stage>, number: u32, asker: &mut impl Asks) {
    for workload in Workload::ALL {
        let mut surveyor = Player::surveyor(workload, number, &stage.transactions());
        while let Some(ask) = surveyor.survey() {
            let invoked_ns = stage.moment_ns();
            let said = asker.ask_for(&ask).await;
            if !matches!(said, Said::Seen { .. }) {
                stage.is_wrong(format!("nobody answers {ask:?}: {said:?}"));
                return;
            }
            let Next::Done(parts) = surveyor.hear(said) else {
                unreachable!("a survey only reads");
            };
            stage.record_turn(number, invoked_ns, parts);
        }
    }
}
