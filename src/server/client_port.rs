//! The client port: its listeners, and what they answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use super::cluster::Admin;
use super::grpc::Grpc;
use super::http::{Front, Standing, routes};
use super::port::{self, Bounds, Limits, Listener, Security};
use super::rest::{self, Rest};
use super::settings::ServeConfig;
use crate::base::host::{Disk, ProcessFigures};
use crate::base::{Error, Result, limits};
use crate::proto::{self, v1};
use crate::tls::{ClientAuth, Kept};

/// How long connections may take to end once the node stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Every address of the settings.
///
/// # Errors
/// When one cannot be listened on.
pub(super) async fn bind(disk: &dyn Disk, config: &ServeConfig) -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for address in &config.listen {
        listeners.push(Listener::bind(disk, address).await?);
    }
    Ok(listeners)
}

/// What clients are told, and where it listens.
pub(super) fn addresses(config: &ServeConfig, listeners: &[Listener]) -> Vec<String> {
    let advertised = config.advertise.iter().cloned();
    advertised
        .chain(listeners.iter().map(Listener::address))
        .collect()
}

/// How many connections there may be. The node's own files come first: see
/// [`limits::FILES_MAX`].
pub(super) fn bounds(config: &ServeConfig) -> Result<Bounds> {
    let descriptors = ProcessFigures::read().max_fds.unwrap_or(u64::MAX);
    let kept = limits::FILES_MAX
        + limits::PEER_CONNECTIONS_MAX
        + config.shards.len() * limits::SHARD_FILES_MAX;
    let connections = &config.connections;
    let total = port::connections_max(connections.max, descriptors, kept)?;
    Ok(Bounds::of_clients(total, connections.per_address_max))
}

/// How connections of clients are secured.
fn security(kept: Arc<Kept>, config: &ServeConfig) -> Security {
    let auth = config
        .tls
        .as_ref()
        .map_or(ClientAuth::Required, |tls| tls.client_auth);
    Security::new(kept, Arc::new(move || auth), &[b"h2", b"http/1.1"])
}

pub(super) type Serving = JoinSet<()>;

/// Serves every listener until the node stops: HTTP/1.1 and HTTP/2, gRPC once it is
/// there.
pub(super) fn serve(
    listeners: Vec<Listener>,
    config: &ServeConfig,
    kept: Option<&Arc<Kept>>,
    standing: &Standing,
    grpc: &Arc<SetOnce<Routes>>,
) -> Serving {
    let security = kept.map(|kept| security(kept.clone(), config));
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
            security.clone(),
            standing.stopping.clone(),
        ));
    }
    serving
}

pub(super) fn listener_ended(ended: Result<(), tokio::task::JoinError>) -> Error {
    let reason = match ended {
        Ok(()) => "it ended by itself".to_owned(),
        Err(error) => error.to_string(),
    };
    Error::internal(format!("a listener stopped: {reason}"))
}

pub(super) fn grpc_routes(grpc: Grpc, admin: Admin, health: HealthReporter) -> Result<Routes> {
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

/// Answers what is under way.
pub(super) async fn drain(mut serving: Serving) {
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
