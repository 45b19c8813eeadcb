//! A node's part in its cluster, from the open peer port to working groups.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::join::Places;
use super::{Acquaintance, Announcer, Book, Reconciler, Registrar, Settled, Waiting, settle};
use crate::base::host::Host;
use crate::base::types::NodeId;
use crate::base::{Error, Result, limits};
use crate::raft::{Group, Hub, Member, PeerTransport};
use crate::server::node::{Directory, Node, Opened};
use crate::server::peer::{Myself, PeerFigures, PeerLinks, PeerServer, PeerService, Road};
use crate::server::port::{GuestBounds, Security};
use crate::server::settings::ServeConfig;
use crate::tls::{ClientAuth, Kept, Kind};

/// What a node runs for its cluster beside its groups.
pub(in crate::server) struct Membership {
    pub(in crate::server) book: Book,
    links: PeerLinks,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Membership {
    /// Opens the peer port and settles which cluster this is. Waits for the other
    /// founders, or the cluster to join, as long as that takes; may be dropped meanwhile.
    ///
    /// # Errors
    /// As the message says; nothing was served.
    pub(in crate::server) async fn settle(
        host: &Host,
        config: &ServeConfig,
        directory: &mut Directory,
        client_address: String,
        kept: Option<Arc<Kept>>,
        waiting: &Waiting,
    ) -> Result<Self> {
        let name = directory.manifest.name.clone();
        if name.is_empty() {
            return Err(Error::invalid(
                "a node with replicated shards needs a name: add --node-id, like --node-id node-1",
            ));
        }
        let server = PeerServer::bind(config.cluster.peer_listen).await?;
        let road = road(config, kept.clone(), &name, directory.manifest.node)?;
        let me = Member {
            peer_address: peer_address(config, &name, &server),
            name,
            client_address,
            wants_vote: true,
            leaving: false,
        };
        let manifest = &directory.manifest;
        let (node, cluster) = (manifest.node, manifest.cluster);
        let myself = Myself::new(node, me.name.clone(), cluster, &*host.rng, road);
        let links = PeerLinks::new(host, myself.clone());
        let book = Book::new(
            myself.clone(),
            links.clone(),
            me,
            &config.cluster.members,
            Registrar::new(host, config.tls.as_ref(), kept),
        );
        book.note_shards(&manifest.shards);
        let (stop, stopping) = watch::channel(false);
        let service = PeerService::new(
            links.clone(),
            host.clock.clone(),
            book.duties(),
            stopping.clone(),
        );
        let mut tasks = JoinSet::new();
        let security = security(&book, &myself);
        tasks.spawn(server.serve(service, security, stopping));
        let settled = settle(host, config, &directory.manifest, &book, waiting).await?;
        waiting.is_over();
        if let Some(Settled {
            cluster,
            founders,
            shards,
        }) = settled
        {
            let manifest = &mut directory.manifest;
            manifest.enter(&*host.disk, &directory.path, cluster, founders, &shards)?;
            book.note_shards(&manifest.shards);
        }
        if let Some(cluster) = directory.manifest.cluster {
            myself.enter(cluster);
        }
        Ok(Self {
            book,
            links,
            tasks,
            stop,
        })
    }

    /// Starts the groups of `opened`, founds them if that is this node's part, and from
    /// then on keeps their members right.
    ///
    /// # Errors
    /// `Corrupt` when log and engine of a shard do not fit together.
    pub(in crate::server) async fn start(
        &mut self,
        host: &Host,
        opened: Opened,
        config: &ServeConfig,
    ) -> Result<Node> {
        let transport: Arc<dyn PeerTransport> = Arc::new(self.links.clone());
        let hub = Hub::new(&transport, &host.spawn);
        let founders = opened.founders();
        let node = opened.start(&hub).await?;
        let groups = groups(&node);
        if !founders.is_empty() {
            self.book.learn(founders.clone());
        }
        for group in &groups {
            if !founders.is_empty() {
                group.found(founders.clone()).await?;
            }
        }
        let Some(first) = groups.first().cloned() else {
            return Ok(node);
        };
        self.book.open_for(Arc::new(Places::new(first.clone())));
        let announcer = Announcer {
            book: self.book.clone(),
            first,
            contact: config.cluster.join.clone(),
            stopping: self.stop.subscribe(),
        };
        let book = self.book.clone();
        let reconciler = Reconciler {
            groups,
            tell: Box::new(move |members| book.learn(members)),
            stopping: self.stop.subscribe(),
        };
        let acquaintance = Acquaintance {
            book: self.book.clone(),
            contact: config.cluster.join.clone(),
            stopping: self.stop.subscribe(),
        };
        self.tasks.spawn(acquaintance.run());
        self.tasks.spawn(announcer.run());
        self.tasks.spawn(reconciler.run());
        Ok(node)
    }

    /// How the links to the others are doing.
    pub(in crate::server) fn figures(&self) -> Arc<dyn Fn() -> Vec<PeerFigures> + Send + Sync> {
        let links = self.links.clone();
        Arc::new(move || links.figures())
    }

    /// Resolves with the reason if the peer port cannot be served any more.
    pub(in crate::server) async fn failed(&mut self) -> Error {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(panicked) = ended {
                return Error::internal(panicked.to_string());
            }
        }
        std::future::pending().await
    }

    /// Ends what runs, after the groups have ended.
    pub(in crate::server) async fn end(mut self) {
        self.stop.send_replace(true);
        self.links.close();
        while self.tasks.join_next().await.is_some() {}
    }
}

fn groups(node: &Node) -> Vec<Group> {
    let shards = node.service.shards();
    let replicated = shards.filter_map(|shard| shard.store.replicated());
    replicated.map(|shard| shard.group().clone()).collect()
}

/// How this node and the others connect: encrypted, if clients are.
///
/// # Errors
/// `Invalid` if the certificate is not that of this node.
fn road(config: &ServeConfig, kept: Option<Arc<Kept>>, name: &str, node: NodeId) -> Result<Road> {
    let (Some(tls), Some(kept)) = (&config.tls, kept) else {
        return Ok(Road::Plain);
    };
    let material = kept.current();
    let identity = &material.credentials.leaf.identity;
    if identity.kind != Kind::Node || identity.name != name {
        return Err(Error::invalid(format!(
            "{} is the certificate of {identity}, and this node is {name}: members of a cluster \
             need one of their own (dkv cert node {name})",
            tls.files.cert.display()
        )));
    }
    if let Some(bound) = identity.node.filter(|bound| *bound != node) {
        return Err(Error::invalid(format!(
            "{} is the certificate of {identity}, bound to node {bound}, and this is node {node}: \
             issue one for it (dkv cert node {name} --id {node})",
            tls.files.cert.display()
        )));
    }
    Ok(Road::Secured(kept))
}

/// Members show a node's certificate. While a token is open, somebody may come who has none
/// yet, to get one: the service answers nothing else of theirs.
fn security(book: &Book, myself: &Myself) -> Option<Security> {
    let Road::Secured(kept) = myself.road() else {
        return None;
    };
    let registrar = book.registrar().clone();
    let asks = move || match registrar.expects_somebody() {
        true => ClientAuth::Optional,
        false => ClientAuth::Required,
    };
    let security = Security::new(kept.clone(), Arc::new(asks), &[b"h2"]);
    Some(security.for_nodes().with_guests(GuestBounds {
        total: limits::PEER_GUESTS_MAX,
        per_address: limits::PEER_GUESTS_PER_ADDRESS_MAX,
        within: Duration::from_millis(limits::PEER_GUEST_MS),
    }))
}

/// Where the other members are told to call.
fn peer_address(config: &ServeConfig, name: &str, server: &PeerServer) -> String {
    let cluster = &config.cluster;
    let listed = cluster.members.iter().find(|(listed, _)| listed == name);
    let said = cluster.peer_advertise.clone();
    said.or_else(|| listed.map(|(_, address)| address.clone()))
        .unwrap_or_else(|| server.address().to_string())
}

/// True if the node needs a peer port at all.
pub(in crate::server) fn is_needed(config: &ServeConfig, directory: &Directory) -> bool {
    let shards = &directory.manifest.shards;
    config.cluster.join.is_some() || shards.iter().any(|shard| shard.kind.is_replicated())
}

/// Where clients reach a node, as the others are told: a path only works on this machine.
pub(in crate::server) fn client_address(config: &ServeConfig, listening: &[String]) -> String {
    let said = config.advertise.clone();
    said.or_else(|| listening.first().cloned())
        .unwrap_or_default()
}
