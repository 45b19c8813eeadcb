//! What the routes look at: a node that is starting, serving or stopping.

use std::sync::Arc;

use tokio::sync::{SetOnce, watch};

use crate::base::host::{ProcessFigures, Rng};
use crate::server::asking::Asking;
use crate::server::cluster::{Admin, Waiting};
use crate::server::describe::Describe;
use crate::server::figures::{LongestHeld, Ring};
use crate::server::metrics::{self, Figures};
use crate::server::node::LogStatus;
use crate::server::peer::PeerFigures;
use crate::server::port::Connections;
use crate::store::fatal::Fatal;
use crate::tls::Kept;

/// A node that has recovered.
pub(in crate::server) struct Live {
    pub(in crate::server) describe: Describe,
    pub(in crate::server) asking: Asking,
    pub(in crate::server) admin: Admin,
    pub(in crate::server) log: Arc<dyn Fn() -> LogStatus + Send + Sync>,
    /// How the links to the other members are doing; none without a cluster.
    pub(in crate::server) links: Arc<dyn Fn() -> Vec<PeerFigures> + Send + Sync>,
    /// What it shows, if it speaks TLS.
    pub(in crate::server) certificates: Option<Arc<Kept>>,
    pub(in crate::server) fatal: Fatal,
    /// For ids that a client leaves to the node.
    pub(in crate::server) rng: Arc<dyn Rng>,
    /// The last two minutes.
    pub(in crate::server) samples: Ring,
    pub(in crate::server) longest_held: LongestHeld,
}

/// How far a node is.
#[derive(Clone)]
pub(in crate::server) struct Standing {
    /// Set once everything acknowledged is there.
    pub(in crate::server) live: Arc<SetOnce<Live>>,
    /// What it waits for before it starts.
    pub(in crate::server) waiting: Waiting,
    pub(in crate::server) stopping: watch::Receiver<bool>,
    pub(in crate::server) connections: Connections,
}

impl Standing {
    /// The page of figures; `None` while the node recovers.
    pub(super) fn figures(&self) -> Option<String> {
        let live = self.live.get()?;
        let describe = &live.describe;
        Some(metrics::render(&Figures {
            service: &describe.service,
            connections: &self.connections,
            certificate_expires: live.certificates.as_deref().map(expires),
            log: (live.log)(),
            links: (live.links)(),
            process: ProcessFigures::read(),
            uptime_ms: describe.uptime_ms(),
        }))
    }
}

/// In seconds since 1970.
fn expires(kept: &Kept) -> u64 {
    let at = kept.current().credentials.leaf.not_after;
    u64::try_from(at.0).unwrap_or(0)
}
