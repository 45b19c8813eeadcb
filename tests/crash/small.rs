//! A node as `dkv serve` runs it, with log segments far smaller than it lets anybody choose.

use std::net::SocketAddr;
use std::path::Path;

use dkv::base::host::Host;
use dkv::base::types::ShardId;
use dkv::server::settings::{EngineKind, ListenAddress, ServeConfig, ShardKind, WantedShard};
use tokio::signal::unix::{SignalKind, signal};

use crate::place::Place;
use crate::wishes::SHARDS;

/// The test below.
pub(crate) const TEST: &str = "small::the_node_with_small_segments";
/// Names its data directory, in the environment.
pub(crate) const DATA: &str = "CRASH_SMALL_DATA";
/// Names its engine.
pub(crate) const ENGINE: &str = "CRASH_SMALL_ENGINE";
/// Says which member it is, if it is one.
pub(crate) const PLACE: &str = "CRASH_SMALL_PLACE";

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
    let engine = std::env::var(ENGINE).unwrap_or_default();
    let place = std::env::var(PLACE).ok().map(|text| Place::read(&text));
    let config = config(Path::new(&data), &engine, place.as_ref());
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

/// How it is set up: a lone node with shards of its own, or a member with replicated ones.
pub(crate) fn config(data: &Path, engine: &str, place: Option<&Place>) -> ServeConfig {
    let engine = match engine {
        "memory" => EngineKind::Memory,
        _ => EngineKind::Redb,
    };
    let kinds = match place {
        None => [ShardKind::Lstore, ShardKind::LockmgrLstore],
        Some(_) => [ShardKind::Dstore, ShardKind::LockmgrDstore],
    };
    let shards = SHARDS.into_iter().zip(kinds);
    let shards = shards.map(|(id, kind)| WantedShard {
        id: ShardId(id),
        kind,
        engine: Some(engine),
    });
    ServeConfig {
        listen: vec![ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))],
        data_dir: data.to_owned(),
        wal_segment_bytes: SEGMENT,
        value_bytes_max: VALUE,
        snapshot_entries: 20,
        shards: shards.collect(),
        shards_by_default: false,
        node_id: place.map(Place::name),
        cluster: place.map(Place::config).unwrap_or_default(),
        ..ServeConfig::default()
    }
}
