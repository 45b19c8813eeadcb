//! Hot keys and locks, as many as there is room for.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::columns::{Column, Shown, left, right, table};
use super::theme::Theme;
use crate::base::types::ShardId;
use crate::cli::top::merged::{hot_keys, locks};
use crate::cli::top::scene::Scene;
use crate::cli::top::text::{count, name, rate, span};
use crate::client::{HeldLock, HotKey};

/// From this width on the two are beside each other.
const BESIDE: u16 = 110;
/// From this height on they are below each other, if not.
const BELOW: u16 = 12;

const HOT: [Column; 5] = [
    left("HOT KEY", 0, 0),
    right("ABOUT/S", 8, 0),
    right("+-", 6, 50),
    right("READS", 5, 36),
    right("SHARD", 5, 44),
];

const HELD: [Column; 5] = [
    left("LOCK", 0, 0),
    right("HELD", 7, 0),
    right("LEFT", 8, 36),
    right("WAITING", 7, 36),
    right("SHARD", 5, 48),
];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, theme: Theme, scene: &Scene) {
    if area.width >= BESIDE {
        let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(4);
        let [one, other] = halves.areas(area);
        draw_hot(frame, one, theme, scene);
        draw_held(frame, other, theme, scene);
    } else if area.height >= BELOW {
        let halves = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).spacing(1);
        let [one, other] = halves.areas(area);
        draw_hot(frame, one, theme, scene);
        draw_held(frame, other, theme, scene);
    } else if scene.prefers_locks {
        draw_held(frame, area, theme, scene);
    } else {
        draw_hot(frame, area, theme, scene);
    }
}

/// Whether only one of the two is shown there.
pub(super) fn is_one_only(area: Rect) -> bool {
    area.width < BESIDE && area.height < BELOW
}

fn draw_hot(frame: &mut Frame<'_>, area: Rect, theme: Theme, scene: &Scene) {
    let rows: Vec<_> = hot_keys(scene).iter().map(hot_row).collect();
    let is_empty = rows.is_empty();
    table(frame, area, theme, &HOT, rows);
    if is_empty {
        nothing(frame, area, theme, "nothing is asked for often enough");
    }
}

fn draw_held(frame: &mut Frame<'_>, area: Rect, theme: Theme, scene: &Scene) {
    let rows: Vec<_> = locks(scene).iter().map(held_row).collect();
    let is_empty = rows.is_empty();
    table(frame, area, theme, &HELD, rows);
    if is_empty {
        nothing(frame, area, theme, "no lock is held");
    }
}

/// Under the titles.
fn nothing(frame: &mut Frame<'_>, area: Rect, theme: Theme, why: &str) {
    if area.height >= 2 {
        let below = Rect {
            y: area.y + 1,
            height: 1,
            ..area
        };
        frame.render_widget(Line::styled(why, theme.faint()), below);
    }
}

/// A key of a bucket is written as `bucket/key`, as `lock name` is a lock.
pub(super) fn key_name(hot: &HotKey) -> String {
    let mut text = String::new();
    if hot.is_lock {
        text.push_str("lock ");
    }
    if !hot.bucket.is_empty() {
        text.push_str(&name(hot.bucket.as_bytes()));
        text.push('/');
    }
    text.push_str(&name(&hot.key));
    if usize::try_from(hot.key_bytes).is_ok_and(|all| all > hot.key.len()) {
        text.push('…');
    }
    text
}

fn hot_row((shard, hot): &(ShardId, HotKey)) -> Vec<Shown> {
    let plain = |text: String| (text, Theme::plain());
    let error = match hot.per_s_error > hot.per_s / 10.0 {
        true => rate(hot.per_s_error),
        false => String::new(),
    };
    vec![
        plain(key_name(hot)),
        plain(rate(hot.per_s)),
        plain(error),
        plain(format!("{:.0} %", hot.reads * 100.0)),
        plain(shard.to_string()),
    ]
}

fn held_row(lock: &HeldLock) -> Vec<Shown> {
    let plain = |text: String| (text, Theme::plain());
    vec![
        plain(name(&lock.name)),
        plain(span(lock.age)),
        plain(lock.remaining.map_or_else(|| "released".to_owned(), span)),
        plain(count(lock.waiters)),
        plain(lock.shard.to_string()),
    ]
}
