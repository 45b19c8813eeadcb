//! The calls of other nodes: admitted or refused, and what they bring handed on.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

use super::callers::{Admitted, Callers};
use super::greeting::{self, Greeted, Stranger, shown};
use super::links::PeerLinks;
use super::road::Road;
use super::vouched::{self, vouched};
use super::{Enroll, Joining};
use crate::base::Error;
use crate::base::host::Clock;
use crate::base::types::NodeId;
use crate::proto::peer;
use crate::proto::peer::peer_server;
use crate::server::port::Caller;
use crate::server::status::to_status;
use crate::tls::Identity;

/// How long a caller may take to say who it is.
const GREETING_WITHIN: Duration = Duration::from_secs(5);

/// How long a node may wait for its place.
const JOIN_WITHIN: Duration = Duration::from_secs(30);

/// What the port must know of the cluster, and is told by others.
#[derive(Clone)]
pub(in crate::server) struct Duties {
    /// What this node says of itself, now.
    pub(in crate::server) hello: Arc<dyn Fn() -> peer::HelloReply + Send + Sync>,
    /// Whether a node is a member, learners included. Asked for every message: whoever
    /// is removed is not heard any more.
    pub(in crate::server) is_member: Arc<dyn Fn(NodeId) -> bool + Send + Sync>,
    /// What a member is called; nothing for who is none.
    pub(in crate::server) name_of: Arc<dyn Fn(NodeId) -> Option<String> + Send + Sync>,
    /// Gives nodes a place.
    pub(in crate::server) joining: Arc<dyn Joining>,
    /// Gives nodes their certificates.
    pub(in crate::server) enroll: Arc<Enroll>,
}

/// Answers on the peer port. What comes goes to whom `links` was told to receive with.
#[derive(Clone)]
pub(in crate::server) struct PeerService {
    links: PeerLinks,
    callers: Callers,
    duties: Duties,
    stopping: watch::Receiver<bool>,
    greeting_within: Duration,
}

/// A link that is admitted.
struct Incoming {
    service: PeerService,
    greeted: Greeted,
    admitted: Admitted,
    inbound: Streaming<peer::LinkMessage>,
}

impl PeerService {
    /// Links end once `stopping` holds true, or its sender is gone.
    pub(in crate::server) fn new(
        links: PeerLinks,
        clock: Arc<dyn Clock>,
        duties: Duties,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            links,
            callers: Callers::new(clock),
            duties,
            stopping,
            greeting_within: GREETING_WITHIN,
        }
    }

    /// With less patience for callers that do not say who they are.
    #[cfg(test)]
    pub(super) fn greeted_within(mut self, within: Duration) -> Self {
        self.greeting_within = within;
        self
    }

    async fn admit(
        self,
        here: String,
        identity: Option<Arc<Identity>>,
        mut inbound: Streaming<peer::LinkMessage>,
    ) -> Result<Incoming, Status> {
        self.check_node(identity.as_deref())?;
        let first = timeout(self.greeting_within, inbound.message()).await;
        let first = first.map_err(|_| {
            Status::deadline_exceeded(format!(
                "the first message of a link says who calls whom, and none came within {} ms",
                self.greeting_within.as_millis()
            ))
        })??;
        let first = first.ok_or_else(|| {
            Status::invalid_argument("the link ended before it said who calls whom")
        })?;
        let greeted = greeting::greet(self.links.myself(), &here, first.hello)?;
        self.check_vouched(identity.as_deref(), &greeted.caller)?;
        self.check_member(&greeted)?;
        let Greeted { caller, lane, .. } = &greeted;
        let admitted = self.callers.admit(caller.node, greeted.incarnation, *lane);
        let admitted = admitted.map_err(|clash| {
            if clash.is_news {
                tracing::warn!(
                    "two processes say they are {caller}: was its data directory copied? The \
                     first one stays"
                );
            }
            Status::failed_precondition(format!(
                "another process that says it is {caller} is linked to {}: was the data \
                 directory copied? This one is refused while the other lives",
                shown(self.links.myself())
            ))
        })?;
        let incoming = Incoming {
            service: self,
            greeted,
            admitted,
            inbound,
        };
        incoming.deliver(first.frames)?;
        Ok(incoming)
    }

    /// On an encrypted road nobody else than nodes is told anything, or heard.
    fn check_node(&self, identity: Option<&Identity>) -> Result<(), Status> {
        match self.links.myself().road() {
            Road::Plain => Ok(()),
            Road::Secured(_) => vouched::node(identity).map(drop),
        }
    }

    /// On an encrypted road a caller is who its certificate says.
    fn check_vouched(&self, identity: Option<&Identity>, caller: &Stranger) -> Result<(), Status> {
        match self.links.myself().road() {
            Road::Plain => Ok(()),
            Road::Secured(_) => {
                let known = (self.duties.name_of)(caller.node);
                vouched(identity, caller, known.as_deref())
            }
        }
    }

    fn check_member(&self, greeted: &Greeted) -> Result<(), Status> {
        if (self.duties.is_member)(greeted.caller.node) {
            return Ok(());
        }
        Err(Status::failed_precondition(format!(
            "{} is not a member of this cluster (any more)",
            greeted.caller
        )))
    }
}

impl Incoming {
    /// Hands on what comes, until the link ends; the reason, unless the caller ended it.
    async fn receive(mut self) -> Option<Status> {
        let mut stopping = self.service.stopping.clone();
        loop {
            let next = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => {
                    return Some(Status::unavailable("this node is stopping"));
                }
                () = self.admitted.over() => return Some(taken_over()),
                next = self.inbound.message() => next,
            };
            let delivered = match next {
                Ok(Some(message)) => self.deliver(message.frames),
                Ok(None) => return None,
                Err(status) => Err(status),
            };
            if let Err(status) = delivered {
                return Some(status);
            }
        }
    }

    fn deliver(&self, frames: Vec<bytes::Bytes>) -> Result<(), Status> {
        let Greeted { caller, lane, .. } = &self.greeted;
        self.service.check_member(&self.greeted)?;
        let links = &self.service.links;
        let is_mine = self.admitted.deliver(|| {
            // An empty message only says that the caller lives.
            if !frames.is_empty() {
                links.counters(caller.node).lane(*lane).received(&frames);
            }
            let Some(receiver) = links.receiver() else {
                return;
            };
            for frame in frames {
                receiver.receive(caller.node, *lane, frame);
            }
        });
        if is_mine { Ok(()) } else { Err(taken_over()) }
    }
}

fn taken_over() -> Status {
    Status::aborted("a newer link of the same node took over")
}

#[tonic::async_trait]
impl peer_server::Peer for PeerService {
    async fn hello(
        &self,
        request: Request<peer::HelloRequest>,
    ) -> Result<Response<peer::HelloReply>, Status> {
        let (here, identity) = (here(&request), identity(&request));
        self.check_node(identity.as_deref())?;
        let peer::HelloRequest { from, to } = request.into_inner();
        let caller = greeting::question(self.links.myself(), &here, from, &to)?;
        self.check_vouched(identity.as_deref(), &caller)?;
        Ok(Response::new((self.duties.hello)()))
    }

    type LinkStream = BoxStream<'static, Result<peer::LinkReply, Status>>;

    async fn link(
        &self,
        request: Request<Streaming<peer::LinkMessage>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        let (here, identity) = (here(&request), identity(&request));
        let admitting = self.clone().admit(here, identity, request.into_inner());
        let incoming = admitting.await?;
        let end = stream::once(incoming.receive());
        let replies = end.filter_map(|status| std::future::ready(status.map(Err)));
        Ok(Response::new(replies.boxed()))
    }

    async fn join(
        &self,
        request: Request<peer::JoinRequest>,
    ) -> Result<Response<peer::JoinReply>, Status> {
        let (here, identity) = (here(&request), identity(&request));
        self.check_node(identity.as_deref())?;
        let request = request.into_inner();
        let caller = greeting::question(self.links.myself(), &here, request.from.clone(), &[])?;
        self.check_vouched(identity.as_deref(), &caller)?;
        let names_the_caller = request
            .member
            .as_ref()
            .is_some_and(|member| member.node[..] == caller.node.0 && member.name == caller.name);
        if !names_the_caller {
            let message = "a node can only ask for a place of its own: `member` must be the caller";
            return Err(Status::invalid_argument(message));
        }
        let joined = timeout(JOIN_WITHIN, self.duties.joining.join(request)).await;
        let joined = joined.unwrap_or_else(|_| {
            Err(Error::timeout(format!(
                "the cluster gave no answer within {} s: ask again",
                JOIN_WITHIN.as_secs()
            )))
        });
        joined.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn enroll(
        &self,
        request: Request<peer::EnrollRequest>,
    ) -> Result<Response<peer::EnrollReply>, Status> {
        if matches!(self.links.myself().road(), Road::Plain) {
            let message = "this cluster does not speak TLS: a node joins without a certificate";
            return Err(Status::failed_precondition(message));
        }
        let enrolled = (self.duties.enroll)(request.into_inner()).await;
        enrolled
            .map(Response::new)
            .map_err(|error| to_status(&error))
    }
}

/// The address that was called, for people.
fn here<T>(request: &Request<T>) -> String {
    let caller = Caller::of(request.extensions());
    let local = caller.and_then(|caller| caller.local);
    local.map_or_else(|| "it called".to_owned(), |address| address.to_string())
}

/// Whose certificate the caller of `request` showed.
fn identity<T>(request: &Request<T>) -> Option<Arc<Identity>> {
    Caller::of(request.extensions())?.identity.clone()
}
