//! A server that keeps keys in a map, writes down what it is asked, and misbehaves
//! as it is told.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream, UnixListenerStream};
use tonic::{Request as Call, Response, Status, Streaming};

use crate::proto::v1;
use crate::proto::v1::delete_request::What;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::session_server::{Session, SessionServer};

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

struct Service {
    state: Arc<Mutex<State>>,
    stop: watch::Receiver<bool>,
}

fn fresh(id: u8, kind: &str) -> Arc<Mutex<State>> {
    Arc::new(Mutex::new(State {
        identity: [id; 16],
        kind: kind.to_owned(),
        ..State::default()
    }))
}

fn service(state: &Arc<Mutex<State>>) -> (watch::Sender<bool>, SessionServer<Service>) {
    let (stop, stopped) = watch::channel(false);
    let service = Service {
        state: Arc::clone(state),
        stop: stopped,
    };
    let service = SessionServer::new(service).max_decoding_message_size(32 << 20);
    (stop, service)
}

#[tonic::async_trait]
impl Session for Service {
    type OpenStream = ReceiverStream<Result<v1::Replies, Status>>;

    async fn open(
        &self,
        call: Call<Streaming<v1::Requests>>,
    ) -> Result<Response<Self::OpenStream>, Status> {
        let (send, replies) = mpsc::channel(64);
        let (state, mut stop) = (Arc::clone(&self.state), self.stop.clone());
        let mut requests = call.into_inner();
        tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    message = requests.message() => message,
                    _ = stop.wait_for(|stop| *stop) => break,
                };
                let Ok(Some(message)) = message else { return };
                let mut frames = Vec::new();
                for frame in message.frames {
                    match handle(&state, &frame) {
                        Some(Handled::Now(reply)) => frames.push(reply),
                        Some(Handled::After(pause, reply)) => {
                            let send = send.clone();
                            tokio::spawn(async move {
                                tokio::time::sleep(pause).await;
                                let frames = vec![reply];
                                let _ = send.send(Ok(v1::Replies { frames })).await;
                            });
                        }
                        Some(Handled::Break) => {
                            let _ = send.send(Err(Status::unavailable("told to"))).await;
                            return;
                        }
                        None => {}
                    }
                }
                if send.send(Ok(v1::Replies { frames })).await.is_err() {
                    return;
                }
            }
            let _ = send.send(Err(Status::unavailable("stopped"))).await;
        });
        Ok(Response::new(ReceiverStream::new(replies)))
    }

    async fn describe(
        &self,
        _: Call<v1::DescribeRequest>,
    ) -> Result<Response<v1::DescribeReply>, Status> {
        let state = self.state.lock();
        Ok(Response::new(v1::DescribeReply {
            node: Bytes::copy_from_slice(&state.identity),
            name: "alice".to_owned(),
            shards: vec![v1::ShardDescription {
                id: 100,
                r#type: state.kind.clone(),
                identity: Bytes::copy_from_slice(&state.identity),
                ..v1::ShardDescription::default()
            }],
            ..v1::DescribeReply::default()
        }))
    }

    async fn figures(
        &self,
        _: Call<v1::FiguresRequest>,
    ) -> Result<Response<v1::FiguresReply>, Status> {
        Err(Status::unimplemented("as an old server says it"))
    }
}

enum Handled {
    Now(v1::ReplyFrame),
    After(Duration, v1::ReplyFrame),
    Break,
}

fn handle(state: &Mutex<State>, frame: &v1::RequestFrame) -> Option<Handled> {
    let mut state = state.lock();
    state.seen.push(frame.clone());
    let mut fault = state.script.pop_front().or_else(|| state.always.clone());
    let is_after = |from: Option<usize>| from.is_some_and(|from| state.seen.len() > from);
    if is_after(state.refuse_all_from) || is_after(state.refuse_from) && !removes_range(frame) {
        fault = Some(Fault::Refuse(v1::ErrorKind::Invalid, String::new()));
    }
    let id = frame.id;
    let reply = move |reply| v1::ReplyFrame {
        id,
        reply: Some(reply),
    };
    Some(match fault {
        None => Handled::Now(reply(state.serve(frame))),
        Some(Fault::Silence) => return None,
        Some(Fault::Break) => Handled::Break,
        Some(Fault::ServeAndBreak) => {
            state.serve(frame);
            Handled::Break
        }
        Some(Fault::Late(pause)) => Handled::After(pause, reply(state.serve(frame))),
        Some(Fault::Refuse(kind, leader)) => Handled::Now(reply(Reply::Error(v1::Error {
            kind: kind as i32,
            message: format!("told to say {}", kind.as_str_name()),
            compacted_floor: 0,
            leader,
            ..v1::Error::default()
        }))),
        Some(Fault::Impersonate(other)) => {
            let own = std::mem::replace(&mut state.identity, other);
            let answer = state.serve(frame);
            state.identity = own;
            Handled::Now(reply(answer))
        }
    })
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

    fn set(&mut self, frame: &v1::RequestFrame, set: &v1::SetRequest) -> Reply {
        let written = !never_holds(set);
        self.once(frame, |state| {
            if written {
                state.keys.insert(set.key.clone(), set.value.clone());
            }
        });
        Reply::Set(v1::SetReply {
            header: self.header(),
            written,
            ..v1::SetReply::default()
        })
    }

    /// Whatever a transaction compares with is so.
    fn many(&mut self, frame: &v1::RequestFrame) -> Reply {
        match frame.request.as_ref().unwrap() {
            Request::Batch(batch) => Reply::Batch(v1::BatchReply {
                results: self.sets(frame, &batch.ops),
                header: self.header(),
            }),
            Request::Txn(txn) => Reply::Txn(v1::TxnReply {
                results: self.sets(frame, &txn.then),
                header: self.header(),
                succeeded: true,
                results_unavailable: false,
            }),
            other => panic!("{other:?} is not many"),
        }
    }

    fn sets(&mut self, frame: &v1::RequestFrame, ops: &[v1::Op]) -> Vec<v1::OpResult> {
        let sets = ops.iter().map(|op| match &op.op {
            Some(v1::op::Op::Set(set)) => (set.key.clone(), set.value.clone()),
            other => panic!("the fake does not know {other:?}"),
        });
        let sets: Vec<_> = sets.collect();
        self.once(frame, |state| state.keys.extend(sets));
        let written = v1::SetResult {
            written: true,
            ..v1::SetResult::default()
        };
        let result = v1::OpResult {
            revision: self.revision,
            result: Some(v1::op_result::Result::Set(written)),
        };
        vec![result; ops.len()]
    }

    fn serve(&mut self, frame: &v1::RequestFrame) -> Reply {
        match frame.request.as_ref().unwrap() {
            Request::Set(set) => self.set(frame, set),
            Request::Get(get) => Reply::Get(v1::GetReply {
                header: self.header(),
                record: self.keys.get(&get.key).map(|value| v1::Record {
                    key: get.key.clone(),
                    value: value.clone(),
                    ..v1::Record::default()
                }),
            }),
            Request::Has(has) => Reply::Has(v1::HasReply {
                header: self.header(),
                found: self.keys.contains_key(&has.key),
            }),
            Request::Delete(delete) => {
                let before = self.keys.len();
                self.once(frame, |state| match delete.what.as_ref().unwrap() {
                    What::Key(key) => drop(state.keys.remove(key)),
                    What::Range(range) => state
                        .keys
                        .retain(|key, _| *key < range.start || *key >= range.end),
                });
                Reply::Delete(v1::DeleteReply {
                    header: self.header(),
                    deleted: (before - self.keys.len()) as u64,
                })
            }
            Request::Scan(scan) => self.scan(scan),
            Request::Batch(_) | Request::Txn(_) => self.many(frame),
            Request::Acquire(acquire) => {
                self.once(frame, |state| {
                    let grant = (acquire.owner.clone(), state.revision);
                    state.holders.entry(acquire.name.clone()).or_insert(grant);
                });
                let (owner, fence) = self.holders[&acquire.name].clone();
                Reply::Acquire(v1::AcquireReply {
                    header: self.header(),
                    acquired: owner == acquire.owner,
                    fence,
                })
            }
            Request::Renew(renew) => {
                self.once(frame, |_| {});
                let held = self.holders.get(&renew.name);
                let held = held.filter(|(owner, _)| *owner == renew.owner);
                Reply::Renew(v1::RenewReply {
                    header: self.header(),
                    renewed: held.is_some(),
                    fence: held.map_or(0, |(_, fence)| *fence),
                })
            }
            Request::Release(release) => {
                self.once(frame, |state| drop(state.holders.remove(&release.name)));
                Reply::Release(v1::ReleaseReply {
                    header: self.header(),
                    released: true,
                })
            }
            other => panic!("the fake does not know {other:?}"),
        }
    }

    /// Pages of two, from the key in the cursor.
    fn scan(&self, scan: &v1::ScanRequest) -> Reply {
        let range = scan.range.as_ref().unwrap();
        let mut keys: Vec<_> = self.keys.keys().cloned().collect();
        keys.sort();
        keys.retain(|key| *key >= range.start && *key >= scan.cursor);
        keys.retain(|key| range.end.is_empty() || *key < range.end);
        Reply::Scan(v1::ScanReply {
            header: self.header(),
            cursor: keys.get(2).cloned().unwrap_or_default(),
            count: keys.len().min(2) as u64,
            records: keys
                .into_iter()
                .take(2)
                .map(|key| v1::Record {
                    key,
                    ..v1::Record::default()
                })
                .collect(),
        })
    }
}

fn request_id(frame: &v1::RequestFrame) -> Option<&v1::RequestId> {
    match frame.request.as_ref()? {
        Request::Set(it) => it.request_id.as_ref(),
        Request::Delete(it) => it.request_id.as_ref(),
        Request::Batch(it) => it.request_id.as_ref(),
        Request::Txn(it) => it.request_id.as_ref(),
        Request::Acquire(it) => it.request_id.as_ref(),
        Request::Renew(it) => it.request_id.as_ref(),
        Request::Release(it) => it.request_id.as_ref(),
        _ => None,
    }
}

/// A condition on a revision that is never reached.
fn never_holds(set: &v1::SetRequest) -> bool {
    let kind = set.condition.as_ref().and_then(|it| it.kind.as_ref());
    matches!(kind, Some(v1::condition::Kind::Revision(u64::MAX)))
}

fn removes_range(frame: &v1::RequestFrame) -> bool {
    let Some(Request::Delete(delete)) = &frame.request else {
        return false;
    };
    matches!(delete.what, Some(What::Range(_)))
}
