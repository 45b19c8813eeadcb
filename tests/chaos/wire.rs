//! A client that speaks gRPC itself: bound to one node, one try for each call, and it sees the
//! revision of every reply. What the library hides shows here.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use dkv::proto::v1;
use dkv::proto::v1::cluster_client::ClusterClient;
use dkv::proto::v1::kv_client::KvClient;
use dkv::proto::v1::lock_client::LockClient;
use dkv::proto::v1::session_client::SessionClient;
use prost::Message;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::PATIENCE;
use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Consistency, Fence, Found, Outcome};
use crate::cluster::SHARD;

/// How long one call may take.
const CALL: Duration = Duration::from_millis(1_500);

/// See the module.
#[derive(Debug)]
pub(crate) struct WireClient {
    channel: Channel,
    id: Bytes,
    sequence: u64,
}

fn endpoint(address: &str) -> Endpoint {
    patient_endpoint(address)
        .connect_timeout(CALL)
        .timeout(CALL)
}

fn patient_endpoint(address: &str) -> Endpoint {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    endpoint
        .expect("the address of a node is one")
        .tcp_nodelay(true)
}

/// How a node sees its cluster.
pub(crate) async fn status(address: &str) -> Result<v1::ClusterStatusReply, Status> {
    let mut client = ClusterClient::new(endpoint(address).connect_lazy());
    let reply = client.status(v1::ClusterStatusRequest {}).await?;
    Ok(reply.into_inner())
}

/// What a node says of itself.
pub(crate) async fn describe(address: &str) -> Result<v1::DescribeReply, Status> {
    let mut client = SessionClient::new(endpoint(address).connect_lazy());
    let reply = client.describe(v1::DescribeRequest {}).await?;
    Ok(reply.into_inner())
}

impl WireClient {
    pub(crate) fn new(address: &str, dice: &mut Dice) -> Self {
        let id: Vec<u8> = (0..16).map(|_| dice.below(256) as u8).collect();
        Self {
            channel: endpoint(address).connect_lazy(),
            id: id.into(),
            sequence: 0,
        }
    }

    /// One whose reads wait for a node that is held.
    pub(crate) fn patient(address: &str, dice: &mut Dice) -> Self {
        let channel = patient_endpoint(address).timeout(PATIENCE).connect_lazy();
        Self {
            channel,
            ..Self::new(address, dice)
        }
    }

    /// Asks, once.
    pub(crate) async fn call(&mut self, action: &Action) -> Outcome {
        let is_write = !matches!(action, Action::Get { .. });
        let answered = match action {
            Action::Get { key, consistency } => self.get(key, *consistency).await,
            Action::Set {
                key,
                value,
                condition,
                fence,
            } => {
                self.set(key, value, condition.as_ref(), fence.as_ref())
                    .await
            }
            Action::Delete { key, fence } => self.delete(key, fence.as_ref()).await,
            Action::Acquire {
                lock,
                owner,
                ttl_ms,
                ..
            } => self.acquire(lock, owner, *ttl_ms).await,
            Action::Renew {
                lock,
                owner,
                ttl_ms,
            } => self.renew(lock, owner, *ttl_ms).await,
            Action::Release { lock, owner } => self.release(lock, owner).await,
            Action::Other { what } => unreachable!("nobody asks for {what} here"),
        };
        answered.unwrap_or_else(|status| failure(&status, is_write))
    }

    fn request_id(&mut self) -> Option<v1::RequestId> {
        self.sequence += 1;
        Some(v1::RequestId {
            client: self.id.clone(),
            sequence: self.sequence,
            // Nothing is ever repeated.
            acked_below: self.sequence,
            attempt: 0,
        })
    }

    async fn get(&self, key: &str, consistency: Consistency) -> Result<Outcome, Status> {
        let request = v1::GetRequest {
            target: target().map(|target| v1::Target {
                stale: consistency == Consistency::Stale,
                ..target
            }),
            key: bytes(key),
            at: None,
        };
        let reply = KvClient::new(self.channel.clone()).get(request).await?;
        let reply = reply.into_inner();
        let found = reply.record.map(|record| Found {
            value: text(&record.value),
            revision: record.revision,
        });
        let revision = revision(reply.header);
        Ok(Outcome::Read { found, revision })
    }

    async fn set(
        &mut self,
        key: &str,
        value: &str,
        condition: Option<&Condition>,
        fence: Option<&Fence>,
    ) -> Result<Outcome, Status> {
        let request = v1::SetRequest {
            target: target(),
            request_id: self.request_id(),
            fence: fence.map(wire_fence),
            key: bytes(key),
            value: bytes(value),
            condition: condition.map(wire_condition),
            ..Default::default()
        };
        let reply = KvClient::new(self.channel.clone())
            .set(timed(request))
            .await?;
        let reply = reply.into_inner();
        let revision = revision(reply.header);
        Ok(if reply.written {
            let revision = revision.unwrap_or_default();
            Outcome::Written { revision }
        } else {
            Outcome::NotWritten { revision }
        })
    }

    async fn delete(&mut self, key: &str, fence: Option<&Fence>) -> Result<Outcome, Status> {
        let request = v1::DeleteRequest {
            target: target(),
            request_id: self.request_id(),
            fence: fence.map(wire_fence),
            what: Some(v1::delete_request::What::Key(bytes(key))),
        };
        let mut client = KvClient::new(self.channel.clone());
        let reply = client.delete(timed(request)).await?.into_inner();
        let revision = revision(reply.header);
        Ok(if reply.deleted > 0 {
            let revision = revision.unwrap_or_default();
            Outcome::Deleted { revision }
        } else {
            Outcome::NotDeleted { revision }
        })
    }

    async fn acquire(&mut self, lock: &str, owner: &str, ttl_ms: u64) -> Result<Outcome, Status> {
        let request = v1::AcquireRequest {
            target: target(),
            request_id: self.request_id(),
            name: bytes(lock),
            owner: owner_bytes(owner),
            ttl_ms,
            wait_ms: 0,
        };
        let mut client = LockClient::new(self.channel.clone());
        let reply = client.acquire(timed(request)).await?.into_inner();
        let revision = revision(reply.header);
        let fence = reply.fence;
        Ok(if reply.acquired {
            Outcome::Acquired { fence }
        } else {
            Outcome::NotAcquired { revision }
        })
    }

    async fn renew(&mut self, lock: &str, owner: &str, ttl_ms: u64) -> Result<Outcome, Status> {
        let request = v1::RenewRequest {
            target: target(),
            request_id: self.request_id(),
            name: bytes(lock),
            owner: owner_bytes(owner),
            ttl_ms,
        };
        let mut client = LockClient::new(self.channel.clone());
        let reply = client.renew(timed(request)).await?.into_inner();
        let revision = revision(reply.header);
        let fence = reply.fence;
        Ok(if reply.renewed {
            Outcome::Renewed { fence, revision }
        } else {
            Outcome::NotRenewed { revision }
        })
    }

    async fn release(&mut self, lock: &str, owner: &str) -> Result<Outcome, Status> {
        let request = v1::ReleaseRequest {
            target: target(),
            request_id: self.request_id(),
            name: bytes(lock),
            owner: owner_bytes(owner),
        };
        let mut client = LockClient::new(self.channel.clone());
        let reply = client.release(timed(request)).await?.into_inner();
        let revision = revision(reply.header);
        Ok(if reply.released {
            Outcome::Released { revision }
        } else {
            Outcome::NotReleased { revision }
        })
    }
}

/// What is known after an error. Only dkv's own words say that nothing was applied; whatever the
/// network says leaves a write in doubt.
fn failure(status: &Status, is_write: bool) -> Outcome {
    let why = format!("{:?}: {}", status.code(), status.message());
    let said = v1::Error::decode(status.details()).ok();
    let kind = said.map_or(v1::ErrorKind::Unspecified, |error| error.kind());
    match kind {
        v1::ErrorKind::FenceStale => Outcome::FenceStale,
        _ if !is_write => Outcome::Failed { why },
        v1::ErrorKind::Unspecified if was_refused(status) => Outcome::Failed { why },
        v1::ErrorKind::Unspecified
        | v1::ErrorKind::Timeout
        | v1::ErrorKind::Internal
        | v1::ErrorKind::Corrupt => Outcome::Unknown { why },
        _ => Outcome::Failed { why },
    }
}

/// True if no connection came about: nothing was sent.
fn was_refused(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::ConnectionRefused;
        }
        source = error.source();
    }
    false
}

/// A request that tells the server, too, how long it may take.
fn timed<T>(request: T) -> Request<T> {
    let mut request = Request::new(request);
    request.set_timeout(CALL);
    request
}

fn target() -> Option<v1::Target> {
    let bucket = String::new();
    Some(v1::Target {
        shard: SHARD,
        bucket,
        stale: false,
    })
}

fn revision(header: Option<v1::Header>) -> Option<u64> {
    header.map(|header| header.revision)
}

fn wire_fence(fence: &Fence) -> v1::Fence {
    v1::Fence {
        name: bytes(&fence.lock),
        token: fence.token,
    }
}

fn wire_condition(condition: &Condition) -> v1::Condition {
    use v1::condition::Kind;
    let kind = match condition {
        Condition::Absent => Kind::Absent(true),
        Condition::Present => Kind::Present(true),
        Condition::Value(value) => Kind::Value(bytes(value)),
        Condition::Unchanged { revision, .. } => Kind::Revision(*revision),
    };
    v1::Condition { kind: Some(kind) }
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The 16 bytes of an owner written in hexadecimal.
fn owner_bytes(owner: &str) -> Bytes {
    owner_of(owner).to_vec().into()
}

pub(crate) fn owner_of(owner: &str) -> [u8; 16] {
    let number = u128::from_str_radix(owner, 16).expect("owners are written in hexadecimal");
    number.to_be_bytes()
}
