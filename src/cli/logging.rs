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
        .with_env_filter(EnvFilter::new(filter(level)));
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// What happens in an election, step by step, is for those who ask why.
fn filter(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info,openraft=warn",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}
