//! Bytes against a port that is served: HTTP/1.1, HTTP/2, REST, gRPC, or nothing of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dkv::server::Ephemeral;
use tokio::runtime::Runtime;

/// The most that is read of what comes back, bytes.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// Far longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node in this process; its panics are counted, for it goes on after one.
struct Served {
    address: String,
    _runtime: Runtime,
    _server: Ephemeral,
}

static PANICS: AtomicU64 = AtomicU64::new(0);

static SERVED: LazyLock<Served> = LazyLock::new(|| {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        before(info);
    }));
    let runtime = Runtime::new().expect("a runtime can be made");
    let server = runtime.block_on(Ephemeral::start());
    let server = server.expect("loopback has a port");
    Served {
        address: server.endpoint().to_owned(),
        _runtime: runtime,
        _server: server,
    }
});

/// Sends the bytes and hangs up on the one side: the node answers or not, hangs up, and takes
/// the next connection.
pub(crate) fn served_bytes(data: &[u8]) {
    let served = &*SERVED;
    let before = PANICS.load(Ordering::SeqCst);
    let mut stream = TcpStream::connect(&served.address).expect("the node listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("it is not 0");
    // A node that has read enough may hang up first.
    let _ = stream.write_all(data);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer) {
        let hung_up = error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(hung_up, "the node neither answers nor hangs up: {error}");
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), before, "the node panicked");
}
