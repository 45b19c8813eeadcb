//! Colours, for people who want some.

use ratatui::style::{Color, Modifier, Style};

/// The styles of a picture. Without colour, weight says the same.
#[derive(Clone, Copy)]
pub(super) struct Theme {
    is_coloured: bool,
}

impl Theme {
    pub(super) fn new(is_coloured: bool) -> Self {
        Self { is_coloured }
    }

    pub(super) fn plain() -> Style {
        Style::new()
    }

    pub(super) fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Titles of columns, and what is less important.
    pub(super) fn faint(self) -> Style {
        match self.is_coloured {
            true => Style::new().fg(Color::DarkGray),
            false => Style::new().add_modifier(Modifier::DIM),
        }
    }

    pub(super) fn good(self) -> Style {
        self.coloured(Color::Green)
    }

    pub(super) fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What can be changed by a key.
    pub(super) fn key(self) -> Style {
        self.coloured(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// The chart at this place.
    pub(super) fn series(self, at: usize) -> Style {
        let colours = [Color::Cyan, Color::Yellow, Color::Green, Color::Magenta];
        self.coloured(colours[at % colours.len()])
    }

    fn coloured(self, colour: Color) -> Style {
        match self.is_coloured {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }
}
