//! The settings of `dkv serve` that are about certificates.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::tls::TlsText;
use crate::tls::ClientAuth;

/// How connections are encrypted, and who may come.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS options")]
pub(super) struct TlsArgs {
    /// Speak TLS, with the files that `dkv cert` wrote to this directory: ca.crt, ca.crl if there
    /// is one, and NODE-ID.crt and .key, or else server.crt and .key. Files that change are read
    /// anew, also on SIGHUP
    #[arg(long, value_name = "DIR")]
    certs: Option<PathBuf>,
    /// The certificate of this node, in PEM, with those between it and its authority
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// The authorities whose clients and members are let in
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// The certificates that those have revoked
    #[arg(long, value_name = "FILE")]
    tls_crl: Option<PathBuf>,
    /// Whether clients must show a certificate [default: required]
    #[arg(long, value_name = "WHO", value_enum)]
    client_auth: Option<ClientAuth>,
    /// With --join: get this node's certificate for the token in this file (dkv cluster token
    /// create), and keep it in --certs. Once it is there, the token is not looked at
    #[arg(long, value_name = "FILE")]
    join_token_file: Option<PathBuf>,
}

impl TlsArgs {
    /// The settings as they were written.
    pub(super) fn text(self) -> TlsText {
        TlsText {
            certs: self.certs,
            cert: self.tls_cert,
            key: self.tls_key,
            ca: self.tls_ca,
            crl: self.tls_crl,
            client_auth: self.client_auth,
            join_token: self.join_token_file,
        }
    }
}

impl ValueEnum for ClientAuth {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Required, Self::Optional, Self::None]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(match self {
            Self::Required => clap::builder::PossibleValue::new("required"),
            Self::Optional => clap::builder::PossibleValue::new("optional"),
            Self::None => clap::builder::PossibleValue::new("none"),
        })
    }
}
