//! Tells a supervisor that the node is ready: `--ready-fd` and `sd_notify`.

use std::env;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::linux::net::SocketAddrExt;
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
    if let Some(socket) = env::var_os("NOTIFY_SOCKET") {
        notify(&socket).map_err(|error| format!("NOTIFY_SOCKET: {error}"))?;
    }
    Ok(())
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

/// The protocol of `sd_notify(3)`: one datagram; a leading `@` is an abstract name.
fn notify(socket: &OsStr) -> io::Result<()> {
    let address = match socket.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    datagram.connect_addr(&address)?;
    datagram.send(b"READY=1")?;
    Ok(())
}
