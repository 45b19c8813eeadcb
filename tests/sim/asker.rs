//! How a client gets an answer: it asks one node after another, repeats writes under the same
//! request id, and remembers what it does not know.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use dkv::base::ErrorKind;
use dkv::base::types::{ClientId, RequestId};
use dkv::server::service::Answer;

use crate::check::dice::Dice;
use crate::check::history::{Action, Operation, Outcome};
use crate::machine::{Job, Machine, Request};
use crate::stage::{Event, Stage};
use crate::words;

/// How often a request is repeated before its client gives up.
const TRIES: u32 = 8;

/// What a client knows after one try.
enum Heard {
    Answer(Answer),
    FenceStale,
    /// It was not done.
    Refused(String),
    /// It may have been done.
    Nothing(String),
}

/// See the module.
pub(crate) struct Asker {
    number: u32,
    stage: Arc<Stage>,
    machines: Vec<Arc<Machine>>,
    pub(crate) dice: Dice,
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

    /// Asks until there is an answer or it gives up, and records what came of it.
    pub(crate) async fn ask(&mut self, action: Action) -> Outcome {
        let invoked_ns = self.stage.moment_ns();
        let outcome = self.try_all(&action).await;
        self.stage.record(Operation {
            client: self.number,
            node: self.machines[self.at].name.clone(),
            invoked_ns,
            returned_ns: self.stage.moment_ns(),
            action,
            outcome: outcome.clone(),
        });
        self.count(&outcome);
        outcome
    }

    async fn try_all(&mut self, action: &Action) -> Outcome {
        let is_write = !matches!(action, Action::Get { .. });
        self.sequence += u64::from(is_write);
        let mut attempt = 0;
        let mut why = String::new();
        for _ in 0..TRIES {
            match self.try_once(action, attempt).await {
                Heard::Answer(answer) => {
                    if matches!(&answer, Answer::Applied(applied) if applied.repeated) {
                        self.stage.count(Event::Repeated);
                    }
                    return words::outcome(action, answer);
                }
                Heard::FenceStale => return Outcome::FenceStale,
                Heard::Refused(reason) => why = reason,
                Heard::Nothing(reason) => {
                    attempt += 1;
                    why = reason;
                }
            }
            self.at = self.dice.below(self.machines.len() as u64) as usize;
            sleep(Duration::from_millis(self.dice.within(1, 80))).await;
        }
        if !is_write || attempt == 0 {
            return Outcome::Failed { why };
        }
        // Whoever does not know what became of a write is somebody else afterwards.
        self.id = fresh_id(&mut self.dice);
        self.sequence = 0;
        Outcome::Unknown { why }
    }

    async fn try_once(&mut self, action: &Action, attempt: u32) -> Heard {
        let request = RequestId {
            client: self.id,
            sequence: self.sequence,
            acked_below: self.sequence,
            attempt,
        };
        let within = Duration::from_millis(self.dice.within(100, 1_500));
        let (tell, told) = oneshot::channel();
        // On its way.
        sleep(Duration::from_millis(self.dice.below(3))).await;
        let asked = self.machines[self.at].give(Job::Answer(Request {
            operation: words::operation(action, request),
            within,
            tell,
        }));
        if !asked {
            return Heard::Refused("no node lives there".to_owned());
        }
        if self.dice.percent(self.lost_percent) {
            self.stage.count(Event::Lost);
            return Heard::Nothing("the answer was lost".to_owned());
        }
        let patience = within + Duration::from_millis(200);
        match timeout(patience, told).await {
            Ok(Ok(Ok(answer))) => Heard::Answer(answer),
            Ok(Ok(Err(error))) => match error.kind() {
                ErrorKind::FenceStale => Heard::FenceStale,
                ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Corrupt => {
                    Heard::Nothing(error.to_string())
                }
                _ => Heard::Refused(error.to_string()),
            },
            Ok(Err(_)) => Heard::Nothing("the node died".to_owned()),
            Err(_) => Heard::Nothing("silence".to_owned()),
        }
    }

    fn count(&self, outcome: &Outcome) {
        match outcome {
            Outcome::NotWritten { .. } => self.stage.count(Event::Conflict),
            Outcome::FenceStale => self.stage.count(Event::StaleFence),
            Outcome::Acquired { .. } => self.stage.count(Event::Grant),
            Outcome::Unknown { .. } => self.stage.count(Event::Unknown),
            _ => {}
        }
    }
}

fn fresh_id(dice: &mut Dice) -> ClientId {
    let (high, low) = (dice.below(u64::MAX), dice.below(u64::MAX));
    ClientId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}
