//! The words for each failure: what is wrong, and what to type.

use super::super::moment::Moment;
use super::{Cause, Failure, Refusal, Side};

/// Most names of a certificate that a message lists.
const NAMES_MAX: usize = 8;

pub(super) fn of(failure: &Failure) -> String {
    let side = failure.side;
    let other = other(side);
    match &failure.cause {
        Cause::UnknownAuthority => format!(
            "{other}'s certificate is not of an authority that is trusted here: {}",
            trust(side)
        ),
        Cause::Expired(at) => format!(
            "{other}'s certificate expired{}, and it is {}: `dkv cert rotate` issues it anew",
            moment(" at ", *at),
            Moment::now()
        ),
        Cause::NotYetValid(at) => format!(
            "{other}'s certificate is not valid yet{}, and it is {}: set the clock that is wrong, \
             of this machine or of the one that issued it",
            moment(", but from ", *at),
            Moment::now()
        ),
        Cause::WrongName { asked, names } => wrong_name(side, asked, names),
        Cause::WrongPurpose => wrong_purpose(side),
        Cause::Revoked => format!(
            "{other}'s certificate was revoked: it needs a new one (`dkv cert rotate NAME --new-key`)"
        ),
        Cause::Unfit(why) => format!("{other}'s certificate cannot be used: {why}"),
        Cause::NoCertificate => format!(
            "{other} gave no certificate, and this server asks for one: `dkv cert client` issues \
             it, and --certs DIR, or --cert FILE and --key FILE, show it (or serve with \
             --client-auth optional)"
        ),
        Cause::Refused(refusal) => refused(side, *refusal),
        Cause::PlainText => plain_text(side).to_owned(),
        Cause::SpeaksTls => speaks_tls(side).to_owned(),
        Cause::OldTls => {
            format!("{other} does not speak TLS 1.3, and dkv speaks nothing older: update it")
        }
        Cause::NoCommonProtocol => format!(
            "{other} speaks TLS, but neither side's protocols are the other's (HTTP/2 and HTTP/1.1 \
             for clients, HTTP/2 between nodes): is it the right port?"
        ),
        Cause::Closed => format!(
            "{other} closed the connection before it was secure: {}",
            match side {
                Side::Server => "it may have been stopped, or have looked whether the port is open",
                Side::Client | Side::Peer =>
                    "it may not speak TLS at this port, or take no more connections; its log says \
                     why",
            }
        ),
        Cause::TimedOut(limit) => format!(
            "{other} did not finish the TLS handshake within {} s: does it speak TLS at this port, \
             and is it not overloaded?",
            limit.as_secs_f64()
        ),
        Cause::Other(what) => format!("no secure connection with {other}: {what}"),
    }
}

fn other(side: Side) -> &'static str {
    match side {
        Side::Client => "the server",
        Side::Peer => "the other node",
        Side::Server => "the client",
    }
}

fn trust(side: Side) -> &'static str {
    match side {
        Side::Client => {
            "give the certificate of the server's authority with --ca FILE, or its directory with \
             --certs DIR"
        }
        Side::Peer => {
            "all nodes of a cluster have certificates of one authority (`dkv cert node`), or all \
             their authorities in the file of --tls-ca (DIR/ca.crt)"
        }
        Side::Server => {
            "it needs one of this server's authority (`dkv cert client`, `dkv cert node`), or its \
             authority is to be added to the file of --tls-ca (DIR/ca.crt)"
        }
    }
}

/// What issues the certificate that the other end has.
fn command(side: Side) -> &'static str {
    match side {
        Side::Client => "dkv cert server",
        Side::Peer => "dkv cert node NAME",
        Side::Server => "dkv cert client",
    }
}

fn moment(before: &str, at: Option<Moment>) -> String {
    at.map_or_else(String::new, |at| format!("{before}{at}"))
}

fn wrong_name(side: Side, asked: &str, names: &[String]) -> String {
    let other = other(side);
    let mut listed = names[..names.len().min(NAMES_MAX)].join(", ");
    if names.len() > NAMES_MAX {
        listed.push_str(&format!(" and {} more", names.len() - NAMES_MAX));
    }
    if listed.is_empty() {
        listed.push_str("no host at all");
    }
    let advice = match side {
        Side::Client => {
            "dial one of those, give it with --server-name NAME, or issue a certificate with"
        }
        Side::Peer | Side::Server => "issue a certificate with",
    };
    format!(
        "{other}'s certificate is for {listed}, not for {asked}: {advice} `{} --host {asked}`",
        command(side)
    )
}

fn wrong_purpose(side: Side) -> String {
    match side {
        Side::Client => "the server showed a certificate that is not for servers: it needs one of \
                         `dkv cert server` or `dkv cert node`"
            .to_owned(),
        Side::Peer => "the other node showed a certificate that is not for servers: it needs one \
                       of `dkv cert node`"
            .to_owned(),
        Side::Server => "the client showed a certificate that is not for clients: it needs one of \
                         `dkv cert client`, and a node one of `dkv cert node`"
            .to_owned(),
    }
}

fn refused(side: Side, refusal: Refusal) -> String {
    if side == Side::Server {
        return refused_server(refusal).to_owned();
    }
    let other = other(side);
    let (mine, issue) = match side {
        Side::Peer => ("this node's certificate", "dkv cert node NAME"),
        _ => ("this client's certificate", "dkv cert client"),
    };
    match refusal {
        Refusal::NoCertificate => format!(
            "{other} asks for a certificate, and none was given: give one with --certs DIR, or \
             --cert FILE and --key FILE (`{issue}` issues it)"
        ),
        Refusal::UnknownAuthority => format!(
            "{other} does not trust the authority of {mine}: show one that {other}'s authority \
             issued (`{issue}`)"
        ),
        Refusal::Dates => format!(
            "{other} says that {mine} has expired or is not valid yet: `dkv cert show` tells, \
             `dkv cert rotate` issues it anew; do both clocks agree?"
        ),
        Refusal::Revoked => {
            format!(
                "{other} says that {mine} was revoked: `dkv cert rotate NAME --new-key` issues \
                 another"
            )
        }
        Refusal::WrongPurpose => format!(
            "{other} says that {mine} is not for clients (a server's, perhaps): use one of \
             `{issue}`"
        ),
        Refusal::Unfit => {
            format!("{other} refused {mine}, and did not say why: its log does")
        }
    }
}

/// The client refused the certificate of this server.
fn refused_server(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownAuthority => {
            "the client does not trust the authority of this server's certificate: it should give \
             that authority's with --ca FILE or --certs DIR"
        }
        Refusal::Dates => {
            "the client says that this server's certificate has expired or is not valid yet: `dkv \
             cert show` tells, `dkv cert rotate` issues it anew; do both clocks agree?"
        }
        Refusal::Revoked => {
            "the client says that this server's certificate was revoked: `dkv cert rotate NAME \
             --new-key` issues another"
        }
        Refusal::WrongPurpose => {
            "the client says that this server's certificate is not for servers: serve with one of \
             `dkv cert server` or `dkv cert node`"
        }
        Refusal::Unfit | Refusal::NoCertificate => {
            "the client refused this server's certificate; most often it is for other hosts: \
             `dkv cert server --host HOST` issues one for those that clients dial"
        }
    }
}

fn plain_text(side: Side) -> &'static str {
    match side {
        Side::Client => {
            "the server does not speak TLS at this port: use http:// and none of --tls, --certs, \
             --ca, or start it with `dkv serve --certs DIR`"
        }
        Side::Peer => {
            "the other node does not speak TLS at this port: start all nodes of the cluster with \
             --certs DIR, or none"
        }
        Side::Server => {
            "the client spoke plain text to a port that speaks TLS: it should use https:// or \
             --certs DIR, a node be started with --certs DIR"
        }
    }
}

fn speaks_tls(side: Side) -> &'static str {
    match side {
        Side::Client => {
            "the server speaks TLS at this port, and this client does not: give --certs DIR, or \
             --ca FILE (and --cert FILE and --key FILE if it asks for a certificate)"
        }
        Side::Peer => {
            "the other node speaks TLS at this port, and this one does not: start all nodes of the \
             cluster with --certs DIR, or none"
        }
        Side::Server => {
            "the client speaks TLS, and this port does not: it should use http:// and none of \
             --tls, --certs, --ca, or the server be started with `dkv serve --certs DIR`"
        }
    }
}
