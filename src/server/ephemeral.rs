//! A server for tests and examples: on a port of its own, in memory, gone when dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::run::run;
use super::settings::{ListenAddress, ServeConfig};
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Host, SystemRng};
use crate::base::{Error, Result};

/// A real node on a disk in memory, for the tests of programs that use dkv: it listens on
/// loopback, on a port that the system chose, and leaves nothing behind.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> dkv::base::Result<()> {
/// use dkv::client::{Client, ClientOptions};
/// use dkv::server::Ephemeral;
///
/// let server = Ephemeral::start().await?;
/// let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
/// client.set("user:1", "alice").await?;
/// let record = client.get("user:1").await?.expect("it was just written");
/// assert_eq!(record.value, "alice");
/// # Ok(())
/// # }
/// ```
pub struct Ephemeral {
    endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<()>>,
}

impl Ephemeral {
    /// Starts a node with the default shards: 100 for keys and locks, 200 for locks.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> Result<Self> {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = ServeConfig {
            listen: vec![ListenAddress::Tcp(loopback)],
            ..ServeConfig::default()
        };
        let host = Host {
            disk: Arc::new(SimDisk::new(Arc::new(SystemRng))),
            ..Host::system()
        };
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let ready = move |ready: &super::Ready| {
                // Whoever started this may have given up.
                let _gone = tell.send(ready.addresses.clone());
            };
            run(host, config, ready, async move { drop(stopped.await) }).await
        });
        match told.await {
            Ok(addresses) => {
                let endpoint = addresses.into_iter().next().unwrap_or_default();
                Ok(Self {
                    endpoint,
                    stop: Some(stop),
                    serving,
                })
            }
            Err(_) => match serving.await {
                Ok(Err(error)) => Err(error),
                _ => Err(Error::internal("the server ended before it was ready")),
            },
        }
    }

    /// Where it listens, as clients write it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Stops it, and waits until it has stopped.
    ///
    /// # Errors
    /// When it had failed before.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.stop.take());
        (&mut self.serving).await.unwrap_or(Ok(()))
    }
}

impl Drop for Ephemeral {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}
