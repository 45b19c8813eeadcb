//! The node of a store, and how it is put away.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::background::Background;
use super::crew::Crew;
use crate::base::host::{Spawn, aside};
use crate::base::{Error, Result};
use crate::client::Resident;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::watch_reply::Reply as WatchReply;
use crate::server::{Direct, Node};

/// A node with everything it runs on. Every handle of the store holds it; when the last
/// one is gone, it is put away in the background.
pub(super) struct Inside {
    direct: Direct,
    background: Background,
    spawn: Arc<dyn Spawn>,
    crew: Crew,
    /// Until somebody begins to close it: the node, and whom to tell how that ended.
    node: Mutex<Option<(Node, watch::Sender<Ended>)>>,
    /// How closing ended, once it has. Who closes has the only sender, so that nobody waits
    /// for one that died.
    closed: watch::Receiver<Ended>,
}

/// Whether the log could be made durable at the end; `None` before.
type Ended = Option<Result<(), String>>;

impl Inside {
    pub(super) fn new(
        node: Node,
        direct: Direct,
        background: Background,
        spawn: Arc<dyn Spawn>,
        crew: Crew,
    ) -> Self {
        let (tell, closed) = watch::channel(None);
        Self {
            direct,
            background,
            spawn,
            crew,
            node: Mutex::new(Some((node, tell))),
            closed,
        }
    }

    /// Begins to put the node away, unless that has begun. It goes on by itself.
    fn begin_closing(&self) {
        self.direct.stop();
        let Some((node, tell)) = self.node.lock().take() else {
            return;
        };
        let crew = self.crew.clone();
        let _told = aside(&*self.spawn, "dkv-close", move || {
            let left = node.close();
            // IMPORTANT: only when nobody writes there any more is the directory free.
            crew.wait();
            drop(left.lock);
            let synced = left.synced.map_err(|failure| failure.to_string());
            if let Err(failure) = &synced {
                tracing::warn!(failure, "the log was not synced at the end");
            }
            tell.send_replace(Some(synced));
        });
    }

    /// Puts the node away, and waits until the directory is free.
    ///
    /// # Errors
    /// `Internal` when the log could not be made durable.
    pub(super) async fn close(&self) -> Result<()> {
        let mut closed = self.closed.clone();
        self.begin_closing();
        let synced = match closed.wait_for(Option::is_some).await {
            Ok(synced) => synced.clone().unwrap_or(Ok(())),
            Err(_) => Err("the thread that closed the store is gone".to_owned()),
        };
        synced.map_err(|failure| {
            Error::internal(format!(
                "the store is closed, but its last writes may not be durable: {failure}"
            ))
        })
    }
}

impl Resident for Inside {
    fn answer(&self, lane: u64, request: Request) -> BoxFuture<'static, Result<Reply>> {
        self.direct.answer(lane, request)
    }

    fn watch(&self, create: v1::WatchCreate) -> BoxStream<'static, WatchReply> {
        self.direct.watch(create)
    }

    fn describe(&self) -> v1::DescribeReply {
        self.direct.describe()
    }

    fn background(&self) -> &Handle {
        self.background.handle()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.begin_closing();
    }
}
