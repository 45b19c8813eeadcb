//! What is known of a call after each failed try: whether it may have taken place,
//! and whether it is worth another.
//!
//! Invariant: `Unavailable` is said only of calls that surely did not take place. A
//! write of which one try is in doubt ends as `Timeout`, unless a later try gives an
//! answer that takes the earlier one into account.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::Client;
use super::desk::Failure;
use super::endpoint::{Unreachable, question};
use super::error::broken_contract;
use super::node::Node;
use crate::base::{Error, ErrorKind};

/// The pause before the first repetition; it doubles up to the longest.
const PAUSE_MS: u64 = 10;
const PAUSE_MS_MAX: u64 = 500;

/// Why one try gave no answer.
pub(super) enum TryFailure {
    /// Nothing was sent.
    Unreachable(Unreachable),
    /// Nothing was sent: the node has another shard of that number.
    Stranger(Unreachable),
    /// The stream gave no reply.
    Session(Failure),
    /// Another try would end the same way.
    Final(Error),
}

/// What to do next.
pub(super) enum Next {
    /// At once, at a node this call has not tried.
    Elsewhere,
    /// After a pause.
    Again(Duration),
    GiveUp(Error),
}

/// The history of one call.
pub(super) struct Doubt<'a> {
    client: &'a Client,
    write: bool,
    /// Tries whose outcome is unknown. Only these count as attempts for the server:
    /// it refuses a later attempt of a client that it has never heard of.
    in_doubt: u32,
    /// Why the last one of them is.
    doubt: String,
    /// Rounds that ended, and those of them that count as retries.
    rounds: u32,
    counted: u32,
    last: Option<(ErrorKind, String)>,
    unreached: Vec<(Arc<Node>, Unreachable)>,
    unreached_nodes: Vec<Arc<Node>>,
}

impl<'a> Doubt<'a> {
    pub(super) fn new(client: &'a Client, write: bool) -> Self {
        Self {
            client,
            write,
            in_doubt: 0,
            doubt: String::new(),
            rounds: 0,
            counted: 0,
            last: None,
            unreached: Vec::new(),
            unreached_nodes: Vec::new(),
        }
    }

    /// How many tries before this one may have taken place.
    pub(super) fn attempt(&self) -> u32 {
        self.in_doubt
    }

    /// The nodes that could not be reached in this round.
    pub(super) fn unreached(&self) -> &[Arc<Node>] {
        &self.unreached_nodes
    }

    /// Takes note of a failed try.
    pub(super) fn after(&mut self, failure: TryFailure, node: Arc<Node>) -> Next {
        match failure {
            TryFailure::Final(error) => Next::GiveUp(self.settle(error)),
            TryFailure::Unreachable(why) => self.after_unreachable(why, node, Self::again_unheard),
            TryFailure::Stranger(why) => self.after_unreachable(why, node, Self::again_counted),
            TryFailure::Session(Failure::Refused(error)) => {
                self.after_refusal(TryFailure::refused(error, &node), &node)
            }
            TryFailure::Session(Failure::Unintelligible) => {
                Next::GiveUp(self.settle(broken_contract(
                    &node.endpoint,
                    "with a kind of reply this client does not know",
                )))
            }
            TryFailure::Session(Failure::Broken { sent, why }) => {
                self.client.route.not_led_from(&node);
                let what = format!("the connection to dkv at {} broke ({why})", node.endpoint);
                if sent {
                    self.doubts(&what);
                }
                self.last = Some((ErrorKind::Unavailable, what));
                self.again_unheard()
            }
            TryFailure::Session(Failure::Expired { sent }) => {
                let what = format!("dkv at {} did not answer in time", node.endpoint);
                if sent {
                    self.doubts(&what);
                }
                // Why an earlier try of a read was refused says more.
                if self.write || self.last.is_none() {
                    self.last = Some((ErrorKind::Timeout, what));
                }
                Next::GiveUp(self.in_time())
            }
        }
    }

    /// Takes note of a try whose outcome is unknown.
    fn doubts(&mut self, why: &str) {
        self.in_doubt += 1;
        why.clone_into(&mut self.doubt);
    }

    /// `again` says how to go on when every node was tried.
    fn after_unreachable(
        &mut self,
        why: Unreachable,
        node: Arc<Node>,
        again: impl FnOnce(&mut Self) -> Next,
    ) -> Next {
        self.client.route.not_led_from(&node);
        self.unreached.retain(|(it, _)| !Arc::ptr_eq(it, &node));
        self.unreached.push((Arc::clone(&node), why));
        self.unreached_nodes.push(node);
        self.last = None;
        let nodes = &self.client.shared.nodes;
        if self.client.route.has_untried(nodes, &self.unreached_nodes) {
            return Next::Elsewhere;
        }
        again(self)
    }

    fn after_refusal(&mut self, error: Error, node: &Arc<Node>) -> Next {
        match error.kind() {
            ErrorKind::NotLeader => {
                let route = &self.client.route;
                route.not_led_from(node);
                if let Some(leader) = error.leader()
                    && !route.is_local()
                {
                    route.led_from(&self.client.shared.nodes, leader, node);
                }
                // Another leader is found in a moment, as a rule.
                self.last = Some((error.kind(), error.message().to_owned()));
                return self.again_unheard();
            }
            ErrorKind::Unavailable => self.client.route.not_led_from(node),
            ErrorKind::Timeout => self.doubts(error.message()),
            _ => return Next::GiveUp(self.settle(error)),
        }
        self.last = Some((error.kind(), error.message().to_owned()));
        self.again_counted()
    }

    /// Another try after nobody answered. A node that was reached before is being
    /// restarted, as a rule: it is given until the call's time is over. One that never
    /// was may not exist, and whoever mistyped its address should not wait to hear so.
    fn again_unheard(&mut self) -> Next {
        if self.client.shared.retries > 0 && self.client.route.is_pinned() {
            return self.again();
        }
        self.again_counted()
    }

    /// Another try, unless there were enough.
    fn again_counted(&mut self) -> Next {
        if self.counted >= self.client.shared.retries {
            return Next::GiveUp(self.in_time());
        }
        self.counted += 1;
        self.again()
    }

    /// Another try after a pause.
    fn again(&mut self) -> Next {
        let longest_ms = (PAUSE_MS << self.rounds.min(10)).min(PAUSE_MS_MAX);
        // Between half and all of it: clients that failed together do not return
        // together.
        let jitter_ms = self.client.shared.host.rng.below(longest_ms / 2 + 1);
        self.rounds = self.rounds.saturating_add(1);
        // A new round: nodes that could not be reached may be up again.
        self.unreached_nodes.clear();
        Next::Again(Duration::from_millis(longest_ms - jitter_ms))
    }

    /// The error of a call that ends without an answer.
    pub(super) fn in_time(&self) -> Error {
        let (kind, what) = match &self.last {
            Some((kind, what)) => (*kind, what.clone()),
            None => (ErrorKind::Unavailable, self.nowhere()),
        };
        match kind {
            _ if self.write && self.in_doubt > 0 => unknown(&self.doubt, Some(&what)),
            ErrorKind::Timeout if self.write => {
                Error::unavailable(format!("{what}; nothing was sent, so nothing was applied"))
            }
            // A read in doubt is a read that was not answered.
            ErrorKind::Timeout => Error::unavailable(what),
            kind => Error::new(kind, what),
        }
    }

    /// An error that would be the last word, were no earlier try in doubt.
    fn settle(&self, error: Error) -> Error {
        let takes_all_tries_into_account = matches!(
            error.kind(),
            ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::FenceStale
        );
        if !self.write || self.in_doubt == 0 || takes_all_tries_into_account {
            return error;
        }
        unknown(&self.doubt, Some(error.message())).with_source(error)
    }

    /// Says where nobody could be reached, and what would help.
    fn nowhere(&self) -> String {
        let mut text = "cannot reach dkv at ".to_owned();
        for (place, (node, why)) in self.unreached.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(text, "{comma}{} ({})", node.endpoint, why.reason)
                .expect("writing to a string cannot fail");
        }
        if self.client.route.is_local() && self.client.shared.nodes.configured().len() > 1 {
            let shard = self.client.route.shard();
            write!(text, ", the only node with this local shard {shard}")
                .expect("writing to a string cannot fail");
        }
        text.push_str(question(
            self.unreached.iter().all(|(_, why)| why.nobody_listens),
        ));
        text
    }
}

/// The error of a write that may or may not have taken place: `doubt` says why that is
/// unknown, `last` how its last try ended.
///
/// The last try alone may surely have done nothing. Said here, it would read as if it were
/// true of the write.
pub(super) fn unknown(doubt: &str, last: Option<&str>) -> Error {
    let mut text = format!("whether the write took place is unknown: {}", bare(doubt));
    if let Some(last) = last.filter(|last| *last != doubt) {
        write!(text, " (and when tried again: {})", bare(last))
            .expect("writing to a string cannot fail");
    }
    text.push_str("; read it back before repeating it");
    Error::timeout(text)
}

/// What a node said, without what holds of one try, or concerns whoever sends it.
fn bare(said: &str) -> String {
    const ASIDE: [&str; 3] = [
        ": nothing was done",
        "; nothing was done",
        ": ask again with the same request id",
    ];
    ASIDE
        .iter()
        .fold(said.to_owned(), |text, aside| text.replace(aside, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client without a majority said that nothing was done, and that it did not know.
    #[test]
    fn a_write_in_doubt_is_not_also_said_to_be_undone() {
        let silent = "the leader did not answer in time: ask again with the same request id";
        let refused = "no leader: nothing was done; is a majority of the members running?";
        let said = unknown(silent, Some(refused)).message().to_owned();
        assert_eq!(
            said,
            "whether the write took place is unknown: the leader did not answer in time (and when \
             tried again: no leader; is a majority of the members running?); read it back before \
             repeating it"
        );
        let once = unknown("the connection broke", Some("the connection broke"));
        assert_eq!(
            once.message(),
            "whether the write took place is unknown: the connection broke; read it back before \
             repeating it"
        );
    }
}
