//! A token for a new node, made where an operator asks for it.

use std::time::Duration;

use super::Admin;
use crate::base::{Error, Result};
use crate::proto::v1::{CreateTokenReply, CreateTokenRequest};

impl Admin {
    /// Makes a token.
    ///
    /// # Errors
    /// `Invalid` if this node is in no cluster, or cannot sign.
    pub(super) async fn create_token(
        &self,
        request: CreateTokenRequest,
    ) -> Result<CreateTokenReply> {
        let Some(book) = self.book.clone() else {
            return Err(Error::invalid(
                "this node is in no cluster, so nobody can join it: `dkv cluster up --tls` starts \
                 one",
            ));
        };
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
