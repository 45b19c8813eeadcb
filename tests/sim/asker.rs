//! How a client gets an answer: it asks one node after another, repeats writes under the same
//! request id, and remembers what it does not know.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use dkv::base::types::{ClientId, RequestId};
use dkv::base::{ErrorKind, Result};
use dkv::kv::KvCommand;
use dkv::machine::Applied;
use dkv::server::service::{self, Answer};

use crate::asks;
use crate::check::dice::Dice;
use crate::check::history::{Action, Operation, Outcome};
use crate::check::txn::asked::{Ask, Said};
use crate::load::Asks;
use crate::machine::{Job, Machine, Request};
use crate::members;
use crate::stage::{Event, Stage};
use crate::words;

/// How often a request is repeated before its client gives up.
const TRIES: u32 = 8;

/// What a client knows in the end.
enum Learnt {
    Answer(Answer),
    FenceStale,
    NoBucket,
    /// It was not done.
    Failed(String),
    /// It may have been done.
    Unknown(String),
}

/// What a client knows after one try.
enum Heard {
    Answer(Answer),
    FenceStale,
    NoBucket,
    /// It was not done.
    Refused(String),
    /// It may have been done.
    Nothing(String),
}

/// What a node will say.
type Told = oneshot::Receiver<Result<Answer>>;

/// See the module.
pub(crate) struct Asker {
    number: u32,
    stage: Arc<Stage>,
    machines: Vec<Arc<Machine>>,
    dice: Dice,
    id: ClientId,
    sequence: u64,
    at: usize,
    /// Of a hundred requests, of how many the answer is lost.
    lost_percent: u64,
}

impl Asker {
    pub(crate) fn new(
        number: u32,
        stage: &Arc<Stage>,
        machines: &[Arc<Machine>],
        mut dice: Dice,
        lost_percent: u64,
    ) -> Self {
        let id = fresh_id(&mut dice);
        let at = number as usize % machines.len();
        Self {
            number,
            stage: stage.clone(),
            machines: machines.to_vec(),
            dice,
            id,
            sequence: 0,
            at,
            lost_percent,
        }
    }

    /// From now on only this node is asked, and no answer is lost.
    pub(crate) fn stay_at(&mut self, at: usize) {
        self.machines = vec![self.machines[at].clone()];
        self.at = 0;
        self.lost_percent = 0;
    }

    /// Makes changes together, and says what became of each; of nothing if it was not told.
    pub(crate) async fn change(&mut self, changes: &[KvCommand]) -> Vec<Result<Applied>> {
        let learnt = self.try_all(changes.len() as u64, |request| {
            asks::batch(changes.iter().cloned(), request)
        });
        match learnt.await {
            Learnt::Answer(Answer::Batch(each, _)) => each,
            _ => Vec::new(),
        }
    }

    fn record(&self, invoked_ns: u64, action: Action, outcome: Outcome) {
        self.stage.record(Operation {
            client: self.number,
            node: self.machines[self.at].name.clone(),
            invoked_ns,
            returned_ns: self.stage.moment_ns(),
            action,
            outcome,
        });
    }

    /// Asks for something that takes so many request ids.
    async fn try_all(
        &mut self,
        sequences: u64,
        operation: impl Fn(RequestId) -> service::Operation,
    ) -> Learnt {
        let first = self.sequence + 1;
        self.sequence += sequences;
        let mut attempt = 0;
        let mut why = String::new();
        for _ in 0..TRIES {
            let request = RequestId {
                client: self.id,
                sequence: first,
                acked_below: first,
                attempt,
            };
            match self.try_once(|| operation(request)).await {
                Heard::Answer(answer) => {
                    if asks::was_repeated(&answer) {
                        self.stage.count(Event::Repeated);
                    }
                    return Learnt::Answer(answer);
                }
                Heard::FenceStale => return Learnt::FenceStale,
                Heard::NoBucket => return Learnt::NoBucket,
                Heard::Refused(reason) => why = reason,
                Heard::Nothing(reason) => {
                    attempt += 1;
                    why = reason;
                }
            }
            self.at = members::pick(&self.machines, &mut self.dice);
            sleep(Duration::from_millis(self.dice.within(1, 80))).await;
        }
        if sequences == 0 || attempt == 0 {
            return Learnt::Failed(why);
        }
        // Whoever does not know what became of a write is somebody else afterwards.
        self.id = fresh_id(&mut self.dice);
        self.sequence = 0;
        Learnt::Unknown(why)
    }

    async fn try_once(&mut self, operation: impl Fn() -> service::Operation) -> Heard {
        let within = Duration::from_millis(self.dice.within(100, 1_500));
        // On its way.
        sleep(Duration::from_millis(self.dice.below(3))).await;
        let twin = self.send_twin(&operation, within);
        let Some(told) = self.send(self.at, operation(), within) else {
            return match twin {
                None => Heard::Refused("no node lives there".to_owned()),
                Some(_) => Heard::Nothing("no node lives there, and another was asked".to_owned()),
            };
        };
        if self.dice.percent(self.lost_percent) {
            self.stage.count(Event::Lost);
            return Heard::Nothing("the answer was lost".to_owned());
        }
        let patience = within + Duration::from_millis(200);
        match timeout(patience, told).await {
            Ok(Ok(Ok(answer))) => {
                self.compare(&answer, twin);
                Heard::Answer(answer)
            }
            Ok(Ok(Err(error))) => match error.kind() {
                ErrorKind::FenceStale => Heard::FenceStale,
                ErrorKind::NotFound => Heard::NoBucket,
                ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Corrupt => {
                    Heard::Nothing(error.to_string())
                }
                // What was refused at one node may be done at the other.
                _ if twin.is_some() => Heard::Nothing(error.to_string()),
                _ => Heard::Refused(error.to_string()),
            },
            Ok(Err(_)) => Heard::Nothing("the node died".to_owned()),
            Err(_) => Heard::Nothing("silence".to_owned()),
        }
    }

    /// `None` if no node takes it.
    fn send(&self, at: usize, operation: service::Operation, within: Duration) -> Option<Told> {
        let (tell, told) = oneshot::channel();
        let request = Request {
            operation,
            within,
            tell,
        };
        let is_given = self.machines[at].give(Job::Answer(request));
        is_given.then_some(told)
    }

    /// Now and then the same write goes to another member at once, under the same request id: it
    /// must be done once, and whoever is told what became of it must be told the same.
    fn send_twin(
        &mut self,
        operation: impl Fn() -> service::Operation,
        within: Duration,
    ) -> Option<Told> {
        let percent = self.stage.twice_percent();
        let operation = operation();
        let may_come_twice = matches!(operation, service::Operation::Write(_));
        if percent == 0 || !may_come_twice || !self.dice.percent(percent) {
            return None;
        }
        let other = members::pick(&self.machines, &mut self.dice);
        if other == self.at {
            return None;
        }
        let told = self.send(other, operation, within)?;
        self.stage.count(Event::Duplicate);
        Some(told)
    }

    fn compare(&self, answer: &Answer, twin: Option<Told>) {
        let Some(Ok(Ok(Answer::Applied(twin)))) = twin.map(|mut told| told.try_recv()) else {
            return;
        };
        if let Answer::Applied(applied) = answer
            && applied.outcome != twin.outcome
        {
            self.stage.is_wrong(format!(
                "a request that came twice came to {:?}, and to {:?}",
                applied.outcome, twin.outcome
            ));
        }
    }
}

impl Asks for Asker {
    fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// Asks until there is an answer or it gives up, and records what came of it.
    async fn ask(&mut self, action: Action) -> Outcome {
        let invoked_ns = self.stage.moment_ns();
        let sequences = u64::from(!matches!(action, Action::Get { .. }));
        let learnt = self
            .try_all(sequences, |request| words::operation(&action, request))
            .await;
        let outcome = match learnt {
            Learnt::Answer(answer) => words::outcome(&action, answer),
            Learnt::FenceStale => Outcome::FenceStale,
            Learnt::NoBucket => unreachable!("the default bucket is always there"),
            Learnt::Failed(why) => Outcome::Failed { why },
            Learnt::Unknown(why) if sequences == 0 => Outcome::Failed { why },
            Learnt::Unknown(why) => Outcome::Unknown { why },
        };
        self.record(invoked_ns, action, outcome.clone());
        self.stage.count_outcome(&outcome);
        outcome
    }

    /// The same for what a player asks. The history holds that something took place, too.
    async fn ask_for(&mut self, ask: &Ask) -> Said {
        let invoked_ns = self.stage.moment_ns();
        let learnt = self
            .try_all(asks::sequences(ask), |request| {
                asks::operation(ask, request)
            })
            .await;
        let said = match learnt {
            Learnt::Answer(answer) => asks::said(ask, answer),
            Learnt::FenceStale => unreachable!("no player has a fence"),
            Learnt::NoBucket => Said::NoBucket,
            Learnt::Failed(why) => Said::Failed { why },
            Learnt::Unknown(why) if !ask.is_write() => Said::Failed { why },
            Learnt::Unknown(why) => Said::Unknown { why },
        };
        self.stage.count_said(&said);
        for outcome in asks::outcomes(ask, &said) {
            let what = format!("{ask:?}");
            self.record(invoked_ns, Action::Other { what }, outcome);
        }
        said
    }
}

fn fresh_id(dice: &mut Dice) -> ClientId {
    let (high, low) = (dice.below(u64::MAX), dice.below(u64::MAX));
    ClientId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}
