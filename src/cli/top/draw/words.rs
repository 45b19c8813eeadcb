//! The lines at the top and at the bottom.

use ratatui::text::{Line, Span};

use super::theme::Theme;
use crate::cli::top::merged::Second;
use crate::cli::top::scene::Scene;
use crate::cli::top::text::{cut, name, rate, span};

/// Narrower than this, words are left out.
const NARROW: usize = 86;

/// Who is looked at, and what they do.
pub(super) fn title(
    scene: &Scene,
    theme: Theme,
    now: Option<Second>,
    columns: usize,
) -> Line<'static> {
    let mut spans = vec![Span::styled("dkv top", Theme::strong()), Span::raw("  ")];
    let lost = scene.nodes.iter().filter(|it| it.lost.is_some()).count();
    spans.push(Span::raw(match scene.nodes.len() {
        0 => String::new(),
        1 => name(scene.nodes[0].name.as_bytes()),
        count => format!("{count} nodes"),
    }));
    if lost > 0 && scene.nodes.len() > 1 {
        spans.push(Span::styled(format!(", {lost} lost"), theme.bad()));
    }
    if let Some(now) = now {
        let of = scene.node.as_ref().filter(|_| scene.nodes.len() > 1);
        let of = of.map_or_else(String::new, |node| format!("{}: ", name(node.as_bytes())));
        let (reads, writes, locks) = (rate(now.reads), rate(now.writes), rate(now.locks));
        let errors = rate(now.errors);
        let (load, errors) = match columns < NARROW {
            true => (
                format!("  {of}{reads} r {writes} w {locks} l"),
                format!(" {errors} err /s"),
            ),
            false => (
                format!("  {of}{reads} reads/s  {writes} writes/s  {locks} locks/s"),
                format!("  {errors} errors/s"),
            ),
        };
        spans.push(Span::raw(load));
        spans.push(match now.errors > 0.0 {
            true => Span::styled(errors, theme.bad()),
            false => Span::raw(errors),
        });
    }
    if scene.is_paused {
        spans.push(Span::styled("  PAUSED", theme.key()));
    }
    Line::from(spans)
}

/// What is wrong, the worst first; where it looks if nothing is.
pub(super) fn trouble(scene: &Scene, theme: Theme, columns: usize) -> Line<'static> {
    if !scene.has_heard {
        let text = format!("asking {}", name(scene.endpoints.as_bytes()));
        return Line::styled(cut(&text, columns), theme.faint());
    }
    let lost = scene.nodes.iter().filter_map(|view| {
        let (silent, why) = view.silence()?;
        let called = name(view.name.as_bytes());
        let why = name(why.as_bytes());
        Some(format!(
            "{called} does not answer for {}: {why}; trying again",
            span(silent)
        ))
    });
    let unready = scene.answering().flat_map(|(view, figures)| {
        let failed = figures
            .checks
            .iter()
            .filter_map(|check| Some((check, check.failed.as_ref()?)));
        failed.map(|(check, why)| {
            let text = format!("{} is not ready: {}: {why}", view.name, check.name);
            name(text.as_bytes())
        })
    });
    match lost.chain(unready).next() {
        Some(trouble) => Line::styled(cut(&trouble, columns), theme.bad()),
        None => {
            let text = format!("at {}", name(scene.endpoints.as_bytes()));
            Line::styled(cut(&text, columns), theme.faint())
        }
    }
}

/// The keys, and what they have chosen. `has_choice`: hot keys and locks do not both fit.
pub(super) fn keys(scene: &Scene, theme: Theme, has_choice: bool, columns: usize) -> Line<'static> {
    let shard = scene.shard.map_or("all".to_owned(), |id| id.to_string());
    let node = scene.node.as_ref();
    let node = node.map_or("all".to_owned(), |node| name(node.as_bytes()));
    let other = match scene.prefers_locks {
        true => "keys",
        false => "locks",
    };
    let mut keys = vec![("q", "quit".to_owned())];
    if has_choice {
        keys.push(("l", other.to_owned()));
    }
    keys.extend([("?", "help".to_owned()), ("p", "pause".to_owned())]);
    let sort = scene.sort.as_str();
    keys.extend(match columns < NARROW {
        true => [("Tab", shard), ("s", sort.to_owned()), ("Up/Down", node)],
        false => [
            ("Tab", format!("shard: {shard}")),
            ("s", format!("sort: {sort}")),
            ("Up/Down", format!("node: {node}")),
        ],
    });
    let spans = keys.into_iter().flat_map(|(key, does)| {
        [
            Span::styled(key, theme.key()),
            Span::raw(format!(" {does}  ")),
        ]
    });
    Line::from(spans.collect::<Vec<_>>())
}
