//! Certificates that are replaced while a node serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dkv::proto::v1;
use dkv::proto::v1::kv_client::KvClient;
use dkv::tls::issue::Request;
use dkv::tls::{Cause, Refusal};
use rustix::process::Signal;
use tokio::io::AsyncReadExt;

use crate::harness::Node;
use crate::harness::pki::{Pki, Shown};
use crate::harness::tls::{Dialler, H2, Outcome, within};

struct World {
    pki: Pki,
    node: Node,
}

impl World {
    fn new() -> Self {
        let pki = Pki::new();
        pki.write("server", &server());
        let node = Node::start_with(&["--certs", pki.dir().to_str().unwrap()]);
        Self { pki, node }
    }

    fn dialler(&self, shown: &Shown) -> Dialler {
        Dialler::new(&self.pki.ca(), Some(shown))
    }

    /// Waits until what the node shows is this.
    async fn shows(&self, dialler: &Dialler, serial: &str) {
        within(async {
            while self.shown(dialler).await != serial {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        })
        .await;
    }

    async fn shown(&self, dialler: &Dialler) -> String {
        let connected = dialler.connect(self.node.address()).await.unwrap();
        connected.peer().leaf.serial.clone()
    }
}

fn server() -> Request {
    Request::server("server", &["localhost"])
}

fn get() -> v1::GetRequest {
    v1::GetRequest {
        key: "a".into(),
        ..v1::GetRequest::default()
    }
}

/// Asks on and on: over new connections, and over one that stays.
struct Load {
    stop: Arc<AtomicBool>,
    answered: [Arc<AtomicUsize>; 2],
    tasks: tokio::task::JoinSet<()>,
}

impl Load {
    async fn begin(world: &World, dialler: &Dialler) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            answered: Default::default(),
            tasks: tokio::task::JoinSet::new(),
        };
        let address = world.node.address().to_owned();
        for _ in 0..3 {
            let (stop, answered) = (load.stop.clone(), load.answered[0].clone());
            let (dialler, address) = (dialler.clone(), address.clone());
            load.tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let outcome = dialler.rest(&address, "/v1/keys/a").await;
                    assert_eq!(outcome, Outcome::Served);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let (channel, noted) = dialler.speaking(&[H2]).channel(&address).await.unwrap();
        let (stop, answered) = (load.stop.clone(), load.answered[1].clone());
        load.tasks.spawn(async move {
            let mut client = KvClient::new(channel);
            while !stop.load(Ordering::Relaxed) {
                let got = within(client.get(get())).await;
                got.unwrap_or_else(|status| panic!("{status} {noted:?}"));
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        load
    }

    /// Returns once each kind was answered again.
    async fn goes_on(&self) {
        let before = self
            .answered
            .each_ref()
            .map(|it| it.load(Ordering::Relaxed));
        within(async {
            while (0..2).any(|at| self.answered[at].load(Ordering::Relaxed) <= before[at] + 3) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    async fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_rotate_under_load_and_no_request_fails() {
    let world = World::new();
    let dialler = world.dialler(&world.pki.show(&Request::client("alice")));
    let load = Load::begin(&world, &dialler).await;
    for by_signal in [true, false, true] {
        load.goes_on().await;
        let new = Shown::of(&world.pki.write("server", &server()));
        if by_signal {
            world.node.signal(Signal::HUP);
        }
        world.shows(&dialler, &new.serial()).await;
    }
    // Files that will not do change nothing.
    let shown = world.shown(&dialler).await;
    world.pki.write("server", &Request::client("alice"));
    world.node.signal(Signal::HUP);
    within(async {
        while !world.node.said().contains("certificates stay as they were") {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    })
    .await;
    load.goes_on().await;
    assert_eq!(world.shown(&dialler).await, shown);
    load.end().await;
    let said = world.node.said();
    assert!(said.contains("not for servers"), "{said}");
}

#[tokio::test]
async fn who_is_revoked_is_out_and_others_stay() {
    let world = World::new();
    let (alice, bob) = (Request::client("alice"), Request::client("bob"));
    let (alice, bob) = (world.pki.show(&alice), world.pki.show(&bob));
    let out = world.dialler(&alice);
    let address = world.node.address();
    assert_eq!(out.grpc(address).await, Outcome::Served);
    let mut idle = out.connect(address).await.unwrap();
    let (channel, _) = world
        .dialler(&bob)
        .speaking(&[H2])
        .channel(address)
        .await
        .unwrap();
    let mut stays = KvClient::new(channel);
    stays.get(get()).await.unwrap();
    world.pki.revoke(&[&alice]);
    // Nobody asked: the node looks by itself.
    let _reset = within(idle.read_to_end(&mut Vec::new())).await;
    let refused = Outcome::Tls(Cause::Refused(Refusal::Revoked));
    assert_eq!(out.grpc(address).await, refused);
    assert_eq!(out.rest(address, "/v1/keys/a").await, refused);
    stays.get(get()).await.unwrap();
    // A list that is gone lets nobody back in.
    std::fs::remove_file(world.pki.folder.path("ca.crl")).unwrap();
    world.node.signal(Signal::HUP);
    within(async {
        while !world.node.said().contains("ca.crl is gone") {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    })
    .await;
    assert_eq!(out.grpc(address).await, refused);
    assert!(
        world.node.said().contains("client alice"),
        "{}",
        world.node.said()
    );
}

/// There is nothing to read, and no reason to end.
#[tokio::test]
async fn a_node_without_certificates_outlives_the_signal() {
    let mut node = Node::start();
    node.signal(Signal::HUP);
    within(async {
        while !node.said().contains("nothing to read anew") {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    })
    .await;
    node.assert_healthy();
}
