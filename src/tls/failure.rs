//! Why a connection could not be made secure, found in whatever error it came in.
//!
//! In TLS 1.3 a client is done before the server has looked at its certificate: it learns
//! that it was refused from the alert that its first read finds.

mod words;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use rustls::{
    AlertDescription as Alert, CertificateError, Error as TlsError, InvalidMessage, OtherError,
    PeerIncompatible,
};

use super::moment::Moment;
use crate::base::{Error, ErrorKind};

/// Who is told: which flags help depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A client that dialled a server.
    Client,
    /// A node that dialled another.
    Peer,
    /// Whoever was dialled.
    Server,
}

/// Why a connection could not be made secure; reads as what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Who noticed.
    pub side: Side,
    /// What it noticed.
    pub cause: Cause,
}

/// What can be wrong. The first ones are said of the other end's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// None of the trusted authorities issued it.
    UnknownAuthority,
    /// Its time is over; until when it was valid, if that is known.
    Expired(Option<Moment>),
    /// Its time has not begun; when it does, if that is known.
    NotYetValid(Option<Moment>),
    /// It is for other hosts.
    WrongName {
        /// Who was dialled.
        asked: String,
        /// For whom it is.
        names: Vec<String>,
    },
    /// It is a client's and a server showed it, or the other way round.
    WrongPurpose,
    /// Its authority took it back.
    Revoked,
    /// It is unusable in another way.
    Unfit(String),
    /// The client gave none, and must.
    NoCertificate,
    /// The other end refused the certificate of this one.
    Refused(Refusal),
    /// The other end does not speak TLS.
    PlainText,
    /// The other end speaks TLS, and this one does not.
    SpeaksTls,
    /// The other end does not speak TLS 1.3.
    OldTls,
    /// Both ends speak TLS, but not the same protocol in it.
    NoCommonProtocol,
    /// The other end hung up before the connection was secure.
    Closed,
    /// It took longer than this.
    TimedOut(Duration),
    /// Anything else, in the words of whoever noticed.
    Other(String),
}

/// Why the other end refused a certificate, as far as it told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There was none.
    NoCertificate,
    /// It does not trust the authority.
    UnknownAuthority,
    /// By its clock it has expired, or is not valid yet.
    Dates,
    /// It was revoked.
    Revoked,
    /// It is not for this end of a connection.
    WrongPurpose,
    /// It does not say: for a server, often that the certificate is for other hosts.
    Unfit,
}

impl Failure {
    /// The failure behind an error of a handshake or of a connection, however deep. `None`
    /// if TLS has nothing to do with it.
    pub fn of(side: Side, error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(known) = error.downcast_ref::<Self>() {
                return Some(known.clone());
            }
            if let Some(error) = error.downcast_ref::<TlsError>() {
                return Some(Self::of_tls(side, error));
            }
            // The source of such an error is that of what is in it.
            let inner = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            next = match inner {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }

    /// Why a handshake failed.
    pub fn of_handshake(side: Side, error: &io::Error) -> Self {
        let cause = match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Cause::Closed,
            _ => Cause::Other(error.to_string()),
        };
        Self::of(side, error).unwrap_or(Self { side, cause })
    }

    /// A handshake that took longer than `limit`.
    pub fn timed_out(side: Side, limit: Duration) -> Self {
        let cause = Cause::TimedOut(limit);
        Self { side, cause }
    }

    /// Of an end that does not speak TLS.
    pub fn plain_text(side: Side) -> Self {
        let cause = Cause::PlainText;
        Self { side, cause }
    }

    /// Anything else, in words.
    pub fn other(side: Side, words: &str) -> Self {
        let cause = Cause::Other(words.to_owned());
        Self { side, cause }
    }

    pub(crate) fn unfit(side: Side, words: &str) -> Self {
        let cause = Cause::Unfit(words.to_owned());
        Self { side, cause }
    }

    pub(crate) fn of_tls(side: Side, error: &TlsError) -> Self {
        let cause = match error {
            TlsError::InvalidCertificate(error) => of_certificate(error),
            TlsError::NoCertificatesPresented => Cause::NoCertificate,
            TlsError::AlertReceived(alert) => of_alert(*alert),
            TlsError::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Cause::PlainText,
            TlsError::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled,
            ) => Cause::OldTls,
            TlsError::NoApplicationProtocol => Cause::NoCommonProtocol,
            error => Cause::Other(error.to_string()),
        };
        Self { side, cause }
    }

    /// What whoever asked should do.
    pub fn kind(&self) -> ErrorKind {
        match &self.cause {
            Cause::UnknownAuthority
            | Cause::Expired(_)
            | Cause::NotYetValid(_)
            | Cause::WrongName { .. }
            | Cause::WrongPurpose
            | Cause::Revoked
            | Cause::Unfit(_)
            | Cause::NoCertificate
            | Cause::Refused(_) => ErrorKind::Unauthenticated,
            Cause::PlainText | Cause::SpeaksTls | Cause::OldTls | Cause::NoCommonProtocol => {
                ErrorKind::Invalid
            }
            Cause::Closed | Cause::TimedOut(_) | Cause::Other(_) => ErrorKind::Unavailable,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words::of(self))
    }
}

impl StdError for Failure {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind(), failure.to_string()).with_source(failure)
    }
}

/// True if these are the first bytes of a record of TLS: what a server that speaks it says
/// to whoever speaks plain text. One byte is enough to say no, three to say yes.
pub fn speaks_tls(start: &[u8]) -> bool {
    // Alert or handshake, then the version 3.x (RFC 8446, 5.1).
    matches!(start, [0x15 | 0x16, 3, 0..=4, ..])
}

fn of_certificate(error: &CertificateError) -> Cause {
    use CertificateError as E;
    match error {
        E::UnknownIssuer | E::BadSignature => Cause::UnknownAuthority,
        E::Expired => Cause::Expired(None),
        E::ExpiredContext { not_after, .. } => Cause::Expired(Some((*not_after).into())),
        E::NotValidYet => Cause::NotYetValid(None),
        E::NotValidYetContext { not_before, .. } => Cause::NotYetValid(Some((*not_before).into())),
        E::NotValidForName => Cause::WrongName {
            asked: String::new(),
            names: Vec::new(),
        },
        E::NotValidForNameContext {
            expected,
            presented,
        } => Cause::WrongName {
            asked: expected.to_str().into_owned(),
            names: presented.iter().filter_map(|name| host(name)).collect(),
        },
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => Cause::WrongPurpose,
        E::Revoked => Cause::Revoked,
        E::Other(why) => Cause::Unfit(of_ours(why)),
        error => Cause::Unfit(error.to_string()),
    }
}

/// What a verifier of ours says, as a person reads it.
fn of_ours(why: &OtherError) -> String {
    match why.0.downcast_ref::<Error>() {
        Some(error) => error.message().to_owned(),
        None => why.to_string(),
    }
}

/// `DnsName("localhost")`, `IpAddress(127.0.0.1)`, as rustls writes them.
fn host(name: &str) -> Option<String> {
    let (kind, rest) = name.split_once('(')?;
    let name = rest.strip_suffix(')')?.trim_matches('"');
    match kind {
        "DnsName" => Some(name.to_owned()),
        // It writes `0::1`.
        "IpAddress" => Some(match name.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => name.to_owned(),
        }),
        _ => None,
    }
}

fn of_alert(alert: Alert) -> Cause {
    Cause::Refused(match alert {
        Alert::CertificateRequired | Alert::NoCertificate => Refusal::NoCertificate,
        Alert::UnknownCA => Refusal::UnknownAuthority,
        Alert::CertificateExpired => Refusal::Dates,
        Alert::CertificateRevoked => Refusal::Revoked,
        Alert::UnsupportedCertificate => Refusal::WrongPurpose,
        // A signature that does not verify is an authority that is not trusted under a
        // name that is: rustls says it so.
        Alert::DecryptError => Refusal::UnknownAuthority,
        Alert::BadCertificate | Alert::CertificateUnknown | Alert::AccessDenied => Refusal::Unfit,
        Alert::ProtocolVersion => return Cause::OldTls,
        Alert::NoApplicationProtocol => return Cause::NoCommonProtocol,
        alert => return Cause::Other(format!("the other end gave up: {alert:?}")),
    })
}
