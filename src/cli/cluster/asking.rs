//! What every question about a cluster takes, and how members are found by name.

use std::time::Duration;

use clap::Args;

use crate::base::suggest::nearest;
use crate::base::{Error, Result, duration};
use crate::cli::tls_args::TlsArgs;
use crate::client::{
    Client, ClientOptions, Cluster, ClusterMember, ClusterOverview, MemberView, TlsOptions,
};

/// Where to ask, and how long. The shard and the bucket of keys mean nothing here.
#[derive(Debug, Args)]
pub(super) struct AskArgs {
    /// Ask these nodes: HOST:PORT, https://HOST:PORT or unix:/path, separated by commas. One is
    /// enough
    #[arg(long, alias = "transport-endpoints", value_name = "ADDRESS,...")]
    #[arg(
        default_value = "127.0.0.1:8080",
        value_delimiter = ',',
        help_heading = "Client options"
    )]
    endpoints: Vec<String>,
    /// Give up after this long
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = duration::parse, help_heading = "Client options")]
    timeout: Duration,
    #[command(flatten)]
    tls: TlsArgs,
}

impl AskArgs {
    /// The cluster. It is connected to when it is asked.
    pub(super) async fn cluster(&self) -> Result<Cluster> {
        cluster(self.endpoints.clone(), self.timeout, self.tls.options()).await
    }

    /// The words as a client takes them.
    pub(super) fn options(&self) -> ClientOptions {
        let asks_for_tls =
            |text: &String| text.starts_with("https://") || text.starts_with("dkvs://");
        let asked = self.endpoints.iter().any(asks_for_tls);
        ClientOptions {
            endpoints: self.endpoints.clone(),
            tls: self.tls.options().or(asked.then(TlsOptions::default)),
            timeout: self.timeout,
            ..ClientOptions::to("")
        }
    }

    /// The first endpoint, as it was written.
    pub(super) fn first(&self) -> &str {
        self.endpoints.first().map_or("", String::as_str)
    }
}

/// The cluster behind some endpoints.
pub(super) async fn cluster(
    endpoints: Vec<String>,
    timeout: Duration,
    tls: Option<TlsOptions>,
) -> Result<Cluster> {
    let options = ClientOptions {
        endpoints,
        tls,
        timeout,
        ..ClientOptions::to("")
    };
    Client::connect(options).await?.cluster()
}

/// The member that is called `name`.
///
/// # Errors
/// `Invalid`, naming the members and the one that was meant, maybe.
pub(super) fn named<'a>(overview: &'a ClusterOverview, name: &str) -> Result<&'a MemberView> {
    overview.named(name).ok_or_else(|| {
        let members = overview.members.iter().map(|view| &view.member);
        let names: Vec<&str> = members.map(|it: &ClusterMember| it.name.as_str()).collect();
        let meant = match nearest(name, names.iter().copied()) {
            Some(near) => format!(": did you mean {near}?"),
            None => String::new(),
        };
        Error::invalid(format!(
            "no member is called `{name}`{meant} (members: {})",
            names.join(", ")
        ))
    })
}
