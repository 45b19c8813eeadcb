//! Asking for a place, and giving it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::Book;
use super::found::taken;
use super::moved::drop_old_hints;
use crate::base::types::NodeId;
use crate::base::{Error, ErrorKind, Result, mutant};
use crate::proto::peer;
use crate::raft::{Change, Group, Member};
use crate::server::peer::{Joining, join};

/// How long one request may take, and how long a node waits before it asks again.
const ASK_WITHIN: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// Sees to it that the members know this node, and where it is.
pub(in crate::server) struct Announcer {
    pub(in crate::server) book: Book,
    pub(in crate::server) first: Group,
    /// A member of the cluster that this node joins.
    pub(in crate::server) contact: Option<String>,
    pub(in crate::server) stopping: watch::Receiver<bool>,
}

impl Announcer {
    /// Asks until this node is a member, with the addresses it has now. A node that was
    /// removed is not brought back by that: only one that was told to join asks for a
    /// place it does not have.
    pub(in crate::server) async fn run(mut self) {
        let mut contact = self.contact.clone();
        let mut was_member = false;
        let mut said = String::new();
        loop {
            let known = self.first.members().all.get(&self.first.node()).cloned();
            was_member |= known.is_some();
            let may_ask = known.is_some() || (self.contact.is_some() && !was_member);
            let is_right = known.as_ref().is_some_and(|known| self.is_right(known));
            if may_ask && !is_right {
                contact = self.ask(contact, known, &mut said).await;
            }
            drop_old_hints(&self.book).await;
            let stopped = self.stopping.wait_for(|stopping| *stopping);
            if tokio::time::timeout(ASK_AGAIN, stopped).await.is_ok() {
                return;
            }
        }
    }

    fn is_right(&self, known: &Member) -> bool {
        let me = self.book.me();
        known.peer_address == me.peer_address && known.client_address == me.client_address
    }

    /// Asks once. Where to ask next.
    async fn ask(
        &self,
        contact: Option<String>,
        known: Option<Member>,
        said: &mut String,
    ) -> Option<String> {
        let myself = self.book.myself();
        // What is recorded of this node is what is wrong, so that it asks itself here.
        let leader = self
            .first
            .leader()
            .map(|(node, member)| match node == self.first.node() {
                true => self.book.me().peer_address.clone(),
                false => self.book.address_of(&member),
            });
        let address = contact
            .or(leader)
            .or_else(|| self.book.hints().into_iter().next())?;
        let wanted = Member {
            wants_vote: known.as_ref().is_none_or(|known| known.wants_vote),
            leaving: known.is_some_and(|known| known.leaving),
            ..self.book.me().clone()
        };
        let request = peer::JoinRequest {
            from: Some(myself.identity()),
            member: Some(wanted.store(myself.node())),
        };
        match join(myself, &address, request, ASK_WITHIN).await {
            Ok(reply) if reply.joined => None,
            Ok(reply) if !reply.leader.is_empty() => Some(reply.leader),
            Ok(_) => None,
            Err(error) => {
                let error = error.to_string();
                if *said != error {
                    tracing::warn!("cannot tell the cluster where this node is: {error}");
                    *said = error;
                }
                None
            }
        }
        .or_else(|| self.contact.clone())
    }
}

/// Gives places, at the leader of the first group.
pub(in crate::server) struct Places {
    first: Group,
}

impl Places {
    pub(in crate::server) fn new(first: Group) -> Self {
        Self { first }
    }

    async fn give(&self, node: NodeId, member: Member) -> Result<peer::JoinReply> {
        if self.first.leads().is_none() {
            let leader = self.first.leader();
            let leader = leader.filter(|(leader, _)| *leader != self.first.node());
            return Ok(peer::JoinReply {
                joined: false,
                leader: leader.map_or_else(String::new, |(_, member)| member.peer_address),
            });
        }
        let members = self.first.members();
        check_name(&members.all, node, &member.name)?;
        let change = match members.all.get(&node) {
            Some(known) if *known == member => None,
            Some(known) => Some(Change::Set(
                node,
                Member {
                    wants_vote: known.wants_vote,
                    leaving: known.leaving,
                    ..member
                },
            )),
            None => Some(Change::Add(node, member)),
        };
        match change {
            None => {}
            Some(change) => match self.first.change(change).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotLeader => {
                    return Ok(peer::JoinReply::default());
                }
                Err(error) => return Err(error),
            },
        }
        Ok(peer::JoinReply {
            joined: true,
            leader: String::new(),
        })
    }
}

fn check_name(
    members: &std::collections::BTreeMap<NodeId, Member>,
    node: NodeId,
    name: &str,
) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid(
            "a member needs a name: start it with --node-id",
        ));
    }
    match members
        .iter()
        .find(|(other, it)| it.name == name && **other != node)
    {
        Some((other, _)) if !mutant::is_on("names-taken-twice") => Err(taken(name, *other)),
        _ => Ok(()),
    }
}

impl Joining for Places {
    fn join(&self, request: peer::JoinRequest) -> BoxFuture<'_, Result<peer::JoinReply>> {
        Box::pin(async move {
            let from = request.from.unwrap_or_default();
            let member = request
                .member
                .ok_or_else(|| Error::invalid("the request names no member"))?;
            let (node, member) = Member::read(member)?;
            if from.node[..] != node.0 {
                return Err(Error::invalid("a node can only ask for a place of its own"));
            }
            self.give(node, member).await
        })
    }
}

/// The names of members, for messages.
pub(super) fn names<'a>(members: impl Iterator<Item = &'a Member>) -> String {
    let names: BTreeSet<&str> = members.map(|member| member.name.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Whoever comes asks before, too; between that and this another may have come.
    #[test]
    fn the_leader_gives_a_name_to_one_node() {
        let [one, other] = [1, 2].map(|number| NodeId([number; 16]));
        let member = Member {
            name: "node-1".to_owned(),
            peer_address: "alice:1".to_owned(),
            client_address: "alice:2".to_owned(),
            wants_vote: false,
            leaving: false,
        };
        let members = BTreeMap::from([(one, member)]);
        let refused = check_name(&members, other, "node-1").unwrap_err();
        assert!(refused.message().contains("node-1"), "{refused}");
        assert!(check_name(&members, one, "node-1").is_ok());
        assert!(check_name(&members, other, "node-2").is_ok());
        assert!(check_name(&members, other, "").is_err());
    }
}
