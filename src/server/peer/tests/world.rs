//! Nodes that consist of a peer port alone, each with a runtime of its own, so that one
//! can be killed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::base::host::{Host, SeededRng};
use crate::base::types::{ClusterId, NodeId};
use crate::base::{Error, Result};
use crate::proto::peer::{HelloReply, JoinReply, JoinRequest};
use crate::raft::{Lane, Peer, PeerTransport};
use crate::server::peer::{
    Callee, Duties, Joining, Myself, PeerLinks, PeerServer, PeerService, Road,
};

pub(super) const CLUSTER: ClusterId = ClusterId([9; 16]);

/// Ends a test that would hang; no test depends on how long anything takes.
const HANGS_AFTER: Duration = Duration::from_secs(60);

pub(super) fn id(node: u8) -> NodeId {
    NodeId([node; 16])
}

/// What a node was sent.
#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<(NodeId, Lane, Bytes)>>);

impl Peer for Heard {
    fn receive(&self, from: NodeId, lane: Lane, frame: Bytes) {
        self.0.lock().push((from, lane, frame));
    }
}

impl Heard {
    pub(super) fn of(&self, node: u8, lane: Lane) -> Vec<Bytes> {
        let heard = self.0.lock();
        let of = heard
            .iter()
            .filter(|heard| (heard.0, heard.1) == (id(node), lane));
        of.map(|heard| heard.2.clone()).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }
}

/// Gives everybody a place, except node 13.
struct Host13;

impl Joining for Host13 {
    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinReply>> {
        async move {
            let node = request.member.map(|member| member.node);
            if node.as_deref() == Some(&[13; 16][..]) {
                return Err(Error::unavailable("no place for node-13 now: ask again"));
            }
            Ok(JoinReply {
                joined: true,
                leader: String::new(),
            })
        }
        .boxed()
    }
}

/// A node.
pub(super) struct Node {
    pub(super) links: PeerLinks,
    pub(super) heard: Arc<Heard>,
    pub(super) address: SocketAddr,
    pub(super) removed: Arc<Mutex<Vec<NodeId>>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) serving: JoinHandle<()>,
    runtime: Option<Runtime>,
}

impl Node {
    /// Node `node` of the cluster, on a port of its own.
    pub(super) async fn start(node: u8) -> Self {
        Self::start_at(node, "127.0.0.1:0".parse().unwrap(), Some(CLUSTER)).await
    }

    pub(super) async fn start_at(
        node: u8,
        address: SocketAddr,
        cluster: Option<ClusterId>,
    ) -> Self {
        let host = Host::system();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let links = {
            let _in_runtime = runtime.enter();
            let myself = Myself::new(
                id(node),
                format!("node-{node}"),
                cluster,
                &*host.rng,
                Road::Plain,
            );
            PeerLinks::new(&host, myself)
        };
        let heard = Arc::new(Heard::default());
        links.receive_with(heard.clone());
        let removed: Arc<Mutex<Vec<NodeId>>> = Arc::default();
        let (stop, stopping) = watch::channel(false);
        let (myself, out) = (links.myself().clone(), removed.clone());
        let duties = Duties {
            hello: Arc::new(move || HelloReply {
                from: Some(myself.identity()),
                version: "1.2.3".to_owned(),
                ..HelloReply::default()
            }),
            is_member: Arc::new(move |node| !out.lock().contains(&node)),
            name_of: Arc::new(|node| Some(format!("node-{}", node.0[0]))),
            joining: Arc::new(Host13),
            enroll: Arc::new(|_| async { Err(Error::invalid("no token")) }.boxed()),
        };
        let service = PeerService::new(links.clone(), host.clock, duties, stopping.clone())
            .greeted_within(Duration::from_millis(200));
        let binding = runtime.spawn(PeerServer::bind(address));
        let server = binding.await.unwrap().expect("the port is free");
        let address = server.address();
        let serving = runtime.spawn(server.serve(service, None, stopping));
        Self {
            links,
            heard,
            address,
            removed,
            stop,
            serving,
            runtime: Some(runtime),
        }
    }

    /// Names those that this node calls.
    pub(super) fn calls(&self, peers: &[(u8, SocketAddr)]) {
        let book: BTreeMap<_, _> = peers
            .iter()
            .map(|(node, address)| (id(*node), callee(*node, &address.to_string())))
            .collect();
        self.links.set_peers(book).unwrap();
    }

    /// Every lane to `node` is open.
    pub(super) fn is_linked(&self, node: u8) -> bool {
        let figures = self.links.figures();
        let of_node = figures.iter().find(|peer| peer.node == id(node));
        of_node.is_some_and(|peer| peer.lanes.iter().all(|lane| lane.is_connected))
    }

    pub(super) async fn linked(&self, node: u8) {
        until("a link is open", || self.is_linked(node)).await;
    }

    pub(super) fn send(&self, to: u8, lane: Lane, frame: impl Into<Bytes>) {
        self.links.send(id(to), lane, frame.into());
    }

    /// Ends everything where it stands, as `kill -9` does; its port is free afterwards.
    pub(super) async fn kill(mut self) {
        let runtime = self.runtime.take().unwrap();
        let ending = tokio::task::spawn_blocking(|| runtime.shutdown_timeout(HANGS_AFTER));
        ending.await.unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(super) fn callee(node: u8, address: &str) -> Callee {
    Callee {
        name: format!("node-{node}"),
        address: address.to_owned(),
    }
}

/// What comes of something that must end.
pub(super) async fn ends<T>(what: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(HANGS_AFTER, what).await;
    ended.expect("it must end by itself")
}

/// Waits until `holds` does.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        tokio::time::timeout(HANGS_AFTER, waiting).await.is_ok(),
        "it never came true that {what}"
    );
}

/// Identity of a caller that is no whole node.
pub(super) fn caller(node: u8, cluster: Option<ClusterId>) -> Arc<Myself> {
    let rng = SeededRng::new(node.into());
    Myself::new(id(node), format!("node-{node}"), cluster, &rng, Road::Plain)
}
