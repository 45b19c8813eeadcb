//! Which process speaks for a node here, one at a time, and over which links.
//!
//! A node's UUID is in its data directory, so a copied directory makes two processes
//! that both say they are that node, and both would vote. The rule:
//!
//! - A process draws a number when it starts, its incarnation, and every link names it.
//!   All open links of a node are of one incarnation.
//! - The same incarnation calls again on a lane: the newer link takes over, and nothing
//!   more is delivered from the older one, whatever is still under way on it.
//! - Another incarnation calls: it takes over the whole node, unless something came from
//!   the present one within 3 s. A process that has ended has no links, so that its
//!   successor need not wait; a machine that lost its power is silent; a process that
//!   lives says something every second.
//!
//! So of two living processes the one that was there first stays, at every node for
//! itself. That is a guard against a mistake, not a proof: with the first one down, a
//! copy is taken for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::lane;
use crate::base::host::Clock;
use crate::base::types::NodeId;
use crate::raft::Lane;

/// A process that says nothing for so long may be followed by another. A living one
/// speaks three times in it.
const SILENCE_MS: u64 = 3_000;

/// The nodes that have links to this one. Clones are the same.
#[derive(Clone)]
pub(super) struct Callers {
    clock: Arc<dyn Clock>,
    nodes: Arc<Mutex<BTreeMap<NodeId, Caller>>>,
}

struct Caller {
    incarnation: u64,
    heard_ms: Arc<AtomicU64>,
    links: [Option<Arc<Held>>; lane::LANES.len()],
    contender: Option<Contender>,
}

/// Another process that wanted to be this node.
#[derive(Clone, Copy)]
struct Contender {
    incarnation: u64,
    refused_ms: u64,
    is_told: bool,
}

/// A link, until another takes its place.
#[derive(Default)]
struct Held {
    is_over: Mutex<bool>,
    over: Notify,
}

/// The right of one link to deliver; given back when it is dropped.
pub(super) struct Admitted {
    callers: Callers,
    node: NodeId,
    lane: Lane,
    held: Arc<Held>,
    heard_ms: Arc<AtomicU64>,
}

/// Another process of the same node is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clash {
    /// It has spoken since this one was first refused, so that both are alive, and nobody
    /// has said so yet.
    pub(super) is_news: bool,
}

impl Callers {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            nodes: Arc::default(),
        }
    }

    /// Admits a link of `node`, as the rule above says.
    pub(super) fn admit(
        &self,
        node: NodeId,
        incarnation: u64,
        lane: Lane,
    ) -> Result<Admitted, Clash> {
        let now_ms = self.clock.boot_ms();
        let mut nodes = self.nodes.lock();
        let caller = nodes
            .entry(node)
            .or_insert_with(|| Caller::new(incarnation, now_ms));
        if caller.incarnation != incarnation {
            caller.contend(incarnation, now_ms)?;
            caller.end_all();
            *caller = Caller::new(incarnation, now_ms);
        }
        let held = Arc::new(Held::default());
        if let Some(older) = caller.links[lane::place(lane)].replace(held.clone()) {
            older.end();
        }
        let heard_ms = caller.heard_ms.clone();
        heard_ms.store(now_ms, Ordering::Relaxed);
        drop(nodes);
        Ok(Admitted {
            callers: self.clone(),
            node,
            lane,
            held,
            heard_ms,
        })
    }
}

impl Caller {
    fn new(incarnation: u64, now_ms: u64) -> Self {
        Self {
            incarnation,
            heard_ms: Arc::new(AtomicU64::new(now_ms)),
            links: Default::default(),
            contender: None,
        }
    }

    /// Whether `incarnation` may follow this one.
    fn contend(&mut self, incarnation: u64, now_ms: u64) -> Result<(), Clash> {
        let heard_ms = self.heard_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(heard_ms) >= SILENCE_MS {
            return Ok(());
        }
        let known = self
            .contender
            .filter(|contender| contender.incarnation == incarnation);
        let contender = self.contender.insert(known.unwrap_or(Contender {
            incarnation,
            refused_ms: now_ms,
            is_told: false,
        }));
        let is_news = heard_ms > contender.refused_ms && !contender.is_told;
        contender.is_told |= is_news;
        Err(Clash { is_news })
    }

    fn end_all(&self) {
        self.links.iter().flatten().for_each(|held| held.end());
    }
}

impl Held {
    /// IMPORTANT: waits for a delivery that is under way, so that nothing comes from this
    /// link once another has its place.
    fn end(&self) {
        *self.is_over.lock() = true;
        self.over.notify_one();
    }
}

impl Admitted {
    /// Something came: delivers it, unless another link took over. False: it did.
    pub(super) fn deliver(&self, deliver: impl FnOnce()) -> bool {
        let is_over = self.held.is_over.lock();
        if !*is_over {
            let now_ms = self.callers.clock.boot_ms();
            self.heard_ms.store(now_ms, Ordering::Relaxed);
            deliver();
        }
        !*is_over
    }

    /// Resolves when another link takes over.
    pub(super) async fn over(&self) {
        self.held.over.notified().await;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut nodes = self.callers.nodes.lock();
        let Some(caller) = nodes.get_mut(&self.node) else {
            return;
        };
        let place = &mut caller.links[lane::place(self.lane)];
        if place
            .as_ref()
            .is_some_and(|held| Arc::ptr_eq(held, &self.held))
        {
            *place = None;
        }
        if caller.links.iter().all(Option::is_none) {
            nodes.remove(&self.node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::ManualClock;

    const ALICE: NodeId = NodeId([1; 16]);

    fn callers() -> (Callers, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        (Callers::new(clock.clone()), clock)
    }

    fn speaks(link: &Admitted) -> bool {
        let mut delivered = false;
        let mine = link.deliver(|| delivered = true);
        assert_eq!(mine, delivered);
        mine
    }

    #[tokio::test]
    async fn a_newer_link_takes_over_its_lane_and_no_other() {
        let (callers, _) = callers();
        let data = callers.admit(ALICE, 1, Lane::Data).unwrap();
        let heartbeat = callers.admit(ALICE, 1, Lane::Heartbeat).unwrap();
        let newer = callers.admit(ALICE, 1, Lane::Data).unwrap();
        assert!(!speaks(&data), "its frames would come out of order");
        data.over().await;
        assert!(speaks(&heartbeat) && speaks(&newer));
        drop(data);
        assert!(speaks(&newer));
        let newest = callers.admit(ALICE, 1, Lane::Data).unwrap();
        assert!(!speaks(&newer) && speaks(&newest));
    }

    #[test]
    fn a_second_process_is_refused_while_the_first_one_lives() {
        let (callers, clock) = callers();
        let first = callers.admit(ALICE, 1, Lane::Data).unwrap();
        let refused = |incarnation| callers.admit(ALICE, incarnation, Lane::Data).err();
        assert_eq!(refused(2), Some(Clash { is_news: false }), "it may be dead");
        clock.advance_ms(SILENCE_MS - 1);
        assert_eq!(refused(2), Some(Clash { is_news: false }));
        assert!(speaks(&first));
        assert_eq!(refused(2), Some(Clash { is_news: true }), "both live");
        assert_eq!(refused(2), Some(Clash { is_news: false }), "once");
        clock.advance_ms(SILENCE_MS - 1);
        assert!(refused(2).is_some());
        assert!(speaks(&first));
        let other = callers.admit(NodeId([2; 16]), 2, Lane::Data).unwrap();
        assert!(speaks(&other), "it is another node");
    }

    #[tokio::test]
    async fn a_process_that_is_silent_is_followed_on_all_lanes() {
        let (callers, clock) = callers();
        let data = callers.admit(ALICE, 1, Lane::Data).unwrap();
        let heartbeat = callers.admit(ALICE, 1, Lane::Heartbeat).unwrap();
        clock.advance_ms(SILENCE_MS);
        let second = callers.admit(ALICE, 2, Lane::Data).unwrap();
        assert!(!speaks(&data) && !speaks(&heartbeat) && speaks(&second));
        data.over().await;
        heartbeat.over().await;
        drop((data, heartbeat));
        assert!(
            callers.admit(ALICE, 1, Lane::Data).is_err(),
            "the second is there"
        );
    }

    #[test]
    fn a_process_that_ended_is_followed_at_once_and_leaves_nothing() {
        let (callers, _) = callers();
        let data = callers.admit(ALICE, 1, Lane::Data).unwrap();
        let heartbeat = callers.admit(ALICE, 1, Lane::Heartbeat).unwrap();
        drop(data);
        assert!(callers.admit(ALICE, 2, Lane::Data).is_err());
        drop(heartbeat);
        assert!(callers.nodes.lock().is_empty());
        assert!(speaks(&callers.admit(ALICE, 2, Lane::Data).unwrap()));
    }
}
