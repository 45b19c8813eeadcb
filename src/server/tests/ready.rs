//! What `/readyz` and `/health` say of a node that recovers, is full, stops or failed.

use std::sync::Arc;

use axum::body::to_bytes;
use http::Request;
use tokio::sync::watch;
use tower::ServiceExt;

use super::world::{SubmitNow as _, World, kv, set, store};
use crate::server::asking::Asking;
use crate::server::cluster::Admin;
use crate::server::describe::Describe;
use crate::server::http::{Live, Standing, health, routes};
use crate::server::node::Node;
use crate::server::port::{Bounds, Connections};

struct Asked {
    standing: Standing,
    stop: watch::Sender<bool>,
}

impl Asked {
    fn recovering() -> Self {
        let (stop, stopping) = watch::channel(false);
        let standing = Standing {
            waiting: crate::server::cluster::Waiting::default(),
            live: Arc::default(),
            stopping,
            connections: Connections::new(Bounds::of_all(1)),
        };
        Self { standing, stop }
    }

    fn serving(world: &World, node: &Node) -> Self {
        let asked = Self::recovering();
        let describe = Describe {
            service: node.service.clone(),
            read_only: node.read_only(),
            clock: world.clock.clone(),
            name: String::new(),
            addresses: Vec::new(),
            started_ms: 0,
        };
        let stopping = asked.standing.stopping.clone();
        let live = Live {
            asking: Asking::new(node.service.clone(), stopping),
            admin: Admin {
                describe: describe.clone(),
                book: None,
            },
            describe,
            log: node.log_status(),
            links: Arc::new(Vec::new),
            certificates: None,
            fatal: node.fatal.clone(),
            rng: world.rng.clone(),
            samples: Default::default(),
            longest_held: Default::default(),
        };
        assert!(asked.standing.live.set(live).is_ok());
        asked
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = routes(self.standing.clone())
            .oneshot(request)
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn a_node_that_recovers_lives_and_is_not_ready() {
    let asked = Asked::recovering();
    assert_eq!(asked.get("/livez").await, (200, "ok\n".to_owned()));
    let (status, body) = asked.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains("recovering"), "{body}");
    let (status, body) = asked.get("/readyz?verbose").await;
    assert_eq!(status, 503);
    assert!(body.contains("[-]recovery failed: recovering"), "{body}");
    assert!(body.ends_with("readyz check failed\n"), "{body}");
    assert_eq!(asked.get("/metrics").await.0, 503);
}

#[tokio::test]
async fn a_full_disk_is_named_with_the_bytes_it_needs() {
    let mut world = World::new(12);
    world.config.snapshot_entries = 1_000_000;
    world.config.snapshot_bytes = 1 << 40;
    world.disk.set_capacity_bytes(Some(1 << 20));
    let node = world.open().unwrap();
    let asked = Asked::serving(&world, &node);
    assert_eq!(asked.get("/readyz").await, (200, "ok\n".to_owned()));
    let shard = store(&node);
    let value = "v".repeat(1_000);
    for at in 0.. {
        assert!(at < 10_000, "the disk never filled");
        let command = kv(set(&format!("key-{at}"), &value));
        let submitted = shard.submit_now(vec![command], Box::new(|result| drop(result.unwrap())));
        world.clock.advance_ms(1);
        world.spawn.run_until_idle();
        if submitted.is_err() {
            break;
        }
    }
    let (status, body) = asked.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.starts_with("not ready: disk: read-only: "), "{body}");
    assert!(
        body.contains("/data/wal") && body.contains("65536 bytes"),
        "{body}"
    );
    assert_eq!(body.lines().count(), 1, "{body}");
    let (_, verbose) = asked.get("/readyz?verbose").await;
    assert!(
        verbose.contains("[+]log ok\n[-]disk failed: read-only: "),
        "{verbose}"
    );
    let (status, health) = asked.get("/health").await;
    assert_eq!(status, 503);
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health["health"], "false");
    assert!(
        health["reason"].as_str().unwrap().contains("/data/wal"),
        "{health}"
    );
    assert_eq!(asked.get("/livez").await.0, 200, "it can still answer");
    let (_, figures) = asked.get("/metrics").await;
    assert!(figures.contains("\ndkv_log_read_only 1\n"), "{figures}");

    world.disk.set_capacity_bytes(None);
    world.clock.advance_ms(2_000);
    world.spawn.run_until_idle();
    assert_eq!(asked.get("/readyz").await, (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn a_node_that_stops_or_failed_is_not_ready() {
    let mut world = World::new(13);
    let node = world.open().unwrap();
    let asked = Asked::serving(&world, &node);
    asked.stop.send_replace(true);
    let (status, body) = asked.get("/readyz").await;
    assert_eq!(
        (status, body.as_str()),
        (503, "not ready: serving: this node is stopping\n")
    );
    asked.stop.send_replace(false);
    node.fatal
        .raise("fdatasync of the log failed:\nno such device");
    let (status, body) = asked.get("/readyz?verbose=true").await;
    assert_eq!(status, 503);
    let line = "[-]node failed: fdatasync of the log failed: no such device";
    assert!(body.lines().any(|one| one == line), "{body}");
    let (_, terse) = asked.get("/readyz?verbose=false").await;
    assert!(terse.starts_with("not ready: node: "), "{terse}");
}

/// Load balancers that speak gRPC were sent on to nodes that could answer nothing.
#[tokio::test(start_paused = true)]
async fn grpc_health_says_what_readyz_says() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_server::Health as _;
    use tonic_health::server::HealthService;
    let asked = Asked::recovering();
    let health = HealthService::from_health_reporter(health(asked.standing.clone()).await);
    let says = async |service: &str| {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let service = service.to_owned();
        let request = tonic::Request::new(HealthCheckRequest { service });
        health.check(request).await.unwrap().into_inner().status()
    };
    for service in ["dkv.v1.Kv", "dkv.v1.Lock", "dkv.v1.Session"] {
        assert_eq!(says(service).await, ServingStatus::NotServing, "{service}");
    }
    let mut world = World::new(14);
    let node = world.open().unwrap();
    let serving = Asked::serving(&world, &node).standing.live;
    let live = Arc::into_inner(serving).unwrap().into_inner().unwrap();
    assert!(asked.standing.live.set(live).is_ok());
    assert_eq!(says("dkv.v1.Session").await, ServingStatus::Serving);
    world.disk.set_capacity_bytes(Some(0));
    while store(&node)
        .submit_now(vec![kv(set("key", &"v".repeat(9_000)))], Box::new(|_| {}))
        .is_ok()
    {
        world.spawn.run_until_idle();
    }
    assert_eq!(asked.get("/readyz").await.0, 503);
    assert_eq!(says("dkv.v1.Kv").await, ServingStatus::NotServing);
    assert_eq!(says("").await, ServingStatus::Serving, "it is alive");
}
