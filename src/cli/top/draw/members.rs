//! The nodes, a line each.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::columns::{Column, Shown, left, right, table};
use super::theme::Theme;
use crate::cli::top::merged::{lag, led};
use crate::cli::top::scene::{NodeView, Scene};
use crate::cli::top::text::{bytes, count, micros, name, rate, span};
use crate::client::{ClassSample, Sample};

const COLUMNS: [Column; 13] = [
    left("NODE", 0, 0),
    left("STATE", 12, 0),
    left("LEADS", 9, 78),
    right("OP/S", 6, 0),
    right("READ p99", 8, 66),
    right("WRITE p99", 9, 56),
    right("FSYNC/S", 7, 100),
    right("CPU", 5, 60),
    right("MEMORY", 8, 88),
    right("BEHIND", 6, 66),
    right("HEARD", 6, 110),
    right("CLIENTS", 7, 120),
    right("UP", 7, 128),
];

/// How many lines it takes.
pub(super) fn lines(scene: &Scene) -> u16 {
    u16::try_from(scene.nodes.len() + 1).unwrap_or(u16::MAX)
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, theme: Theme, scene: &Scene) {
    let rows = scene.nodes.iter().map(|view| row(scene, theme, view));
    table(frame, area, theme, &COLUMNS, rows.collect());
}

fn row(scene: &Scene, theme: Theme, view: &NodeView) -> Vec<Shown> {
    let is_chosen = scene.node.as_ref() == Some(&view.name);
    let mark = if is_chosen { "> " } else { "" };
    let called = format!("{mark}{}", name(view.name.as_bytes()));
    let mut row = vec![(called, Theme::strong()), state(theme, view)];
    let plain = |text: String| (text, Theme::plain());
    let leads: Vec<String> = led(view).iter().map(ToString::to_string).collect();
    row.push(plain(if view.lost.is_some() {
        String::new()
    } else {
        leads.join(" ")
    }));
    let newest = view.newest();
    let of = |text: fn(&Sample) -> String| plain(newest.map_or_else(|| "-".to_owned(), text));
    row.push(of(|sample| rate(sample.per_s(sample.operations()))));
    row.push(of(|sample| p99(&sample.reads)));
    row.push(of(|sample| p99(&sample.writes)));
    row.push(of(|sample| rate(sample.per_s(sample.fsyncs))));
    row.push(of(cpu));
    row.push(of(|sample| {
        sample.resident_bytes.map_or_else(|| "-".to_owned(), bytes)
    }));
    let lag = view.id().and_then(|node| lag(scene, node));
    row.push(plain(
        lag.map_or_else(|| "-".to_owned(), |(entries, _)| count(entries)),
    ));
    row.push(match lag {
        None => plain("-".to_owned()),
        Some((_, None)) => ("never".to_owned(), theme.bad()),
        Some((_, Some(ago))) if ago.as_secs() >= 2 => (span(ago), theme.bad()),
        Some((_, Some(ago))) => plain(span(ago)),
    });
    let said = view.figures.as_ref().filter(|_| view.lost.is_none());
    row.push(plain(
        said.map_or_else(String::new, |it| it.connections.to_string()),
    ));
    row.push(plain(
        said.map_or_else(String::new, |it| span(it.node.uptime)),
    ));
    row
}

fn state(theme: Theme, view: &NodeView) -> Shown {
    match (&view.figures, view.silence()) {
        (_, Some((silent, _))) => (format!("lost {}", span(silent)), theme.bad()),
        (Some(figures), None) if figures.is_ready() => ("ready".to_owned(), theme.good()),
        (Some(_), None) => ("not ready".to_owned(), theme.bad()),
        (None, None) => ("asking".to_owned(), theme.faint()),
    }
}

fn p99(class: &ClassSample) -> String {
    micros(
        class
            .p99
            .map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX)),
    )
}

/// Of one processor: a node that has two may take 200 %.
fn cpu(sample: &Sample) -> String {
    let part = sample.cpu.as_secs_f64() / sample.lasted.as_secs_f64().max(0.001);
    format!("{:.0} %", part * 100.0)
}
