//! A token for a new node, made where an operator asks for it.

use std::time::Duration;

use super::Admin;
use crate::base::{Error, ErrorKind, Result};
use crate::proto::v1::{CreateTokenReply, CreateTokenRequest};
use crate::server::port::Caller;

impl Admin {
    /// Makes a token, for somebody who is known: it becomes the certificate of a node.
    ///
    /// # Errors
    /// `Unauthenticated` for a caller of a network without a certificate; `Invalid` if this
    /// node is in no cluster, or cannot sign.
    pub(super) async fn create_token(
        &self,
        caller: Option<&Caller>,
        request: CreateTokenRequest,
    ) -> Result<CreateTokenReply> {
        let Some(book) = self.book.clone() else {
            return Err(Error::invalid(
                "this node is in no cluster, so nobody can join it: `dkv cluster up --tls` starts \
                 one",
            ));
        };
        let is_unknown = caller.is_some_and(|it| it.remote.is_some() && it.identity.is_none());
        if is_unknown && book.registrar().signs() {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "a token becomes the certificate of a node, and this node does not know who asks \
                 for it: show a client's certificate (--certs DIR), or ask over its Unix socket",
            ));
        }
        let making = tokio::task::spawn_blocking(move || {
            let name = Some(request.name).filter(|name| !name.is_empty());
            let ttl = Duration::from_millis(request.ttl_ms);
            let token = book.registrar().create_token(ttl, name)?;
            Ok(CreateTokenReply {
                token: token.text(),
                join: book.me().peer_address.clone(),
            })
        });
        making
            .await
            .map_err(|_| Error::internal("the node panicked while it made a token"))?
    }
}
