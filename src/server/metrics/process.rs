//! The families of the process. Their names, all but the first two, are those that
//! other programs use too, so that dashboards for any process fit.

use super::page::Page;
use crate::base::host::ProcessFigures;

pub(super) fn write(page: &mut Page, uptime_ms: u64, process: &ProcessFigures) {
    page.gauge("dkv_build_info", "1, with the version of the binary.")
        .value(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.gauge("dkv_uptime_seconds", "Time since the node was started.")
        .micros(&[], uptime_ms.saturating_mul(1_000));
    page.counter(
        "process_cpu_seconds_total",
        "Processor time that the process took.",
    )
    .micros(&[], process.cpu_us);
    page.gauge(
        "process_resident_memory_bytes",
        "Memory that the process really uses.",
    )
    .maybe(process.resident_bytes);
    page.gauge("process_open_fds", "File descriptors that are open.")
        .maybe(process.open_fds);
    page.gauge("process_max_fds", "File descriptors that may be open.")
        .maybe(process.max_fds);
}
