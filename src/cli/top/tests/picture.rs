//! Pictures of several sizes, and of names that try to break them.

use bytes::Bytes;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::{cluster, heard, held, hot, member, silent};
use crate::cli::top::draw::draw;
use crate::cli::top::scene::Scene;

fn drawn(scene: &Scene, columns: u16, lines: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(frame, scene)).unwrap();
    terminal
}

/// The lines of a picture.
fn picture(scene: &Scene, columns: u16, lines: u16) -> Vec<String> {
    let terminal = drawn(scene, columns, lines);
    let cells = terminal.backend().buffer().content();
    let lines = cells.chunks(columns.into());
    lines
        .map(|line| line.iter().map(|cell| cell.symbol()).collect())
        .collect()
}

fn line<'a>(picture: &'a [String], begins: &str) -> &'a str {
    let found = picture
        .iter()
        .find(|line| line.trim_start().starts_with(begins));
    found.unwrap_or_else(|| panic!("no line begins with {begins}:\n{}", picture.join("\n")))
}

fn of_cluster() -> Scene {
    let mut scene = Scene::new("127.0.0.1:8081", false);
    scene.hear(cluster());
    scene
}

#[test]
fn a_wide_screen_shows_everything() {
    let picture = picture(&of_cluster(), 160, 45);
    assert_eq!(
        picture[0].trim_end(),
        "dkv top  3 nodes  1800 reads/s  900 writes/s  0 locks/s  0 errors/s"
    );
    let leader = line(&picture, "node-1");
    for part in [
        "ready", "100", "900", "250 µs", "4.0 ms", "42 %", "150 MiB", "1m30s",
    ] {
        assert!(leader.contains(part), "{part}: {leader}");
    }
    let behind = line(&picture, "node-3");
    assert!(
        behind.contains("1,234") && behind.contains("9s"),
        "{behind}"
    );
    let shard = line(&picture, "100 ");
    for part in ["dstore", "redb", "quorum", "node-1", "118,000", "1,234,567"] {
        assert!(shard.contains(part), "{part}: {shard}");
    }
    let lists = line(&picture, "user:1");
    assert!(lists.contains("270") && lists.contains("job:1"), "{lists}");
    let charts = line(&picture, "operations/s");
    assert!(charts.contains("disk p99 3.0 ms, 120/s"), "{charts}");
    assert!(picture.iter().any(|line| line.contains('█')), "bars");
}

#[test]
fn a_small_screen_shows_what_matters() {
    for (columns, lines) in [(80, 24), (60, 20)] {
        let picture = picture(&of_cluster(), columns, lines);
        assert!(
            picture[0].starts_with("dkv top  3 nodes  1800 r 900 w"),
            "{}",
            picture[0]
        );
        let leader = line(&picture, "node-1");
        assert!(
            leader.contains("ready") && leader.contains("4.0 ms"),
            "{leader}"
        );
        let shard = line(&picture, "100 ");
        assert!(
            shard.contains("node-1") && shard.contains("1,234,567"),
            "{shard}"
        );
        assert!(line(&picture, "user:1").contains("270"));
        assert!(picture.last().unwrap().contains("q quit  l locks"));
    }
}

#[test]
fn every_size_is_drawn() {
    let mut scene = of_cluster();
    for shows_help in [false, true] {
        scene.shows_help = shows_help;
        for columns in [1, 2, 29, 30, 31, 59, 60, 79, 99, 110, 128, 300] {
            for lines in [1, 2, 7, 8, 9, 13, 14, 23, 24, 28, 36, 100] {
                assert_eq!(picture(&scene, columns, lines).len(), usize::from(lines));
            }
        }
    }
    assert_eq!(picture(&scene, 29, 8)[0].trim(), "enlarge me (q quits)");
}

#[test]
fn names_that_are_made_up_stay_in_their_cells() {
    let mut figures = member(1);
    let nasty = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\t\u{202e}txt\u{200b}\0";
    figures.shards[0].hot_keys = vec![
        hot(nasty.as_bytes(), 9.0, 1.0),
        hot(&[0xff, 0xfe, b'x'], 8.0, 1.0),
        hot("漢字".repeat(200).as_bytes(), 7.0, 1.0),
    ];
    figures.shards[0].hot_keys[0].bucket = nasty.to_owned();
    figures.locks = vec![held(nasty, 1_000)];
    figures.node.name = nasty.to_owned();
    figures.members[0].name = nasty.to_owned();
    figures.shards[0].shard.kind = nasty.to_owned();
    figures.checks[0].failed = Some(nasty.to_owned());
    let mut scene = Scene::new(nasty, false);
    scene.hear(vec![heard(figures), silent(nasty, nasty)]);
    for (columns, lines) in [(160, 45), (80, 24), (60, 20)] {
        let picture = picture(&scene, columns, lines);
        let text = picture.concat();
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'));
        assert!(text.contains("\\u{1b}[2J"), "{text}");
    }
    let wide = picture(&scene, 160, 45).concat();
    assert!(wide.contains("\\xff\\xfex"), "{wide}");
}

#[test]
fn a_lost_node_is_told_and_what_fails_is_named() {
    let mut scene = of_cluster();
    let mut round = cluster();
    round[2] = silent("127.0.0.1:8083", "cannot reach dkv at 127.0.0.1:8083");
    round[2].name = Some("node-3".to_owned());
    scene.hear(round);
    let lost = picture(&scene, 100, 30);
    assert!(lost[0].contains("3 nodes, 1 lost"), "{}", lost[0]);
    let why = "node-3 does not answer for 0 ms: cannot reach dkv at 127.0.0.1:8083; trying again";
    assert!(
        lost[1].starts_with("node-3 does not answer for"),
        "{}",
        lost[1]
    );
    assert!(lost[1].trim_end().len() >= why.len() - 6, "{}", lost[1]);
    assert!(line(&lost[2..], "node-3").contains("lost"));

    let mut figures = member(1);
    figures.checks[0].failed = Some("the disk is full".to_owned());
    figures.shards[0].group.as_mut().unwrap().unled_because = Some("nobody leads".to_owned());
    scene.hear(vec![heard(figures)]);
    let unready = picture(&scene, 100, 30);
    assert!(unready[1].starts_with("node-1 is not ready: log: the disk is full"));
    assert!(line(&unready[2..], "node-1 ").contains("not ready"));
    assert!(line(&unready, "100 ").contains("nobody leads"));
}

#[test]
fn before_anybody_answered_it_says_whom_it_asks() {
    let picture = picture(&Scene::new("db:1, db:2", false), 80, 24);
    assert!(
        picture[1].starts_with("asking db:1, db:2"),
        "{}",
        picture[1]
    );
    assert!(picture.iter().any(
        |line| line.starts_with("no lock is held") || line.starts_with("nothing is asked for")
    ));
}

#[test]
fn whoever_wants_no_colours_gets_none() {
    let colours = |scene: &Scene| {
        let terminal = drawn(scene, 160, 45);
        let cells = terminal.backend().buffer().content();
        let coloured = cells
            .iter()
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        coloured.count()
    };
    let mut scene = of_cluster();
    assert_eq!(colours(&scene), 0);
    scene.is_coloured = true;
    assert!(colours(&scene) > 100);
}

#[test]
fn a_key_that_was_cut_says_so() {
    let mut figures = member(1);
    figures.shards[0].hot_keys = vec![hot(b"begin", 9.0, 1.0)];
    figures.shards[0].hot_keys[0].key_bytes = 4_000;
    figures.shards[0].hot_keys[0].bucket = "carts".to_owned();
    figures.shards[0].hot_keys[0].key = Bytes::from_static(b"begin");
    let mut scene = Scene::new("", false);
    scene.hear(vec![heard(figures)]);
    line(&picture(&scene, 120, 40), "carts/begin…");
}
