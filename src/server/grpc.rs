//! gRPC: unary calls, the session stream, and who we are.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt, stream};
use http::HeaderMap;
use prost::Message;
use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::answers::Room;
use super::asking::Asking;
use super::describe::Describe;
use super::figures;
use super::http::{Messages, Standing, uncopied};
use super::port::{Caller, slowed};
use super::service::Service;
use super::session::Session;
use super::status::to_status;
use crate::base::{Error, Result};
use crate::proto::pieces::Large;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

/// Every gRPC service of the client port.
#[derive(Clone)]
pub(super) struct Grpc {
    asking: Asking,
    service: Service,
    describe: Describe,
    standing: Standing,
    stopping: watch::Receiver<bool>,
}

impl Grpc {
    pub(super) fn new(service: Service, describe: Describe, standing: Standing) -> Self {
        Self {
            asking: Asking::new(service.clone(), standing.stopping.clone()),
            service,
            describe,
            stopping: standing.stopping.clone(),
            standing,
        }
    }

    /// One request, one reply of the form `pick` takes, within its deadline.
    async fn unary<T: Message + Default>(
        &self,
        deadline: Duration,
        (asked, room): (Asked, Room),
        pick: fn(Reply) -> Option<T>,
    ) -> Result<Response<T>, Status> {
        room.answer(self.asking.ask(deadline, asked).await, pick)
    }

    fn deadline(&self, metadata: &MetadataMap) -> Duration {
        let asked = grpc_timeout(metadata.as_ref());
        asked.unwrap_or(self.service.request_timeout())
    }
}

/// The answer of a stream. Only where it is weighed on its way does anybody send what is not copied.
fn answered<T: Large + Send + 'static>(
    is_weighed: bool,
    replies: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> Response<Messages<T>> {
    match is_weighed {
        true => uncopied(replies),
        false => Response::new(Box::pin(replies)),
    }
}

/// How long a caller waits for its answer, if it says so.
pub(super) fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    parse_grpc_timeout(text)
}

/// `grpc-timeout` of the gRPC wire protocol: at most 8 digits and a unit.
fn parse_grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = (digits.len() <= 8).then(|| digits.parse().ok())??;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// A unary method in the form that `async_trait` gives its traits: the attribute does
/// not see through a macro.
macro_rules! unary {
    ($name:ident, $request:ident, $reply:ident, $variant:ident) => {
        fn $name<'a, 'b>(
            &'a self,
            request: Request<v1::$request>,
        ) -> BoxFuture<'b, Result<Response<v1::$reply>, Status>>
        where
            'a: 'b,
            Self: 'b,
        {
            let deadline = self.deadline(request.metadata());
            let (_, extensions, request) = request.into_parts();
            let asked = Asked::$variant(request);
            let room = Room::of(&extensions, &asked);
            Box::pin(self.unary(deadline, (asked, room), |reply| match reply {
                Reply::$variant(reply) => Some(reply),
                _ => None,
            }))
        }
    };
}

#[tonic::async_trait]
impl v1::kv_server::Kv for Grpc {
    unary!(set, SetRequest, SetReply, Set);
    unary!(get, GetRequest, GetReply, Get);
    unary!(has, HasRequest, HasReply, Has);
    unary!(delete, DeleteRequest, DeleteReply, Delete);
    unary!(expire, ExpireRequest, ExpireReply, Expire);
    unary!(touch, TouchRequest, TouchReply, Touch);
    unary!(persist, PersistRequest, PersistReply, Persist);

    unary!(incr, IncrRequest, IncrReply, Incr);
    unary!(get_many, GetManyRequest, GetManyReply, GetMany);
    unary!(history, HistoryRequest, HistoryReply, History);
    unary!(batch, BatchRequest, BatchReply, Batch);
    unary!(txn, TxnRequest, TxnReply, Txn);

    type WatchStream = Messages<v1::WatchReply>;

    async fn watch(
        &self,
        requests: Request<Streaming<v1::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (service, stopping) = (self.service.clone(), self.stopping.clone());
        let rate = Caller::rate_of(requests.extensions()).cloned();
        let inbound = requests.into_inner();
        let inbound = match rate {
            Some(rate) => slowed(inbound, rate).boxed(),
            None => inbound.boxed(),
        };
        let replies = super::watch::serve(service, stopping, inbound);
        Ok(Response::new(Box::pin(replies)))
    }

    type ScanStream = Messages<v1::ScanReply>;

    async fn scan(
        &self,
        request: Request<v1::ScanRequest>,
    ) -> Result<Response<Self::ScanStream>, Status> {
        let is_weighed = Caller::allowances_of(request.extensions()).is_some();
        let pages = Pages {
            grpc: self.clone(),
            next: Some(request.into_inner()),
        };
        let replies = stream::try_unfold(pages, |mut pages| async move {
            let page = pages.next().await.map_err(|error| to_status(&error))?;
            Ok(page.map(|page| (page, pages)))
        });
        Ok(answered(is_weighed, replies))
    }
}

/// A scan as the stream of its pages: the next one is read when there is room for it.
struct Pages {
    grpc: Grpc,
    next: Option<v1::ScanRequest>,
}

impl Pages {
    async fn next(&mut self) -> Result<Option<v1::ScanReply>> {
        let Some(mut request) = self.next.take() else {
            return Ok(None);
        };
        let asking = &self.grpc.asking;
        let within = self.grpc.service.request_timeout();
        let reply = match asking.ask(within, Asked::Scan(request.clone())).await? {
            Reply::Scan(reply) => reply,
            _ => return Err(Error::internal("a scan is answered with a page")),
        };
        let given = reply.count;
        let limited = request.limit > 0 && request.limit <= given;
        if !reply.cursor.is_empty() && !limited {
            request.limit = request.limit.saturating_sub(given);
            request.cursor = reply.cursor.clone();
            request.at = None;
            self.next = Some(request);
        }
        Ok(Some(reply))
    }
}

#[tonic::async_trait]
impl v1::lock_server::Lock for Grpc {
    unary!(renew, RenewRequest, RenewReply, Renew);
    unary!(release, ReleaseRequest, ReleaseReply, Release);
    unary!(info, InfoRequest, InfoReply, Info);
    unary!(list, ListRequest, ListReply, List);
    unary!(revoke, RevokeRequest, RevokeReply, Revoke);

    async fn acquire(
        &self,
        request: Request<v1::AcquireRequest>,
    ) -> Result<Response<v1::AcquireReply>, Status> {
        // The wait does not count against the deadline, unless the caller set one.
        let wait = Duration::from_millis(request.get_ref().wait_ms);
        let deadline = match request.metadata().get("grpc-timeout") {
            Some(_) => self.deadline(request.metadata()),
            None => self.service.request_timeout() + wait,
        };
        let (_, extensions, request) = request.into_parts();
        let asked = Asked::Acquire(request);
        let room = Room::of(&extensions, &asked);
        let reply = self.asking.ask_waiting(deadline, asked, wait).await;
        room.answer(reply, |reply| match reply {
            Reply::Acquire(reply) => Some(reply),
            _ => None,
        })
    }
}

#[tonic::async_trait]
impl v1::bucket_server::Bucket for Grpc {
    unary!(create, CreateBucketRequest, CreateBucketReply, CreateBucket);
    unary!(update, UpdateBucketRequest, UpdateBucketReply, UpdateBucket);
    unary!(drop, DropBucketRequest, DropBucketReply, DropBucket);
    unary!(list, ListBucketsRequest, ListBucketsReply, ListBuckets);
}

#[tonic::async_trait]
impl v1::session_server::Session for Grpc {
    type OpenStream = Messages<v1::Replies>;

    async fn open(
        &self,
        request: Request<Streaming<v1::Requests>>,
    ) -> Result<Response<Self::OpenStream>, Status> {
        let stopping = self.stopping.clone();
        let rate = Caller::rate_of(request.extensions()).cloned();
        let is_weighed = Caller::allowances_of(request.extensions()).is_some();
        let session = Session::new(self.service.clone(), request.into_inner(), rate, stopping);
        let replies = stream::unfold(session, |mut session| async move {
            session.next().await.map(|replies| (replies, session))
        });
        Ok(answered(is_weighed, replies))
    }

    async fn describe(
        &self,
        _request: Request<v1::DescribeRequest>,
    ) -> Result<Response<v1::DescribeReply>, Status> {
        Ok(Response::new(self.describe.now()))
    }

    async fn figures(
        &self,
        request: Request<v1::FiguresRequest>,
    ) -> Result<Response<v1::FiguresReply>, Status> {
        let since = request.into_inner().since;
        Ok(Response::new(figures::tell(&self.standing, since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_timeouts_are_read() {
        assert_eq!(parse_grpc_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_grpc_timeout("3S"), Some(Duration::from_secs(3)));
        for garbage in ["", "m", "1", "x1S", "123456789S", "1é"] {
            assert_eq!(parse_grpc_timeout(garbage), None, "{garbage}");
        }
    }
}
