//! Members of a cluster that write down what they are asked, and answer as they are told.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request as Call, Response, Status};

use crate::proto::v1;
use crate::proto::v1::cluster_server::{Cluster, ClusterServer};

/// What one member says and has heard.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) status: v1::ClusterStatusReply,
    /// Changes are refused with these, one each; then they are done.
    pub(crate) refusals: VecDeque<Status>,
    /// The changes asked for.
    pub(crate) asked: Vec<String>,
}

/// A running member.
pub(crate) struct FakeMember {
    pub(crate) endpoint: String,
    pub(crate) state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

struct Service(Arc<Mutex<State>>);

/// The id of the member number `place`, from 1.
pub(crate) fn id(place: u8) -> Bytes {
    Bytes::copy_from_slice(&[place; 16])
}

/// A healthy cluster of `node-1`, `node-2` ..., led by the first, with shard 100.
pub(crate) async fn cluster(members: u8) -> Vec<FakeMember> {
    let mut fakes = Vec::new();
    for _ in 0..members {
        fakes.push(FakeMember::start().await);
    }
    let known: Vec<v1::ClusterMember> = (1..=members)
        .zip(&fakes)
        .map(|(place, fake)| v1::ClusterMember {
            node: id(place),
            name: format!("node-{place}"),
            peer_address: format!("127.0.0.1:{}", 63_000 + u16::from(place)),
            client_address: fake.endpoint.clone(),
            voter: true,
            wants_vote: false,
            leaving: false,
        })
        .collect();
    for (place, fake) in (1..=members).zip(&fakes) {
        let role = match place {
            1 => v1::Role::Leader,
            _ => v1::Role::Follower,
        };
        fake.state.lock().status = v1::ClusterStatusReply {
            cluster: Bytes::from_static(&[9; 16]),
            node: id(place),
            name: format!("node-{place}"),
            version: "0.1.0".to_owned(),
            uptime_ms: 1_000,
            members: known.clone(),
            groups: vec![v1::GroupStatus {
                shard: 100,
                r#type: "dstore".to_owned(),
                role: role as i32,
                term: 3,
                leader: id(1),
                last_index: 7,
                committed_index: 7,
                applied_index: 7,
                revision: 5,
                state_hash: 77,
                voters: (1..=members).map(id).collect(),
                ..v1::GroupStatus::default()
            }],
            read_only_because: String::new(),
        };
    }
    fakes
}

impl FakeMember {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let state: Arc<Mutex<State>> = Arc::default();
        let service = ClusterServer::new(Service(Arc::clone(&state)));
        let serving = tokio::spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self {
            endpoint,
            state,
            serving,
        }
    }

    /// Listens no more.
    pub(crate) async fn stop(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    /// Refuses the next change with an error of our own.
    pub(crate) fn refuse(&self, kind: v1::ErrorKind, leader: &str) {
        let error = v1::Error {
            kind: kind as i32,
            message: format!("told to say {}", kind.as_str_name()),
            compacted_floor: 0,
            leader: leader.to_owned(),
            ..v1::Error::default()
        };
        let details = error.encode_to_vec().into();
        let status = Status::with_details(Code::Unavailable, error.message, details);
        self.state.lock().refusals.push_back(status);
    }

    /// Refuses the next change as wrong.
    pub(crate) fn refuse_as_invalid(&self) {
        self.refuse(v1::ErrorKind::Invalid, "");
    }

    /// Has shard 100 led by the member number `leader` in `term`.
    pub(crate) fn led_by(&self, leader: u8, term: u64) {
        let mut state = self.state.lock();
        let leads = state.status.node == id(leader);
        let shard = &mut state.status.groups[0];
        let role = match leads {
            true => v1::Role::Leader,
            false => v1::Role::Follower,
        };
        (shard.role, shard.term, shard.leader) = (role as i32, term, id(leader));
    }

    /// The changes it was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().asked.clone()
    }

    /// Changes what it says of shard 100.
    pub(crate) fn shard(&self, change: impl FnOnce(&mut v1::GroupStatus)) {
        change(&mut self.state.lock().status.groups[0]);
    }
}

impl Service {
    fn change(&self, what: &str) -> Result<Response<v1::ChangeReply>, Status> {
        let mut state = self.0.lock();
        state.asked.push(what.to_owned());
        match state.refusals.pop_front() {
            Some(refusal) => Err(refusal),
            None => Ok(Response::new(v1::ChangeReply {
                done: format!("did {what}"),
            })),
        }
    }
}

type Changed = Result<Response<v1::ChangeReply>, Status>;

#[tonic::async_trait]
impl Cluster for Service {
    async fn status(
        &self,
        _: Call<v1::ClusterStatusRequest>,
    ) -> Result<Response<v1::ClusterStatusReply>, Status> {
        Ok(Response::new(self.0.lock().status.clone()))
    }

    async fn add_learner(&self, call: Call<v1::AddLearnerRequest>) -> Changed {
        self.change(&format!("add {}", call.into_inner().address))
    }

    async fn promote(&self, call: Call<v1::MemberRequest>) -> Changed {
        self.change(&format!("promote {}", call.into_inner().name))
    }

    async fn remove(&self, call: Call<v1::MemberRequest>) -> Changed {
        self.change(&format!("remove {}", call.into_inner().name))
    }

    async fn transfer_leader(&self, call: Call<v1::TransferLeaderRequest>) -> Changed {
        let request = call.into_inner();
        self.change(&format!("transfer {} {}", request.shard, request.name))
    }

    async fn create_token(
        &self,
        call: Call<v1::CreateTokenRequest>,
    ) -> Result<Response<v1::CreateTokenReply>, Status> {
        let request = call.into_inner();
        self.change(&format!("token {} {}", request.name, request.ttl_ms))?;
        Ok(Response::new(v1::CreateTokenReply::default()))
    }

    async fn snapshot(
        &self,
        call: Call<v1::SnapshotRequest>,
    ) -> Result<Response<v1::SnapshotReply>, Status> {
        let shard = call.into_inner().shard;
        self.change(&format!("snapshot {shard}"))?;
        Ok(Response::new(v1::SnapshotReply {
            shards: vec![v1::ShardSnapshot {
                shard: 100,
                index: 7,
            }],
        }))
    }
}
