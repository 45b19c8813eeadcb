//! A server that keeps keys in a map, writes down what it is asked, and misbehaves
//! as it is told.

mod keys;
mod locks;
mod many;
mod service;

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};

use self::service::{request_id, service};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

/// What happens to one request instead of a plain answer.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// It is served, and the answer is lost with the stream.
    ServeAndBreak,
    /// It is lost with the stream.
    Break,
    /// No answer, ever.
    Silence,
    /// It is served, and answered later.
    Late(Duration),
    /// It is refused.
    Refuse(v1::ErrorKind, String),
    /// It is answered in the name of another shard.
    Impersonate([u8; 16]),
}

#[derive(Default)]
pub(super) struct State {
    pub(super) identity: [u8; 16],
    pub(super) kind: String,
    /// Told in replies of a replicated shard.
    pub(super) leader: String,
    /// One for each request to come, then `always`.
    pub(super) script: VecDeque<Fault>,
    pub(super) always: Option<Fault>,
    /// Requests after so many are invalid, except removing a range.
    refuse_from: Option<usize>,
    /// Requests after so many are invalid, whatever they are.
    refuse_all_from: Option<usize>,
    /// Every request, in the order of arrival.
    pub(super) seen: Vec<v1::RequestFrame>,
    keys: HashMap<Bytes, Bytes>,
    holders: HashMap<Bytes, (Bytes, u64)>,
    outcomes: HashMap<(Bytes, u64), u64>,
    revision: u64,
}

/// A running fake.
pub(crate) struct Fake {
    pub(crate) endpoint: String,
    pub(super) state: Arc<Mutex<State>>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Fake {
    /// A node with a local shard 100, whose identity is 16 times `id`.
    pub(crate) async fn local(id: u8) -> Self {
        Self::start(id, "lstore").await
    }

    /// A member with a replicated shard 100.
    pub(super) async fn replicated(id: u8) -> Self {
        Self::start(id, "dstore").await
    }

    async fn start(id: u8, kind: &str) -> Self {
        Self::listen("127.0.0.1:0", fresh(id, kind)).await
    }

    async fn listen(address: &str, state: Arc<Mutex<State>>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let (stop, service) = service(&state);
        let serving = tokio::spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self {
            endpoint,
            state,
            stop,
            serving,
        }
    }

    pub(super) fn at_socket(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let state = fresh(1, "lstore");
        let (stop, service) = service(&state);
        let serving = tokio::spawn(async move {
            let incoming = UnixListenerStream::new(listener);
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self {
            endpoint: format!("unix:{}", path.display()),
            state,
            stop,
            serving,
        }
    }

    /// Ends every stream and listens no more.
    pub(super) async fn stop(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
        self.stop.send_replace(true);
    }

    /// Listens again where it did, and remembers everything.
    pub(super) async fn restart(&mut self) {
        *self = Self::listen(&self.endpoint, Arc::clone(&self.state)).await;
    }

    pub(super) fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().script.extend(faults);
    }

    pub(super) fn always(&self, fault: Option<Fault>) {
        self.state.lock().always = fault;
    }

    /// The request ids of the writes seen, as (sequence, `acked_below`, attempt).
    pub(super) fn request_ids(&self) -> Vec<(u64, u64, u32)> {
        let state = self.state.lock();
        let ids = state.seen.iter().filter_map(request_id);
        ids.map(|id| (id.sequence, id.acked_below, id.attempt))
            .collect()
    }

    /// How many keys it has.
    pub(crate) fn keys(&self) -> usize {
        self.state.lock().keys.len()
    }

    /// How many requests it was sent.
    pub(crate) fn requests(&self) -> usize {
        self.state.lock().seen.len()
    }

    /// Refuses everything but removing a range.
    pub(crate) fn refuse_from(&self, request: usize) {
        self.state.lock().refuse_from = Some(request);
    }

    /// Refuses everything after so many requests.
    pub(crate) fn refuse_all_from(&self, request: usize) {
        self.state.lock().refuse_all_from = Some(request);
    }

    /// From now on every answer comes after this pause.
    pub(crate) fn answer_late(&self, pause: Duration) {
        self.always(Some(Fault::Late(pause)));
    }

    /// From now on no answer comes.
    pub(crate) fn fall_silent(&self) {
        self.always(Some(Fault::Silence));
    }

    /// Refuses the next `requests` for want of room, or of these every other one.
    pub(crate) fn refuse_as_full(&self, requests: usize, every: usize) {
        let full = || Fault::Refuse(v1::ErrorKind::LimitExceeded, String::new());
        let script = (0..requests).map(|request| match request % every {
            0 => full(),
            _ => Fault::Late(Duration::ZERO),
        });
        self.state.lock().script.extend(script);
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        let state = self.state.lock();
        state
            .seen
            .iter()
            .filter_map(|it| it.request.clone())
            .collect()
    }
}

fn fresh(id: u8, kind: &str) -> Arc<Mutex<State>> {
    Arc::new(Mutex::new(State {
        identity: [id; 16],
        kind: kind.to_owned(),
        ..State::default()
    }))
}

impl State {
    fn header(&self) -> Option<v1::Header> {
        Some(v1::Header {
            node: Bytes::copy_from_slice(&self.identity),
            shard: 100,
            identity: Bytes::copy_from_slice(&self.identity),
            revision: self.revision,
            term: 0,
            leader: self.leader.clone(),
            local: self.kind == "lstore",
            stale: false,
            age_ms: None,
        })
    }

    /// Applies a write once, as the machine does.
    fn once(&mut self, frame: &v1::RequestFrame, apply: impl FnOnce(&mut Self)) {
        let id = request_id(frame).expect("every write carries a request id");
        let key = (id.client.clone(), id.sequence);
        if let Some(revision) = self.outcomes.get(&key) {
            self.revision = self.revision.max(*revision);
            return;
        }
        self.revision += 1;
        self.outcomes.insert(key, self.revision);
        apply(self);
    }

    fn serve(&mut self, frame: &v1::RequestFrame) -> Reply {
        match frame.request.as_ref().unwrap() {
            Request::Set(_)
            | Request::Get(_)
            | Request::Has(_)
            | Request::Delete(_)
            | Request::Scan(_) => self.key(frame),
            Request::Batch(_) | Request::Txn(_) => self.many(frame),
            Request::Acquire(_) | Request::Renew(_) | Request::Release(_) => self.lock(frame),
            other => panic!("the fake does not know {other:?}"),
        }
    }
}
