//! Questions to an address of which nothing is known yet.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::dial;
use super::myself::Myself;
use super::road::{self, Whom};
use crate::base::types::NodeId;
use crate::base::{Error, ErrorKind, Result};
use crate::proto::peer;
use crate::proto::peer::peer_client::PeerClient;
use crate::tls::{Cause, Failure, Identity, Refusal, Side};

/// Asks on behalf of `myself` who is at `address`. `to` is who should be, if that is known.
///
/// # Errors
/// `Invalid` if the address is none, or another node or no peer port is there;
/// `Unavailable` if nobody answers there; `Timeout` if the answer did not come in time.
pub(in crate::server) async fn hello(
    myself: &Myself,
    address: &str,
    to: Option<NodeId>,
    within: Duration,
) -> Result<peer::HelloReply> {
    let request = peer::HelloRequest {
        from: Some(myself.identity()),
        to: to.map_or_else(Bytes::new, |node| Bytes::copy_from_slice(&node.0)),
    };
    let (reply, holder) = ask(myself, address, within, async |mut client| {
        client.hello(request).await
    })
    .await?;
    let name = reply.from.as_ref().map_or("", |from| &from.name);
    match holder {
        Some(holder) if holder.name != name => Err(Error::new(
            ErrorKind::Denied,
            format!(
                "{address} says it is {}, and its certificate is that of {holder}: give it the \
                 certificate of its own name (dkv cert node NAME)",
                name.escape_debug()
            ),
        )),
        _ => Ok(reply),
    }
}

/// Asks the member at `address` for a place in its cluster.
///
/// # Errors
/// As [`hello`], and whatever the member says. After `Timeout` the caller may have been
/// given its place: asking again does no harm.
pub(in crate::server) async fn join(
    myself: &Myself,
    address: &str,
    request: peer::JoinRequest,
    within: Duration,
) -> Result<peer::JoinReply> {
    let (reply, _) = ask(myself, address, within, async |mut client| {
        client.join(request).await
    })
    .await?;
    Ok(reply)
}

/// Asks the member at `address`, whose authority's certificate has the SHA-256 `authority`,
/// for a certificate.
///
/// # Errors
/// As [`hello`], and whatever the member says; `Denied` if nobody is let in there without a
/// certificate. After `Timeout` the token may be used up.
pub(in crate::server) async fn enroll(
    address: &str,
    authority: &[u8; 32],
    request: peer::EnrollRequest,
    within: Duration,
) -> Result<peer::EnrollReply> {
    let transport = dial::transport(address, within)?;
    let asking = async {
        let whom = Whom::anybody();
        let connected = road::connect_as_guest(transport, *authority, &whom).await;
        let channel = connected.map_err(|error| match Failure::of(Side::Peer, &error) {
            Some(failure) => uninvited(address, &failure),
            None => unreachable(address, within, error),
        })?;
        let replied = PeerClient::new(channel).enroll(request).await;
        replied
            .map(Response::into_inner)
            .map_err(|status| match whom.broke() {
                Some(failure) => uninvited(address, &failure),
                None => refused(address, &status),
            })
    };
    let asked = timeout(within, asking).await;
    asked.unwrap_or_else(|_| Err(silent(address, within)))
}

/// The reply, and whose certificate whoever gave it has, on an encrypted road.
async fn ask<T>(
    myself: &Myself,
    address: &str,
    within: Duration,
    call: impl AsyncFnOnce(PeerClient<Channel>) -> Result<Response<T>, Status>,
) -> Result<(T, Option<Identity>)> {
    let transport = dial::transport(address, within)?;
    let asking = async {
        let whom = Whom::anybody();
        let connected = myself.road().connect(transport, &whom).await;
        let channel = connected.map_err(|error| unreachable(address, within, error))?;
        match call(PeerClient::new(channel)).await {
            Ok(reply) => Ok((reply.into_inner(), whom.met())),
            Err(status) => Err(match whom.broke() {
                Some(failure) => failed(address, &failure),
                None => refused(address, &status),
            }),
        }
    };
    let asked = timeout(within, asking).await;
    asked.unwrap_or_else(|_| Err(silent(address, within)))
}

/// Why there is no secure connection for who has only a token.
fn uninvited(address: &str, failure: &Failure) -> Error {
    match failure.cause {
        Cause::Refused(Refusal::NoCertificate) => Error::new(
            ErrorKind::Denied,
            format!(
                "{address} has no token open: this one is used up, its time is over, or another \
                 member made it; or that is the port for clients. Make one (dkv cluster token \
                 create) and --join the address that is printed with it"
            ),
        ),
        _ => failed(address, failure),
    }
}

fn failed(address: &str, failure: &Failure) -> Error {
    Error::new(failure.kind(), format!("{address}: {failure}"))
}

fn unreachable(address: &str, within: Duration, error: tonic::transport::Error) -> Error {
    if let Some(failure) = Failure::of(Side::Peer, &error) {
        return failed(address, &failure).with_source(error);
    }
    let message = match dial::system_kind(&error) {
        Some(io::ErrorKind::ConnectionRefused) => format!(
            "nobody listens at {address}: is the node started, and is that its --peer-listen?"
        ),
        Some(io::ErrorKind::TimedOut) => return silent(address, within),
        _ => format!("{address} cannot be reached: {}", dial::reason(&error)),
    };
    Error::unavailable(message).with_source(error)
}

fn silent(address: &str, within: Duration) -> Error {
    Error::timeout(format!(
        "no answer from {address} within {} ms: is that the --peer-listen of a node?",
        within.as_millis()
    ))
}

/// What the answer of something at `address` means.
fn refused(address: &str, status: &Status) -> Error {
    let message = status.message();
    let said = format!("{address} answered: {message}");
    match status.code() {
        Code::Unimplemented => Error::invalid(format!(
            "{address} is not a peer port, though something answers there: is it the node's \
             address for clients? Peers need its --peer-listen"
        )),
        Code::InvalidArgument | Code::FailedPrecondition => Error::invalid(said),
        Code::NotFound => Error::new(ErrorKind::NotFound, said),
        Code::Aborted => Error::new(ErrorKind::Conflict, said),
        Code::ResourceExhausted => Error::limit_exceeded(said),
        Code::PermissionDenied => Error::new(ErrorKind::Denied, said),
        Code::Unauthenticated => Error::new(ErrorKind::Unauthenticated, said),
        // With details it is a node that says it did nothing; without, something broke on
        // the way.
        Code::Unavailable if !status.details().is_empty() => Error::unavailable(said),
        Code::DataLoss => Error::corrupt(said),
        _ => match std::error::Error::source(status) {
            // In the same words each time, for they are logged when they change: what broke
            // first differs from one attempt to the next.
            Some(_) => Error::timeout(format!(
                "{address} broke the connection off: is that the --peer-listen of a node, and do \
                 both speak TLS or neither (--certs)?"
            )),
            None => Error::timeout(said),
        },
    }
}
