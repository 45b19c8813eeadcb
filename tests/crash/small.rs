//! A node as `dkv serve` runs it, with log segments far smaller than it lets anybody choose.

use std::net::SocketAddr;
use std::path::PathBuf;

use dkv::base::host::Host;
use dkv::server::settings::{EngineKind, ListenAddress, ServeConfig};
use tokio::signal::unix::{SignalKind, signal};

/// The test below.
pub(crate) const TEST: &str = "small::the_node_with_small_segments";
/// Names its data directory, in the environment.
pub(crate) const DATA: &str = "CRASH_SMALL_DATA";
/// Names its engine.
pub(crate) const ENGINE: &str = "CRASH_SMALL_ENGINE";

/// Bytes: each takes a few of the longest values.
pub(crate) const SEGMENT: u64 = 64 << 10;
/// Bytes of the longest value.
pub(crate) const VALUE: usize = 16 << 10;

/// No test of its own: the process that is traced.
#[test]
fn the_node_with_small_segments() {
    let Some(data) = std::env::var_os(DATA) else {
        return;
    };
    let engine = match std::env::var(ENGINE).as_deref() {
        Ok("memory") => EngineKind::Memory,
        _ => EngineKind::Redb,
    };
    let mut config = ServeConfig {
        listen: vec![ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))],
        data_dir: PathBuf::from(data),
        wal_segment_bytes: SEGMENT,
        value_bytes_max: VALUE,
        snapshot_entries: 20,
        ..ServeConfig::default()
    };
    for shard in &mut config.shards {
        shard.engine = Some(engine);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let served = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        let ready = |ready: &dkv::server::Ready| {
            eprintln!("listening on {}", ready.addresses.join(", "));
        };
        let stop = async move {
            terminate.recv().await;
        };
        Box::pin(dkv::server::run(Host::system(), config, ready, stop)).await
    });
    served.unwrap();
}
