//! Where log lines go: stderr, so that stdout stays data.

use std::io::{self, IsTerminal};

use tracing::Level;

use crate::server::settings::{LogFormat, LogLevel};

/// Starts logging. A second call in one process changes nothing.
pub(crate) fn start(level: LogLevel, format: LogFormat) {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !no_colour)
        .with_max_level(max_level(level));
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

fn max_level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}
