//! Tokens with which new nodes get their certificates.

use std::time::Duration;

use super::Cluster;
use super::handle::{connected, refusal};
use crate::base::{Error, Result};
use crate::client::endpoint::Endpoint;
use crate::proto::v1;

/// What a new node is given.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// A secret: whoever has it can become a member, once.
    pub token: String,
    /// The peer address of the member that made it, which alone takes it.
    pub join: String,
}

impl Cluster {
    /// Has the first endpoint that can be reached make a token for a new node, good once and
    /// for `ttl`; for the node called `name`, if that is said.
    ///
    /// # Errors
    /// `Unavailable` if none can be reached, `Invalid` if that member does not speak TLS with
    /// the others or does not have the authority's key.
    pub async fn create_token(&self, ttl: Duration, name: Option<&str>) -> Result<JoinToken> {
        let request = v1::CreateTokenRequest {
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            name: name.unwrap_or_default().to_owned(),
        };
        let mut reasons = Vec::new();
        for endpoint in self.endpoints() {
            match connected(&endpoint, self.client.timeout).await {
                Ok(mut node) => {
                    let asking = node.create_token(request.clone());
                    let asked = tokio::time::timeout(self.client.timeout, asking).await;
                    let reply = asked.map_err(|_| silent(&endpoint))?;
                    let reply = reply.map_err(|status| refusal(&status, &endpoint))?;
                    let v1::CreateTokenReply { token, join } = reply.into_inner();
                    return Ok(JoinToken { token, join });
                }
                Err(error) => reasons.push(error.message().to_owned()),
            }
        }
        Err(Error::unavailable(reasons.join("; ")))
    }
}

/// A token that nobody has heard of is over soon, and does no harm.
fn silent(endpoint: &Endpoint) -> Error {
    Error::timeout(format!("dkv at {endpoint} did not answer in time"))
}
