//! The whole page.

use super::names::Names;
use super::page::Page;
use super::{groups, links, log, process, requests, shards};
use crate::base::host::ProcessFigures;
use crate::server::node::LogStatus;
use crate::server::peer::PeerFigures;
use crate::server::port::Connections;
use crate::server::service::Service;

/// Where the numbers come from.
pub(in crate::server) struct Figures<'a> {
    pub(in crate::server) service: &'a Service,
    pub(in crate::server) connections: &'a Connections,
    /// When the node's certificate expires, in seconds since 1970.
    pub(in crate::server) certificate_expires: Option<u64>,
    pub(in crate::server) log: LogStatus,
    pub(in crate::server) links: Vec<PeerFigures>,
    pub(in crate::server) process: ProcessFigures,
    pub(in crate::server) uptime_ms: u64,
}

/// Writes the page. It looks at each shard once, for a moment.
pub(in crate::server) fn render(figures: &Figures<'_>) -> String {
    let mut page = Page::default();
    process::write(&mut page, figures.uptime_ms, &figures.process);
    requests::write_connections(&mut page, figures.connections);
    requests::write_certificate(&mut page, figures.certificate_expires);
    requests::write_sessions(&mut page, figures.service.meter());
    requests::write(&mut page, figures.service.meter());
    log::write(&mut page, &figures.log);
    shards::write(&mut page, figures.service);
    let seen = groups::look(figures.service);
    let names = names(&seen, &figures.links);
    groups::write(&mut page, &seen, &names);
    links::write(&mut page, &figures.links, &names);
    page.finish()
}

/// What the members of all groups, and whoever there is a link to, are called.
fn names(seen: &[groups::Seen], links: &[PeerFigures]) -> Names {
    let members = seen.iter().flat_map(|one| &one.status.members);
    let members = members.map(|(node, member)| (*node, member.name.clone()));
    Names::of_all(members, links.iter().map(|peer| peer.node))
}
