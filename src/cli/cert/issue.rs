//! `dkv cert server`, `client` and `node`.

use std::path::Path;

use clap::Args;
use uuid::Uuid;

use super::described::describe;
use super::hosts::default_hosts;
use super::place::{PlaceArgs, refuse_to_replace};
use crate::base::host::Host;
use crate::base::types::NodeId;
use crate::base::{Error, Result};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::tls::issue::{Folder, Request};

/// What every certificate takes.
#[derive(Debug, Args)]
struct IssueArgs {
    /// How long it is valid, and no longer than its authority
    #[arg(long, value_name = "N", default_value = "365")]
    days: u32,
    /// Replace a certificate and a key that are there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Whom clients find behind a certificate.
#[derive(Debug, Args)]
struct HostArgs {
    /// A name or an address that clients dial; several by repeating it, or with commas
    /// [default: localhost, 127.0.0.1, ::1 and this machine's name]
    #[arg(long = "host", value_name = "HOST", value_delimiter = ',')]
    hosts: Vec<String>,
}

/// Issue a certificate for a server without a cluster
///
/// Writes server.crt and server.key. Clients refuse a server that they dial by a name or an
/// address which is not in its certificate.
///
///   dkv cert server
///   dkv cert server --host db.example.com --host 10.0.0.7
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ServerArgs {
    #[command(flatten)]
    hosts: HostArgs,
    #[command(flatten)]
    issue: IssueArgs,
}

/// Issue a certificate for a client
///
/// Writes NAME.crt and NAME.key; `client`, the default, is what clients' --certs takes. Give one
/// of its own to each person and program, so that one can be revoked alone.
///
///   dkv cert client
///   dkv cert client alice --days 90
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ClientArgs {
    /// Who it is for
    #[arg(default_value = "client")]
    name: String,
    #[command(flatten)]
    issue: IssueArgs,
}

/// Issue certificates for members of a cluster
///
/// Writes NAME.crt and NAME.key for each NAME, which is the node's --node-id. Other members let a
/// node in by this name alone. It is a server's certificate as well.
///
///   dkv cert node node-1 node-2 node-3
///   dkv cert node node-4 --host db4.example.com,10.0.0.4
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct NodeArgs {
    /// The nodes, by their --node-id
    #[arg(required = true, value_name = "NAME")]
    nodes: Vec<String>,
    /// Only for the node with this UUID, which `dkv cluster members` tells
    #[arg(long, value_name = "UUID", value_parser = node_id)]
    id: Option<NodeId>,
    #[command(flatten)]
    hosts: HostArgs,
    #[command(flatten)]
    issue: IssueArgs,
}

impl ServerArgs {
    pub(super) fn run(&self, printer: &mut Printer) -> Outcome {
        let request = Request::server("server", &self.hosts.all());
        let told = self.issue.issue("server", request)?;
        printer.confirm(&told)?;
        let dir = self.issue.place.dir().display();
        printer.note(&format!("next: dkv serve --certs {dir}"));
        Ok(ExitStatus::Done)
    }
}

impl ClientArgs {
    pub(super) fn run(&self, printer: &mut Printer) -> Outcome {
        let name = &self.name;
        check_free_name(name, "client")?;
        let told = self.issue.issue(name, Request::client(name))?;
        printer.confirm(&told)?;
        let dir = self.issue.place.dir().display();
        printer.note(&match name.as_str() {
            "client" => format!("next: dkv info --certs {dir}"),
            _ => format!(
                "next: dkv info --certs {dir} --cert {dir}/{name}.crt --key {dir}/{name}.key"
            ),
        });
        Ok(ExitStatus::Done)
    }
}

impl NodeArgs {
    pub(super) fn run(&self, printer: &mut Printer) -> Outcome {
        if self.id.is_some() && self.nodes.len() > 1 {
            return Err(Error::invalid(
                "--id is the UUID of one node: issue the certificates of the others by themselves",
            )
            .into());
        }
        let folder = self.issue.place.folder()?;
        for (at, name) in self.nodes.iter().enumerate() {
            check_free_name(name, "node")?;
            if name == "client" {
                return Err(taken(name, "node").into());
            }
            if self.nodes[..at].contains(name) {
                return Err(Error::invalid(format!("`{name}` is named twice")).into());
            }
            // All or none, as far as can be known before.
            refuse_to_replace(&folder, name, self.issue.force)?;
        }
        let hosts = self.hosts.all();
        let mut told = Vec::new();
        for name in &self.nodes {
            let request = Request::node(name, self.id, &hosts);
            told.push(self.issue.issue(name, request)?);
        }
        let mut list = printer.list();
        for row in told {
            let text = row.to_line();
            list.push(row, &text)?;
        }
        list.finish()?;
        let dir = self.issue.place.dir().display();
        let name = &self.nodes[0];
        printer.note(&format!(
            "next: copy ca.crt, {name}.crt and {name}.key to a directory of {name} (mode 0700), \
             and there: dkv serve --node-id {name} --certs {dir} ..."
        ));
        Ok(ExitStatus::Done)
    }
}

impl IssueArgs {
    /// Issues it and writes it.
    fn issue(&self, name: &str, request: Request) -> Result<Row> {
        let folder = self.place.folder()?;
        let _alone = folder.lock()?;
        refuse_to_replace(&folder, name, self.force)?;
        issue(&folder, name, &request.for_days(self.days))?;
        let path = folder.path(&format!("{name}.crt"));
        Ok(describe(Path::new(&path), 0)?.row)
    }
}

fn issue(folder: &Folder, name: &str, request: &Request) -> Result<()> {
    let issued = folder.authority()?.issue(request, &*Host::system().rng)?;
    folder.write_pair(name, &issued)
}

impl HostArgs {
    fn all(&self) -> Vec<String> {
        match self.hosts.is_empty() {
            true => default_hosts(),
            false => self.hosts.clone(),
        }
    }
}

/// `server.crt` is read by nodes that have none of their own name.
fn check_free_name(name: &str, kind: &str) -> Result<()> {
    let mut others = ["ca", "server"].iter();
    match others.any(|other| name.eq_ignore_ascii_case(other)) {
        true => Err(taken(name, kind)),
        false => Ok(()),
    }
}

fn taken(name: &str, kind: &str) -> Error {
    Error::invalid(format!(
        "no {kind} can be called `{name}`: {name}.crt has another meaning; choose another name"
    ))
}

fn node_id(text: &str) -> Result<NodeId> {
    let id = Uuid::try_parse(text).map_err(|_| {
        Error::invalid("a UUID such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8 was expected")
    })?;
    Ok(NodeId(id.into_bytes()))
}
