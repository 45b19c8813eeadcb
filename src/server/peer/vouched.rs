//! What a caller's certificate says of it, held against what it says itself.
//!
//! Invariant: on an encrypted peer port a UUID is spoken for by the certificate of its
//! member's name alone. Who holds another node's certificate is that node for this
//! port; who holds none, or one that names no node, is nobody.

use tonic::Status;

use super::greeting::Stranger;
use crate::base::types::NodeId;
use crate::tls::{Identity, Kind};

/// Checks the certificate of a caller. `known` is what the cluster calls the member of the
/// caller's UUID, if it has one.
///
/// # Errors
/// `UNAUTHENTICATED` without a certificate, `PERMISSION_DENIED` if it is not the caller's.
pub(super) fn vouched(
    identity: Option<&Identity>,
    caller: &Stranger,
    known: Option<&str>,
) -> Result<(), Status> {
    let identity = node(identity)?;
    if identity.name != caller.name {
        return Err(Status::permission_denied(format!(
            "the certificate is that of {identity}, and the caller says it is {caller}: give it \
             the certificate of its own name (dkv cert node NAME)"
        )));
    }
    check_bound(identity, caller.node)?;
    match known {
        Some(known) if known != identity.name => Err(Status::permission_denied(format!(
            "the certificate is that of {identity}, and node {} is {known} in this cluster",
            caller.node
        ))),
        _ => Ok(()),
    }
}

/// Checks that a certificate is a node's at all.
///
/// # Errors
/// `UNAUTHENTICATED` without one, `PERMISSION_DENIED` if it is another's.
pub(super) fn node(identity: Option<&Identity>) -> Result<&Identity, Status> {
    match identity {
        Some(identity) if identity.kind == Kind::Node => Ok(identity),
        Some(identity) => Err(Status::permission_denied(format!(
            "the certificate is that of {identity}, which is no node: the peer port is for the \
             members of the cluster (dkv cert node NAME)"
        ))),
        None => Err(Status::unauthenticated(
            "the peer port wants the certificate of a node, and the caller showed none",
        )),
    }
}

fn check_bound(identity: &Identity, node: NodeId) -> Result<(), Status> {
    match identity.node {
        Some(bound) if bound != node => Err(Status::permission_denied(format!(
            "the certificate of {identity} is bound to node {bound}, and the caller is {node}: \
             issue one for it (dkv cert node {} --id {node})",
            identity.name.escape_debug()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::base::host::SeededRng;
    use crate::server::peer::{Myself, Road};

    fn caller(id: u8, name: &str) -> Stranger {
        let myself = Myself::new(
            NodeId([id; 16]),
            name,
            None,
            &SeededRng::new(1),
            Road::Plain,
        );
        Stranger::read(Some(myself.identity())).unwrap()
    }

    fn certificate(kind: Kind, name: &str, node: Option<u8>) -> Identity {
        Identity {
            kind,
            name: name.to_owned(),
            node: node.map(|id| NodeId([id; 16])),
        }
    }

    #[test]
    fn a_node_speaks_for_itself_with_its_own_certificate() {
        let alice = caller(1, "node-1");
        let bound = certificate(Kind::Node, "node-1", Some(1));
        let free = certificate(Kind::Node, "node-1", None);
        for identity in [&bound, &free] {
            assert!(vouched(Some(identity), &alice, Some("node-1")).is_ok());
            // Nobody knows a node that is about to join.
            assert!(vouched(Some(identity), &alice, None).is_ok());
        }
    }

    #[test]
    fn nobody_speaks_for_another() {
        let alice = caller(1, "node-1");
        let denied = [
            (certificate(Kind::Node, "node-2", None), Some("node-1")),
            (certificate(Kind::Node, "node-1", Some(2)), Some("node-1")),
            // It took the UUID of a member that is called otherwise.
            (certificate(Kind::Node, "node-1", None), Some("node-2")),
            (certificate(Kind::Client, "node-1", None), Some("node-1")),
            (certificate(Kind::Server, "node-1", None), Some("node-1")),
        ];
        for (identity, known) in denied {
            let status = vouched(Some(&identity), &alice, known).expect_err(&identity.to_string());
            assert_eq!(status.code(), Code::PermissionDenied, "{status}");
        }
        let without = vouched(None, &alice, Some("node-1")).unwrap_err();
        assert_eq!(without.code(), Code::Unauthenticated);
    }
}
