//! A network in memory that cuts links, loses frames and lets lanes overtake each
//! other, as its seed says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::transport::{Lane, Peer, PeerTransport};
use crate::base::host::Rng;
use crate::base::types::NodeId;

type Route = (NodeId, NodeId, Lane);

/// Every node of a simulated cluster reaches the others through one of these.
#[derive(Clone)]
pub struct SimNetwork {
    rng: Arc<dyn Rng>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    peers: BTreeMap<NodeId, Arc<dyn Peer>>,
    under_way: BTreeMap<Route, VecDeque<Bytes>>,
    cut: BTreeSet<(NodeId, NodeId)>,
    loss_percent: u64,
}

/// One node's end of the network.
struct End {
    network: SimNetwork,
    node: NodeId,
}

impl SimNetwork {
    /// All links are up and nothing is lost.
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self {
            rng,
            state: Arc::default(),
        }
    }

    /// The end of `node`.
    pub fn end_of(&self, node: NodeId) -> Arc<dyn PeerTransport> {
        Arc::new(End {
            network: self.clone(),
            node,
        })
    }

    /// Cuts the link in this one direction; what is under way on it is lost.
    pub fn cut(&self, from: NodeId, to: NodeId) {
        let mut state = self.state.lock();
        state.cut.insert((from, to));
        state
            .under_way
            .retain(|(source, target, _), _| (*source, *target) != (from, to));
    }

    /// Mends every link.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.cut.clear();
        state.loss_percent = 0;
    }

    /// From now on, so many of a hundred frames are lost.
    pub fn lose(&self, percent: u64) {
        self.state.lock().loss_percent = percent;
    }

    /// Delivers one frame of a lane drawn at random. False when none is under way.
    pub fn deliver_one(&self) -> bool {
        let mut state = self.state.lock();
        if state.under_way.is_empty() {
            return false;
        }
        let drawn = self.rng.below(state.under_way.len() as u64);
        let drawn = usize::try_from(drawn).expect("below the number of routes");
        let route = *state
            .under_way
            .keys()
            .nth(drawn)
            .expect("drawn below the length");
        let frames = state
            .under_way
            .get_mut(&route)
            .expect("the route was just listed");
        let frame = frames.pop_front();
        if frames.is_empty() {
            state.under_way.remove(&route);
        }
        let (from, to, lane) = route;
        let peer = state.peers.get(&to).cloned();
        drop(state);
        if let (Some(peer), Some(frame)) = (peer, frame) {
            peer.receive(from, lane, frame);
        }
        true
    }
}

impl PeerTransport for End {
    fn send(&self, to: NodeId, lane: Lane, frame: Bytes) {
        let mut state = self.network.state.lock();
        let lost = state.loss_percent > self.network.rng.below(100);
        if !lost && !state.cut.contains(&(self.node, to)) {
            state
                .under_way
                .entry((self.node, to, lane))
                .or_default()
                .push_back(frame);
        }
    }

    fn receive_with(&self, peer: Arc<dyn Peer>) {
        self.network.state.lock().peers.insert(self.node, peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::SeededRng;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(Lane, Bytes)>>);

    impl Peer for Heard {
        fn receive(&self, _from: NodeId, lane: Lane, frame: Bytes) {
            self.0.lock().push((lane, frame));
        }
    }

    fn pair(seed: u64) -> (SimNetwork, Arc<dyn PeerTransport>, Arc<Heard>) {
        let network = SimNetwork::new(Arc::new(SeededRng::new(seed)));
        let heard = Arc::new(Heard::default());
        network.end_of(NodeId([2; 16])).receive_with(heard.clone());
        let end = network.end_of(NodeId([1; 16]));
        (network, end, heard)
    }

    #[test]
    fn a_lane_keeps_its_order_and_lanes_overtake() {
        let mut overtaken = false;
        for seed in 0..20 {
            let (network, end, heard) = pair(seed);
            for n in 0..10u8 {
                end.send(NodeId([2; 16]), Lane::Data, Bytes::copy_from_slice(&[n]));
                end.send(
                    NodeId([2; 16]),
                    Lane::Heartbeat,
                    Bytes::copy_from_slice(&[n]),
                );
            }
            while network.deliver_one() {}
            let heard = heard.0.lock();
            for lane in [Lane::Data, Lane::Heartbeat] {
                let order: Vec<_> = heard
                    .iter()
                    .filter(|(of, _)| *of == lane)
                    .map(|(_, frame)| frame[0])
                    .collect();
                assert_eq!(order, (0..10).collect::<Vec<_>>());
            }
            overtaken |= heard[0].0 == Lane::Heartbeat;
        }
        assert!(overtaken, "lanes must be independent");
    }

    #[test]
    fn a_cut_link_carries_nothing_one_way_and_heals() {
        let (network, end, heard) = pair(1);
        end.send(
            NodeId([2; 16]),
            Lane::Data,
            Bytes::from_static(b"lost under way"),
        );
        network.cut(NodeId([1; 16]), NodeId([2; 16]));
        end.send(
            NodeId([2; 16]),
            Lane::Data,
            Bytes::from_static(b"lost at once"),
        );
        assert!(!network.deliver_one());
        network.heal();
        end.send(NodeId([2; 16]), Lane::Data, Bytes::from_static(b"heard"));
        assert!(network.deliver_one());
        assert_eq!(heard.0.lock().len(), 1);
        network.lose(100);
        end.send(NodeId([2; 16]), Lane::Data, Bytes::from_static(b"lost"));
        assert!(!network.deliver_one());
    }
}
