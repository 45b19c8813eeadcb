//! How every subcommand that asks a server speaks TLS.

use std::path::PathBuf;

use clap::Args;

use crate::client::{Pem, TlsOptions};

/// Any of these asks for TLS. Their names in clap are their own: subcommands have keys of
/// another kind.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS options")]
pub(crate) struct TlsArgs {
    /// Speak TLS, as endpoints with https:// do, too
    #[arg(long = "tls", id = "tls", global = true)]
    is_on: bool,
    /// Speak TLS, with the files that `dkv cert` wrote to this directory: ca.crt, and ca.crl,
    /// client.crt and client.key if they are there
    #[arg(long, id = "tls_certs", global = true, value_name = "DIR")]
    certs: Option<PathBuf>,
    /// Trust the servers of the authorities in this file, in PEM
    #[arg(
        long,
        alias = "tls-ca",
        id = "tls_ca",
        global = true,
        value_name = "FILE"
    )]
    ca: Option<PathBuf>,
    /// Refuse the servers that the list of revocations in this file has, in PEM
    #[arg(
        long,
        alias = "tls-crl",
        id = "tls_crl",
        global = true,
        value_name = "FILE"
    )]
    crl: Option<PathBuf>,
    /// Show this certificate to servers that ask for one, in PEM
    #[arg(
        long,
        alias = "tls-cert",
        id = "tls_cert",
        global = true,
        value_name = "FILE"
    )]
    cert: Option<PathBuf>,
    /// The private key of --cert
    #[arg(
        long,
        alias = "tls-key",
        id = "tls_key",
        global = true,
        value_name = "FILE"
    )]
    key: Option<PathBuf>,
    /// Expect servers' certificates to be for this host [default: that of the endpoint]
    #[arg(long, id = "tls_server_name", global = true, value_name = "HOST")]
    server_name: Option<String>,
}

/// The flags, for whoever looks for them in half a line: those with a value, ...
pub(crate) const FLAGS: [&str; 6] = [
    "--certs",
    "--ca",
    "--crl",
    "--cert",
    "--key",
    "--server-name",
];
/// ... and the one without.
pub(crate) const SWITCH: &str = "--tls";

impl TlsArgs {
    /// The words as the client takes them; `None` if TLS is not asked for here.
    pub(crate) fn options(&self) -> Option<TlsOptions> {
        let [ca, cert, key] = [&self.ca, &self.cert, &self.key].map(Option::as_deref);
        let server_name = self.server_name.clone();
        let mut options = match &self.certs {
            Some(dir) => TlsOptions::in_dir(dir),
            None if self.is_on
                || ca.or(self.crl.as_deref()).or(cert).or(key).is_some()
                || server_name.is_some() =>
            {
                TlsOptions::default()
            }
            None => return None,
        };
        if let Some(ca) = ca {
            // What the directory's authority has revoked says nothing about this one's.
            options.revocations = None;
            options.authorities = Some(Pem::from(ca));
        }
        if let Some(crl) = &self.crl {
            options.revocations = Some(Pem::from(&**crl));
        }
        if cert.or(key).is_some() {
            options.certificate = cert.map(Pem::from);
            options.key = key.map(Pem::from);
        }
        options.server_name = server_name;
        Some(options)
    }

    /// The settings as words, for the lines of a shell: those that there are.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let files = [
            ("certs", &self.certs),
            ("ca", &self.ca),
            ("crl", &self.crl),
            ("cert", &self.cert),
            ("key", &self.key),
        ];
        let files = files
            .into_iter()
            .filter_map(|(name, path)| Some((name, path.as_ref()?.display().to_string())));
        let name = self.server_name.iter();
        let name = name.map(|name| ("server-name", name.clone()));
        let switch = self.is_on.then(|| ("tls", "true".to_owned()));
        files.chain(name).chain(switch).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        tls: TlsArgs,
    }

    fn of(words: &str) -> TlsArgs {
        let words = ["x"].into_iter().chain(words.split_whitespace());
        Alone::try_parse_from(words).unwrap().tls
    }

    #[test]
    fn any_word_asks_for_tls_and_single_files_beat_the_directory() {
        assert_eq!(of("").options(), None);
        for words in [
            "--tls",
            "--ca a",
            "--crl r",
            "--cert c",
            "--key k",
            "--server-name n",
        ] {
            assert!(of(words).options().is_some(), "{words}");
        }
        let dir = of("--certs certs").options().unwrap();
        assert_eq!(dir, TlsOptions::in_dir("certs"));
        assert_eq!(
            dir.certificate,
            Some(Pem::IfThere("certs/client.crt".into()))
        );
        let alice = of("--certs certs --cert alice.crt --key alice.key");
        let alice = alice.options().unwrap();
        assert_eq!(alice.certificate, Some(Pem::from("alice.crt")));
        assert_eq!(alice.authorities, dir.authorities);
        let other = of("--certs certs --ca other.crt").options().unwrap();
        assert_eq!(other.authorities, Some(Pem::from("other.crt")));
        assert_eq!((other.revocations, other.key), (None, dir.key));
        for words in ["--ca a --crl r", "--certs certs --crl r"] {
            let listed = of(words).options().unwrap();
            assert_eq!(listed.revocations, Some(Pem::from("r")), "{words}");
        }
    }

    #[test]
    fn a_shell_passes_on_what_it_was_given() {
        let words = "--ca a --crl r --server-name n --tls";
        assert_eq!(
            of(words).settings(),
            [
                ("ca", "a".to_owned()),
                ("crl", "r".to_owned()),
                ("server-name", "n".to_owned()),
                ("tls", "true".to_owned())
            ]
        );
        assert!(of("").settings().is_empty());
    }
}
