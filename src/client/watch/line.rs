//! One gRPC stream that many watches share.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use parking_lot::Mutex;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::inbox::{End, Inbox};
use crate::base::limits;
use crate::proto::v1;
use crate::proto::v1::kv_client::KvClient;
use crate::proto::v1::watch_reply::Reply;
use crate::proto::v1::watch_request::Request;

/// Watches of one stream: half of what a server takes, as it may hold those that were just
/// given up here a moment longer.
const WATCHES_MAX: usize = limits::WATCHES_PER_STREAM_MAX / 2;

/// A message has the record after a change, and the one before it.
const MESSAGE_BYTES_MAX: usize = 2 * limits::REQUEST_BYTES_MAX + limits::MESSAGE_SLACK_BYTES;

/// The streams of one connection, opened as watches need them.
#[derive(Default)]
pub(in crate::client) struct Lines {
    lines: Mutex<Vec<Line>>,
}

/// A stream; dropping it ends it.
struct Line {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    inboxes: HashMap<u64, Arc<Inbox>>,
    /// Bounded by the watches: one that goes takes back what it has queued.
    queued: VecDeque<v1::WatchRequest>,
    writer: Option<Waker>,
    next_id: u64,
    is_closing: bool,
    is_broken: bool,
}

/// A watch on a stream; dropping it ends it there.
pub(in crate::client) struct OnLine {
    shared: Arc<Shared>,
    id: u64,
    inbox: Arc<Inbox>,
}

impl Lines {
    /// Asks for a watch. Must be called within a tokio runtime.
    pub(in crate::client) fn watch(&self, channel: &Channel, create: &v1::WatchCreate) -> OnLine {
        let mut lines = self.lines.lock();
        lines.retain(|line| !line.shared.state.lock().is_broken);
        for line in &*lines {
            if let Some(watch) = line.shared.watch(create) {
                return watch;
            }
        }
        let line = Line::open(channel.clone());
        let watch = line.shared.watch(create);
        lines.push(line);
        watch.expect("a new stream has room")
    }
}

impl Line {
    fn open(channel: Channel) -> Self {
        let shared = Arc::new(Shared::default());
        let ending = BreakOff {
            shared: Arc::clone(&shared),
            why: "the runtime is shutting down".to_owned(),
        };
        tokio::spawn(drive(ending, channel));
        Self { shared }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.is_closing = true;
        state.wake();
    }
}

impl OnLine {
    /// What it says next, or why it says nothing more.
    pub(super) async fn next(&self) -> Result<Reply, End> {
        self.inbox.next().await
    }
}

impl Drop for OnLine {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if state.inboxes.remove(&self.id).is_none() {
            return;
        }
        let is_mine = |request: &v1::WatchRequest| matches!(&request.request, Some(Request::Create(it)) if it.watch_id == self.id);
        match state.queued.iter().rposition(is_mine) {
            Some(at) => drop(state.queued.remove(at)),
            None => state.ask(Request::Cancel(self.id)),
        }
    }
}

impl Shared {
    /// `None` if there is no room.
    fn watch(self: &Arc<Self>, create: &v1::WatchCreate) -> Option<OnLine> {
        let mut state = self.state.lock();
        if state.is_broken || state.inboxes.len() >= WATCHES_MAX {
            return None;
        }
        state.next_id += 1;
        let id = state.next_id;
        let inbox = Arc::new(Inbox::default());
        state.inboxes.insert(id, Arc::clone(&inbox));
        state.ask(Request::Create(v1::WatchCreate {
            watch_id: id,
            ..create.clone()
        }));
        drop(state);
        Some(OnLine {
            shared: Arc::clone(self),
            id,
            inbox,
        })
    }

    fn deliver(&self, said: v1::WatchReply) {
        let mut state = self.state.lock();
        let (id, Some(reply)) = (said.watch_id, said.reply) else {
            return;
        };
        // One that was given up here may have something under way.
        let Some(inbox) = state.inboxes.get(&id).cloned() else {
            return;
        };
        let is_over = matches!(reply, Reply::Ended(_));
        let is_taken = inbox.put(reply);
        if is_over || !is_taken {
            state.inboxes.remove(&id);
        }
        if !is_taken {
            state.ask(Request::Cancel(id));
        }
    }

    fn break_off(&self, why: &str) {
        let mut state = self.state.lock();
        state.is_broken = true;
        state.queued.clear();
        state.wake();
        let inboxes = std::mem::take(&mut state.inboxes);
        drop(state);
        for inbox in inboxes.into_values() {
            inbox.end(End::Lost(why.to_owned()));
        }
    }
}

impl State {
    fn ask(&mut self, request: Request) {
        self.queued.push_back(v1::WatchRequest {
            request: Some(request),
        });
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }
}

/// The request side of the stream, polled by the connection itself.
struct Outgoing {
    shared: Arc<Shared>,
}

impl Stream for Outgoing {
    type Item = v1::WatchRequest;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.shared.state.lock();
        if let Some(request) = state.queued.pop_front() {
            return Poll::Ready(Some(request));
        }
        if state.is_closing || state.is_broken {
            return Poll::Ready(None);
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Breaks a stream off when its task ends, however it ends: those who wait hear of it.
struct BreakOff {
    shared: Arc<Shared>,
    why: String,
}

impl Drop for BreakOff {
    fn drop(&mut self) {
        self.shared.break_off(&self.why);
    }
}

/// Opens the stream, and takes what comes until it ends.
async fn drive(mut ending: BreakOff, channel: Channel) {
    ending.why = match take_all(&ending.shared, channel).await {
        Ok(()) => "the server ended the stream".to_owned(),
        Err(status) => status.message().to_owned(),
    };
}

async fn take_all(shared: &Arc<Shared>, channel: Channel) -> Result<(), Status> {
    let outgoing = Outgoing {
        shared: Arc::clone(shared),
    };
    let opened = KvClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .watch(outgoing)
        .await?;
    let mut replies: Streaming<v1::WatchReply> = opened.into_inner();
    while let Some(said) = replies.message().await? {
        shared.deliver(said);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_wait_hear_of_a_task_that_went_away() {
        let shared = Arc::new(Shared::default());
        let watch = shared.watch(&v1::WatchCreate::default()).unwrap();
        let why = "the runtime is shutting down".to_owned();
        // As a runtime does that is dropped, or a task that panics.
        drop(drive(
            BreakOff { shared, why },
            tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy(),
        ));
        let Err(End::Lost(why)) = watch.next().await else {
            panic!("nothing was said");
        };
        assert_eq!(why, "the runtime is shutting down");
    }
}
