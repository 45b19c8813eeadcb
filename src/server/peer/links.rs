//! This node's links to the other members: the transport of the consensus core.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::counters::{PeerCounters, PeerFigures};
use super::dial;
use super::lane::{self, LANES};
use super::link::Link;
use super::myself::Myself;
use super::outgoing::Outgoing;
use super::road::Whom;
use crate::base::Result;
use crate::base::host::{Host, Rng};
use crate::base::types::NodeId;
use crate::raft::{Lane, Peer, PeerTransport};

const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// Links to every member of the address book, kept open from the moment it is named.
/// Clones are the same links; they end with the last one.
///
/// A peer has two connections: heartbeats have their own, so that they wait for nothing;
/// data and snapshots share the other.
#[derive(Clone)]
pub(in crate::server) struct PeerLinks {
    inner: Arc<Inner>,
}

struct Inner {
    myself: Arc<Myself>,
    rng: Arc<dyn Rng>,
    runtime: Handle,
    book: RwLock<BTreeMap<NodeId, Entry>>,
    counters: Mutex<BTreeMap<NodeId, Arc<PeerCounters>>>,
    receiver: RwLock<Option<Arc<dyn Peer>>>,
}

/// A member as it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Callee {
    /// What it is called, and its certificate says.
    pub(in crate::server) name: String,
    /// `HOST:PORT`.
    pub(in crate::server) address: String,
}

/// A peer in the address book.
struct Entry {
    callee: Callee,
    lanes: [Arc<Outgoing>; LANES.len()],
    /// Keep the lanes open, and end with the entry.
    _tasks: JoinSet<()>,
}

impl PeerLinks {
    /// No peers yet. Nobody is called before `myself` belongs to a cluster.
    ///
    /// # Panics
    /// Outside a tokio runtime: its tasks run there.
    pub(in crate::server) fn new(host: &Host, myself: Arc<Myself>) -> Self {
        let inner = Inner {
            myself,
            rng: host.rng.clone(),
            runtime: Handle::current(),
            book: RwLock::default(),
            counters: Mutex::default(),
            receiver: RwLock::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Replaces the address book. Links to members that left
    /// it, or have another name or address in it, are closed; this node itself may be in it, and
    /// is not called. May be called from any thread, and does not wait.
    ///
    /// # Errors
    /// `Invalid`, naming the first address that is none. The other members are called
    /// all the same.
    pub(in crate::server) fn set_peers(&self, peers: BTreeMap<NodeId, Callee>) -> Result<()> {
        let mut malformed = Ok(());
        let mut book = self.inner.book.write();
        book.retain(|node, entry| peers.get(node) == Some(&entry.callee));
        self.inner
            .counters
            .lock()
            .retain(|node, _| peers.contains_key(node));
        for (node, callee) in peers {
            if node == self.inner.myself.node() || book.contains_key(&node) {
                continue;
            }
            match self.entry(node, callee) {
                Ok(entry) => drop(book.insert(node, entry)),
                Err(error) => malformed = malformed.and(Err(error)),
            }
        }
        malformed
    }

    /// Calls nobody and hands on nothing any more. Whoever receives holds these links as
    /// a rule, and they hold it: without this neither would ever end.
    pub(in crate::server) fn close(&self) {
        let book = std::mem::take(&mut *self.inner.book.write());
        let receiver = self.inner.receiver.write().take();
        drop((book, receiver));
    }

    /// Who this node is.
    pub(in crate::server) fn myself(&self) -> &Arc<Myself> {
        &self.inner.myself
    }

    /// The figures of every peer in the address book.
    pub(in crate::server) fn figures(&self) -> Vec<PeerFigures> {
        let book = self.inner.book.read();
        book.iter()
            .map(|(node, entry)| PeerFigures {
                node: *node,
                address: entry.callee.address.clone(),
                lanes: entry.lanes.each_ref().map(|lane| lane.figures()),
            })
            .collect()
    }

    /// Who takes the frames that come.
    pub(super) fn receiver(&self) -> Option<Arc<dyn Peer>> {
        self.inner.receiver.read().clone()
    }

    /// The counters of a peer that was admitted, or is in the address book.
    pub(super) fn counters(&self, node: NodeId) -> Arc<PeerCounters> {
        let mut counters = self.inner.counters.lock();
        counters.entry(node).or_default().clone()
    }

    /// Tells whoever receives that a link is over. The links' tasks end with the links, so
    /// that they must not hold them.
    fn lost(&self, to: NodeId, lane: Lane) -> Arc<dyn Fn() + Send + Sync> {
        let inner = Arc::downgrade(&self.inner);
        Arc::new(move || {
            let receiver = inner.upgrade().and_then(|it| it.receiver.read().clone());
            if let Some(receiver) = receiver {
                receiver.lost(to, lane);
            }
        })
    }

    fn entry(&self, to: NodeId, callee: Callee) -> Result<Entry> {
        let transport = dial::transport(&callee.address, CONNECT_WITHIN)?;
        let counters = self.counters(to);
        let lanes = LANES.map(|lane| Arc::new(Outgoing::new(lane, counters.clone())));
        // Connecting needs the runtime's timers, and the caller may be on another thread.
        let _in_runtime = self.inner.runtime.enter();
        let road = self.inner.myself.road();
        let whom = Whom::member(to, &callee.name);
        let shared = road.connect_lazy(&transport, &whom);
        let of_heartbeats = road.connect_lazy(&transport, &whom);
        let mut tasks = JoinSet::new();
        for outgoing in &lanes {
            let channel = match outgoing.lane {
                Lane::Heartbeat => &of_heartbeats,
                Lane::Data | Lane::Snapshot => &shared,
            };
            let link = Link {
                myself: self.inner.myself.clone(),
                to,
                address: callee.address.clone(),
                channel: channel.clone(),
                outgoing: outgoing.clone(),
                rng: self.inner.rng.clone(),
                lost: self.lost(to, outgoing.lane),
            };
            tasks.spawn(link.keep());
        }
        Ok(Entry {
            callee,
            lanes,
            _tasks: tasks,
        })
    }
}

impl PeerTransport for PeerLinks {
    fn send(&self, to: NodeId, lane: Lane, frame: Bytes) {
        // Whoever is not in the address book has left the cluster: it needs no frames.
        if let Some(entry) = self.inner.book.read().get(&to) {
            entry.lanes[lane::place(lane)].send(frame);
        }
    }

    fn reaches(&self, to: NodeId, lane: Lane) -> bool {
        let book = self.inner.book.read();
        book.get(&to)
            .is_some_and(|entry| entry.lanes[lane::place(lane)].is_connected())
    }

    fn receive_with(&self, peer: Arc<dyn Peer>) {
        *self.inner.receiver.write() = Some(peer);
    }
}
