//! What this node knows of the other members: who they are and where.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use parking_lot::RwLock;

use super::Registrar;
use crate::base::types::NodeId;
use crate::base::{Error, Result};
use crate::proto::{peer, storage};
use crate::raft::Member;
use crate::server::peer::{Callee, Duties, Joining, Myself, PeerLinks};
use crate::server::settings::ShardSpec;

/// The address book. Clones are the same book.
#[derive(Clone)]
pub(in crate::server) struct Book {
    inner: Arc<Inner>,
}

struct Inner {
    myself: Arc<Myself>,
    links: PeerLinks,
    /// This node as the others are to know it.
    me: Member,
    /// Where members are said to be, by name: believed before what the members say of
    /// themselves, for whoever gave it knows this node's network.
    hints: RwLock<BTreeMap<String, String>>,
    members: RwLock<BTreeMap<NodeId, Member>>,
    shards: RwLock<Vec<ShardSpec>>,
    joining: OnceLock<Arc<dyn Joining>>,
    registrar: Registrar,
}

impl Book {
    pub(in crate::server) fn new(
        myself: Arc<Myself>,
        links: PeerLinks,
        me: Member,
        hints: &[(String, String)],
        registrar: Registrar,
    ) -> Self {
        let inner = Inner {
            myself,
            links,
            me,
            hints: RwLock::new(hints.iter().cloned().collect()),
            members: RwLock::default(),
            shards: RwLock::default(),
            joining: OnceLock::new(),
            registrar,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// These are the members from now on.
    pub(in crate::server) fn learn(&self, members: BTreeMap<NodeId, Member>) {
        if *self.inner.members.read() == members {
            return;
        }
        *self.inner.members.write() = members;
        self.call_members();
    }

    fn call_members(&self) {
        let members = self.members();
        let addresses = members
            .iter()
            .map(|(node, member)| (*node, self.callee(member)))
            .collect();
        if let Err(error) = self.inner.links.set_peers(addresses) {
            tracing::warn!(%error, "a member has no address that can be called");
        }
    }

    /// The replicated shards of this node.
    pub(in crate::server) fn note_shards(&self, shards: &[ShardSpec]) {
        let replicated = shards.iter().filter(|shard| shard.kind.is_replicated());
        *self.inner.shards.write() = replicated.copied().collect();
    }

    /// From now on nodes can be given a place.
    pub(in crate::server) fn open_for(&self, joining: Arc<dyn Joining>) {
        if self.inner.joining.set(joining).is_err() {
            tracing::debug!("the book is open already");
        }
    }

    /// This node as the others are to know it.
    pub(super) fn me(&self) -> &Member {
        &self.inner.me
    }

    /// Who this node is.
    pub(super) fn myself(&self) -> &Myself {
        &self.inner.myself
    }

    /// The members, as far as they are known.
    pub(in crate::server) fn members(&self) -> BTreeMap<NodeId, Member> {
        self.inner.members.read().clone()
    }

    /// Where a member is called.
    pub(super) fn address_of(&self, member: &Member) -> String {
        let hints = self.inner.hints.read();
        hints
            .get(&member.name)
            .unwrap_or(&member.peer_address)
            .clone()
    }

    fn callee(&self, member: &Member) -> Callee {
        Callee {
            name: member.name.clone(),
            address: self.address_of(member),
        }
    }

    /// Where members are said to be.
    pub(super) fn hints(&self) -> Vec<String> {
        self.inner.hints.read().values().cloned().collect()
    }

    /// Members that are called where they do not say that they are, in vain: the hint, and
    /// their own word.
    pub(super) fn doubtful_hints(&self) -> Vec<(NodeId, String, String)> {
        let figures = self.inner.links.figures();
        let is_lost = |node: &NodeId| {
            let figures = figures.iter().find(|it| it.node == *node);
            figures.is_some_and(|it| it.lanes.iter().all(|lane| !lane.is_connected))
        };
        let members = self.members();
        let lost = members.into_iter().filter(|(node, _)| is_lost(node));
        lost.map(|(node, member)| (node, self.address_of(&member), member.peer_address))
            .filter(|(_, hint, own)| hint != own)
            .collect()
    }

    /// This member is not where it was said to be: its own word counts from now on.
    pub(super) fn drop_hint(&self, node: NodeId) {
        if let Some(member) = self.members().get(&node) {
            self.inner.hints.write().remove(&member.name);
        }
        self.call_members();
    }

    /// Where the members but this one are said to be.
    pub(super) fn others(&self) -> Vec<String> {
        let name = &self.inner.me.name;
        let hints = self.inner.hints.read();
        let others = hints.iter().filter(|(other, _)| *other != name);
        others.map(|(_, address)| address.clone()).collect()
    }

    /// What the peer port asks.
    pub(in crate::server) fn duties(&self) -> Duties {
        let (hello, known, joining) = (self.clone(), self.clone(), self.clone());
        let (called, enrolling) = (self.clone(), self.clone());
        Duties {
            hello: Arc::new(move || hello.hello()),
            is_member: Arc::new(move |node| known.is_member(node)),
            name_of: Arc::new(move |node| called.name_of(node)),
            joining: Arc::new(joining),
            enroll: Arc::new(move |request| Box::pin(enrolling.clone().enroll(request))),
        }
    }

    fn hello(&self) -> peer::HelloReply {
        let myself = &self.inner.myself;
        let mut members = self.inner.members.read().clone();
        if myself.cluster().is_none() {
            members.insert(myself.node(), self.inner.me.clone());
        }
        let members = members.iter().map(|(node, member)| member.store(*node));
        let shards = self.inner.shards.read();
        let shards = shards.iter().map(|shard| storage::Shard {
            id: shard.id.0,
            r#type: shard.kind.to_string(),
            engine: shard.engine.to_string(),
        });
        peer::HelloReply {
            from: Some(myself.identity()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            members: members.collect(),
            shards: shards.collect(),
        }
    }

    /// Gives a certificate to who brings a token.
    async fn enroll(self, request: peer::EnrollRequest) -> Result<peer::EnrollReply> {
        let registrar = self.inner.registrar.clone();
        let signing = tokio::task::spawn_blocking(move || {
            registrar.enroll(&request, |name| self.is_taken(name))
        });
        signing
            .await
            .map_err(|_| Error::internal("the node panicked while it signed"))?
    }

    fn is_taken(&self, name: &str) -> bool {
        let members = self.inner.members.read();
        self.inner.me.name == name || members.values().any(|member| member.name == name)
    }

    /// Who signs for new nodes.
    pub(in crate::server) fn registrar(&self) -> &Registrar {
        &self.inner.registrar
    }

    fn name_of(&self, node: NodeId) -> Option<String> {
        let members = self.inner.members.read();
        members.get(&node).map(|member| member.name.clone())
    }

    /// A node that has just joined knows nobody: whoever has the cluster's id may call.
    fn is_member(&self, node: NodeId) -> bool {
        let members = self.inner.members.read();
        members.is_empty() || members.contains_key(&node)
    }
}

impl Joining for Book {
    fn join(&self, request: peer::JoinRequest) -> BoxFuture<'_, Result<peer::JoinReply>> {
        match self.inner.joining.get() {
            Some(joining) => joining.join(request),
            None => Box::pin(std::future::ready(Err(Error::unavailable(
                "this node is still starting: ask again",
            )))),
        }
    }
}
