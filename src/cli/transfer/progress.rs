//! Progress bars for imports and exports.

use indicatif::{ProgressBar, ProgressStyle};

/// By bytes of the files, if all of them have a size.
pub(crate) fn import_bar(is_shown: bool, bytes: Option<u64>) -> ProgressBar {
    bar(
        is_shown,
        bytes,
        "{wide_bar} {percent:>3}% {binary_bytes}/{binary_total_bytes}  {msg}  {eta} left",
        "{spinner} {binary_bytes}  {msg}",
    )
}

/// By records, if it is known how many there are.
pub(crate) fn export_bar(is_shown: bool, records: Option<u64>) -> ProgressBar {
    bar(
        is_shown,
        records,
        "{wide_bar} {percent:>3}% {msg}  {eta} left",
        "{spinner} {msg}",
    )
}

fn bar(is_shown: bool, total: Option<u64>, with_total: &str, without: &str) -> ProgressBar {
    if !is_shown {
        return ProgressBar::hidden();
    }
    let known = "the template is a constant that indicatif takes";
    match total {
        Some(total) => ProgressBar::new(total)
            .with_style(ProgressStyle::with_template(with_total).expect(known)),
        None => ProgressBar::new_spinner()
            .with_style(ProgressStyle::with_template(without).expect(known)),
    }
}

/// `12345 records, 98000/s`, for a bar.
pub(crate) fn records_per_second(records: u64, elapsed_us: u64) -> String {
    let per_second = records as f64 * 1e6 / elapsed_us.max(1) as f64;
    format!("{records} records, {per_second:.0}/s")
}
