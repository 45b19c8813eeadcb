//! What one certificate says.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::identity::{Identity, Kind};
use super::moment::Moment;
use crate::base::{Error, Result};

/// What a certificate says; whether that is so is for its authority to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Whom it names.
    pub identity: Identity,
    /// The hosts it is for: names and addresses.
    pub hosts: Vec<String>,
    /// Its authority, as `CN=dkv authority`.
    pub issuer: String,
    /// Its number at its authority: hexadecimal, lower case, without leading zeros.
    pub serial: String,
    /// From when on it is valid.
    pub not_before: Moment,
    /// Until when.
    pub not_after: Moment,
    /// Whether it may be shown by whoever is asked.
    pub for_servers: bool,
    /// Whether it may be shown by whoever asks.
    pub for_clients: bool,
}

impl Leaf {
    /// Reads a certificate.
    ///
    /// # Errors
    /// `Invalid` for what is no certificate, names nobody, or names two.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self> {
        let parsed = parse(certificate)?;
        let (for_servers, for_clients) = purposes(&parsed)?;
        let names = general_names(&parsed)?;
        Ok(Self {
            identity: identity(&parsed, &names, for_clients)?,
            hosts: names.iter().filter_map(host).collect(),
            issuer: parsed.issuer().to_string(),
            serial: serial_text(parsed.raw_serial()),
            not_before: parsed.validity().not_before.into(),
            not_after: parsed.validity().not_after.into(),
            for_servers,
            for_clients,
        })
    }
}

/// Who is at the other end of a connection: proven, not claimed.
#[derive(Debug, Clone)]
pub struct Peer {
    /// What its certificate says.
    pub leaf: Leaf,
    /// Its certificate and those between it and its authority, to be judged anew.
    pub chain: Vec<CertificateDer<'static>>,
}

impl Peer {
    /// Whom the first certificate of a chain that was verified names.
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Result<Self> {
        let first = chain
            .first()
            .ok_or_else(|| Error::invalid("there is no certificate"))?;
        Ok(Self {
            leaf: Leaf::of(first)?,
            chain: chain.iter().map(|one| one.clone().into_owned()).collect(),
        })
    }

    /// When each certificate of its chain expires.
    pub(crate) fn ends(&self) -> Vec<Moment> {
        let parsed = self.chain.iter().filter_map(|one| parse(one).ok());
        parsed.map(|one| one.validity().not_after.into()).collect()
    }

    /// Whom it is.
    pub fn identity(&self) -> &Identity {
        &self.leaf.identity
    }
}

/// The outer form, and nothing behind it.
pub(crate) fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) => Err(Error::invalid("there is something behind the certificate")),
        Err(error) => Err(Error::invalid(format!(
            "this is no certificate of X.509: {error}"
        ))),
    }
}

/// A serial number as people compare it.
pub(crate) fn serial_text(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let short = hex.trim_start_matches('0');
    if short.is_empty() { "0" } else { short }.to_owned()
}

/// For servers, for clients: both, without a word about it (RFC 5280, 4.2.1.12).
fn purposes(parsed: &X509Certificate<'_>) -> Result<(bool, bool)> {
    let usage = parsed.extended_key_usage().map_err(unreadable)?;
    Ok(usage.map_or((true, true), |usage| {
        let (any, usage) = (usage.value.any, usage.value);
        (any || usage.server_auth, any || usage.client_auth)
    }))
}

fn general_names<'a>(parsed: &'a X509Certificate<'_>) -> Result<Vec<&'a GeneralName<'a>>> {
    let names = parsed.subject_alternative_name().map_err(unreadable)?;
    Ok(names.map_or_else(Vec::new, |names| names.value.general_names.iter().collect()))
}

fn unreadable(error: x509_parser::error::X509Error) -> Error {
    Error::invalid("an extension of the certificate is damaged, or is there twice")
        .with_source(error)
}

fn identity(
    parsed: &X509Certificate<'_>,
    names: &[&GeneralName<'_>],
    for_clients: bool,
) -> Result<Identity> {
    let mut ours = Vec::new();
    for name in names {
        if let GeneralName::URI(uri) = name {
            ours.extend(Identity::from_uri(uri)?);
        }
    }
    match ours.len() {
        0 => foreign(parsed, names, for_clients),
        1 => Ok(ours.remove(0)),
        count => Err(Error::invalid(format!(
            "the certificate has {count} names that begin with `dkv://`, and may have one"
        ))),
    }
}

/// Whom a certificate names that another tool made. Never a node.
fn foreign(
    parsed: &X509Certificate<'_>,
    names: &[&GeneralName<'_>],
    for_clients: bool,
) -> Result<Identity> {
    let mut common = parsed.subject().iter_common_name();
    let name = match (common.next(), common.next()) {
        (Some(one), None) => one.as_str().map_err(unreadable)?.to_owned(),
        (None, _) => names
            .iter()
            .find_map(|name| alternative(name))
            .ok_or_else(|| Error::invalid("the certificate has no name"))?,
        (Some(_), Some(_)) => {
            return Err(Error::invalid("the certificate has two common names"));
        }
    };
    if name.trim().is_empty() {
        return Err(Error::invalid("the name in the certificate is empty"));
    }
    let kind = if for_clients {
        Kind::Client
    } else {
        Kind::Server
    };
    Ok(Identity {
        kind,
        name,
        node: None,
    })
}

fn alternative(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(text) | GeneralName::RFC822Name(text) => Some((*text).to_owned()),
        _ => host(&name),
    }
}

fn host(name: &&GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}
