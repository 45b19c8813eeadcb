//! Runs a node until it is told to stop.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{SetOnce, watch};
use tonic::service::Routes;

use super::asking::Asking;
use super::certificates::{Follower, Known, fits};
use super::client_port;
use super::cluster::{self, Admin, Membership, Waiting};
use super::describe::Describe;
use super::figures::{self, LongestHeld, Ring};
use super::grpc::Grpc;
use super::http::{Live, Standing, health};
use super::node::{Directory, Node, Opened};
use super::port::Connections;
use super::settings::ServeConfig;
use crate::base::host::Host;
use crate::base::types::NodeId;
use crate::base::{Error, Result};
use crate::tls::Kept;

/// The node is ready: everything acknowledged is there, and it answers.
#[derive(Debug, Clone)]
pub struct Ready {
    /// This node.
    pub node: NodeId,
    /// Where it listens, as clients write it.
    pub addresses: Vec<String>,
    /// Its shards, such as `100 lstore/memory`.
    pub shards: Vec<String>,
}

impl Ready {
    fn of(node: &Node, addresses: Vec<String>) -> Self {
        let shards = node.service.shards();
        let shards = shards.map(|it| format!("{} {}/{}", it.id, it.kind, it.engine));
        Self {
            node: node.service.node(),
            addresses,
            shards: shards.collect(),
        }
    }
}

/// Serves until `stop` resolves, then answers what is under way and stops.
///
/// # Errors
/// When the node cannot start, or must stop because its disk failed.
pub async fn run(
    host: Host,
    config: ServeConfig,
    ready: impl FnOnce(&Ready),
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let listeners = client_port::bind(&*host.disk, &config).await?;
    let started_ms = host.clock.boot_ms();
    let addresses = client_port::addresses(&config, &listeners);
    let (stop_sessions, stopping) = watch::channel(false);
    let standing = Standing {
        live: Arc::default(),
        waiting: Waiting::default(),
        stopping,
        connections: Connections::new(client_port::bounds(&config)?),
    };
    tokio::pin!(stop);
    let known = Known::default();
    let kept = tokio::select! {
        kept = certificates(&config, &standing, &known) => kept?,
        () = stop.as_mut() => return Ok(()),
    };
    let grpc: Arc<SetOnce<Routes>> = Arc::default();
    // A node that takes long to recover says so, or it would be taken for dead.
    let mut serving = client_port::serve(listeners, &config, kept.as_ref(), &standing, &grpc);
    let waiting = &standing.waiting;
    let opening = open(
        &host,
        &config,
        &addresses,
        (kept.clone(), &known),
        waiting,
        stop.as_mut(),
    );
    // On the heap: what recovers and joins is large, and gone before the node serves.
    let opened = Box::pin(opening).await?;
    let Some((node, mut membership)) = opened else {
        return Ok(());
    };
    let describe = describe(&host, &node, &addresses, started_ms);
    let mut live = live(&host, &node, &standing, describe, membership.as_ref());
    live.certificates = kept;
    answer(live, &standing, &grpc).await?;
    ready(&Ready::of(&node, addresses));
    let ended = tokio::select! {
        () = &mut stop => Ok(()),
        failure = node.fatal.raised() => Err(failure),
        failure = peer_port_failed(membership.as_mut()) => Err(failure),
        Some(ended) = serving.join_next() => Err(client_port::listener_ended(ended)),
    };
    stop_sessions.send_replace(true);
    client_port::drain(serving).await;
    end(node, membership).await?;
    ended
}

/// Has a node that has recovered answer what clients ask, which waited for it.
pub(super) async fn answer(live: Live, standing: &Standing, grpc: &SetOnce<Routes>) -> Result<()> {
    let (admin, describe) = (live.admin.clone(), live.describe.clone());
    let services = Grpc::new(describe.service.clone(), describe, standing.clone());
    let once = "a node is put together once";
    standing.live.set(live).ok().expect(once);
    tokio::spawn(figures::sample(standing.clone()));
    let services = client_port::grpc_routes(services, admin, health(standing.clone()).await)?;
    grpc.set(services).expect(once);
    Ok(())
}

pub(super) fn describe(
    host: &Host,
    node: &Node,
    addresses: &[String],
    started_ms: u64,
) -> Describe {
    Describe {
        service: node.service.clone(),
        read_only: node.read_only(),
        clock: host.clock.clone(),
        name: node.name.clone(),
        addresses: addresses.to_vec(),
        started_ms,
    }
}

/// Ends the node's work, and makes durable what it accepted.
async fn end(node: Node, membership: Option<Membership>) -> Result<()> {
    node.leave_groups().await;
    if let Some(membership) = membership {
        membership.end().await;
    }
    let closed = tokio::task::spawn_blocking(move || node.close())
        .await
        .map_err(|_| Error::internal("the node panicked while it stopped"))?;
    if let Err(failure) = closed.synced {
        tracing::warn!(%failure, "the log was not synced at the end");
    }
    Ok(())
}

/// Opens the node, and has it find its cluster if it is to have one. Nothing if it was
/// told to stop while it waited for the other members, or for room.
async fn open(
    host: &Host,
    config: &ServeConfig,
    addresses: &[String],
    (kept, known): (Option<Arc<Kept>>, &Known),
    waiting: &Waiting,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Option<(Node, Option<Membership>)>> {
    let taking = (host.clone(), config.clone());
    let mut directory = blocking(move || Directory::take_private(&taking.0, &taking.1)).await?;
    let _for_good = known.set(directory.manifest.node);
    let mut membership = None;
    if cluster::is_needed(config, &directory) {
        let client = cluster::client_address(config, addresses);
        let settling = Membership::settle(host, config, &mut directory, client, kept, waiting);
        membership = tokio::select! {
            settled = settling => Some(settled?),
            () = stop.as_mut() => return Ok(None),
        };
    }
    let opening = (host.clone(), config.clone());
    let opened = blocking(move || Opened::open(&opening.0, &opening.1, &directory)).await?;
    let node = match &mut membership {
        // It waits for room, if the log has more than the disk takes.
        Some(membership) => tokio::select! {
            started = membership.start(host, opened, config) => started?,
            () = stop => return Ok(None),
        },
        None => opened.serve_alone(),
    };
    Ok(Some((node, membership)))
}

/// The node's certificates, which a new one gets first, and from now on follow their files.
async fn certificates(
    config: &ServeConfig,
    standing: &Standing,
    known: &Known,
) -> Result<Option<Arc<Kept>>> {
    let Some(tls) = &config.tls else {
        return Ok(None);
    };
    cluster::certify(config, &standing.waiting).await?;
    let kept = Arc::new(Kept::open_if(tls.files.clone(), fits(&tls.files, known)).await?);
    let follower = Follower::new(kept.clone())?;
    tokio::spawn(follower.run(standing.stopping.clone()));
    Ok(Some(kept))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::internal("the node panicked while it started"))?
}

async fn peer_port_failed(membership: Option<&mut Membership>) -> Error {
    match membership {
        Some(membership) => membership.failed().await,
        None => std::future::pending().await,
    }
}

pub(super) fn live(
    host: &Host,
    node: &Node,
    standing: &Standing,
    describe: Describe,
    membership: Option<&Membership>,
) -> Live {
    let asking = Asking::new(node.service.clone(), standing.stopping.clone());
    let book = membership.map(|it| it.book.clone());
    Live {
        describe: describe.clone(),
        asking,
        admin: Admin { describe, book },
        log: node.log_status(),
        links: membership.map_or_else(|| Arc::new(Vec::new) as Arc<_>, Membership::figures),
        certificates: None,
        fatal: node.fatal.clone(),
        rng: host.rng.clone(),
        samples: Ring::default(),
        longest_held: LongestHeld::default(),
    }
}
