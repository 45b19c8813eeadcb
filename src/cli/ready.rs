//! Tells a supervisor that the node is ready, and that it stops: `--ready-fd` and `sd_notify`.

use std::env;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Write};
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Writes a line to the descriptor, if there is one, and notifies systemd, if it asked
/// for it by `NOTIFY_SOCKET`.
///
/// # Errors
/// Says which of the two could not be told.
pub(crate) fn tell(fd: Option<i32>, line: &str) -> Result<(), String> {
    if let Some(fd) = fd {
        write_line(fd, line).map_err(|error| format!("--ready-fd {fd}: {error}"))?;
    }
    notify("READY=1")
}

/// Notifies systemd, if it asked for it, that the node was told to stop and is doing so.
///
/// # Errors
/// Says why it could not be told.
pub(crate) fn stopping() -> Result<(), String> {
    notify("STOPPING=1")
}

fn notify(state: &str) -> Result<(), String> {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    send(&socket, state).map_err(|error| format!("NOTIFY_SOCKET: {error}"))
}

#[allow(
    clippy::disallowed_methods,
    reason = "a descriptor that the caller opened, no file of the node's"
)]
fn write_line(fd: i32, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .open(format!("/dev/fd/{fd}"))?;
    writeln!(file, "{line}")
}

/// The protocol of `sd_notify(3)`: one datagram to a path, or to an abstract name.
fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let datagram = UnixDatagram::unbound()?;
    datagram.connect_addr(&address(socket)?)?;
    datagram.send(state.as_bytes())?;
    Ok(())
}

/// Abstract names, which begin with `@`, are Linux's alone, as systemd is.
fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some((b'@', name)) = socket.as_bytes().split_first() {
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(socket)
}
