//! What must hold between the words about certificates before a node may start.

use std::path::{Path, PathBuf};

use crate::base::{Error, Result};
use crate::server::settings::{ListenAddress, TlsConfig};
use crate::tls::{ClientAuth, Crl, Files};

/// The settings of TLS as they are written.
#[derive(Debug, Clone, Default)]
pub struct TlsText {
    /// A directory that `dkv cert` wrote.
    pub certs: Option<PathBuf>,
    /// Its own certificate, ...
    pub cert: Option<PathBuf>,
    /// ... the key of that, ...
    pub key: Option<PathBuf>,
    /// ... whom it trusts, ...
    pub ca: Option<PathBuf>,
    /// ... and whom those have revoked.
    pub crl: Option<PathBuf>,
    /// What clients must show.
    pub client_auth: Option<ClientAuth>,
    /// What a new node gets its certificate for.
    pub join_token: Option<PathBuf>,
}

/// Checks the words against each other, and completes them. `name` is the node's.
///
/// # Errors
/// `Invalid`, naming the flag and what would be right.
pub fn settle(text: TlsText, name: Option<&str>, joins: bool) -> Result<Option<TlsConfig>> {
    let has_files = text.cert.is_some() || text.key.is_some() || text.ca.is_some();
    match &text.certs {
        Some(_) if has_files || text.crl.is_some() => Err(Error::invalid(
            "--certs names a directory with all that --tls-cert, --tls-key, --tls-ca and \
             --tls-crl name one by one: give one or the other",
        )),
        Some(dir) => in_directory(dir.clone(), &text, name, joins).map(Some),
        None if has_files => one_by_one(text).map(Some),
        None => without(&text).map(|()| None),
    }
}

/// Checks that nobody is let in unnoticed.
///
/// # Errors
/// `Invalid` for an address that other machines reach, unless all who come must show a
/// certificate, or `insecure`.
pub fn check_exposure(
    listen: &[ListenAddress],
    tls: Option<&TlsConfig>,
    insecure: bool,
) -> Result<()> {
    let is_closed = tls.is_some_and(|tls| tls.client_auth == ClientAuth::Required);
    let open = listen.iter().find(|address| !address.is_local());
    let Some(address) = open.filter(|_| !is_closed && !insecure) else {
        return Ok(());
    };
    let ask = match tls {
        Some(_) => {
            "and asks nobody for a certificate: leave out --client-auth, which is `required` \
             where an authority is named"
        }
        None => {
            "without TLS and without asking who they are: `dkv cert ca && dkv cert server --host \
             NAME`, then `dkv serve --certs certs` with what you have"
        }
    };
    Err(Error::invalid(format!(
        "--listen {address} lets other machines in, {ask}; or listen on 127.0.0.1 or a unix \
         socket; or add --insecure if everybody who can reach this address may read and write \
         everything"
    )))
}

fn in_directory(
    dir: PathBuf,
    text: &TlsText,
    name: Option<&str>,
    joins: bool,
) -> Result<TlsConfig> {
    let join_token = match (&text.join_token, name) {
        (None, _) => None,
        (Some(_), _) if !joins => {
            return Err(Error::invalid(
                "--join-token-file is for a node that enters a cluster: add --join HOST:PORT",
            ));
        }
        (Some(_), None) => {
            return Err(Error::invalid(
                "--join-token-file gets a certificate for this node's name: add --node-id",
            ));
        }
        (Some(file), Some(_)) => Some(file.clone()),
    };
    let of_node = name.map(|name| Files::in_dir(&dir, name));
    let files = match of_node {
        Some(files) if join_token.is_some() || is_there(&files.cert) => files,
        _ => Files::in_dir(&dir, "server"),
    };
    // Without a directory it is that which is told, when it is read.
    if let Some(name) = name.filter(|_| join_token.is_none() && is_there(&dir))
        && !is_there(&files.cert)
    {
        return Err(no_certificate(&dir, name, joins));
    }
    Ok(TlsConfig {
        certs: Some(dir),
        files,
        client_auth: text.client_auth.unwrap_or(ClientAuth::Required),
        join_token,
    })
}

fn no_certificate(dir: &Path, name: &str, joins: bool) -> Error {
    let shown = dir.display();
    let by_token = match joins {
        true => ", or the cluster gives it one for a token (--join-token-file)",
        false => "",
    };
    Error::invalid(format!(
        "{shown} holds neither {name}.crt nor server.crt: `dkv cert node {name} --certs {shown}` \
         issues this node's certificate{by_token}"
    ))
}

fn one_by_one(text: TlsText) -> Result<TlsConfig> {
    if text.join_token.is_some() {
        return Err(Error::invalid(
            "--join-token-file puts what it gets into a directory: name it with --certs instead of \
             --tls-cert, --tls-key and --tls-ca",
        ));
    }
    let missing = |flag: &str, what: &str| {
        Error::invalid(format!(
            "TLS needs {flag}: {what} (--certs DIR names all of them)"
        ))
    };
    let cert = text.cert;
    let cert = cert.ok_or_else(|| missing("--tls-cert", "the certificate of this node"))?;
    let key = text.key;
    let key = key.ok_or_else(|| missing("--tls-key", "the private key of its certificate"))?;
    let ca = text.ca;
    let ca = ca.ok_or_else(|| missing("--tls-ca", "the authorities whose clients are let in"))?;
    Ok(TlsConfig {
        files: Files {
            cert,
            key,
            ca,
            crl: text.crl.map_or(Crl::None, Crl::File),
        },
        client_auth: text.client_auth.unwrap_or(ClientAuth::Required),
        join_token: None,
        certs: None,
    })
}

/// Words that mean nothing without a certificate.
fn without(text: &TlsText) -> Result<()> {
    let flag = match text {
        TlsText { crl: Some(_), .. } => "--tls-crl",
        TlsText {
            client_auth: Some(_),
            ..
        } => "--client-auth",
        TlsText {
            join_token: Some(_),
            ..
        } => "--join-token-file",
        _ => return Ok(()),
    };
    Err(Error::invalid(format!(
        "{flag} means nothing without TLS: add --certs DIR"
    )))
}

/// What cannot be looked at is reported when it is read.
#[allow(
    clippy::disallowed_methods,
    reason = "which of the user's files is meant, before the node has a disk"
)]
fn is_there(path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text::listen_address;

    fn certs() -> TlsText {
        TlsText {
            certs: Some("certs".into()),
            ..TlsText::default()
        }
    }

    #[test]
    fn a_directory_names_everything() {
        let tls = settle(certs(), None, false).unwrap().unwrap();
        assert_eq!(tls.files, Files::in_dir(Path::new("certs"), "server"));
        assert_eq!(tls.client_auth, ClientAuth::Required);
        assert!(settle(TlsText::default(), None, false).unwrap().is_none());
    }

    #[test]
    fn a_node_takes_the_certificate_of_its_name_if_there_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let text = TlsText {
            certs: Some(dir.path().to_owned()),
            ..TlsText::default()
        };
        let chosen = |text: TlsText, joins| {
            let tls = settle(text, Some("node-1"), joins).unwrap().unwrap();
            tls.files.cert.file_name().unwrap().to_owned()
        };
        std::fs::write(dir.path().join("server.crt"), "").unwrap();
        assert_eq!(chosen(text.clone(), false), "server.crt");
        // It is about to get one.
        let joining = TlsText {
            join_token: Some("token".into()),
            ..text.clone()
        };
        assert_eq!(chosen(joining, true), "node-1.crt");
        std::fs::write(dir.path().join("node-1.crt"), "").unwrap();
        assert_eq!(chosen(text, false), "node-1.crt");
    }

    /// The file that was missed was `server.crt`, which no node of a cluster needs.
    #[test]
    fn a_node_without_a_certificate_is_told_how_to_get_one() {
        let dir = tempfile::tempdir().unwrap();
        let text = TlsText {
            certs: Some(dir.path().to_owned()),
            ..TlsText::default()
        };
        let said = |joins| settle(text.clone(), Some("node-9"), joins).unwrap_err();
        let alone = said(false).message().to_owned();
        assert!(
            alone.contains("neither node-9.crt nor server.crt"),
            "{alone}"
        );
        assert!(alone.contains("`dkv cert node node-9 --certs "), "{alone}");
        assert!(!alone.contains("token"), "{alone}");
        assert!(said(true).message().contains("--join-token-file"));
    }

    #[test]
    fn words_that_do_not_fit_together_are_refused_by_name() {
        let one = |set: fn(&mut TlsText)| {
            let mut text = TlsText::default();
            set(&mut text);
            text
        };
        let cases = [
            (
                one(|text| {
                    text.certs = Some("certs".into());
                    text.ca = Some("ca".into());
                }),
                "one or the other",
            ),
            (one(|text| text.cert = Some("c".into())), "--tls-key"),
            (one(|text| text.key = Some("k".into())), "--tls-cert"),
            (one(|text| text.ca = Some("a".into())), "--tls-cert"),
            (one(|text| text.crl = Some("r".into())), "--tls-crl"),
            (
                one(|text| text.client_auth = Some(ClientAuth::None)),
                "--client-auth",
            ),
            (one(|text| text.join_token = Some("t".into())), "--certs"),
        ];
        for (text, expected) in cases {
            let error = settle(text.clone(), Some("n"), true).unwrap_err();
            assert!(error.message().contains(expected), "{text:?}: {error}");
        }
        let token = TlsText {
            join_token: Some("t".into()),
            ..certs()
        };
        let nowhere = settle(token.clone(), Some("n"), false).unwrap_err();
        assert!(nowhere.message().contains("--join "), "{nowhere}");
        let nobody = settle(token, None, true).unwrap_err();
        assert!(nobody.message().contains("--node-id"), "{nobody}");
    }

    #[test]
    fn only_certificates_of_clients_or_insecure_open_the_node_to_others() {
        let tls = settle(certs(), None, false).unwrap().unwrap();
        let open = TlsConfig {
            client_auth: ClientAuth::Optional,
            ..tls.clone()
        };
        for text in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
            "unix:/x",
        ] {
            let address = listen_address(text).unwrap();
            assert!(check_exposure(&[address], None, false).is_ok(), "{text}");
        }
        for text in ["0.0.0.0:1", "[::]:1", "192.168.1.1:1"] {
            let local = listen_address("127.0.0.1:1").unwrap();
            let both = [local, listen_address(text).unwrap()];
            let error = check_exposure(&both, None, false).unwrap_err();
            assert!(error.message().contains("--insecure"), "{error}");
            assert!(error.message().contains("dkv cert ca"), "{error}");
            let error = check_exposure(&both, Some(&open), false).unwrap_err();
            assert!(error.message().contains("--client-auth"), "{error}");
            assert!(check_exposure(&both, Some(&tls), false).is_ok(), "{text}");
            assert!(check_exposure(&both, None, true).is_ok(), "{text}");
        }
    }
}
