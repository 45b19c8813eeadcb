//! The same requests by unary gRPC, a session, REST, the command line and the library, each
//! against a node of its own, get the same answers, refusals included.

mod asks;
mod console;
mod library;
mod plain;
mod said;
mod wire;

use crate::harness::Node;
use asks::Ask;
use said::Said;

#[tokio::test(flavor = "multi_thread")]
async fn every_interface_gives_the_same_answer() {
    let asks = asks::all();
    assert!(asks.len() >= 90, "only {} requests", asks.len());
    let node = Node::start();
    let expected = wire::unary(node.address(), &asks).await;
    assert_varied(&expected);
    let mut differing = Vec::new();
    for name in ["session", "REST", "command line", "library"] {
        let node = Node::start();
        let told = match name {
            "session" => wire::session(node.address(), &asks).await,
            "REST" => plain::ask(node.address(), &asks),
            "command line" => console::ask(&node, &asks),
            _ => library::ask(node.address(), &asks).await,
        };
        differing.extend(compare(name, &asks, &expected, &told));
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[track_caller]
fn compare(name: &str, asks: &[Ask], expected: &[Said], told: &[Said]) -> Vec<String> {
    assert_eq!(told.len(), asks.len());
    let pairs = asks.iter().zip(expected).zip(told).enumerate();
    pairs
        .filter(|(_, ((_, expected), told))| !expected.agrees(told))
        .map(|(at, ((ask, expected), told))| {
            format!("{at}: {ask:?}\n  unary gRPC: {expected:?}\n  {name}: {told:?}")
        })
        .collect()
}

/// A table of which all is refused would compare nothing.
#[track_caller]
fn assert_varied(said: &[Said]) {
    let refusals = said
        .iter()
        .filter(|said| matches!(said, Said::Refused { .. }));
    let refusals = refusals.count();
    assert!(refusals >= 25, "only {refusals} refusals");
    assert!(
        said.len() - refusals >= 50,
        "only {} answers",
        said.len() - refusals
    );
}
