//! The families of the node's log.

use super::page::Page;
use crate::server::node::LogStatus;

pub(super) fn write(page: &mut Page, log: &LogStatus) {
    page.histogram(
        "dkv_log_fsync_duration_seconds",
        "How long the log waited for the disk, each time.",
    )
    .times(&[], &log.fsync_us);
    page.histogram(
        "dkv_log_batch_records",
        "Records that were written to the log together.",
    )
    .numbers(&[], &log.batch_records);
    page.histogram(
        "dkv_log_batch_bytes",
        "Bytes that were written to the log together, framing included.",
    )
    .numbers(&[], &log.batch_bytes);
    page.counter("dkv_log_fsyncs_total", "Waits of the log for the disk.")
        .value(&[], log.fsyncs);
    page.counter(
        "dkv_log_appended_bytes_total",
        "Bytes written to the log, framing included.",
    )
    .value(&[], log.appended_bytes);
    page.gauge(
        "dkv_log_queued_bytes",
        "Bytes that wait to be written to the log.",
    )
    .value(&[], log.queued_bytes);
    page.gauge(
        "dkv_log_segments",
        "Segments of the log that hold something.",
    )
    .value(&[], log.segments);
    page.gauge(
        "dkv_log_disk_bytes",
        "What these segments take on disk; at most two spare ones come on top.",
    )
    .value(&[], log.bytes);
    page.gauge(
        "dkv_log_read_only",
        "1 while writes are refused because the disk of the log is full.",
    )
    .value(&[], u64::from(log.read_only.is_some()));
}
