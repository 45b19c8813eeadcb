//! Where a node listens, as people write it, and why it could not be asked.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

use http::Uri;

use super::dial;
use crate::base::{Error, ErrorKind, Result};
use crate::tls::Failure;

/// What people write before `host:port`. Whether TLS is spoken is one question for all
/// endpoints of a client: [`Endpoint::asks_for_tls`].
const SCHEMES: [&str; 4] = ["http://", "dkv://", "https://", "dkvs://"];

/// One address of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Endpoint {
    /// `host:port`.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads `host:port`, the same behind one of [`SCHEMES`], or `unix:/path`.
    ///
    /// # Errors
    /// `Invalid`, saying what an endpoint looks like.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.starts_with('/') {
                return Err(malformed(text));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let mut schemes = SCHEMES.into_iter();
        let authority = schemes.find_map(|scheme| text.strip_prefix(scheme));
        let authority = authority.unwrap_or(text);
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = authority.rsplit_once(':').ok_or_else(|| malformed(text))?;
        let port_is_right = port.parse::<u16>().is_ok_and(|port| port != 0);
        let host_is_right = !host.is_empty() && (host.starts_with('[') || !host.contains(':'));
        let is_uri = format!("http://{authority}")
            .parse::<Uri>()
            .is_ok_and(|uri| uri.path() == "/" && uri.query().is_none());
        if !(port_is_right && host_is_right && is_uri) || authority.contains('@') {
            return Err(malformed(text));
        }
        Ok(Self::Tcp(authority.to_owned()))
    }

    /// What the spelling of an endpoint says of TLS, if it does.
    pub(super) fn asks_for_tls(text: &str) -> Option<bool> {
        let (scheme, _) = text.trim().split_once("://")?;
        match scheme {
            "https" | "dkvs" => Some(true),
            "http" | "dkv" => Some(false),
            _ => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => f.write_str(authority),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Why a node could not be asked; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreachable {
    /// In a few words, for people: `connection refused`.
    pub(super) reason: String,
    /// Nobody listens there: starting a node is what would help.
    pub(super) nobody_listens: bool,
    /// What whoever asked should do: `Unavailable` is tried again, the others need a person.
    pub(super) kind: ErrorKind,
}

/// Where nobody could be asked, and why.
#[derive(Default)]
pub(super) struct Unreached<'a> {
    tried: Vec<(&'a Endpoint, &'a Unreachable)>,
}

impl<'a> FromIterator<(&'a Endpoint, &'a Unreachable)> for Unreached<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a Endpoint, &'a Unreachable)>>(tried: I) -> Self {
        Self {
            tried: tried.into_iter().collect(),
        }
    }
}

impl Unreached<'_> {
    /// What whoever asked should do: a person is needed if it takes one everywhere.
    pub(super) fn kind(&self) -> ErrorKind {
        let mut kinds = self.tried.iter().map(|(_, why)| why.kind);
        let first = kinds.next().unwrap_or(ErrorKind::Unavailable);
        match kinds.any(|kind| kind == ErrorKind::Unavailable) {
            true => ErrorKind::Unavailable,
            false => first,
        }
    }

    /// Says where, and why; `aside` stands between that and what would help.
    pub(super) fn words(&self, aside: &str) -> String {
        let [(_, first), others @ ..] = &*self.tried else {
            return format!("cannot reach dkv{aside}");
        };
        let is_one = others.iter().all(|(_, why)| why.reason == first.reason);
        if is_one && first.kind != ErrorKind::Unavailable {
            let at: Vec<String> = self.tried.iter().map(|(at, _)| at.to_string()).collect();
            let (at, reason) = (at.join(", "), &first.reason);
            return format!("cannot reach dkv at {at}{aside}: {reason}");
        }
        let why = self.tried.iter();
        let why: Vec<String> = why
            .map(|(at, why)| format!("{at} ({})", why.reason))
            .collect();
        let nobody_listens = self.tried.iter().all(|(_, why)| why.nobody_listens);
        let question = question(nobody_listens);
        format!("cannot reach dkv at {}{aside}{question}", why.join(", "))
    }

    pub(super) fn error(&self) -> Error {
        Error::new(self.kind(), self.words(""))
    }
}

/// What to say behind the reasons if nobody listens at any of the addresses.
pub(super) fn question(nobody_listens: bool) -> &'static str {
    match nobody_listens {
        true => ": is `dkv serve` running? Where it listens is given with --endpoints",
        false => "",
    }
}

impl Unreachable {
    /// For a reason that starting a node would not mend.
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            nobody_listens: false,
            kind: ErrorKind::Unavailable,
        }
    }

    /// For a connection that could not be made secure.
    pub(super) fn insecure(failure: &Failure) -> Self {
        Self {
            reason: failure.to_string(),
            nobody_listens: false,
            kind: failure.kind(),
        }
    }

    /// The error about the one endpoint that was tried.
    pub(super) fn at(&self, endpoint: &Endpoint) -> Error {
        Unreached::from_iter([(endpoint, self)]).error()
    }

    /// The operating system's word when there is one: the layers above it only
    /// say that something went wrong.
    pub(super) fn from_error(error: &(dyn StdError + 'static)) -> Self {
        if let Some(failure) = dial::insecure(error) {
            return Self::insecure(&failure);
        }
        let mut innermost = error;
        let mut system = None;
        loop {
            if let Some(error) = innermost.downcast_ref::<io::Error>() {
                system = Some(error.kind());
            }
            match innermost.source() {
                Some(source) => innermost = source,
                None => break,
            }
        }
        match system {
            Some(io::ErrorKind::ConnectionRefused) => Self {
                reason: "connection refused".to_owned(),
                nobody_listens: true,
                kind: ErrorKind::Unavailable,
            },
            Some(io::ErrorKind::NotFound) => Self {
                reason: "no such socket".to_owned(),
                nobody_listens: true,
                kind: ErrorKind::Unavailable,
            },
            Some(io::ErrorKind::TimedOut) => Self::because("no answer"),
            _ => Self::because(innermost.to_string()),
        }
    }
}

fn malformed(text: &str) -> Error {
    Error::invalid(format!(
        "`{text}` is not an endpoint: write host:port, https://host:port or unix:/path"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, shown) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            (" localhost:1 ", "localhost:1"),
            ("http://db.example:8080/", "db.example:8080"),
            ("dkv://db.example:8080", "db.example:8080"),
            ("https://db.example:8080/", "db.example:8080"),
            ("dkvs://[::1]:8080", "[::1]:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("unix:/run/dkv.sock", "unix:/run/dkv.sock"),
            ("unix:///run/dkv.sock", "unix:/run/dkv.sock"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_an_endpoint() {
        for text in [
            "",
            "localhost",
            ":8080",
            "host:0",
            "host:99999",
            "::1:8080",
            "a b:1",
            "host:1/path",
            "user@host:1",
            "unix:relative",
            "unix:",
            "https://host",
            "ftp://host:1",
        ] {
            let error = Endpoint::parse(text).expect_err(text);
            assert!(error.message().contains("host:port"), "{error}");
        }
    }

    #[test]
    fn a_person_is_needed_where_no_other_try_would_help() {
        let [a, b] = ["a:1", "b:2"].map(|text| Endpoint::parse(text).unwrap());
        let stranger = Unreachable {
            kind: ErrorKind::Unauthenticated,
            ..Unreachable::because("not trusted: --ca FILE")
        };
        let down = Unreachable::because("no answer");
        let both = Unreached::from_iter([(&a, &stranger), (&b, &stranger)]).error();
        assert_eq!(both.kind(), ErrorKind::Unauthenticated);
        assert_eq!(
            both.message(),
            "cannot reach dkv at a:1, b:2: not trusted: --ca FILE"
        );
        let one = Unreached::from_iter([(&a, &stranger), (&b, &down)]).error();
        assert_eq!(one.kind(), ErrorKind::Unavailable);
        assert_eq!(
            one.message(),
            "cannot reach dkv at a:1 (not trusted: --ca FILE), b:2 (no answer)"
        );
    }
}
