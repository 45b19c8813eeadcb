//! An etcd in a task, as far as `dkv perf` asks one.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use bytes::Bytes;
use futures_util::future::{BoxFuture, Ready, ready};
use http::{Request, Response};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_prost::ProstCodec;
use tower::Service;

use super::messages::*;

/// One member.
pub(in crate::perf) struct Fake {
    pub(in crate::perf) address: String,
    pub(super) state: Arc<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) rows: Mutex<Rows>,
    pub(super) asked: AtomicUsize,
    /// Members that it names, and learners.
    pub(super) members: Mutex<(usize, usize)>,
    /// What everything but the list of members is answered.
    pub(super) refusal: Mutex<Option<Status>>,
}

#[derive(Default)]
pub(super) struct Rows {
    pub(super) keys: BTreeMap<Bytes, (i64, Bytes)>,
    pub(super) leases: BTreeSet<i64>,
    revision: i64,
}

impl Fake {
    pub(in crate::perf) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        state.members.lock().0 = 1;
        let router = Router::new().fallback_service(Edge(Arc::clone(&state)));
        let served = Server::builder().add_routes(Routes::from(router));
        tokio::spawn(served.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { address, state }
    }
}

/// Finds the call of a path.
#[derive(Clone)]
struct Edge(Arc<State>);

impl Service<Request<axum::body::Body>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<axum::body::Body>) -> Self::Future {
        match request.uri().path() {
            PutRequest::PATH => self.serve::<PutRequest>(request),
            RangeRequest::PATH => self.serve::<RangeRequest>(request),
            DeleteRangeRequest::PATH => self.serve::<DeleteRangeRequest>(request),
            TxnRequest::PATH => self.serve::<TxnRequest>(request),
            LeaseGrantRequest::PATH => self.serve::<LeaseGrantRequest>(request),
            LeaseRevokeRequest::PATH => self.serve::<LeaseRevokeRequest>(request),
            LockRequest::PATH => self.serve::<LockRequest>(request),
            UnlockRequest::PATH => self.serve::<UnlockRequest>(request),
            MemberListRequest::PATH => self.serve::<MemberListRequest>(request),
            other => panic!("etcd has no {other}"),
        }
    }
}

impl Edge {
    fn serve<A: Answered>(
        &self,
        request: Request<axum::body::Body>,
    ) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
        let state = Arc::clone(&self.0);
        Box::pin(async move {
            let codec = ProstCodec::<A::Answer, A>::default();
            Ok(Grpc::new(codec).unary(Served(state), request).await)
        })
    }
}

struct Served(Arc<State>);

impl<A: Answered> UnaryService<A> for Served {
    type Response = A::Answer;
    type Future = Ready<Result<tonic::Response<A::Answer>, Status>>;

    fn call(&mut self, request: tonic::Request<A>) -> Self::Future {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        let refusal = self.0.refusal.lock().clone();
        ready(
            match refusal.filter(|_| A::PATH != MemberListRequest::PATH) {
                Some(status) => Err(status),
                None => request
                    .into_inner()
                    .answer(&self.0)
                    .map(tonic::Response::new),
            },
        )
    }
}

/// What the member does about a call.
trait Answered: Call + Default {
    fn answer(self, state: &State) -> Result<Self::Answer, Status>;
}

impl Answered for PutRequest {
    fn answer(self, state: &State) -> Result<PutResponse, Status> {
        let mut rows = state.rows.lock();
        rows.revision += 1;
        let revision = rows.revision;
        rows.keys.insert(self.key, (revision, self.value));
        Ok(PutResponse {})
    }
}

/// From a key up to another; none: the one key.
fn range(key: &Bytes, range_end: &Bytes) -> (Bound<Bytes>, Bound<Bytes>) {
    let end = match range_end.len() {
        0 => Bound::Included(key.clone()),
        _ => Bound::Excluded(range_end.clone()),
    };
    (Bound::Included(key.clone()), end)
}

impl Answered for RangeRequest {
    fn answer(self, state: &State) -> Result<RangeResponse, Status> {
        let rows = state.rows.lock();
        let found: Vec<_> = rows.keys.range(range(&self.key, &self.range_end)).collect();
        let count = found.len();
        let limit = match (self.count_only, self.limit) {
            (true, _) => 0,
            (false, 0) => count,
            (false, limit) => usize::try_from(limit).unwrap(),
        };
        let told = found.into_iter().take(limit);
        let kvs = told.map(|(key, (mod_revision, value))| KeyValue {
            key: key.clone(),
            mod_revision: *mod_revision,
            value: if self.keys_only {
                Bytes::new()
            } else {
                value.clone()
            },
        });
        Ok(RangeResponse {
            kvs: kvs.collect(),
            more: limit < count,
            count: i64::try_from(count).unwrap(),
        })
    }
}

impl Answered for DeleteRangeRequest {
    fn answer(self, state: &State) -> Result<DeleteRangeResponse, Status> {
        let mut rows = state.rows.lock();
        let before = rows.keys.len();
        let range = range(&self.key, &self.range_end);
        rows.keys
            .retain(|key, _| !std::ops::RangeBounds::contains(&range, key));
        let deleted = i64::try_from(before - rows.keys.len()).unwrap();
        Ok(DeleteRangeResponse { deleted })
    }
}

impl Answered for TxnRequest {
    fn answer(self, state: &State) -> Result<TxnResponse, Status> {
        let holds = self.compare.iter().all(|compare| {
            assert_eq!(compare.target, Compare::MOD);
            let rows = state.rows.lock();
            let found = rows
                .keys
                .get(&compare.key)
                .map_or(0, |(revision, _)| *revision);
            let given = compare.mod_revision.expect("it is told, a zero, too");
            match compare.result {
                Compare::EQUAL => found == given,
                Compare::GREATER => found > given,
                other => panic!("no relation {other}"),
            }
        });
        if holds {
            for put in self.success.into_iter().filter_map(|op| op.request_put) {
                put.answer(state)?;
            }
        }
        Ok(TxnResponse { succeeded: holds })
    }
}

impl Answered for LeaseGrantRequest {
    fn answer(self, state: &State) -> Result<LeaseGrantResponse, Status> {
        assert!(self.ttl > 0);
        let mut rows = state.rows.lock();
        rows.revision += 1;
        let id = 1_000 + rows.revision;
        rows.leases.insert(id);
        Ok(LeaseGrantResponse { id })
    }
}

impl Answered for LeaseRevokeRequest {
    fn answer(self, state: &State) -> Result<LeaseRevokeResponse, Status> {
        match state.rows.lock().leases.remove(&self.id) {
            true => Ok(LeaseRevokeResponse {}),
            false => Err(Status::not_found("etcdserver: requested lease not found")),
        }
    }
}

impl Answered for LockRequest {
    fn answer(self, state: &State) -> Result<LockResponse, Status> {
        let rows = state.rows.lock();
        if !rows.leases.contains(&self.lease) {
            return Err(Status::not_found("etcdserver: requested lease not found"));
        }
        drop(rows);
        let key = Bytes::from([&self.name[..], format!("/{:x}", self.lease).as_bytes()].concat());
        let put = PutRequest {
            key: key.clone(),
            value: Bytes::new(),
        };
        put.answer(state)?;
        Ok(LockResponse { key })
    }
}

impl Answered for UnlockRequest {
    fn answer(self, state: &State) -> Result<UnlockResponse, Status> {
        let removed = state.rows.lock().keys.remove(&self.key);
        assert!(removed.is_some(), "what is unlocked was locked");
        Ok(UnlockResponse {})
    }
}

impl Answered for MemberListRequest {
    fn answer(self, state: &State) -> Result<MemberListResponse, Status> {
        let (members, learners) = *state.members.lock();
        let listed = (0..members).map(|number| Member {
            is_learner: number < learners,
        });
        Ok(MemberListResponse {
            members: listed.collect(),
        })
    }
}
