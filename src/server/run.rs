//! Runs a node until it is told to stop.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{SetOnce, watch};
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use super::asking::Asking;
use super::certificates::{Follower, fits};
use super::cluster::{self, Admin, Membership, Waiting};
use super::describe::Describe;
use super::figures::{self, LongestHeld, Ring};
use super::grpc::Grpc;
use super::http::{Front, Live, Standing, health, routes};
use super::node::{Directory, Node, Opened};
use super::port::{self, Bounds, Connections, Limits, Listener, Security};
use super::rest::{self, Rest};
use super::settings::ServeConfig;
use crate::base::host::{Host, ProcessFigures};
use crate::base::types::NodeId;
use crate::base::{Error, Result, limits};
use crate::proto::{self, v1};
use crate::tls::{ClientAuth, Kept};

/// How long connections may take to end once the node stops.
const DRAIN: Duration = Duration::from_secs(5);

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
    let mut listeners = Vec::new();
    for address in &config.listen {
        listeners.push(Listener::bind(&*host.disk, address).await?);
    }
    let started_ms = host.clock.boot_ms();
    let addresses = addresses(&config, &listeners);
    let (stop_sessions, stopping) = watch::channel(false);
    let standing = Standing {
        live: Arc::default(),
        waiting: Waiting::default(),
        stopping,
        connections: Connections::new(bounds(&config)?),
    };
    tokio::pin!(stop);
    let kept = tokio::select! {
        kept = certificates(&config, &standing) => kept?,
        () = stop.as_mut() => return Ok(()),
    };
    let security = kept.clone().map(|kept| of_clients(kept, &config));
    let grpc: Arc<SetOnce<Routes>> = Arc::default();
    // A node that takes long to recover says so, or it would be taken for dead.
    let mut serving = serve(listeners, &config, security.as_ref(), &standing, &grpc);
    let waiting = &standing.waiting;
    let opened = open(
        &host,
        &config,
        &addresses,
        kept.clone(),
        waiting,
        stop.as_mut(),
    )
    .await?;
    let Some((node, mut membership)) = opened else {
        return Ok(());
    };
    let describe = Describe {
        service: node.service.clone(),
        read_only: node.read_only(),
        clock: host.clock.clone(),
        name: node.name.clone(),
        addresses: addresses.clone(),
        started_ms,
    };
    let admin = Admin {
        describe: describe.clone(),
        book: membership.as_ref().map(|it| it.book.clone()),
    };
    let asking = Asking::new(node.service.clone(), standing.stopping.clone());
    let services = Grpc::new(node.service.clone(), describe, standing.clone());
    let once = "only this function sets it, once";
    let live = Live {
        certificates: kept,
        ..live(&host, &node, asking, admin.clone(), membership.as_ref())
    };
    standing.live.set(live).ok().expect(once);
    tokio::spawn(figures::sample(standing.clone()));
    let services = grpc_routes(services, admin, health(standing.clone()).await)?;
    grpc.set(services).expect(once);
    ready(&Ready {
        node: node.service.node(),
        addresses,
        shards: node
            .service
            .shards()
            .map(|shard| format!("{} {}/{}", shard.id, shard.kind, shard.engine))
            .collect(),
    });
    let ended = tokio::select! {
        () = &mut stop => Ok(()),
        failure = node.fatal.raised() => Err(failure),
        failure = peer_port_failed(membership.as_mut()) => Err(failure),
        Some(ended) = serving.join_next() => Err(listener_ended(ended)),
    };
    stop_sessions.send_replace(true);
    drain(serving).await;
    end(node, membership).await?;
    ended
}

/// Answers what is under way.
async fn drain(mut serving: Serving) {
    let drained = tokio::time::timeout(DRAIN, async {
        while serving.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!(
            "connections were still open after {} s: closing them",
            DRAIN.as_secs()
        );
        serving.shutdown().await;
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
    kept: Option<Arc<Kept>>,
    waiting: &Waiting,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Option<(Node, Option<Membership>)>> {
    let taking = (host.clone(), config.clone());
    let mut directory = blocking(move || Directory::take(&taking.0, &taking.1)).await?;
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
async fn certificates(config: &ServeConfig, standing: &Standing) -> Result<Option<Arc<Kept>>> {
    let Some(tls) = &config.tls else {
        return Ok(None);
    };
    cluster::certify(config, &standing.waiting).await?;
    let kept = Arc::new(Kept::open_if(tls.files.clone(), fits(&tls.files)).await?);
    let follower = Follower::new(kept.clone())?;
    tokio::spawn(follower.run(standing.stopping.clone()));
    Ok(Some(kept))
}

fn of_clients(kept: Arc<Kept>, config: &ServeConfig) -> Security {
    let auth = config
        .tls
        .as_ref()
        .map_or(ClientAuth::Required, |tls| tls.client_auth);
    Security::new(kept, Arc::new(move || auth), &[b"h2", b"http/1.1"])
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

/// How many connections there may be. The node's own files come first: see
/// [`limits::FILES_MAX`].
fn bounds(config: &ServeConfig) -> Result<Bounds> {
    let descriptors = ProcessFigures::read().max_fds.unwrap_or(u64::MAX);
    let kept = limits::FILES_MAX
        + limits::PEER_CONNECTIONS_MAX
        + config.shards.len() * limits::SHARD_FILES_MAX;
    let connections = &config.connections;
    let total = port::connections_max(connections.max, descriptors, kept)?;
    Ok(Bounds::of_clients(total, connections.per_address_max))
}

/// What clients are told, and where it listens.
fn addresses(config: &ServeConfig, listeners: &[Listener]) -> Vec<String> {
    let advertised = config.advertise.iter().cloned();
    advertised
        .chain(listeners.iter().map(Listener::address))
        .collect()
}

fn live(
    host: &Host,
    node: &Node,
    asking: Asking,
    admin: Admin,
    membership: Option<&Membership>,
) -> Live {
    Live {
        describe: admin.describe.clone(),
        asking,
        admin,
        log: node.log_status(),
        links: membership.map_or_else(|| Arc::new(Vec::new) as Arc<_>, Membership::figures),
        certificates: None,
        fatal: node.fatal.clone(),
        rng: host.rng.clone(),
        samples: Ring::default(),
        longest_held: LongestHeld::default(),
    }
}

type Serving = JoinSet<()>;

/// Serves every listener until the node stops: HTTP/1.1 and HTTP/2, gRPC once it is
/// there.
fn serve(
    listeners: Vec<Listener>,
    config: &ServeConfig,
    security: Option<&Security>,
    standing: &Standing,
    grpc: &Arc<SetOnce<Routes>>,
) -> Serving {
    let rest = Rest::new(standing.clone());
    let http = routes(standing.clone()).merge(rest::routes(rest));
    let front = Front::new(grpc.clone(), http, standing.waiting.clone());
    let mut serving = JoinSet::new();
    for listener in listeners {
        serving.spawn(port::serve(
            listener,
            front.clone(),
            Limits::of_clients(config.connections.rate),
            standing.connections.clone(),
            security.cloned(),
            standing.stopping.clone(),
        ));
    }
    serving
}

fn listener_ended(ended: Result<(), tokio::task::JoinError>) -> Error {
    let reason = match ended {
        Ok(()) => "it ended by itself".to_owned(),
        Err(error) => error.to_string(),
    };
    Error::internal(format!("a listener stopped: {reason}"))
}

fn grpc_routes(grpc: Grpc, admin: Admin, health: HealthReporter) -> Result<Routes> {
    let bytes_max = limits::REQUEST_BYTES_MAX + limits::MESSAGE_SLACK_BYTES;
    let health = HealthServer::new(HealthService::from_health_reporter(health));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .build_v1()
        .map_err(|error| {
            Error::internal("reflection refused our descriptors").with_source(error)
        })?;
    let routes = Routes::new(health)
        .add_service(reflection)
        .add_service(v1::cluster_server::ClusterServer::new(admin))
        .add_service(
            v1::kv_server::KvServer::new(grpc.clone())
                .max_decoding_message_size(bytes_max)
                .max_encoding_message_size(usize::MAX),
        )
        .add_service(
            v1::lock_server::LockServer::new(grpc.clone()).max_decoding_message_size(bytes_max),
        )
        .add_service(
            v1::bucket_server::BucketServer::new(grpc.clone()).max_decoding_message_size(bytes_max),
        )
        .add_service(
            v1::session_server::SessionServer::new(grpc)
                .max_decoding_message_size(bytes_max)
                .max_encoding_message_size(usize::MAX),
        );
    Ok(routes.prepare())
}
