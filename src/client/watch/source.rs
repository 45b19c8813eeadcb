//! Where a watch is asked for, and what comes from there.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::inbox::End;
use super::line::OnLine;
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result};
use crate::client::Client;
use crate::client::call::Source;
use crate::client::endpoint::Unreachable;
use crate::client::error::{broken_contract, from_wire};
use crate::client::node::{Connected, Node};
use crate::client::outcome::TryFailure;
use crate::client::resident::Resident;
use crate::client::route::Stranger;
use crate::proto::v1;
use crate::proto::v1::watch_reply::Reply;

/// A watch that somebody was asked for.
pub(super) enum Feed {
    Wire {
        on_line: OnLine,
        node: Arc<Node>,
        /// Its stream ends with it.
        _connected: Arc<Connected>,
    },
    Resident(BoxStream<'static, Reply>, Arc<dyn Resident>),
}

/// Why a watch does not go on where it was asked for.
#[derive(Debug)]
pub(super) enum Setback {
    /// Nowhere: it is over.
    Final(Error),
    /// Somebody else, or the same one later, may go on.
    Elsewhere(Unreachable),
    /// It is over with this error unless another member can go on: each keeps its own
    /// history, as far as it reaches.
    NotHere(Error),
    /// The caller was too slow: the same one goes on.
    Slow,
}

impl Feed {
    /// What it says next. May be given up at any await.
    pub(super) async fn next(&mut self) -> Result<Reply, Setback> {
        let reply = match self {
            Self::Wire { on_line, .. } => on_line.next().await.map_err(|end| match end {
                End::Lost(why) => Setback::Elsewhere(Unreachable::because(why)),
                End::Full => Setback::Slow,
            })?,
            Self::Resident(says, node) => {
                let reply = std::future::poll_fn(|cx| {
                    let _timers = node.background().enter();
                    says.poll_next_unpin(cx)
                });
                let over = || Setback::Final(Error::unavailable("this store is closed"));
                reply.await.ok_or_else(over)?
            }
        };
        match reply {
            Reply::Ended(error) => Err(self.ended(error)),
            reply => Ok(reply),
        }
    }

    pub(super) fn from(&self) -> Source {
        match self {
            Self::Wire { node, .. } => Source::Node(Arc::clone(node)),
            Self::Resident(..) => Source::Resident,
        }
    }

    fn ended(&self, error: v1::Error) -> Setback {
        let error = from_wire(error, &self.from());
        let may_go_on = matches!(
            error.kind(),
            ErrorKind::Unavailable | ErrorKind::NotLeader | ErrorKind::Timeout
        );
        match self {
            Self::Wire { .. } if may_go_on => {
                Setback::Elsewhere(Unreachable::because(error.message()))
            }
            // Others may have the history, or room.
            Self::Wire { .. }
                if matches!(
                    error.kind(),
                    ErrorKind::Compacted | ErrorKind::LimitExceeded
                ) =>
            {
                Setback::NotHere(error)
            }
            // There is nobody else.
            _ => Setback::Final(error),
        }
    }
}

impl Client {
    /// Asks the node in this process for a watch.
    pub(super) fn watch_resident(&self, node: &Arc<dyn Resident>, create: v1::WatchCreate) -> Feed {
        let _timers = node.background().enter();
        Feed::Resident(node.watch(create), Arc::clone(node))
    }

    /// Asks a node for a watch.
    pub(super) async fn watch_at(
        &self,
        node: &Arc<Node>,
        create: v1::WatchCreate,
        until_ms: u64,
    ) -> Result<Feed, Setback> {
        let connected = self
            .reach(node, until_ms)
            .await
            .map_err(|failure| match failure {
                TryFailure::Unreachable(why) | TryFailure::Stranger(why) => Setback::Elsewhere(why),
                TryFailure::Final(error) => Setback::Final(error),
                TryFailure::Session(_) => Setback::Elsewhere(Unreachable::because("no connection")),
            })?;
        let on_line = connected.watch(&create);
        Ok(Feed::Wire {
            on_line,
            node: Arc::clone(node),
            _connected: connected,
        })
    }

    /// Takes the first reply of a watch: after which revision it tells events.
    pub(super) fn created(&self, feed: &Feed, reply: Reply) -> Result<Revision, Setback> {
        let broken = |what| Setback::Final(broken_contract(&feed.from(), what));
        let Reply::Created(v1::WatchCreated {
            header: Some(header),
        }) = reply
        else {
            return Err(broken("something else than that the watch is there"));
        };
        if let Feed::Wire { node, .. } = feed {
            let identity = header.identity.as_ref().try_into();
            let identity =
                identity.map_err(|_| broken("with a shard identity that is not 16 bytes"))?;
            let admitted = self.route.admit(identity, header.local, node);
            admitted.map_err(|Stranger { pinned, answered }| {
                Setback::Elsewhere(Unreachable::because(format!(
                    "its shard {} is {answered}, but this client began with {pinned}",
                    self.route.shard()
                )))
            })?;
        }
        Ok(Revision(header.revision))
    }
}
