//! What is asked of an authority.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType,
};
use rustls::pki_types::DnsName;

use super::super::identity::{Identity, Kind, check_name};
use crate::base::types::NodeId;
use crate::base::{Error, Result};

/// Hosts of one certificate: it is sent in every handshake.
const HOSTS_MAX: usize = 100;

/// Whom a certificate is to name, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Whom it is to name.
    pub identity: Identity,
    /// The hosts it is for: names and addresses. None for a client.
    pub hosts: Vec<String>,
    /// How long it is to be valid.
    pub days: u32,
}

impl Request {
    /// For a server of clients alone, valid for a year.
    pub fn server<S: AsRef<str>>(name: &str, hosts: &[S]) -> Self {
        Self::of(Kind::Server, name, None, hosts)
    }

    /// For whoever asks, valid for a year.
    pub fn client(name: &str) -> Self {
        Self::of::<&str>(Kind::Client, name, None, &[])
    }

    /// For a member of a cluster, valid for a year; for one node alone if that is given.
    pub fn node<S: AsRef<str>>(name: &str, node: Option<NodeId>, hosts: &[S]) -> Self {
        Self::of(Kind::Node, name, node, hosts)
    }

    /// The same for another time.
    #[must_use]
    pub fn for_days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    fn of<S: AsRef<str>>(kind: Kind, name: &str, node: Option<NodeId>, hosts: &[S]) -> Self {
        let identity = Identity {
            kind,
            name: name.to_owned(),
            node,
        };
        Self {
            identity,
            hosts: hosts.iter().map(|host| host.as_ref().to_owned()).collect(),
            days: 365,
        }
    }

    /// As rcgen wants it, but for dates and numbers.
    pub(super) fn params(&self) -> Result<CertificateParams> {
        let Self {
            identity, hosts, ..
        } = self;
        check_name(&identity.name)?;
        if identity.kind != Kind::Client && hosts.is_empty() {
            return Err(Error::invalid(format!(
                "the certificate of {identity} needs a host that it is for: --host HOST"
            )));
        }
        if hosts.len() > HOSTS_MAX {
            return Err(Error::invalid(format!(
                "a certificate is for {HOSTS_MAX} hosts at most, not for {}",
                hosts.len()
            )));
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, identity.name.clone());
        for host in hosts {
            params.subject_alt_names.push(alternative(host)?);
        }
        if let Some(uri) = identity.uri() {
            let uri = uri.try_into().map_err(super::authority::unissued)?;
            params.subject_alt_names.push(SanType::URI(uri));
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match identity.kind {
            Kind::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Kind::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Kind::Node => vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
        };
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

/// Refuses what no certificate can be for.
///
/// # Errors
/// `Invalid`, with what it can be for.
pub fn check_host(host: &str) -> Result<()> {
    alternative(host).map(drop)
}

pub(super) fn alternative(host: &str) -> Result<SanType> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let bad = |why: &str| {
        Error::invalid(format!(
            "`{}` is no host that a certificate can be for: {why}",
            host.escape_debug()
        ))
    };
    // One label of any name, at the start alone (RFC 9525, 6.3).
    let fixed = host.strip_prefix("*.").unwrap_or(host);
    let is_wide = fixed.len() < host.len();
    if DnsName::try_from(fixed).is_err() || (is_wide && !fixed.contains('.')) {
        return Err(bad(
            "give a name such as db.example.com, or an address such as 10.0.0.7 or ::1, without \
             a port; other scripts as xn--",
        ));
    }
    // An address that lost a part reads as a name, and would never be found again.
    let last = fixed.trim_end_matches('.').rsplit('.').next();
    if last.is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(bad("it looks like an address of IPv4, and is none"));
    }
    let name = host
        .trim_end_matches('.')
        .to_ascii_lowercase()
        .try_into()
        .map_err(super::authority::unissued)?;
    Ok(SanType::DnsName(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_addresses() {
        for good in [
            "localhost",
            "db-1.example.com",
            "DB.example.com.",
            "*.example.com",
            "127.0.0.1",
            "::1",
            "xn--bcher-kva.example",
            "a_b.example",
        ] {
            check_host(good).unwrap_or_else(|error| panic!("{error}"));
        }
        for bad in [
            "",
            " ",
            "a b",
            "a..b",
            "-",
            "*",
            "*.com",
            "a.*.com",
            "bücher.example",
            "127.0.0",
            "10.0.0.256",
            "1",
            "localhost:7400",
            "[::1]",
            "http://localhost",
            "a/b",
            "::g",
        ] {
            assert!(check_host(bad).is_err(), "{bad}");
        }
    }
}
