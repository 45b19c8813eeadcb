//! Tables without lines, with as many columns as there is room for.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row, Table};

use super::theme::Theme;
use crate::cli::top::text::cut;

/// A column, and from which width of the table on it is there.
pub(super) struct Column {
    title: &'static str,
    /// 0: what the others leave.
    width: u16,
    is_right: bool,
    from: u16,
}

/// A cell's text and style.
pub(super) type Shown = (String, Style);

pub(super) const fn left(title: &'static str, width: u16, from: u16) -> Column {
    Column {
        title,
        width,
        is_right: false,
        from,
    }
}

pub(super) const fn right(title: &'static str, width: u16, from: u16) -> Column {
    Column {
        title,
        width,
        is_right: true,
        from,
    }
}

/// Draws rows that have a cell for each column, shown or not. What does not fit below is
/// counted in the title.
pub(super) fn table(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    columns: &[Column],
    rows: Vec<Vec<Shown>>,
) {
    let there = |at: &usize| columns[*at].from <= area.width;
    let shown: Vec<usize> = (0..columns.len()).filter(there).collect();
    let widths = widths(columns, &shown, area.width);
    let hidden = (rows.len() + 1).saturating_sub(area.height.into());
    let titles = shown
        .iter()
        .zip(&widths)
        .enumerate()
        .map(|(at, (column, width))| {
            let column = &columns[*column];
            let title = match (at, hidden) {
                (0, 1..) => format!("{} (+{hidden})", column.title),
                _ => column.title.to_owned(),
            };
            cell((title, theme.faint()), column, *width)
        });
    let header = Row::new(titles.collect::<Vec<_>>());
    let rows = rows.into_iter().map(|row| {
        let mut cells: Vec<Option<Shown>> = row.into_iter().map(Some).collect();
        let cells = shown.iter().zip(&widths).map(|(at, width)| {
            let shown = cells.get_mut(*at).and_then(Option::take);
            cell(shown.unwrap_or_default(), &columns[*at], *width)
        });
        Row::new(cells.collect::<Vec<_>>())
    });
    let constraints = widths.iter().map(|width| Constraint::Length(*width));
    let table = Table::new(rows, constraints)
        .header(header)
        .column_spacing(GAP);
    frame.render_widget(table, area);
}

const GAP: u16 = 2;

fn widths(columns: &[Column], shown: &[usize], all: u16) -> Vec<u16> {
    let gaps = GAP * u16::try_from(shown.len().saturating_sub(1)).unwrap_or(u16::MAX);
    let fixed: u16 = shown.iter().map(|at| columns[*at].width).sum();
    let left = all.saturating_sub(fixed.saturating_add(gaps));
    let width = |at: &usize| match columns[*at].width {
        0 => left,
        width => width,
    };
    shown.iter().map(width).collect()
}

fn cell(shown: Shown, column: &Column, width: u16) -> Cell<'static> {
    let (text, style) = shown;
    let line = Line::styled(cut(&text, width.into()), style);
    let alignment = match column.is_right {
        true => Alignment::Right,
        false => Alignment::Left,
    };
    Cell::new(Text::from(line).alignment(alignment))
}
