//! One node of the cluster, and the streams to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::dial::Dial;
use super::endpoint::{Endpoint, Unreachable};
use super::error;
use super::session::Session;
use super::watch::{Lines, OnLine};
use crate::base::host::Clock;
use crate::base::types::ShardId;
use crate::proto::v1;
use crate::proto::v1::session_client::SessionClient;

/// A node that could not be reached is left out of the rotation for so long.
const AVOIDED_MS: u64 = 1_000;

/// A node that takes longer than this to connect is as good as down.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Where one node listens, and what is connected to it.
pub(super) struct Node {
    pub(super) endpoint: Endpoint,
    links: Vec<Mutex<Link>>,
    avoided_until_ms: AtomicU64,
    dial: Arc<Dial>,
    clock: Arc<dyn Clock>,
}

/// One connection.
enum Link {
    Idle,
    /// Runs in a task of its own, so that a caller who gives up leaves it to others.
    Connecting(Connecting),
    Up(Arc<Connected>),
}

type Connecting = Shared<BoxFuture<'static, Result<Arc<Connected>, Unreachable>>>;

/// A stream, and what the node said of itself when it was opened.
pub(super) struct Connected {
    pub(super) session: Session,
    channel: Channel,
    watches: Lines,
    /// Identity, and whether the shard lives on this node alone.
    shards: HashMap<ShardId, ([u8; 16], bool)>,
}

impl Node {
    pub(super) fn new(
        endpoint: Endpoint,
        connections: usize,
        dial: Arc<Dial>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            endpoint,
            dial,
            links: (0..connections).map(|_| Mutex::new(Link::Idle)).collect(),
            avoided_until_ms: AtomicU64::new(0),
            clock,
        }
    }

    /// False for a while after the node could not be reached.
    pub(super) fn seems_up(&self) -> bool {
        self.avoided_until_ms.load(Ordering::Relaxed) <= self.clock.boot_ms()
    }

    /// How long it is left out of the rotation yet.
    pub(super) fn avoided_ms(&self) -> u64 {
        let until_ms = self.avoided_until_ms.load(Ordering::Relaxed);
        until_ms.saturating_sub(self.clock.boot_ms())
    }

    /// Leaves it out of the rotation, as if it could not be reached.
    #[cfg(test)]
    pub(super) fn avoid(&self) {
        let until_ms = self.clock.boot_ms() + AVOIDED_MS;
        self.avoided_until_ms.store(until_ms, Ordering::Relaxed);
    }

    /// The stream number `link`, modulo their count, if it is up: the way of nearly
    /// every call, which needs no timer.
    pub(super) fn up(&self, link: u64) -> Option<Arc<Connected>> {
        match &*self.link(link).lock() {
            Link::Up(connected) if connected.session.is_up() => Some(Arc::clone(connected)),
            _ => None,
        }
    }

    /// The stream number `link`, modulo their count; opened if need be.
    pub(super) async fn connected(&self, link: u64) -> Result<Arc<Connected>, Unreachable> {
        let link = self.link(link);
        let connecting = {
            let mut state = link.lock();
            match &*state {
                Link::Up(connected) if connected.session.is_up() => {
                    return Ok(Arc::clone(connected));
                }
                Link::Connecting(connecting) => connecting.clone(),
                Link::Idle | Link::Up(_) => {
                    let connecting = self.connect();
                    *state = Link::Connecting(connecting.clone());
                    connecting
                }
            }
        };
        let connected = connecting.clone().await;
        let mut state = link.lock();
        // The first of those who waited puts the result down; a later attempt of
        // somebody else must not be overwritten.
        if matches!(&*state, Link::Connecting(current) if current.ptr_eq(&connecting)) {
            *state = match &connected {
                Ok(connected) => Link::Up(Arc::clone(connected)),
                Err(_) => Link::Idle,
            };
        }
        drop(state);
        let avoided_until_ms = match &connected {
            Ok(_) => 0,
            Err(_) => self.clock.boot_ms() + AVOIDED_MS,
        };
        self.avoided_until_ms
            .store(avoided_until_ms, Ordering::Relaxed);
        connected
    }

    fn link(&self, number: u64) -> &Mutex<Link> {
        &self.links[(number % self.links.len() as u64) as usize]
    }

    fn connect(&self) -> Connecting {
        let (dial, clock) = (Arc::clone(&self.dial), Arc::clone(&self.clock));
        let connecting = tokio::spawn(connect(self.endpoint.clone(), dial, clock));
        async move {
            connecting
                .await
                .unwrap_or_else(|_| Err(Unreachable::because("the runtime is shutting down")))
        }
        .boxed()
        .shared()
    }
}

/// Why a first question was not answered. What the transport says of a server that speaks
/// another protocol would tell nobody that it is the wrong one.
fn refusal(status: &Status, endpoint: &Endpoint) -> String {
    let is_of_transport = matches!(
        status.code(),
        Code::Cancelled | Code::Internal | Code::Unknown
    );
    if is_of_transport && status.details().is_empty() {
        return format!(
            "what listens there is no dkv, or broke the connection off: {}",
            status.message()
        );
    }
    error::from_status(status, endpoint).message().to_owned()
}

/// Opens a connection and a stream on it. The node says first which shards it has,
/// so that a shard is never asked, or written, at a node that has another one of
/// the same number.
async fn connect(
    endpoint: Endpoint,
    dial: Arc<Dial>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Connected>, Unreachable> {
    let opening = async {
        let wire = dial.connect(&endpoint, CONNECT_WITHIN).await?;
        let channel = wire.channel.clone();
        let refused = |status| {
            let refused = || Unreachable::because(refusal(&status, &endpoint));
            wire.insecure().unwrap_or_else(refused)
        };
        let (description, session) = tokio::try_join!(
            describe(channel.clone()),
            Session::open(channel.clone(), clock)
        )
        .map_err(refused)?;
        Ok(Arc::new(Connected {
            session,
            channel,
            watches: Lines::default(),
            shards: identities(&description),
        }))
    };
    tokio::time::timeout(CONNECT_WITHIN, opening)
        .await
        .unwrap_or_else(|_| Err(Unreachable::because("no answer")))
}

fn identities(description: &v1::DescribeReply) -> HashMap<ShardId, ([u8; 16], bool)> {
    description
        .shards
        .iter()
        .filter_map(|shard| {
            let identity = shard.identity.as_ref().try_into().ok()?;
            let local = shard.r#type.contains("lstore");
            Some((ShardId(shard.id), (identity, local)))
        })
        .collect()
}

async fn describe(channel: Channel) -> Result<v1::DescribeReply, tonic::Status> {
    let reply = SessionClient::new(channel)
        .describe(v1::DescribeRequest {})
        .await?;
    Ok(reply.into_inner())
}

impl Connected {
    /// The identity of a shard as the node gave it when the stream was opened, and
    /// whether the shard is local; nothing if the node did not name the shard.
    pub(super) fn identity(&self, shard: ShardId) -> Option<([u8; 16], bool)> {
        self.shards.get(&shard).copied()
    }

    /// Asks the node for a watch.
    pub(super) fn watch(&self, create: &v1::WatchCreate) -> OnLine {
        self.watches.watch(&self.channel, create)
    }

    /// Asks the node about itself.
    pub(super) async fn describe(&self) -> Result<v1::DescribeReply, tonic::Status> {
        describe(self.channel.clone()).await
    }

    /// Asks the node for its figures of the seconds after `since`.
    pub(super) async fn figures(&self, since: u64) -> Result<v1::FiguresReply, tonic::Status> {
        let reply = SessionClient::new(self.channel.clone())
            .figures(v1::FiguresRequest { since })
            .await?;
        Ok(reply.into_inner())
    }
}
