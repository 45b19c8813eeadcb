//! Changes of the members and of who leads: made at the leader, wherever that is.

use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::Cluster;
use crate::base::types::ShardId;
use crate::base::{Error, ErrorKind, Result};
use crate::client::endpoint::Endpoint;
use crate::proto::v1;
use crate::proto::v1::cluster_client::ClusterClient;

/// Between two tries while nobody leads.
const PAUSE_MS: u64 = 100;

/// What one node may take to be connected: there are others.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Redirections in a row without a pause: leaders that name each other are none.
const HOPS_MAX: usize = 4;

type Answer = Result<Response<v1::ChangeReply>, Status>;

impl Cluster {
    /// Adds the node whose peer address is `address`, running with `--join`, as a learner.
    ///
    /// # Errors
    /// As the server says; `Unavailable` if there was no leader in time, `Timeout` if a
    /// try is in doubt. Asking again is safe.
    pub async fn add_learner(&self, address: &str) -> Result<String> {
        let message = v1::AddLearnerRequest {
            address: address.to_owned(),
        };
        self.change(async |node: &mut ClusterClient<Channel>, left| {
            node.add_learner(within(message.clone(), left)).await
        })
        .await
    }

    /// Makes a learner a voter.
    ///
    /// # Errors
    /// As [`Cluster::add_learner`].
    pub async fn promote(&self, name: &str) -> Result<String> {
        self.change(async |node: &mut ClusterClient<Channel>, left| {
            node.promote(within(member(name, left), left)).await
        })
        .await
    }

    /// Takes a member out, running or not.
    ///
    /// # Errors
    /// As [`Cluster::add_learner`].
    pub async fn remove(&self, name: &str) -> Result<String> {
        self.change(async |node: &mut ClusterClient<Channel>, left| {
            node.remove(within(member(name, left), left)).await
        })
        .await
    }

    /// Takes the node out that the one endpoint leads to.
    ///
    /// # Errors
    /// As [`Cluster::add_learner`]; `Invalid` for several endpoints, and for a node that is
    /// in no cluster.
    pub async fn leave(&self) -> Result<String> {
        if self.endpoints().len() != 1 {
            return Err(Error::invalid(
                "several endpoints are given: give the one of the node that is to leave",
            ));
        }
        let status = self.status().await?;
        if status.cluster.is_none() {
            return Err(Error::invalid(format!(
                "the node at {} is in no cluster",
                status.endpoint
            )));
        }
        self.remove(&status.name).await
    }

    /// Hands the leadership of a shard, or of all, to a member.
    ///
    /// # Errors
    /// As [`Cluster::add_learner`].
    pub async fn transfer_leader(&self, name: &str, shard: Option<ShardId>) -> Result<String> {
        self.change(async |node: &mut ClusterClient<Channel>, left| {
            let message = v1::TransferLeaderRequest {
                name: name.to_owned(),
                shard: shard.map_or(0, |shard| shard.0),
                wait_ms: wait_ms(left),
            };
            node.transfer_leader(within(message, left)).await
        })
        .await
    }

    /// Asks until a leader has answered or the client's time is over.
    async fn change(
        &self,
        ask: impl AsyncFn(&mut ClusterClient<Channel>, Duration) -> Answer,
    ) -> Result<String> {
        let until_ms = self
            .client
            .now_ms()
            .saturating_add(crate::client::call::ms(self.client.timeout));
        let mut search = Search::new(self.endpoints());
        loop {
            let left_ms = until_ms.saturating_sub(self.client.now_ms());
            // One more try that its deadline cuts off would put in doubt what is known.
            let least_ms = search.last.as_ref().map_or(0, |_| PAUSE_MS);
            if left_ms <= least_ms {
                return Err(search.in_time());
            }
            let left = Duration::from_millis(left_ms);
            let node = search.target();
            let tried = async {
                let mut asked = self.connected(&node, CONNECT_WITHIN.min(left)).await?;
                search.is_in_doubt = true;
                let reply = ask(&mut asked.node, left).await;
                reply.map_err(|status| asked.refusal(&status, &node))
            };
            let tried = tokio::time::timeout(left, tried).await;
            let error = match tried {
                Ok(Ok(reply)) => return Ok(reply.into_inner().done),
                Ok(Err(error)) => error,
                Err(_) => Error::timeout(format!("dkv at {node} did not answer in time")),
            };
            if let Some(error) = search.after(error) {
                return Err(error);
            }
            if search.pauses {
                let jitter_ms = self.client.shared.host.rng.below(PAUSE_MS / 2);
                tokio::time::sleep(Duration::from_millis(PAUSE_MS - jitter_ms)).await;
            }
        }
    }
}

/// Where the leader is looked for, and what is known of the tries.
struct Search {
    endpoints: Vec<Endpoint>,
    turn: usize,
    leader: Option<Endpoint>,
    hops: usize,
    /// Everybody was asked in vain, or sent to somebody who is gone.
    pauses: bool,
    /// The last try may have changed something.
    is_in_doubt: bool,
    was_in_doubt: bool,
    last: Option<Error>,
    /// `last` is what a node answered.
    is_refused: bool,
    /// Why the leader that a node named could not be asked.
    lost_leader: Option<String>,
}

impl Search {
    fn new(endpoints: Vec<Endpoint>) -> Self {
        Self {
            endpoints,
            turn: 0,
            leader: None,
            hops: 0,
            pauses: false,
            is_in_doubt: false,
            was_in_doubt: false,
            last: None,
            is_refused: false,
            lost_leader: None,
        }
    }

    /// The node to ask next.
    fn target(&mut self) -> Endpoint {
        self.is_in_doubt = false;
        self.leader
            .clone()
            .unwrap_or_else(|| self.endpoints[self.turn % self.endpoints.len()].clone())
    }

    /// Takes note of a failed try; gives the error back if another would end the same way.
    fn after(&mut self, error: Error) -> Option<Error> {
        let was_hint = self.leader.take().is_some();
        match error.kind() {
            ErrorKind::NotLeader => {
                let named = error.leader().and_then(|it| Endpoint::parse(it).ok());
                if self.hops < HOPS_MAX {
                    self.leader = named;
                }
            }
            ErrorKind::Unavailable if was_hint => {
                self.lost_leader = Some(error.message().to_owned());
            }
            ErrorKind::Unavailable => {}
            ErrorKind::Timeout => self.was_in_doubt |= self.is_in_doubt,
            _ => return Some(error),
        }
        match self.leader {
            Some(_) => self.hops += 1,
            None => {
                self.hops = 0;
                // A leader that is gone says nothing against the endpoint that named it.
                self.turn += usize::from(!was_hint);
            }
        }
        let wraps = self.turn.is_multiple_of(self.endpoints.len());
        self.pauses = self.leader.is_none() && (was_hint || wraps);
        self.remember(error);
        None
    }

    /// Keeps what says most: a node that cannot be reached, or sends on to another, says less
    /// than a leader that refuses.
    fn remember(&mut self, error: Error) {
        let says_little = !self.is_in_doubt || error.kind() == ErrorKind::NotLeader;
        if !says_little || !self.is_refused {
            self.is_refused = !says_little;
            self.last = Some(error);
        }
    }

    /// The error of a change that nobody confirmed in time.
    fn in_time(self) -> Error {
        let what = match &self.last {
            Some(error) => error.message(),
            None => "there was no time to ask",
        };
        if self.was_in_doubt {
            return Error::timeout(format!(
                "{what}; the change may be under way: see `dkv cluster members`, asking again is \
                 safe"
            ));
        }
        let kind = match self.last.as_ref().map(Error::kind) {
            Some(ErrorKind::NotLeader) => ErrorKind::NotLeader,
            _ => ErrorKind::Unavailable,
        };
        // Whom the others still name is not the one to ask.
        if let Some(lost) = self.lost_leader.filter(|_| kind == ErrorKind::NotLeader) {
            return Error::unavailable(format!(
                "{lost}; it led, and no other member leads yet: nothing was changed; is a majority \
                 of the members running? (dkv cluster health)"
            ));
        }
        Error::new(kind, format!("{what}; nothing was changed"))
    }
}

fn member(name: &str, left: Duration) -> v1::MemberRequest {
    v1::MemberRequest {
        name: name.to_owned(),
        wait_ms: wait_ms(left),
    }
}

/// The answer that a change goes on must come in time, too.
fn wait_ms(left: Duration) -> u64 {
    crate::client::call::ms(left * 4 / 5).max(1)
}

/// The server is told when nobody waits any more.
fn within<T>(message: T, left: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(left);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a minority the error said to ask the leader that was dead.
    #[test]
    fn a_leader_that_is_gone_is_not_named_as_the_one_to_ask() {
        let mut search = Search::new(vec![Endpoint::parse("127.0.0.1:7").unwrap()]);
        let sent_on =
            || Error::new(ErrorKind::NotLeader, "ask node-1").with_leader("127.0.0.1:8".to_owned());
        assert!(search.after(sent_on()).is_none());
        let gone = Error::unavailable("cannot reach dkv at 127.0.0.1:8");
        assert!(search.after(gone).is_none());
        assert!(search.after(sent_on()).is_none());
        let error = search.in_time();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().starts_with("cannot reach"), "{error}");
        assert!(error.message().contains("is a majority"), "{error}");
    }
}
