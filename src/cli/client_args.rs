//! What every subcommand that asks a server takes, and the client made of it.

use std::ffi::OsStr;
use std::future::Future;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};

use crate::base::suggest::nearest;
use crate::base::types::{FenceToken, ShardId};
use crate::base::{Error, ErrorKind, Result, duration};
use crate::cli::complete;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::tls_args::TlsArgs;
use crate::client::{Client, ClientOptions, Consistency, Fence};
use crate::config::text;

/// Where to ask, and how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientArgs {
    /// Ask these nodes: HOST:PORT, https://HOST:PORT or unix:/path, separated by commas
    #[arg(
        long,
        alias = "transport-endpoints",
        global = true,
        value_name = "ADDRESS,..."
    )]
    #[arg(default_value = "127.0.0.1:8080", value_delimiter = ',', help_heading = HEADING)]
    endpoints: Vec<String>,
    /// Ask this shard
    #[arg(long, global = true, value_name = "ID", default_value = "100", help_heading = HEADING)]
    #[arg(value_parser = text::shard_id)]
    shard: ShardId,
    /// Use the keys of this bucket
    #[arg(long, global = true, value_name = "NAME", default_value = "", help_heading = HEADING)]
    #[arg(hide_default_value = true)]
    bucket: String,
    /// Give up after this long
    ///
    /// A lock's --wait is added.
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = duration::parse, help_heading = HEADING)]
    timeout: Duration,
    /// Try this many times more when a node refuses or cannot be reached
    ///
    /// A connection that breaks is tried again until --timeout, unless this is 0.
    #[arg(long, alias = "transport-retries", global = true, value_name = "N")]
    #[arg(default_value = "3", help_heading = HEADING)]
    retries: u32,
    /// How fresh reads must be
    ///
    /// A stale read asks any node, works without a leader, and may answer from the past; with -o json the answer has `stale` and `stale_age_ms`, the time since its node heard from the leader.
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        value_enum,
        default_value = "linearizable"
    )]
    #[arg(help_heading = HEADING)]
    consistency: Level,
    #[command(flatten)]
    tls: TlsArgs,
    /// The shell that this was typed in, if it was.
    #[arg(skip)]
    session: Option<Session>,
}

const HEADING: &str = "Client options";

/// How fresh reads must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Every read sees every write that was done before it
    Linearizable,
    /// A read may answer from the past
    Stale,
}

impl ClientArgs {
    /// A client of `connections` per node. It connects when it is first used.
    ///
    /// # Errors
    /// `Invalid` for what cannot be an address.
    pub(crate) async fn connect(&self, connections: usize) -> Result<Client> {
        let options = self.options(connections);
        match &self.session {
            Some(session) => session.client(options).await,
            None => Client::connect(options).await,
        }
    }

    /// Runs the asynchronous part of a subcommand: where the connection of the shell lives,
    /// if this was typed in one.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let outcome = self.wait_for(work);
        match outcome {
            Err(Failure::Error(error)) if error.kind() == ErrorKind::NotFound => {
                Err(self.with_bucket_meant(error).into())
            }
            outcome => outcome,
        }
    }

    fn wait_for<T>(&self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        block_on_in(self.session.as_ref(), work)
    }

    /// Adds the bucket that was meant to an error about one that is not there.
    fn with_bucket_meant(&self, error: Error) -> Error {
        if self.bucket.is_empty() {
            return error;
        }
        let buckets = self.wait_for(async {
            let client = self.connect(1).await?;
            Ok(complete::names(&client, complete::Kind::Bucket, "").await)
        });
        let buckets = buckets.unwrap_or_default();
        match nearest(&self.bucket, buckets.iter().map(String::as_str)) {
            Some(near) if near != self.bucket => {
                let message = format!("{}: did you mean `{near}`?", error.message());
                Error::new(ErrorKind::NotFound, message)
            }
            _ => error,
        }
    }

    /// Joins a shell.
    pub(crate) fn join(&mut self, session: &Session) {
        self.session = Some(session.clone());
    }

    /// Whether this was typed in a shell.
    pub(crate) fn is_in_shell(&self) -> bool {
        self.session.is_some()
    }

    /// What this was typed in.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The same without the shell: what brings an event loop of its own cannot share a
    /// connection that lives on another.
    pub(crate) fn alone(&self) -> Self {
        Self {
            session: None,
            ..self.clone()
        }
    }

    /// What was typed in place of standard input, if anything.
    ///
    /// # Errors
    /// `Invalid` in a shell that was given nothing: what stands there are its commands.
    pub(crate) fn input(&self) -> Result<Option<&[u8]>> {
        match self.session.as_ref().map(Session::input) {
            None => Ok(None),
            Some(Some(input)) => Ok(Some(input)),
            Some(None) => Err(Error::invalid(
                "within the shell standard input is the shell's own: write the value, or name a \
                 file",
            )),
        }
    }

    /// The settings as words, for the lines of a shell.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let level = match self.consistency {
            Level::Linearizable => "linearizable",
            Level::Stale => "stale",
        };
        let mut settings = vec![
            ("endpoints", self.endpoints.join(",")),
            ("shard", self.shard.0.to_string()),
            ("bucket", self.bucket.clone()),
            ("timeout", duration::format(self.timeout)),
            ("retries", self.retries.to_string()),
            ("consistency", level.to_owned()),
        ];
        settings.extend(self.tls.settings());
        settings
    }

    /// The same, in another bucket.
    pub(crate) fn in_bucket(&self, name: &str) -> Self {
        Self {
            bucket: name.to_owned(),
            ..self.clone()
        }
    }

    /// Whose keys are meant; empty: the default bucket.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The words as the client takes them.
    pub(crate) fn options(&self, connections: usize) -> ClientOptions {
        ClientOptions {
            endpoints: self.endpoints.clone(),
            tls: self.tls.options(),
            shard: self.shard,
            bucket: self.bucket.clone(),
            timeout: self.timeout,
            retries: self.retries,
            consistency: match self.consistency {
                Level::Linearizable => Consistency::Linearizable,
                Level::Stale => Consistency::Stale,
            },
            connections,
        }
    }
}

/// Runs the asynchronous part of a subcommand on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("cannot start the event loop: {error}")))?
        .block_on(work)
}

/// The same, where a shell hears Ctrl-C if it was typed in one.
pub(crate) fn block_on_in<T>(
    session: Option<&Session>,
    work: impl Future<Output = Outcome<T>>,
) -> Outcome<T> {
    match session {
        Some(session) => session.block_on(work),
        None => block_on(work),
    }
}

/// A word of the command line as the bytes it is.
pub(crate) fn bytes(word: &OsStr) -> Bytes {
    Bytes::copy_from_slice(word.as_bytes())
}

/// Reads `NAME@TOKEN`. A name may hold `@` itself.
pub(crate) fn fence(text: &str) -> Result<Fence> {
    let Some((name, token)) = text.rsplit_once('@') else {
        return Err(not_a_fence(text));
    };
    match token.parse() {
        Ok(token) if !name.is_empty() => Ok(Fence {
            name: Bytes::copy_from_slice(name.as_bytes()),
            token: FenceToken(token),
        }),
        _ => Err(not_a_fence(text)),
    }
}

fn not_a_fence(text: &str) -> Error {
    Error::invalid(format!(
        "`{text}` is not a fence: write LOCK@TOKEN, with the fence that `dkv lock acquire` printed"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_a_lock_and_a_token() {
        let simple = fence("jobs@42").unwrap();
        assert_eq!(
            (&simple.name[..], simple.token),
            (&b"jobs"[..], FenceToken(42))
        );
        assert_eq!(&fence("a@b@7").unwrap().name[..], b"a@b");
        for text in ["", "jobs", "jobs@", "@7", "jobs@x", "jobs@-1"] {
            assert!(fence(text).is_err(), "{text}");
        }
    }
}
