//! Doors for fuzzing alone: tokens, and what is said with them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;

use super::found::{Greeting, wanted};
use super::tokens::{Token, Tokens};
use crate::base::host::{ManualClock, SeededRng};
use crate::base::{Error, Result};
use crate::proto::peer::{EnrollReply, EnrollRequest, HelloReply, JoinRequest};
use crate::raft::Member;
use crate::tls::issue::{self, Issued};

/// How the node is called that was asked by.
const NAME: &str = "node-4";

/// Reads a token as people carry it.
///
/// # Errors
/// Why it is none.
///
/// # Panics
/// If it is another when it was written again.
pub fn token(text: &str) -> Result<()> {
    let token = Token::read(text)?;
    assert!(Token::read(&token.text())? == token, "it is the same");
    Ok(())
}

/// A token as people carry it.
pub fn a_token() -> String {
    open().1.text()
}

/// Asks for a certificate, with a token that is good.
pub fn enroll_request(signing_request: &[u8]) -> Vec<u8> {
    let request = open().1.request(NAME, signing_request.to_vec());
    request.encode_to_vec()
}

/// Shows these bytes to a member that has made that token; for which name and key it would sign.
///
/// # Errors
/// Why it is refused.
pub fn enrolled(bytes: Bytes) -> Result<(String, Bytes)> {
    let asked = EnrollRequest::decode(bytes).map_err(|error| no_message(&error))?;
    let (tokens, _) = open();
    tokens.take(&asked)?;
    Ok((asked.name, asked.signing_request))
}

/// Reads what such a member answers, as if it were vouched for.
///
/// # Errors
/// Why it is refused.
pub fn enroll_reply(bytes: Bytes) -> Result<()> {
    let reply = EnrollReply::decode(bytes).map_err(|error| no_message(&error))?;
    let (_, token) = open();
    let reply = token.vouch(reply);
    assert!(token.vouches(&reply), "it was just vouched for");
    let issued = Issued {
        certificate_pem: reply.certificate.clone(),
        key_pem: reply.certificate,
    };
    let (trust, revoked) = (&reply.authority, &reply.revoked);
    issue::check_received(&token.authority, NAME, &issued, trust, revoked)
}

/// Reads what a node says that was asked who it is.
///
/// # Errors
/// Why it is refused.
pub fn hello_reply(bytes: Bytes) -> Result<()> {
    let reply = HelloReply::decode(bytes).map_err(|error| no_message(&error))?;
    wanted(Greeting::read(reply)?.shards).map(drop)
}

/// Reads what a node says that wants to be a member.
///
/// # Errors
/// Why it is refused.
pub fn join_request(bytes: Bytes) -> Result<()> {
    let request = JoinRequest::decode(bytes).map_err(|error| no_message(&error))?;
    Member::read(request.member.unwrap_or_default()).map(drop)
}

/// A member with one token, which is always the same.
fn open() -> (Tokens, Token) {
    let tokens = Tokens::new(Arc::new(ManualClock::default()));
    let rng = SeededRng::new(1);
    let token = tokens.create([7; 32], Duration::from_mins(1), None, &rng);
    (tokens, token.expect("none is open yet"))
}

fn no_message(error: &prost::DecodeError) -> Error {
    Error::invalid(error.to_string())
}
