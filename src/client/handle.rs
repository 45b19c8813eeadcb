//! The handle programs hold.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::convert;
use super::dial::Dial;
use super::endpoint::{Endpoint, Unreached};
use super::error;
use super::freshness::Consistency;
use super::node::{Connected, Node};
use super::options::{ClientOptions, check_timeout};
use super::resident::Resident;
use super::route::{Nodes, Route};
use super::sequence::Sequences;
use super::types::Description;
use crate::base::host::Host;
use crate::base::types::{ClientId, ShardId};
use crate::base::{Error, Result};
use crate::proto::v1;

/// A connection to dkv, shared by its clones.
///
/// A client is one lane: its reads see its earlier writes, answered or not. A clone
/// is the same lane; [`Client::with_lane`] begins another on the same connections.
/// Every call may be dropped at any time: a write may then have taken place or not.
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
    pub(super) route: Arc<Route>,
    pub(super) bucket: String,
    pub(super) lane: u64,
    pub(super) timeout: Duration,
    pub(super) consistency: Consistency,
    /// Where in the rotation stale reads go; `None`: each one further.
    pub(super) stale_turn: Option<u64>,
}

/// What all handles of one [`Client::connect`] share.
pub(super) struct Shared {
    pub(super) host: Host,
    pub(super) nodes: Nodes,
    pub(super) retries: u32,
    /// Of all writes but those that may wait long: see `Effect`.
    pub(super) writes: Sequences,
    /// Set if the node lives in this process: it is the only one that is asked then.
    pub(super) resident: Option<Arc<dyn Resident>>,
    /// One for each shard asked for, so that its pin is the same for every handle.
    routes: parking_lot::Mutex<Vec<Arc<Route>>>,
    next_lane: AtomicU64,
}

impl Client {
    /// Prepares a client; connections are opened by the first call that needs them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// use dkv::client::{Client, ClientOptions};
    ///
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let endpoint = server.endpoint();
    /// let client = Client::connect(ClientOptions::to(endpoint)).await?;
    /// client.set("user:1", "alice").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Invalid` for options that cannot be, naming the endpoint that is misspelt, or the
    /// file that TLS cannot use.
    pub async fn connect(options: ClientOptions) -> Result<Self> {
        let endpoints = options.known_endpoints()?;
        let wire = (endpoints, Dial::open(&options).await?);
        Ok(Self::new(wire, options, Host::system(), None))
    }

    /// One that runs on `host`, and asks the nodes at these endpoints or `resident`.
    pub(super) fn new(
        wire: (Vec<Endpoint>, Arc<Dial>),
        options: ClientOptions,
        host: Host,
        resident: Option<Arc<dyn Resident>>,
    ) -> Self {
        let route = Arc::new(Route::new(options.shard));
        let shared = Shared::new(wire, &options, Arc::clone(&route), host, resident);
        Self {
            shared: Arc::new(shared),
            route,
            bucket: options.bucket,
            lane: 1,
            timeout: options.timeout,
            consistency: options.consistency,
            stale_turn: None,
        }
    }

    /// The same client, asking another shard.
    #[must_use]
    pub fn with_shard(&self, shard: ShardId) -> Self {
        let mut routes = self.shared.routes.lock();
        let known = routes.iter().find(|route| route.shard() == shard).cloned();
        let route = known.unwrap_or_else(|| {
            let route = Arc::new(Route::new(shard));
            routes.push(Arc::clone(&route));
            route
        });
        drop(routes);
        Self {
            route,
            ..self.clone()
        }
    }

    /// The same client, in another bucket; empty is the default bucket.
    #[must_use]
    pub fn with_bucket(&self, bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            ..self.clone()
        }
    }

    /// A new lane on the same connections: nothing is ordered between lanes.
    #[must_use]
    pub fn with_lane(&self) -> Self {
        Self {
            lane: self.shared.next_lane.fetch_add(1, Ordering::Relaxed),
            ..self.clone()
        }
    }

    /// Calls without order among themselves: a read does not wait for earlier writes
    /// that are not answered yet.
    #[must_use]
    pub fn unordered(&self) -> Self {
        Self {
            lane: 0,
            ..self.clone()
        }
    }

    /// The same client, whose reads are as fresh as said.
    #[must_use]
    pub fn with_consistency(&self, consistency: Consistency) -> Self {
        Self {
            consistency,
            ..self.clone()
        }
    }

    /// The same client, which asks its endpoints alone, about the shard that it asks now: it does
    /// not go on to a leader that they name. What it is answered is then the word of the member
    /// that was named; all else is faster at the leader.
    #[must_use]
    pub fn staying(&self) -> Self {
        Self {
            route: Arc::new(Route::staying(self.route.shard())),
            ..self.clone()
        }
    }

    /// The same client, whose stale reads all go to one node while it can be reached.
    pub(super) fn settled(&self) -> Self {
        Self {
            stale_turn: Some(self.shared.nodes.turn()),
            ..self.clone()
        }
    }

    /// The same client with another time limit for each call.
    ///
    /// # Errors
    /// `Invalid` below 1 ms and above 100 years.
    pub fn with_timeout(&self, timeout: Duration) -> Result<Self> {
        check_timeout(timeout)?;
        Ok(Self {
            timeout,
            ..self.clone()
        })
    }

    /// The shard this handle asks.
    pub fn shard(&self) -> ShardId {
        self.route.shard()
    }

    /// Asks a node about itself and its shards: the one that has this handle's shard
    /// if that is known, else the first endpoint that can be reached.
    ///
    /// # Errors
    /// `Unavailable` if no node can be reached, `Timeout` if it does not answer.
    pub async fn describe(&self) -> Result<Description> {
        if let Some(node) = &self.shared.resident {
            return self.describe_resident(&**node);
        }
        tokio::time::timeout(self.timeout, self.describe_any())
            .await
            .map_err(|_| {
                Error::timeout(format!(
                    "no node described itself within {:?}",
                    self.timeout
                ))
            })?
    }

    async fn describe_any(&self) -> Result<Description> {
        let (node, connected) = self.any_connected().await?;
        let reply = connected.describe().await;
        let reply = reply.map_err(|it| error::from_status(&it, &node.endpoint))?;
        convert::description(reply, &node.endpoint)
    }

    /// A node that can be reached.
    pub(super) async fn any_connected(&self) -> Result<(Arc<Node>, Arc<Connected>)> {
        let mut tried = Vec::new();
        let mut unreached = Vec::new();
        loop {
            let node = self.route.choose(&self.shared.nodes, 0, &tried);
            match node.connected(0).await {
                Ok(connected) => return Ok((node, connected)),
                Err(why) => unreached.push((Arc::clone(&node), why)),
            }
            self.route.not_led_from(&node);
            tried.push(node);
            if !self.route.has_untried(&self.shared.nodes, &tried) {
                let unreached = unreached.iter().map(|(node, why)| (&node.endpoint, why));
                return Err(Unreached::from_iter(unreached).error());
            }
        }
    }

    /// Where a read of this handle goes.
    pub(super) fn read_target(&self) -> Option<v1::Target> {
        self.target().map(|target| v1::Target {
            stale: self.consistency == Consistency::Stale,
            ..target
        })
    }

    /// Where a write of this handle goes.
    pub(super) fn target(&self) -> Option<v1::Target> {
        Some(v1::Target {
            shard: self.route.shard().0,
            bucket: self.bucket.clone(),
            stale: false,
        })
    }
}

impl Shared {
    /// What the handles of one client share, with `route` as the first shard's.
    fn new(
        (endpoints, dial): (Vec<Endpoint>, Arc<Dial>),
        options: &ClientOptions,
        route: Arc<Route>,
        host: Host,
        resident: Option<Arc<dyn Resident>>,
    ) -> Self {
        let clock = Arc::clone(&host.clock);
        Self {
            nodes: Nodes::new(endpoints, options.connections, dial, clock),
            retries: options.retries,
            writes: Sequences::new(ClientId(host.rng.id())),
            resident,
            routes: parking_lot::Mutex::new(vec![route]),
            next_lane: AtomicU64::new(2),
            host,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("shard", &self.shard())
            .field("bucket", &self.bucket)
            .field("lane", &self.lane)
            .field("consistency", &self.consistency)
            .finish_non_exhaustive()
    }
}
