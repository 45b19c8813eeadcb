//! Who leads a shard, as this node can tell, and the log lines that say so.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::Shared;
use crate::base::types::NodeId;
use crate::raft::{Group, Members};

/// Who leads a shard, as this node can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// A member leads, and was heard lately; it may be this node, with a quorum.
    Led {
        /// The leader.
        node: NodeId,
        /// Its name.
        name: String,
        /// In which term.
        term: u64,
    },
    /// A member led, and has been silent for longer than a member that runs is.
    Silent {
        /// Its name.
        name: String,
    },
    /// This node leads, but no quorum answers it.
    Alone,
    /// Nobody leads.
    Nobody,
    /// This node was taken out: the members do not talk to it any more.
    TakenOut,
}

impl Leadership {
    /// Right now.
    pub(super) fn of(group: &Group) -> Self {
        match Self::as_member(group) {
            led @ (Self::Led { .. } | Self::Alone) => led,
            _ if is_out(&group.members(), group.node()) => Self::TakenOut,
            other => other,
        }
    }

    /// Whether nobody will lead this node again: whoever waits here waits in vain.
    pub(super) fn is_out(group: &Group) -> bool {
        group.leads().is_none() && Self::of(group) == Self::TakenOut
    }

    fn as_member(group: &Group) -> Self {
        let Some((node, member)) = group.leader() else {
            return Self::Nobody;
        };
        let lately = |ago: Option<Duration>| ago.is_some_and(|ago| ago <= group.silence());
        let name = member.name;
        if node == group.node() {
            return match group.quorum_age() {
                // It was elected a moment ago.
                None => Self::Nobody,
                age if lately(age) => Self::led(node, name, group.term()),
                Some(_) => Self::Alone,
            };
        }
        match lately(group.age()) {
            true => Self::led(node, name, group.term()),
            false => Self::Silent { name },
        }
    }

    fn led(node: NodeId, name: String, term: u64) -> Self {
        Self::Led { node, name, term }
    }

    /// Why there is no leader may change while there is none: that is no news, unless there
    /// will never be one again.
    fn is_news_after(&self, told: &Self) -> bool {
        self != told && (self.is_led() || told.is_led() || *self == Self::TakenOut)
    }

    /// True if requests can be served here, or sent to where they can.
    pub fn is_led(&self) -> bool {
        matches!(self, Self::Led { .. })
    }
}

/// True for a node that had to go. Its last news is that it has no vote and is leaving: of
/// what follows nobody tells it. One that is none of the members it knows may have just
/// joined, and be reading what was before.
fn is_out(members: &Members, node: NodeId) -> bool {
    let own = members.all.get(&node);
    own.is_some_and(|member| member.leaving && !members.voters.contains(&node))
}

/// As one part of a sentence, after the name of the shard.
impl fmt::Display for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Led { name, term, .. } => write!(f, "{name} leads (term {term})"),
            Self::Silent { name } => write!(f, "no leader: {name} led, and is silent"),
            Self::Alone => f.write_str("no quorum answers this node, which leads"),
            Self::Nobody => f.write_str("no leader"),
            Self::TakenOut => f.write_str(
                "this node was taken out of its cluster: stop it; to come back it needs an empty \
                 data directory and --join",
            ),
        }
    }
}

/// Logs every change, once, and counts the leaders, until the shard closes.
///
/// IMPORTANT: a group that fails tells nobody, and leads on by its last notice: the node
/// must not go on with it.
pub(super) async fn watch(shared: Arc<Shared>) {
    let group = shared.group().clone();
    // Silence comes without a notice.
    let look_every = group.silence() / 4;
    let mut changes = group.leader_changes();
    let mut told = Leadership::Nobody;
    let mut last_leader = None;
    while !shared.is_closing() {
        if let Some(failure) = group.failure().filter(|_| !shared.is_closing()) {
            shared.core.fatal.raise(failure.message());
            return;
        }
        let now = Leadership::of(&group);
        if let Leadership::Led { node, term, .. } = &now
            && last_leader != Some((*node, *term))
        {
            last_leader = Some((*node, *term));
            let counters = &shared.counters;
            counters.leader_changes.fetch_add(1, Ordering::Relaxed);
        }
        if now.is_news_after(&told) {
            tracing::info!("shard {}: {now}", group.shard());
            told = now;
        }
        // Either is a reason to look again.
        drop(timeout(look_every, changes.next()).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::Member;

    #[test]
    fn each_is_said_in_one_line() {
        let led = Leadership::Led {
            node: NodeId([1; 16]),
            name: "node-3".to_owned(),
            term: 7,
        };
        assert_eq!(led.to_string(), "node-3 leads (term 7)");
        let silent = Leadership::Silent {
            name: "node-3".to_owned(),
        };
        assert!(led.is_led() && !silent.is_led());
        assert!(silent.to_string().starts_with("no leader: node-3 led"));
    }

    /// A node that was taken out said "no leader" in its log, and nothing more, ever.
    #[test]
    fn that_a_node_was_taken_out_is_news_once() {
        let silent = Leadership::Silent {
            name: "node-3".to_owned(),
        };
        assert!(Leadership::TakenOut.is_news_after(&silent));
        assert!(Leadership::TakenOut.is_news_after(&Leadership::Nobody));
        assert!(!Leadership::TakenOut.is_news_after(&Leadership::TakenOut));
        assert!(!silent.is_news_after(&Leadership::TakenOut));
        assert!(!silent.is_news_after(&Leadership::Nobody));
    }

    #[test]
    fn a_node_that_reads_the_log_of_before_it_joined_was_told_that_it_is_out() {
        let node = NodeId([1; 16]);
        let members = |leaving, votes| Members {
            all: [(
                node,
                Member {
                    leaving,
                    ..Member::default()
                },
            )]
            .into(),
            voters: if votes { [node].into() } else { [].into() },
            joint: false,
        };
        assert!(is_out(&members(true, false), node));
        assert!(!is_out(&members(true, true), node));
        assert!(!is_out(&members(false, false), node), "a learner");
        assert!(
            !is_out(&members(false, true), NodeId([2; 16])),
            "it has yet to read that it joined"
        );
        assert!(!is_out(&Members::default(), node), "it has yet to join");
    }
}
