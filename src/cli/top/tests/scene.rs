//! What is known, merged.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::{cluster, heard, held, hot, member, sample, silent};
use crate::base::types::ShardId;
use crate::cli::top::keys::Wish;
use crate::cli::top::merged;
use crate::cli::top::scene::{Scene, Sort};

fn scene() -> Scene {
    let mut scene = Scene::new("127.0.0.1:8081", false);
    scene.hear(cluster());
    scene
}

fn press(scene: &mut Scene, code: KeyCode) -> Wish {
    scene.press(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

#[test]
fn a_replicated_shard_is_one_and_its_leader_says_how_it_is() {
    let mut scene = scene();
    let shards = merged::shards(&scene);
    assert_eq!(shards.len(), 1);
    assert_eq!((&*shards[0].leader, shards[0].is_led), ("node-1", true));
    assert_eq!(shards[0].watches, 6, "those of all members");
    let applied = shards[0].figures.shard.applied_index;
    assert_eq!(applied, 3, "the leader's");
    // A shard of the same number with another identity is another shard.
    let mut other = member(2);
    other.shards[0].shard.identity = super::node(8);
    scene.hear(vec![heard(member(1)), heard(other)]);
    assert_eq!(merged::shards(&scene).len(), 2);
}

#[test]
fn loads_add_up_and_the_slowest_counts() {
    let mut scene = scene();
    let newest = merged::seconds(&scene).last().copied().flatten().unwrap();
    assert_eq!((newest.reads, newest.writes), (1_800.0, 900.0));
    assert_eq!(newest.write_p99_us, Some(4_000));
    press(&mut scene, KeyCode::Down);
    let newest = merged::seconds(&scene).last().copied().flatten().unwrap();
    assert_eq!((newest.reads, newest.fsyncs), (600.0, 40.0));
    let hot = merged::hot_keys(&scene);
    assert_eq!((&*hot[0].1.key, hot[0].1.per_s), (&b"user:1"[..], 270.0));
    assert_eq!(merged::locks(&scene).len(), 1, "every member has the same");
}

#[test]
fn a_second_that_is_missing_is_a_gap_and_a_restart_begins_anew() {
    let mut scene = Scene::new("", false);
    let mut figures = member(1);
    figures.samples = vec![sample(1, 10), sample(2, 10), sample(5, 10)];
    scene.hear(vec![heard(figures)]);
    let seconds = merged::seconds(&scene);
    let there: Vec<bool> = seconds[114..].iter().map(Option::is_some).collect();
    assert_eq!(there, [false, true, true, false, false, true]);
    // The next answer has what is new alone.
    let mut figures = member(1);
    figures.samples = vec![sample(6, 20)];
    scene.hear(vec![heard(figures)]);
    assert_eq!(scene.nodes[0].samples.len(), 4);
    let mut restarted = member(1);
    restarted.node.uptime = std::time::Duration::from_secs(1);
    restarted.samples = vec![sample(1, 30)];
    scene.hear(vec![heard(restarted)]);
    assert_eq!(scene.nodes[0].samples.len(), 1);
}

#[test]
fn no_more_than_two_minutes_are_kept() {
    let mut scene = Scene::new("", false);
    for second in 1..=300 {
        let mut figures = member(1);
        figures.samples = vec![sample(second, 10)];
        scene.hear(vec![heard(figures)]);
    }
    assert_eq!(scene.nodes[0].samples.len(), 120);
    assert_eq!(scene.nodes[0].samples[0].number, 181);
}

#[test]
fn a_node_that_is_lost_stays_with_what_it_said_and_comes_back() {
    let mut scene = scene();
    let mut round = cluster();
    round[1] = silent("127.0.0.1:8082", "cannot reach it");
    scene.hear(round);
    assert_eq!(scene.answering().count(), 2);
    let lost = scene.nodes.iter().find(|it| it.lost.is_some()).unwrap();
    assert_eq!(lost.silence().unwrap().1, "cannot reach it");
    assert!(lost.figures.is_some(), "what it said last is known");
    assert!(lost.newest().is_none(), "it does nothing right now");
    scene.hear(cluster());
    assert_eq!(scene.answering().count(), 3);
}

#[test]
fn two_addresses_of_one_node_are_one_node() {
    let mut scene = Scene::new("", false);
    let mut other = heard(member(1));
    other.address = "localhost:8081".to_owned();
    scene.hear(vec![heard(member(1)), other]);
    assert_eq!(scene.nodes.len(), 1);
}

#[test]
fn keys_choose_sort_pause_and_quit() {
    let mut scene = scene();
    assert_eq!(press(&mut scene, KeyCode::Tab), Wish::Look);
    assert_eq!(scene.shard, Some(ShardId(100)));
    press(&mut scene, KeyCode::Tab);
    assert_eq!(scene.shard, None, "all come after the last");
    press(&mut scene, KeyCode::Up);
    assert_eq!(scene.node.as_deref(), Some("node-3"));
    press(&mut scene, KeyCode::Char('s'));
    press(&mut scene, KeyCode::Char('s'));
    assert_eq!(scene.sort, Sort::Writes);
    assert_eq!(&*merged::hot_keys(&scene)[0].1.key, b"user:2");
    press(&mut scene, KeyCode::Char('p'));
    assert!(scene.is_paused);
    assert_eq!(press(&mut scene, KeyCode::Char('p')), Wish::Ask);
    press(&mut scene, KeyCode::Char('?'));
    assert_eq!(press(&mut scene, KeyCode::Esc), Wish::Look, "of the help");
    assert_eq!(press(&mut scene, KeyCode::Esc), Wish::Quit);
    assert_eq!(press(&mut scene, KeyCode::Char('q')), Wish::Quit);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(scene.press(&Event::Key(interrupt)), Wish::Quit);
    // What was chosen may go.
    scene.hear(vec![heard(member(1))]);
    assert_eq!(scene.node, None);
}

#[test]
fn what_is_chosen_is_what_is_shown() {
    let mut scene = scene();
    scene.shard = Some(ShardId(100));
    assert_eq!(merged::hot_keys(&scene).len(), 2);
    scene.shard = Some(ShardId(200));
    assert!(merged::hot_keys(&scene).is_empty());
    assert!(merged::locks(&scene).is_empty());
}

#[test]
fn a_lock_of_two_shards_is_two_locks() {
    let mut scene = Scene::new("", false);
    let (mut first, mut second) = (member(1), member(2));
    (
        first.shards[0].shard.identity,
        second.shards[0].shard.identity,
    ) = (super::node(1), super::node(2));
    first.locks = vec![held("a", 1_000)];
    second.locks = vec![held("a", 9_000)];
    first.shards[0].hot_keys = vec![hot(b"k", 1.0, 0.0)];
    second.shards[0].hot_keys = vec![hot(b"k", 2.0, 0.0)];
    scene.hear(vec![heard(first), heard(second)]);
    let locks = merged::locks(&scene);
    assert_eq!(locks.len(), 2);
    assert!(locks[0].age > locks[1].age);
    assert_eq!(merged::hot_keys(&scene).len(), 2);
}

/// Numbers come from a node: with great ones a sum overflowed, and a difference with numbers
/// that do not ascend.
#[test]
fn seconds_of_any_number_are_laid_side_by_side() {
    let mut scene = Scene::new("", false);
    let mut figures = member(1);
    figures.samples = vec![sample(u64::MAX, 10), sample(1, 10)];
    scene.hear(vec![heard(figures)]);
    assert_eq!(merged::seconds(&scene).len(), 120);
    let mut figures = member(1);
    figures.samples = vec![sample(u64::MAX - 1, 10), sample(u64::MAX, 10)];
    scene.hear(vec![heard(figures)]);
    assert!(merged::seconds(&scene)[118..].iter().all(Option::is_some));
}
