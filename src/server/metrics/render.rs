//! The whole page.

use super::connections::Connections;
use super::page::Page;
use super::{log, process, requests, shards};
use crate::base::host::ProcessFigures;
use crate::server::node::LogStatus;
use crate::server::service::Service;

/// Where the numbers come from.
pub(in crate::server) struct Figures<'a> {
    pub(in crate::server) service: &'a Service,
    pub(in crate::server) connections: &'a Connections,
    pub(in crate::server) log: LogStatus,
    pub(in crate::server) process: ProcessFigures,
    pub(in crate::server) uptime_ms: u64,
}

/// Writes the page. It looks at each shard once, for a moment.
pub(in crate::server) fn render(figures: &Figures<'_>) -> String {
    let mut page = Page::default();
    process::write(&mut page, figures.uptime_ms, &figures.process);
    requests::write_connections(&mut page, figures.connections);
    requests::write_sessions(&mut page, figures.service.meter());
    requests::write(&mut page, figures.service.meter());
    log::write(&mut page, &figures.log);
    shards::write(&mut page, figures.service);
    page.finish()
}
