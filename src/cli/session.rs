//! The connection that the commands of one shell share, and what they run on.
//!
//! A command line connects, asks and ends. Within a shell the same code runs command after
//! command: its arguments carry a [`Session`], which keeps the connection between them and
//! hears Ctrl-C for all of them.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};

use crate::base::{Error, Result};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::interrupts::Interrupts;
use crate::client::{Client, ClientOptions};

/// What outlives a command of a shell. Clones are the same connection.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Of several threads, so that a connection is attended to while a person thinks.
    runtime: Arc<Runtime>,
    client: Client,
    options: ClientOptions,
    interrupts: Interrupts,
    input: Option<Bytes>,
}

impl Session {
    /// Prepares a connection; the first command opens it.
    ///
    /// # Errors
    /// `Invalid` for what cannot be an address.
    pub(crate) fn new(options: ClientOptions) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Error::internal(format!("cannot start the event loop: {error}")))?;
        let interrupts = runtime.block_on(async { Interrupts::listen() })?;
        let client = runtime.block_on(Client::connect(options.clone()))?;
        Ok(Self {
            runtime: Arc::new(runtime),
            client,
            options,
            interrupts,
            input: None,
        })
    }

    /// The same shell, connected to other nodes.
    ///
    /// # Errors
    /// `Invalid` for what cannot be an address.
    pub(crate) fn connected_to(&self, endpoints: Vec<String>) -> Result<Self> {
        let options = ClientOptions {
            endpoints,
            ..self.options.clone()
        };
        let client = self.runtime.block_on(Client::connect(options.clone()))?;
        Ok(Self {
            client,
            options,
            ..self.clone()
        })
    }

    /// The same shell, for a command whose standard input was typed with it.
    pub(crate) fn with_input(&self, input: Option<Bytes>) -> Self {
        Self {
            input,
            ..self.clone()
        }
    }

    /// The connection as the shell uses it by itself.
    pub(crate) fn own_client(&self) -> &Client {
        &self.client
    }

    /// Where it is connected to.
    pub(crate) fn endpoints(&self) -> &[String] {
        &self.options.endpoints
    }

    /// Ctrl-C, from the start of the shell to its end.
    pub(crate) fn interrupts(&self) -> &Interrupts {
        &self.interrupts
    }

    /// What stands in place of standard input.
    pub(super) fn input(&self) -> Option<&[u8]> {
        self.input.as_deref()
    }

    /// The shared connection as a command wants it, or one of its own if it asks other nodes.
    pub(super) async fn client(&self, options: ClientOptions) -> Result<Client> {
        let is_shared = options.endpoints == self.options.endpoints
            && options.tls == self.options.tls
            && options.retries == self.options.retries
            && options.connections == self.options.connections;
        if !is_shared {
            return Client::connect(options).await;
        }
        self.client
            .with_shard(options.shard)
            .with_bucket(options.bucket)
            .with_consistency(options.consistency)
            .with_timeout(options.timeout)
    }

    /// Runs `work` to its end, or until Ctrl-C.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.interrupts.next() => Err(Failure::Interrupted),
                outcome = work => outcome,
            }
        })
    }

    /// Runs what a person does not wait for: its answer counts if it comes soon.
    pub(crate) fn briefly<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}
