//! Asking a node for its figures.

use tonic::Code;

use super::convert;
use super::types::Figures;
use crate::base::{Error, Result};
use crate::client::{Client, error};

impl Client {
    /// What a node does right now, and did in the seconds with higher numbers than `since`;
    /// 0: in the last two minutes. With several endpoints, any of them answers; who wants
    /// one node's figures gives its endpoint alone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = dkv::Client::connect(dkv::ClientOptions::to(server.endpoint())).await?;
    /// let figures = client.figures(0).await?;
    /// for shard in &figures.shards {
    ///     println!("shard {}: {} keys", shard.shard.id, shard.shard.keys);
    /// }
    /// for second in &figures.samples {
    ///     println!("{:.0} operations/s", second.per_s(second.operations()));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Unavailable` if no node can be reached, `Timeout` if it does not answer, `Invalid`
    /// if it is too old to know its figures, and for a store in this process, which keeps
    /// none.
    pub async fn figures(&self, since: u64) -> Result<Figures> {
        if self.shared.resident.is_some() {
            return Err(Error::invalid(
                "the store is in this process and keeps no figures of its seconds: describe() \
                 says how its shards are",
            ));
        }
        let asking = async {
            let (node, connected) = self.any_connected().await?;
            let reply = connected.figures(since).await;
            let reply = reply.map_err(|status| match status.code() {
                Code::Unimplemented => Error::invalid(format!(
                    "the server at {} knows no figures: is it a dkv that is too old?",
                    node.endpoint
                )),
                _ => error::from_status(&status, &node.endpoint),
            })?;
            convert::figures(reply, &node.endpoint)
        };
        tokio::time::timeout(self.timeout, asking)
            .await
            .map_err(|_| {
                Error::timeout(format!(
                    "no node told its figures within {:?}",
                    self.timeout
                ))
            })?
    }
}
