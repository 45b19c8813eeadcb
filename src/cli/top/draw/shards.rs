//! The shards, a line each.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::columns::{Column, Shown, left, right, table};
use super::theme::Theme;
use crate::cli::top::merged::ShardView;
use crate::cli::top::scene::Scene;
use crate::cli::top::text::{count, name};

const COLUMNS: [Column; 10] = [
    left("SHARD", 7, 0),
    left("TYPE", 16, 0),
    left("ENGINE", 7, 104),
    left("DURABILITY", 14, 90),
    left("LEADER", 0, 0),
    right("TERM", 5, 112),
    right("REVISION", 13, 66),
    right("KEYS", 9, 0),
    right("LOCKS", 6, 70),
    right("WATCHES", 7, 120),
];

pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    (scene, shards): (&Scene, &[ShardView<'_>]),
) {
    let rows = shards.iter().map(|view| row(scene, theme, view));
    table(frame, area, theme, &COLUMNS, rows.collect());
}

fn row(scene: &Scene, theme: Theme, view: &ShardView<'_>) -> Vec<Shown> {
    let (figures, shard) = (view.figures, &view.figures.shard);
    let plain = |text: String| (text, Theme::plain());
    let mark = if scene.shard == Some(shard.id) {
        "> "
    } else {
        ""
    };
    let durability = match &figures.read_only_because {
        Some(_) => ("read-only".to_owned(), theme.bad()),
        None => plain(name(shard.durability.as_bytes())),
    };
    let leader = match view.is_led {
        true => plain(name(view.leader.as_bytes())),
        false => (name(view.leader.as_bytes()), theme.bad()),
    };
    let term = figures.group.as_ref().map(|it| it.term.to_string());
    vec![
        (format!("{mark}{}", shard.id), Theme::strong()),
        plain(name(shard.kind.as_bytes())),
        plain(name(shard.engine.as_bytes())),
        durability,
        leader,
        plain(term.unwrap_or_else(|| "-".to_owned())),
        plain(count(shard.revision.0)),
        plain(count(shard.keys)),
        plain(count(shard.locks)),
        plain(count(view.watches)),
    ]
}
