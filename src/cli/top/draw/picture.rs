//! The whole picture.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::theme::Theme;
use super::{charts, help, lists, members, shards, words};
use crate::cli::top::merged;
use crate::cli::top::scene::Scene;

/// Smaller than this there is nothing to see.
const COLUMNS_MIN: u16 = 30;
const LINES_MIN: u16 = 8;

/// From this height on there are empty lines between the parts.
const ROOMY: u16 = 28;

/// Draws a scene on the whole screen.
pub(in crate::cli::top) fn draw(frame: &mut Frame<'_>, scene: &Scene) {
    let all = frame.area();
    if all.width < COLUMNS_MIN || all.height < LINES_MIN {
        frame.render_widget(Line::raw("enlarge me (q quits)"), all);
        return;
    }
    let theme = Theme::new(scene.is_coloured);
    let shown = merged::shards(scene);
    let seconds = merged::seconds(scene);
    let gap = u16::from(all.height >= ROOMY);
    let heights = Heights::of(all.height, members::lines(scene), shown.len());
    let parts = [
        Constraint::Length(2),
        Constraint::Length(heights.charts),
        Constraint::Length(heights.members),
        Constraint::Length(heights.shards),
        Constraint::Fill(1),
        Constraint::Length(1),
    ];
    let [top, chart, nodes, shard, rest, bottom] = Layout::vertical(parts).spacing(gap).areas(all);
    let now = seconds.last().copied().flatten();
    let [first, second] = Layout::vertical([Constraint::Length(1); 2]).areas(top);
    frame.render_widget(words::title(scene, theme, now, first.width.into()), first);
    frame.render_widget(words::trouble(scene, theme, second.width.into()), second);
    charts::draw(frame, chart, theme, &seconds);
    members::draw(frame, nodes, theme, scene);
    shards::draw(frame, shard, theme, (scene, &shown));
    lists::draw(frame, rest, theme, scene);
    let has_choice = lists::is_one_only(rest);
    frame.render_widget(
        words::keys(scene, theme, has_choice, bottom.width.into()),
        bottom,
    );
    if scene.shows_help {
        help::draw(frame, Rect { ..all });
    }
}

/// How many lines each part gets.
struct Heights {
    charts: u16,
    members: u16,
    shards: u16,
}

impl Heights {
    /// The lists get a third at least: a hundred members or shards leave room for others.
    fn of(all: u16, members: u16, shards: usize) -> Self {
        let charts = match all {
            0..14 => 0,
            14..24 => 3,
            24..36 => 5,
            _ => 8,
        };
        let shards = u16::try_from(shards + 1).unwrap_or(u16::MAX);
        let room = all.saturating_sub(charts + 3);
        let members = members.min((room / 3).max(2));
        let shards = shards.min((room / 3).max(2));
        Self {
            charts,
            members,
            shards,
        }
    }
}
