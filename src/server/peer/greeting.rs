//! Who calls whom: read from the wire and checked, before anything else is taken from a
//! caller.

use std::fmt;

use tonic::Status;

use super::lane;
use super::myself::Myself;
use crate::base::types::{ClusterId, NodeId};
use crate::proto::peer;
use crate::raft::Lane;

/// What of a stranger's name is repeated, characters.
const NAME_CHARS_MAX: usize = 64;

/// A node that calls, as it says.
#[derive(Debug)]
pub(super) struct Stranger {
    pub(super) node: NodeId,
    pub(super) name: String,
    cluster: Option<ClusterId>,
}

/// A caller that has shown that it means this node and its cluster.
#[derive(Debug)]
pub(super) struct Greeted {
    pub(super) caller: Stranger,
    pub(super) lane: Lane,
    pub(super) incarnation: u64,
}

impl Stranger {
    /// Reads an identity.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if an id has not 16 bytes.
    pub(super) fn read(identity: Option<peer::Identity>) -> Result<Self, Status> {
        let identity =
            identity.ok_or_else(|| Status::invalid_argument("a caller must say who it is"))?;
        Ok(Self {
            node: NodeId(id("the id of the caller", &identity.node)?),
            cluster: match identity.cluster.is_empty() {
                true => None,
                false => Some(ClusterId(id("the id of its cluster", &identity.cluster)?)),
            },
            name: identity.name,
        })
    }
}

impl fmt::Display for Stranger {
    /// Its name is a stranger's word: it is cut, and cannot break a line of the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: String = self.name.chars().take(NAME_CHARS_MAX).collect();
        write!(f, "{} ({})", name.escape_debug(), self.node)
    }
}

/// Reads the first message of a link, and checks all that needs no table of members.
/// `here` is the address that was called, if it is known.
///
/// # Errors
/// `INVALID_ARGUMENT` for what is no greeting, `FAILED_PRECONDITION` for one that is meant
/// for another node, or comes from another cluster.
pub(super) fn greet(
    myself: &Myself,
    here: &str,
    hello: Option<peer::LinkHello>,
) -> Result<Greeted, Status> {
    let Some(hello) = hello else {
        let message = "the first message of a link must say who calls whom";
        return Err(Status::invalid_argument(message));
    };
    let caller = Stranger::read(hello.from)?;
    let to = NodeId(id("the id of the node that is called", &hello.to)?);
    let Some(lane) = lane::of_number(hello.lane) else {
        return Err(Status::invalid_argument(format!(
            "there is no lane {}: 0 is data, 1 heartbeat, 2 snapshot",
            hello.lane
        )));
    };
    same_cluster(myself, &caller)?;
    is_meant(myself, here, to)?;
    if caller.node == myself.node() {
        return Err(Status::failed_precondition(format!(
            "{} calls itself: another member has its peer address",
            shown(myself)
        )));
    }
    if myself.cluster().is_none() {
        return Err(Status::failed_precondition(format!(
            "{} belongs to no cluster yet",
            shown(myself)
        )));
    }
    if caller.cluster.is_none() {
        return Err(Status::failed_precondition(format!(
            "{caller} belongs to no cluster yet: it must join first"
        )));
    }
    Ok(Greeted {
        caller,
        lane,
        incarnation: hello.incarnation,
    })
}

/// Checks a question, whose caller may know neither this node nor its own cluster.
///
/// # Errors
/// As [`greet`].
pub(super) fn question(
    myself: &Myself,
    here: &str,
    from: Option<peer::Identity>,
    to: &[u8],
) -> Result<Stranger, Status> {
    let caller = Stranger::read(from)?;
    same_cluster(myself, &caller)?;
    if !to.is_empty() {
        is_meant(
            myself,
            here,
            NodeId(id("the id of the node that is called", to)?),
        )?;
    }
    Ok(caller)
}

fn same_cluster(myself: &Myself, caller: &Stranger) -> Result<(), Status> {
    match (myself.cluster(), caller.cluster) {
        (Some(ours), Some(theirs)) if ours != theirs => Err(Status::failed_precondition(format!(
            "{} belongs to another cluster, {ours}; the caller, {caller}, to {theirs}",
            shown(myself)
        ))),
        _ => Ok(()),
    }
}

fn is_meant(myself: &Myself, here: &str, to: NodeId) -> Result<(), Status> {
    if to == myself.node() {
        return Ok(());
    }
    let of_cluster = match myself.cluster() {
        Some(cluster) => format!("of cluster {cluster}"),
        None => "of no cluster yet".to_owned(),
    };
    Err(Status::failed_precondition(format!(
        "this is {} {of_cluster}, not node {to}: the address {here} belongs to another node now",
        shown(myself)
    )))
}

/// This node, for people.
pub(super) fn shown(myself: &Myself) -> String {
    format!("{} ({})", myself.name(), myself.node())
}

fn id(what: &str, bytes: &[u8]) -> Result<[u8; 16], Status> {
    bytes.try_into().map_err(|_| {
        Status::invalid_argument(format!("{what} has {} bytes instead of 16", bytes.len()))
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tonic::Code;

    use super::*;
    use crate::base::host::SeededRng;
    use crate::server::peer::Road;

    fn node(id: u8, cluster: Option<u8>) -> std::sync::Arc<Myself> {
        let cluster = cluster.map(|id| ClusterId([id; 16]));
        let rng = SeededRng::new(id.into());
        Myself::new(
            NodeId([id; 16]),
            format!("node-{id}"),
            cluster,
            &rng,
            Road::Plain,
        )
    }

    fn hello(from: &Myself, to: u8) -> peer::LinkHello {
        peer::LinkHello {
            from: Some(from.identity()),
            to: Bytes::from(vec![to; 16]),
            lane: 1,
            incarnation: from.incarnation(),
        }
    }

    /// What node 2 of cluster 9 says.
    fn said(hello: Option<peer::LinkHello>) -> (Code, String) {
        match greet(&node(2, Some(9)), "127.0.0.1:63002", hello) {
            Ok(_) => (Code::Ok, String::new()),
            Err(status) => (status.code(), status.message().to_owned()),
        }
    }

    #[test]
    fn members_of_one_cluster_that_mean_each_other_are_greeted() {
        let alice = node(1, Some(9));
        let greeted = greet(&node(2, Some(9)), "", Some(hello(&alice, 2))).unwrap();
        assert_eq!(greeted.caller.node, alice.node());
        assert_eq!(greeted.lane, Lane::Heartbeat);
        assert_eq!(greeted.incarnation, alice.incarnation());
    }

    #[test]
    fn everybody_else_is_told_why_not() {
        let alice = node(1, Some(9));
        let refusals = [
            (
                hello(&alice, 3),
                "not node 03030303-",
                "127.0.0.1:63002 belongs to another",
            ),
            (hello(&node(1, Some(8)), 2), "another cluster", "node-1"),
            (
                hello(&node(1, None), 2),
                "belongs to no cluster yet",
                "node-1",
            ),
            (hello(&node(2, Some(9)), 2), "calls itself", "node-2"),
        ];
        for (hello, first, second) in refusals {
            let (code, message) = said(Some(hello));
            assert_eq!(code, Code::FailedPrecondition, "{message}");
            assert!(
                message.contains(first) && message.contains(second),
                "{message}"
            );
        }
        let early = greet(&node(2, None), "", Some(hello(&alice, 2))).unwrap_err();
        assert!(early.message().contains("node-2"), "{early}");
        assert!(early.message().contains("no cluster yet"), "{early}");
    }

    #[test]
    fn what_is_no_greeting_is_refused() {
        let good = hello(&node(1, Some(9)), 2);
        let short = Bytes::from_static(&[1; 15]);
        let spoilt: [fn(&mut peer::LinkHello, Bytes); 5] = [
            |hello, _| hello.from = None,
            |hello, short| hello.to = short,
            |hello, _| hello.lane = 3,
            |hello, short| hello.from.as_mut().unwrap().node = short,
            |hello, short| hello.from.as_mut().unwrap().cluster = short,
        ];
        assert_eq!(said(None).0, Code::InvalidArgument);
        for spoil in spoilt {
            let mut bad = good.clone();
            spoil(&mut bad, short.clone());
            assert_eq!(said(Some(bad)).0, Code::InvalidArgument);
        }
        assert_eq!(said(Some(good)).0, Code::Ok);
    }

    #[test]
    fn a_strangers_name_is_cut_and_breaks_no_line() {
        let mut rude = hello(&node(1, Some(8)), 2);
        rude.from.as_mut().unwrap().name = "x\ny".repeat(10_000);
        let (_, message) = said(Some(rude));
        assert!(message.len() < 500 && !message.contains('\n'), "{message}");
    }

    #[test]
    fn a_question_need_not_know_whom_it_asks() {
        let bob = node(2, Some(9));
        let asks = |cluster, to: &[u8]| {
            question(&bob, "here:1", Some(node(1, cluster).identity()), to).map(|_| ())
        };
        assert!(asks(None, &[]).is_ok());
        assert!(asks(Some(9), &[2; 16]).is_ok());
        assert!(asks(Some(8), &[]).is_err());
        let other = asks(None, &[3; 16]).unwrap_err();
        assert!(other.message().contains("not node 03030303-"), "{other}");
    }
}
