//! A member of a cluster without its peer port, for simulations alone: whoever simulates
//! brings the way to the other members and the clients' way in, and says which cluster this is.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use tokio::sync::{SetOnce, watch};
use tonic::Status;

use super::cluster::Reconciler;
use super::http::Standing;
use super::node::{Directory, Opened};
use super::port::{Connections, Listener};
use super::run::{answer, describe, live};
use super::settings::ServeConfig;
use super::watch::serve;
use super::{Node, client_port};
use crate::base::Result;
use crate::base::host::{Acceptor, Host};
use crate::base::types::{ClusterId, NodeId};
use crate::proto::v1;
use crate::raft::{Group, Hub, Member, PeerTransport};

/// Makes the data directory, and says who the node is.
///
/// # Errors
/// As opening a node.
pub fn mint(host: &Host, config: &ServeConfig) -> Result<NodeId> {
    let directory = Directory::take(host, config)?;
    Ok(directory.manifest.node)
}

/// Makes the directory part of a cluster; whoever is given `founders` founds it.
///
/// # Errors
/// As opening a node.
pub fn enter(
    host: &Host,
    config: &ServeConfig,
    cluster: ClusterId,
    founders: BTreeMap<NodeId, Member>,
) -> Result<()> {
    let mut directory = Directory::take(host, config)?;
    let path = directory.path.clone();
    let manifest = &mut directory.manifest;
    manifest.enter(&*host.disk, &path, cluster, founders, &[])
}

/// Opens the directory and starts its groups, whose frames go through `transport`, and
/// whose members are kept right as those of any node are.
///
/// # Errors
/// As opening a node, and `Corrupt` when log and engine of a shard do not fit together.
pub async fn start(
    host: &Host,
    config: &ServeConfig,
    transport: &Arc<dyn PeerTransport>,
) -> Result<Node> {
    let directory = Directory::take(host, config)?;
    let opened = Opened::open(host, config, &directory)?;
    let founders = opened.founders();
    let node = opened.start(&Hub::new(transport, &host.spawn)).await?;
    let shards = node.service.shards();
    let replicated = shards.filter_map(|shard| shard.store.replicated());
    let groups: Vec<_> = replicated.map(|shard| shard.group().clone()).collect();
    if !founders.is_empty() {
        for group in &groups {
            group.found(founders.clone()).await?;
        }
    }
    tokio::spawn(keep_members_right(groups));
    Ok(node)
}

/// Serves everything that clients ask over the connections of `acceptor`, until the node cannot
/// go on. Dropped, it closes every connection.
///
/// # Errors
/// Why the node cannot go on.
pub async fn serve_clients(
    host: &Host,
    config: &ServeConfig,
    node: &Node,
    acceptor: Box<dyn Acceptor>,
) -> Result<()> {
    let listeners = vec![Listener::Given(acceptor)];
    let addresses = client_port::addresses(config, &listeners);
    // It is never stopped in good order.
    let (_goes_on, stopping) = watch::channel(false);
    let standing = Standing {
        live: Arc::default(),
        waiting: <_>::default(),
        stopping,
        connections: Connections::new(client_port::bounds(config)?),
    };
    let grpc: Arc<SetOnce<_>> = Arc::default();
    let mut serving = client_port::serve(listeners, config, None, &standing, &grpc);
    let describe = describe(host, node, &addresses, host.clock.boot_ms());
    let live = live(host, node, &standing, describe, None);
    answer(live, &standing, &grpc).await?;
    tokio::select! {
        biased;
        failure = node.fatal.raised() => Err(failure),
        Some(ended) = serving.join_next() => Err(client_port::listener_ended(ended)),
    }
}

/// Serves a stream of watches as the transports do, for as long as it is polled.
pub fn watches<R>(
    node: &Node,
    requests: R,
) -> impl Stream<Item = Result<v1::WatchReply, Status>> + Send + 'static + use<R>
where
    R: Stream<Item = v1::WatchRequest> + Send + 'static,
{
    let (goes_on, stopping) = watch::channel(false);
    let replies = serve(node.service.clone(), stopping, requests.map(Ok));
    // Whoever could stop the node lives as long as the stream: gone, it would have stopped.
    replies.inspect(move |_| debug_assert!(!*goes_on.borrow(), "nobody stops it"))
}

/// Until the runtime ends: a simulated node is never stopped in good order.
async fn keep_members_right(groups: Vec<Group>) {
    let (_goes_on, stopping) = watch::channel(false);
    let reconciler = Reconciler {
        groups,
        // The simulation brings the ways to all nodes that there are.
        tell: Box::new(drop),
        stopping,
    };
    reconciler.run().await;
}
