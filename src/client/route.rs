//! Which node to ask about a shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::dial::Dial;
use super::endpoint::Endpoint;
use super::node::Node;
use crate::base::host::Clock;
use crate::base::types::{NodeId, ShardId};

/// Nodes known at once: the configured ones and leaders they named.
const NODES_MAX: usize = 64;

/// Every node this client knows.
pub(super) struct Nodes {
    nodes: RwLock<Vec<Arc<Node>>>,
    /// The first so many were given by the caller; the others were named by these.
    configured: usize,
    connections: usize,
    turn: AtomicU64,
    dial: Arc<Dial>,
    clock: Arc<dyn Clock>,
}

impl Nodes {
    pub(super) fn new(
        endpoints: Vec<Endpoint>,
        connections: usize,
        dial: Arc<Dial>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let nodes = Self {
            nodes: RwLock::default(),
            configured: endpoints.len(),
            connections,
            turn: AtomicU64::new(0),
            dial,
            clock,
        };
        let configured = endpoints.into_iter().map(|endpoint| nodes.node(endpoint));
        *nodes.nodes.write() = configured.collect();
        nodes
    }

    fn node(&self, endpoint: Endpoint) -> Arc<Node> {
        let (dial, clock) = (Arc::clone(&self.dial), Arc::clone(&self.clock));
        Arc::new(Node::new(endpoint, self.connections, dial, clock))
    }

    /// How connections to them are opened.
    pub(super) fn dial(&self) -> &Arc<Dial> {
        &self.dial
    }

    /// A number that differs from call to call, to spread calls that have no lane.
    pub(super) fn turn(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The nodes the caller named.
    pub(super) fn configured(&self) -> Vec<Arc<Node>> {
        self.nodes.read()[..self.configured].to_vec()
    }

    /// The node that another node named as leader, if that is an address.
    fn named(&self, address: &str) -> Option<Arc<Node>> {
        let endpoint = Endpoint::parse(address).ok()?;
        let known = |nodes: &[Arc<Node>]| nodes.iter().find(|it| it.endpoint == endpoint).cloned();
        if let Some(node) = known(&self.nodes.read()) {
            return Some(node);
        }
        let mut nodes = self.nodes.write();
        if let Some(node) = known(&nodes) {
            return Some(node);
        }
        if nodes.len() >= self.configured + NODES_MAX {
            return None;
        }
        let node = self.node(endpoint);
        nodes.push(Arc::clone(&node));
        Some(node)
    }
}

/// What is known of one shard.
///
/// Invariant: the first identity seen is the only one ever accepted, and a local
/// shard is only ever asked at the node that gave it.
pub(super) struct Route {
    shard: ShardId,
    /// Leaders are not gone to.
    stays: bool,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    pin: Option<Pin>,
    leader: Option<Arc<Node>>,
}

struct Pin {
    identity: [u8; 16],
    local: bool,
    home: Arc<Node>,
}

/// Another shard of the same number than the one this client is pinned to.
#[derive(Debug)]
pub(super) struct Stranger {
    pub(super) pinned: NodeId,
    pub(super) answered: NodeId,
}

impl Route {
    pub(super) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            stays: false,
            known: RwLock::default(),
        }
    }

    /// One that leads to the configured nodes alone, whoever leads.
    pub(super) fn staying(shard: ShardId) -> Self {
        Self {
            stays: true,
            ..Self::new(shard)
        }
    }

    pub(super) fn shard(&self) -> ShardId {
        self.shard
    }

    /// True if only one node can answer.
    pub(super) fn is_local(&self) -> bool {
        self.known.read().pin.as_ref().is_some_and(|pin| pin.local)
    }

    /// True once a node with this shard was reached.
    pub(super) fn is_pinned(&self) -> bool {
        self.known.read().pin.is_some()
    }

    /// The node to ask next; `spread` differs between lanes, `tried` are the nodes
    /// that this call could not reach.
    pub(super) fn choose(&self, nodes: &Nodes, spread: u64, tried: &[Arc<Node>]) -> Arc<Node> {
        let fresh = |node: &Arc<Node>| !tried.iter().any(|it| Arc::ptr_eq(it, node));
        let known = self.known.read();
        match &known.pin {
            Some(pin) if pin.local => return Arc::clone(&pin.home),
            _ => {}
        }
        if let Some(leader) = &known.leader
            && fresh(leader)
            && leader.seems_up()
        {
            return Arc::clone(leader);
        }
        drop(known);
        self.choose_any(nodes, spread, tried)
    }

    /// A node to ask that need not lead.
    pub(super) fn choose_any(&self, nodes: &Nodes, spread: u64, tried: &[Arc<Node>]) -> Arc<Node> {
        let fresh = |node: &Arc<Node>| !tried.iter().any(|it| Arc::ptr_eq(it, node));
        let start = match &self.known.read().pin {
            Some(pin) if pin.local => return Arc::clone(&pin.home),
            Some(_) => spread,
            // In the given order, so that a local shard is the same one for every client
            // that was given the same endpoints.
            None => 0,
        };
        let all = nodes.nodes.read();
        let configured = &all[..nodes.configured];
        let rotated = || {
            let start = (start % configured.len() as u64) as usize;
            configured[start..].iter().chain(&configured[..start])
        };
        let chosen = rotated()
            .find(|node| fresh(node) && node.seems_up())
            .or_else(|| rotated().find(|node| fresh(node)))
            .or_else(|| rotated().next())
            .expect("a client has at least one endpoint");
        Arc::clone(chosen)
    }

    /// True while a node is left that this call has not tried.
    pub(super) fn has_untried(&self, nodes: &Nodes, tried: &[Arc<Node>]) -> bool {
        !self.is_local()
            && nodes
                .configured()
                .iter()
                .any(|node| !tried.iter().any(|it| Arc::ptr_eq(it, node)))
    }

    /// Pins the shard to the first identity it is seen with.
    ///
    /// # Errors
    /// If it is pinned to another one, or is local and pinned to another node.
    pub(super) fn admit(
        &self,
        identity: [u8; 16],
        local: bool,
        node: &Arc<Node>,
    ) -> Result<(), Stranger> {
        let check = |pin: &Pin| {
            if pin.identity == identity {
                return Ok(());
            }
            Err(Stranger {
                pinned: NodeId(pin.identity),
                answered: NodeId(identity),
            })
        };
        if let Some(pin) = &self.known.read().pin {
            return check(pin);
        }
        let mut known = self.known.write();
        match &known.pin {
            Some(pin) => check(pin),
            None => {
                known.pin = Some(Pin {
                    identity,
                    local,
                    home: Arc::clone(node),
                });
                Ok(())
            }
        }
    }

    /// Learns from a reply of `node` where the leader is; empty: it is this node.
    pub(super) fn led_from(&self, nodes: &Nodes, address: &str, node: &Arc<Node>) {
        if self.stays {
            return;
        }
        let leader = if address.is_empty() {
            Some(Arc::clone(node))
        } else {
            let named = |it: &Arc<Node>| it.endpoint.to_string() == address;
            if self.known.read().leader.as_ref().is_some_and(named) {
                return;
            }
            nodes.named(address)
        };
        let same = match (&self.known.read().leader, &leader) {
            (Some(known), Some(leader)) => Arc::ptr_eq(known, leader),
            (None, None) => true,
            _ => false,
        };
        if !same {
            self.known.write().leader = leader;
        }
    }

    /// Forgets a leader that could not be asked, or that says it is none.
    pub(super) fn not_led_from(&self, node: &Arc<Node>) {
        let mut known = self.known.write();
        if known
            .leader
            .as_ref()
            .is_some_and(|it| Arc::ptr_eq(it, node))
        {
            known.leader = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::ManualClock;

    fn nodes() -> Nodes {
        let endpoints = ["a:1", "b:1", "c:1"].map(|text| Endpoint::parse(text).unwrap());
        let clock = Arc::new(ManualClock::default());
        Nodes::new(endpoints.to_vec(), 1, Arc::default(), clock)
    }

    fn chosen(route: &Route, nodes: &Nodes, spread: u64) -> String {
        route.choose(nodes, spread, &[]).endpoint.to_string()
    }

    #[test]
    fn an_unknown_shard_is_asked_in_the_given_order() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        for spread in 0..5 {
            assert_eq!(chosen(&route, &nodes, spread), "a:1");
        }
        let tried = nodes.configured()[..1].to_vec();
        let next = route.choose(&nodes, 0, &tried);
        assert_eq!(next.endpoint.to_string(), "b:1");
        assert!(route.has_untried(&nodes, &tried));
        assert!(!route.has_untried(&nodes, &nodes.configured()));
    }

    #[test]
    fn a_local_shard_stays_at_its_node() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        let home = &nodes.configured()[1];
        route.admit([1; 16], true, home).unwrap();
        let tried = vec![Arc::clone(home)];
        assert_eq!(
            route.choose(&nodes, 2, &tried).endpoint.to_string(),
            "b:1",
            "even after it could not be reached"
        );
        assert!(!route.has_untried(&nodes, &tried));
        assert!(route.admit([1; 16], true, home).is_ok());
        assert!(route.admit([2; 16], true, home).is_err());
    }

    #[test]
    fn who_may_be_stale_is_asked_in_turns_unless_the_shard_is_local() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        let any = |route: &Route, turn| route.choose_any(&nodes, turn, &[]).endpoint.to_string();
        assert_eq!(any(&route, 2), "a:1", "it may be local");
        let all = nodes.configured();
        route.admit([1; 16], false, &all[0]).unwrap();
        route.led_from(&nodes, "c:1", &all[0]);
        let asked: Vec<_> = (0..3).map(|turn| any(&route, turn)).collect();
        assert_eq!(asked, ["a:1", "b:1", "c:1"]);
        let local = Route::new(ShardId(300));
        local.admit([2; 16], true, &all[1]).unwrap();
        assert_eq!(any(&local, 2), "b:1");
    }

    #[test]
    fn who_stays_does_not_go_to_the_leader() {
        let (nodes, route) = (nodes(), Route::staying(ShardId(100)));
        let first = &nodes.configured()[0];
        route.admit([1; 16], false, first).unwrap();
        route.led_from(&nodes, "d:1", first);
        assert_eq!(chosen(&route, &nodes, 0), "a:1");
    }

    #[test]
    fn a_replicated_shard_is_spread_until_its_leader_is_known() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        let all = nodes.configured();
        route.admit([1; 16], false, &all[0]).unwrap();
        let spread: Vec<_> = (0..3).map(|lane| chosen(&route, &nodes, lane)).collect();
        assert_eq!(spread, ["a:1", "b:1", "c:1"]);
        route.led_from(&nodes, "c:1", &all[0]);
        assert_eq!(chosen(&route, &nodes, 0), "c:1");
        route.led_from(&nodes, "d:1", &all[0]);
        assert_eq!(chosen(&route, &nodes, 0), "d:1", "named by a node");
        let leader = route.choose(&nodes, 0, &[]);
        route.not_led_from(&leader);
        assert_eq!(chosen(&route, &nodes, 0), "a:1");
        route.led_from(&nodes, "", &all[1]);
        assert_eq!(chosen(&route, &nodes, 0), "b:1", "it leads itself");
    }
}
