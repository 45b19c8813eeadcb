//! What proves that somebody has a token, to whom it need not be shown.
//!
//! Invariant: a proof is of one message. Who hears it can neither ask for a certificate of
//! another name or key with it, nor answer in the place of the member that made the token.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};

use super::tokens::{SECRET_BYTES, Token};
use crate::proto::peer::{EnrollReply, EnrollRequest};

pub(super) const ID_BYTES: usize = 16;

/// What a proof is of: one of a request is none of a reply.
const REQUEST: &[u8] = b"dkv enroll request";
/// See [`REQUEST`].
const REPLY: &[u8] = b"dkv enroll reply";

impl Token {
    /// What it is known by where it was made. Says nothing of the secret.
    pub(super) fn id(&self) -> [u8; ID_BYTES] {
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&digest(&SHA256, &self.secret).as_ref()[..ID_BYTES]);
        id
    }

    /// Asks for a certificate.
    pub(super) fn request(&self, name: &str, signing_request: Vec<u8>) -> EnrollRequest {
        let mut request = EnrollRequest {
            token: self.id().to_vec().into(),
            name: name.to_owned(),
            signing_request: signing_request.into(),
            ..EnrollRequest::default()
        };
        let tag = hmac::sign(&key(&self.secret), &of_request(&request));
        request.proof = tag.as_ref().to_vec().into();
        request
    }

    /// Whether who asks has this token.
    pub(super) fn asks(&self, request: &EnrollRequest) -> bool {
        is_proof(&self.secret, &of_request(request), &request.proof)
    }

    /// The same reply, in the name of whoever made this token.
    pub(super) fn vouch(&self, mut reply: EnrollReply) -> EnrollReply {
        let tag = hmac::sign(&key(&self.secret), &of_reply(&reply));
        reply.proof = tag.as_ref().to_vec().into();
        reply
    }

    /// Whether who answers has this token.
    pub(super) fn vouches(&self, reply: &EnrollReply) -> bool {
        is_proof(&self.secret, &of_reply(reply), &reply.proof)
    }
}

fn key(secret: &[u8; SECRET_BYTES]) -> Key {
    Key::new(HMAC_SHA256, secret)
}

/// Takes as long for every wrong proof.
fn is_proof(secret: &[u8; SECRET_BYTES], message: &[u8], proof: &[u8]) -> bool {
    hmac::verify(&key(secret), message, proof).is_ok()
}

fn of_request(request: &EnrollRequest) -> Vec<u8> {
    let name = request.name.as_bytes();
    apart(&[REQUEST, name, &request.signing_request])
}

fn of_reply(reply: &EnrollReply) -> Vec<u8> {
    let pem = [&reply.certificate, &reply.authority, &reply.revoked];
    let [certificate, authority, revoked] = pem.map(|it| it.as_bytes());
    apart(&[REPLY, certificate, authority, revoked])
}

/// With their lengths: what ends one does not begin the next.
fn apart(parts: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(secret: u8) -> Token {
        Token {
            authority: [7; 32],
            secret: [secret; SECRET_BYTES],
        }
    }

    #[test]
    fn a_request_is_that_of_one_token_one_name_and_one_key() {
        let token = token(1);
        let request = token.request("node-4", b"a key".to_vec());
        assert!(token.asks(&request));
        let mut wrong = vec![request.clone(); 5];
        wrong[0].name = "node-5".to_owned();
        wrong[1].signing_request = b"another".to_vec().into();
        // The same bytes, cut elsewhere.
        wrong[2].name = "node-4a".to_owned();
        wrong[2].signing_request = b" key".to_vec().into();
        wrong[3].proof = bytes::Bytes::new();
        wrong[4].proof = request.proof.slice(..31);
        for wrong in wrong {
            assert!(!token.asks(&wrong), "{wrong:?}");
        }
        assert!(!self::token(2).asks(&request));
    }

    #[test]
    fn a_reply_is_that_of_who_has_the_token_and_whole() {
        let token = token(1);
        let reply = token.vouch(EnrollReply {
            certificate: "certificate".to_owned(),
            authority: "authority".to_owned(),
            revoked: "list".to_owned(),
            ..EnrollReply::default()
        });
        assert!(token.vouches(&reply));
        let mut wrong = vec![reply.clone(); 4];
        wrong[0].certificate.clear();
        wrong[1].authority.push('!');
        // Without the list a revoked member would be trusted.
        wrong[2].revoked.clear();
        wrong[3].proof = token.request("node-4", Vec::new()).proof;
        for wrong in wrong {
            assert!(!token.vouches(&wrong), "{wrong:?}");
        }
        assert!(!self::token(2).vouches(&reply));
    }
}
