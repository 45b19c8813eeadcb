//! Many watches on one stream.
//!
//! Nothing is made before the client takes it: one that does not read costs a message, and
//! what its watches have in their mailboxes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use futures_util::stream::{AbortHandle, BoxStream, SelectAll, abortable};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{Notify, watch};
use tonic::Status;

use super::feed::{Feed, Wanted};
use crate::base::{Error, Result, limits};
use crate::proto::v1;
use crate::proto::v1::watch_reply::Reply;
use crate::proto::v1::watch_request::Request;
use crate::server::port::let_others_go_on;
use crate::server::service::Service;
use crate::server::status::{to_frame, to_status};

/// What a watch says, from its opening to its end; `asked` asks it for a mark of progress.
pub(in crate::server) fn says(
    service: Service,
    create: v1::WatchCreate,
    asked: Arc<Notify>,
) -> impl Stream<Item = Reply> + Send + 'static {
    let wanted = Wanted::of(&service, create);
    tells(service, wanted, asked)
}

fn tells(
    service: Service,
    wanted: Result<Wanted>,
    asked: Arc<Notify>,
) -> impl Stream<Item = Reply> + Send + 'static {
    let first = match wanted {
        Ok(wanted) => Stage::Opening(Box::new(wanted)),
        Err(error) => Stage::Refused(error),
    };
    stream::unfold(first, move |stage| {
        let (service, asked) = (service.clone(), Arc::clone(&asked));
        async move {
            match stage {
                Stage::Over => None,
                Stage::Refused(error) => Some((Reply::Ended(to_frame(&error)), Stage::Over)),
                Stage::Opening(wanted) => {
                    // In a box of its own: it is large, and soon over.
                    let opening = Box::pin(Feed::open(&service, *wanted, asked));
                    Some(match opening.await {
                        Ok((feed, created)) => (created, Stage::Open(Box::new(feed))),
                        Err(error) => (Reply::Ended(to_frame(&error)), Stage::Over),
                    })
                }
                Stage::Open(mut feed) => Some(match feed.next().await {
                    ended @ Reply::Ended(_) => (ended, Stage::Over),
                    reply => (reply, Stage::Open(feed)),
                }),
            }
        }
    })
}

enum Stage {
    Opening(Box<Wanted>),
    Refused(Error),
    Open(Box<Feed>),
    Over,
}

/// Serves the requests of one stream, until the client is done or the node stops.
pub(in crate::server) fn serve(
    service: Service,
    stopping: watch::Receiver<bool>,
    inbound: impl Stream<Item = Result<v1::WatchRequest, Status>> + Send + 'static,
) -> impl Stream<Item = Result<v1::WatchReply, Status>> + Send + 'static {
    let many = Many {
        service,
        stopping,
        inbound: inbound.boxed(),
        open: HashMap::new(),
        says: SelectAll::new(),
        is_reading: true,
        taken: 0,
    };
    stream::unfold(Some(many), |many| async move {
        let mut many = many?;
        match many.next().await {
            Ok(Some(reply)) => Some((Ok(reply), Some(many))),
            Ok(None) => None,
            Err(error) => Some((Err(to_status(&error)), None)),
        }
    })
}

/// One stream.
struct Many {
    service: Service,
    stopping: watch::Receiver<bool>,
    inbound: BoxStream<'static, Result<v1::WatchRequest, Status>>,
    open: HashMap<u64, Handle>,
    says: SelectAll<BoxStream<'static, (u64, Reply)>>,
    /// The client may still ask for something.
    is_reading: bool,
    /// Requests and replies.
    taken: usize,
}

/// What one stream takes before others go on: a client may have sent a thousand requests.
const IN_A_TURN: usize = 16;

/// What can be done with a watch while it waits.
struct Handle {
    end: AbortHandle,
    asked: Arc<Notify>,
}

impl Many {
    /// The next reply; `None` once the client is done.
    async fn next(&mut self) -> Result<Option<v1::WatchReply>> {
        while self.is_reading || !self.says.is_empty() {
            self.taken += 1;
            if self.taken.is_multiple_of(IN_A_TURN) {
                let_others_go_on().await;
            }
            tokio::select! {
                biased;
                () = stopped(&mut self.stopping) => return Err(is_stopping()),
                request = self.inbound.next(), if self.is_reading => match request {
                    Some(Ok(v1::WatchRequest { request })) => {
                        if let Some(reply) = self.take(request)? {
                            return Ok(Some(reply));
                        }
                    }
                    None => self.is_reading = false,
                    Some(Err(broken)) => {
                        tracing::debug!(%broken, "a stream of watches broke");
                        return Ok(None);
                    }
                },
                // Those that were cancelled, too: they end when they are asked.
                told = self.says.next(), if !self.says.is_empty() => {
                    // Nothing: the last ones were cancelled, and are gone now.
                    let Some((watch_id, reply)) = told else {
                        continue;
                    };
                    if let Reply::Ended(_) = reply {
                        self.open.remove(&watch_id);
                    }
                    return Ok(Some(said(watch_id, reply)));
                }
            }
        }
        Ok(None)
    }

    fn take(&mut self, request: Option<Request>) -> Result<Option<v1::WatchReply>> {
        match request {
            Some(Request::Create(create)) => self.create(create),
            Some(Request::Cancel(watch_id)) => Ok(self.open.remove(&watch_id).map(|handle| {
                handle.end.abort();
                said(watch_id, Reply::Ended(v1::Error::default()))
            })),
            Some(Request::Progress(watch_id)) => {
                // One that has just ended is no error: its end is on its way.
                if let Some(handle) = self.open.get(&watch_id) {
                    handle.asked.notify_one();
                }
                Ok(None)
            }
            None => Err(Error::invalid(
                "a request of a watch stream without create, cancel or progress",
            )),
        }
    }

    fn create(&mut self, create: v1::WatchCreate) -> Result<Option<v1::WatchReply>> {
        let watch_id = create.watch_id;
        // Those that were cancelled count until they are gone.
        if self.says.len() >= limits::WATCHES_PER_STREAM_MAX {
            let refused = Error::limit_exceeded(format!(
                "this stream has {} watches, the most there can be: open another one",
                limits::WATCHES_PER_STREAM_MAX
            ));
            return Ok(Some(said(watch_id, Reply::Ended(to_frame(&refused)))));
        }
        let Entry::Vacant(place) = self.open.entry(watch_id) else {
            // Nobody could tell the two apart any more.
            return Err(Error::invalid(format!(
                "watch_id {watch_id} is a watch of this stream already: choose another one"
            )));
        };
        // Whoever is refused waits for nothing, and is not kept until it is its turn to hear so.
        let wanted = match Wanted::of(&self.service, create) {
            Ok(wanted) => wanted,
            Err(refused) => return Ok(Some(said(watch_id, Reply::Ended(to_frame(&refused))))),
        };
        let asked = Arc::new(Notify::new());
        let says = tells(self.service.clone(), Ok(wanted), Arc::clone(&asked));
        let (says, end) = abortable(says.map(move |reply| (watch_id, reply)));
        place.insert(Handle { end, asked });
        self.says.push(says.boxed());
        Ok(None)
    }
}

fn said(watch_id: u64, reply: Reply) -> v1::WatchReply {
    v1::WatchReply {
        watch_id,
        reply: Some(reply),
    }
}

/// Resolves when the node stops; whoever stops it may be gone by then.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// Why watches end when their node does.
pub(in crate::server) fn is_stopping() -> Error {
    Error::unavailable("this node is stopping: watch from another one, or once it is back")
}
