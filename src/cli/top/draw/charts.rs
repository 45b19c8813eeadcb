//! The last seconds as bars.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Sparkline;

use super::theme::Theme;
use crate::cli::top::merged::Second;
use crate::cli::top::text::{cut, micros, rate};

/// Narrower than this nobody could read a chart.
const COLUMNS_MIN: u16 = 30;

struct Chart {
    title: &'static str,
    value: fn(&Second) -> Option<u64>,
    /// What stands above it, of the newest second.
    now: fn(&Second) -> String,
}

const CHARTS: [Chart; 4] = [
    Chart {
        title: "operations/s",
        // In tenths: one a second is not nothing.
        value: |second| Some((second.operations() * 10.0) as u64),
        now: |second| rate(second.operations()),
    },
    Chart {
        title: "writes p99",
        value: |second| second.write_p99_us,
        now: |second| micros(second.write_p99_us),
    },
    Chart {
        title: "reads p99",
        value: |second| second.read_p99_us,
        now: |second| micros(second.read_p99_us),
    },
    Chart {
        title: "disk p99",
        value: |second| second.fsync_p99_us,
        now: |second| format!("{}, {}/s", micros(second.fsync_p99_us), rate(second.fsyncs)),
    },
];

/// Draws as many charts as there is room for, beside each other.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, theme: Theme, seconds: &[Option<Second>]) {
    let count = usize::from(area.width / COLUMNS_MIN).clamp(1, CHARTS.len());
    let columns = Layout::horizontal(vec![Constraint::Fill(1); count]).spacing(2);
    let areas = columns.split(area);
    for (at, (chart, area)) in CHARTS.iter().zip(areas.iter()).enumerate() {
        one(frame, *area, theme, (at, chart), seconds);
    }
}

fn one(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    (at, chart): (usize, &Chart),
    seconds: &[Option<Second>],
) {
    let [title, bars] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let now = seconds.last().copied().flatten();
    let now = now.map_or_else(|| "-".to_owned(), |second| (chart.now)(&second));
    let room = usize::from(area.width).saturating_sub(chart.title.len() + 1);
    let line = Line::from(vec![
        Span::styled(chart.title, theme.faint()),
        Span::raw(" "),
        Span::styled(cut(&now, room), Theme::strong()),
    ]);
    frame.render_widget(line, title);
    let from = seconds.len().saturating_sub(bars.width.into());
    let values: Vec<Option<u64>> = seconds[from..]
        .iter()
        .map(|second| second.as_ref().and_then(chart.value))
        .collect();
    let sparkline = Sparkline::default().data(values).style(theme.series(at));
    frame.render_widget(sparkline.absent_value_symbol(" "), bars);
}
