//! What every question about a cluster takes, and how members are found by name.

use std::time::Duration;

use clap::Args;

use crate::base::suggest::nearest;
use crate::base::{Error, Result, duration};
use crate::cli::tls_args::TlsArgs;
use crate::client::{Client, ClientOptions, Cluster, ClusterMember, ClusterOverview, MemberView};

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
        Client::connect(self.options()?).await?.cluster()
    }

    /// The words as a client takes them; what an endpoint says of TLS is meant for members at
    /// other endpoints, too.
    ///
    /// # Errors
    /// `Invalid` for an endpoint in plain text beside one word for TLS.
    pub(super) fn options(&self) -> Result<ClientOptions> {
        let mut options = ClientOptions {
            endpoints: self.endpoints.clone(),
            tls: self.tls.options(),
            timeout: self.timeout,
            ..ClientOptions::default()
        };
        options.tls = options.secured()?;
        Ok(options)
    }

    /// The first endpoint, as it was written.
    pub(super) fn first(&self) -> &str {
        self.endpoints.first().map_or("", String::as_str)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(endpoints: &[&str]) -> Result<ClientOptions> {
        let args = AskArgs {
            endpoints: endpoints.iter().map(|&text| text.to_owned()).collect(),
            timeout: Duration::from_secs(1),
            tls: TlsArgs::default(),
        };
        args.options()
    }

    /// The members that are found through it are asked in the same way.
    #[test]
    fn an_endpoint_speaks_of_tls_for_all_members() {
        assert!(asked(&["a:1", "b:1"]).unwrap().tls.is_none());
        assert!(asked(&["a:1", " https://b:1"]).unwrap().tls.is_some());
        let error = asked(&["http://a:1", "dkvs://b:1"]).unwrap_err();
        assert!(error.message().contains("http://a:1"), "{error}");
    }
}
