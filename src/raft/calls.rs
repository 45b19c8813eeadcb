//! Requests to other nodes and the answers that belong to them, over frames that may
//! be lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message;
use tokio::sync::oneshot;

use super::transport::{Lane, PeerTransport};
use crate::base::types::NodeId;
use crate::base::{Error, ErrorKind};
use crate::proto::peer;
use crate::proto::peer::frame::Body;
use crate::wal::GroupId;

/// What is under way to other nodes.
pub(super) struct Calls {
    transport: Arc<dyn PeerTransport>,
    next: AtomicU64,
    /// In the order of asking: when many are lost, whoever asked first asks again first.
    waiting: Mutex<BTreeMap<u64, Waiting>>,
}

struct Waiting {
    asked: NodeId,
    lane: Lane,
    tell: oneshot::Sender<Body>,
}

/// An answer that may come. Dropping it forgets the request.
pub(super) struct Answer {
    calls: Arc<Calls>,
    id: u64,
    /// None if it was never sent.
    told: Option<oneshot::Receiver<Body>>,
}

/// Why there is no answer to make use of.
#[derive(Debug)]
pub(super) enum CallError {
    /// None came in time: whether the request was heard is unknown.
    Silence,
    /// There is no link: it was not heard.
    NoLink,
    /// The other node could not do it.
    Refused(Error),
}

impl Calls {
    pub(super) fn new(transport: Arc<dyn PeerTransport>) -> Self {
        Self {
            transport,
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
        }
    }

    /// Sends a request now; one that would be lost for sure is not.
    pub(super) fn ask(
        self: &Arc<Self>,
        to: NodeId,
        lane: Lane,
        group: GroupId,
        body: Body,
    ) -> Answer {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let reaches = self.transport.reaches(to, lane);
        let told = reaches.then(|| {
            let (tell, told) = oneshot::channel();
            self.waiting.lock().insert(
                id,
                Waiting {
                    asked: to,
                    lane,
                    tell,
                },
            );
            self.send(to, lane, group, id, body);
            told
        });
        Answer {
            calls: self.clone(),
            id,
            told,
        }
    }

    /// Sends the answer to request `id` of `to`.
    pub(super) fn send(&self, to: NodeId, lane: Lane, group: GroupId, id: u64, body: Body) {
        let frame = peer::Frame {
            group,
            id,
            body: Some(body),
        };
        self.transport.send(to, lane, frame.encode_to_vec().into());
    }

    /// Whoever waits for an answer over this link need not wait longer.
    pub(super) fn lost(&self, to: NodeId, lane: Lane) {
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, it| it.asked != to || it.lane != lane);
    }

    /// An answer has come. One that nobody waits for, or from another than was asked, is
    /// dropped.
    pub(super) fn answered(&self, from: NodeId, id: u64, body: Body) {
        let mut waiting = self.waiting.lock();
        if waiting.get(&id).is_some_and(|it| it.asked == from) {
            let found = waiting.remove(&id);
            drop(waiting);
            if let Some(found) = found {
                // Whoever asked has given up in this moment.
                drop(found.tell.send(body));
            }
        }
    }
}

impl Answer {
    /// Waits for it, at most for so long.
    pub(super) async fn within(mut self, limit: Duration) -> Result<Body, CallError> {
        let Some(told) = &mut self.told else {
            return Err(CallError::NoLink);
        };
        match tokio::time::timeout(limit, told).await {
            Ok(Ok(Body::Failure(failure))) => Err(CallError::Refused(read_failure(failure))),
            Ok(Ok(body)) => Ok(body),
            Ok(Err(_)) | Err(_) => Err(CallError::Silence),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.calls.waiting.lock().remove(&self.id);
    }
}

/// An error for the node that asked.
pub(super) fn failure(error: &Error) -> Body {
    let number = ErrorKind::ALL.iter().position(|kind| *kind == error.kind());
    Body::Failure(peer::Failure {
        kind: u32::try_from(number.unwrap_or_default()).unwrap_or_default() + 1,
        message: error.message().to_owned(),
    })
}

fn read_failure(failure: peer::Failure) -> Error {
    let number = usize::try_from(failure.kind).unwrap_or_default();
    let kind = number.checked_sub(1).and_then(|at| ErrorKind::ALL.get(at));
    Error::new(*kind.unwrap_or(&ErrorKind::Internal), failure.message)
}
