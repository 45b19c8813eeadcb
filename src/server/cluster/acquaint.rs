//! Getting to know the members of one's cluster again, when the log does not name them yet.

use std::time::Duration;

use tokio::sync::watch;

use super::Book;
use super::found::Greeting;
use crate::server::peer::hello;

/// How long one question may take, and how long a node waits before it asks again.
const ASK_WITHIN: Duration = Duration::from_secs(2);
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Asks others who the members are, for a node that stopped after it had become part of a
/// cluster and before its log said with whom: it cannot answer a candidate whose address it
/// does not know, and if a quorum is like it, there is never a leader to tell it.
pub(super) struct Acquaintance {
    pub(super) book: Book,
    /// A member of the cluster that this node joined.
    pub(super) contact: Option<String>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Acquaintance {
    /// Until the members are known, by an answer or by the log.
    pub(super) async fn run(mut self) {
        let mut addresses = self.book.others();
        addresses.extend(self.contact.clone());
        while self.book.members().is_empty() {
            for address in &addresses {
                self.ask(address).await;
            }
            let stopped = self.stopping.wait_for(|stopping| *stopping);
            if tokio::time::timeout(ASK_AGAIN, stopped).await.is_ok() {
                return;
            }
        }
    }

    async fn ask(&self, address: &str) {
        let myself = self.book.myself();
        let reply = hello(myself, address, None, ASK_WITHIN).await;
        let greeting = match reply.and_then(Greeting::read) {
            Ok(greeting) => greeting,
            Err(error) => {
                tracing::debug!(%error, "a member does not say who the others are");
                return;
            }
        };
        let is_ours = greeting.cluster.is_some() && greeting.cluster == myself.cluster();
        // The log may have named them while this was asked: it knows better.
        if is_ours && !greeting.members.is_empty() && self.book.members().is_empty() {
            tracing::info!(from = greeting.name, "learned who the members are");
            self.book.learn(greeting.members);
        }
    }
}
