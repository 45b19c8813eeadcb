//! What the machine should remember of clients.

use std::collections::BTreeMap;

use super::{Kind, Model, plain};
use crate::base::types::RequestId;
use crate::machine::{Applied, Outcome};

#[derive(Debug, Clone, Default)]
pub(in super::super) struct Client {
    pub(in super::super) last_used: u64,
    floor: u64,
    first: u64,
    outcomes: BTreeMap<u64, Outcome>,
}

impl Model {
    /// Forgets the client that was away for longest; `false`: all were here lately.
    fn forget_one(&mut self) -> bool {
        let away = |client: &Client| self.now - client.last_used;
        let longest = self
            .clients
            .iter()
            .filter(|(_, client)| away(client) >= self.limits.held_ms)
            .max_by_key(|(id, client)| (away(client), std::cmp::Reverse(**id)))
            .map(|(id, _)| *id);
        longest.is_some_and(|id| self.clients.remove(&id).is_some())
    }

    pub(super) fn admit(&mut self, request: &RequestId) -> Result<(), Box<Applied>> {
        let refuse = |model: &Self| Err(Box::new(model.reply(plain(Kind::OutcomeUnknown))));
        if !self.clients.contains_key(&request.client) {
            if request.attempt > 0 {
                return refuse(self);
            }
            if self.clients.len() == self.limits.clients && !self.forget_one() {
                return Err(Box::new(self.reply(plain(Kind::SessionsFull))));
            }
            let fresh = Client {
                first: request.sequence,
                ..Client::default()
            };
            self.clients.insert(request.client, fresh);
        }
        let now = self.now;
        let client = self.clients.get_mut(&request.client).unwrap();
        client.last_used = now;
        client.floor = client.floor.max(request.acked_below);
        let floor = client.floor;
        client.outcomes.retain(|sequence, _| *sequence >= floor);
        if let Some(outcome) = client.outcomes.get(&request.sequence) {
            return Err(Box::new(Applied {
                outcome: *outcome,
                previous: None,
                results: Vec::new(),
                repeated: true,
            }));
        }
        let lost = request.attempt > 0 && request.sequence < client.first;
        if request.sequence < floor || lost {
            return refuse(self);
        }
        Ok(())
    }

    fn outcomes(&self) -> usize {
        let clients = self.clients.values();
        clients.map(|client| client.outcomes.len()).sum()
    }

    pub(super) fn remember(&mut self, request: &RequestId, outcome: Outcome) {
        while self.outcomes() >= self.limits.outcomes && self.forget_one() {}
        let is_full = self.outcomes() >= self.limits.outcomes;
        let client = self.clients.get_mut(&request.client).unwrap();
        let most = match is_full {
            true => client.outcomes.len().max(1),
            false => self.limits.outcomes_per_client,
        };
        client.outcomes.insert(request.sequence, outcome);
        if client.outcomes.len() > most {
            let (lowest, _) = client.outcomes.pop_first().unwrap();
            client.floor = client.floor.max(lowest + 1);
        }
    }
}
