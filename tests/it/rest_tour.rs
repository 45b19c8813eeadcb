//! docs/rest.md, line by line, as the README's tour is walked; and no route is left out of it.

use std::collections::BTreeSet;

use crate::harness::console::{blocks, compare};
use crate::harness::{Node, Shell};

const PAGE: &str = include_str!("../../docs/rest.md");
const DESCRIBED: &str = include_str!("../../docs/openapi.json");

#[test]
fn the_tour_of_rest_works_as_printed() {
    let node = Node::start();
    let folder = tempfile::TempDir::new().unwrap();
    let mut shell = Shell::start(folder.path());
    shell.set_endpoint(node.address());
    let mut commands = 0;
    for step in blocks(PAGE).iter().flat_map(|block| &block.steps) {
        // The page shows the default port; a test takes a free one.
        let typed = step.command.replace("127.0.0.1:8080", node.address());
        let (said, _) = shell.run(&typed);
        let said = said.replace(node.address(), "127.0.0.1:8080");
        compare(step.line, &step.command, &step.output, &said);
        commands += 1;
    }
    assert!(commands >= 20, "the tour has only {commands} commands");
}

/// `GET /v1/keys/{key}` is typed as `curl … $U/v1/keys/greeting`.
#[test]
fn every_route_is_in_the_tour() {
    let typed: BTreeSet<(String, Vec<String>)> = blocks(PAGE)
        .iter()
        .flat_map(|block| &block.steps)
        .filter_map(|step| Some((method(&step.command), path(&step.command)?)))
        .collect();
    let described: serde_json::Value = serde_json::from_str(DESCRIBED).unwrap();
    let mut missing = Vec::new();
    for (route, operations) in described["paths"].as_object().unwrap() {
        let route: Vec<String> = route.split('/').map(str::to_owned).collect();
        for verb in operations.as_object().unwrap().keys() {
            let is_typed = typed
                .iter()
                .any(|(method, path)| method.eq_ignore_ascii_case(verb) && fits(&route, path));
            if !is_typed {
                missing.push(format!("{verb} {}", route.join("/")));
            }
        }
    }
    assert!(missing.is_empty(), "docs/rest.md does not show {missing:?}");
}

fn method(command: &str) -> String {
    let mut words = command.split_whitespace();
    let given = words
        .by_ref()
        .find(|word| *word == "-X")
        .and_then(|_| words.next());
    let sends = command.contains(" -d ") || command.contains("--data");
    given
        .unwrap_or(if sends { "POST" } else { "GET" })
        .to_owned()
}

/// The path behind `$U`, in its parts.
fn path(command: &str) -> Option<Vec<String>> {
    let (_, rest) = command.split_once("$U")?;
    let end = rest.find(['?', '"', '\'', ' ']).unwrap_or(rest.len());
    Some(rest[..end].split('/').map(str::to_owned).collect())
}

fn fits(route: &[String], path: &[String]) -> bool {
    route.len() == path.len()
        && route
            .iter()
            .zip(path)
            .all(|(part, given)| part.starts_with('{') || part == given)
}
