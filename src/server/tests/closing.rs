//! The end of a node, with real threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::world::{kv, set, store};
use crate::base::host::Host;
use crate::base::host::SeededRng;
use crate::base::host::sim_disk::SimDisk;
use crate::server::node::Node;
use crate::server::settings::ServeConfig;

/// What came between the last sync and the end of the log was accepted, logged, and never
/// applied nor answered.
#[test]
fn a_write_accepted_while_the_node_closed_was_never_answered() {
    for seed in 0..20 {
        let host = Host {
            disk: Arc::new(SimDisk::new(Arc::new(SeededRng::new(seed)))),
            ..Host::system()
        };
        let config = ServeConfig {
            data_dir: PathBuf::from("/data"),
            wal_segment_bytes: 1 << 20,
            ..ServeConfig::default()
        };
        let node = Node::open(&host, &config).unwrap();
        let (accepted, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let (store, accepted) = (store(&node), accepted.clone());
                let answered = answered.clone();
                std::thread::spawn(move || {
                    loop {
                        let tell = answered.clone();
                        let done = move |_| {
                            tell.fetch_add(1, Ordering::SeqCst);
                        };
                        if store
                            .submit(vec![kv(set("a", "1"))], Box::new(done))
                            .is_err()
                        {
                            return;
                        }
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        while answered.load(Ordering::SeqCst) < 10 {}
        node.close().synced.unwrap();
        writers.into_iter().for_each(|it| it.join().unwrap());
        let accepted = accepted.load(Ordering::SeqCst);
        let begun = Instant::now();
        while answered.load(Ordering::SeqCst) < accepted {
            assert!(begun.elapsed() < Duration::from_secs(10), "of {accepted}");
            std::thread::yield_now();
        }
    }
}
