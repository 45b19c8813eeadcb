//! Where log lines go: stderr, so that stdout stays data.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::server::settings::{LogFormat, LogLevel};

/// Starts logging. A second call in one process changes nothing.
pub(crate) fn start(level: LogLevel, format: LogFormat) {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !no_colour)
        .with_env_filter(filter(level));
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// The consensus library tells every step it takes: that is for whoever looks for a
/// defect, and no message of ours.
fn filter(level: LogLevel) -> EnvFilter {
    let library = match level {
        LogLevel::Error | LogLevel::Warn | LogLevel::Info => "error",
        LogLevel::Debug => "info",
        LogLevel::Trace => "trace",
    };
    EnvFilter::new(format!("{},openraft={library}", name(level)))
}

fn name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}
