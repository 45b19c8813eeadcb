//! The whole terminal as a screen.

use std::io;

use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::{DefaultTerminal, Frame};

/// A screen that is drawn on. The terminal is as it was before once this is gone, and
/// after a panic, which ends the process without dropping anything.
pub(crate) struct Screen {
    terminal: DefaultTerminal,
    is_coloured: bool,
}

impl Screen {
    /// Takes over the terminal of stdout.
    ///
    /// # Errors
    /// If it cannot be one.
    pub(crate) fn open() -> io::Result<Self> {
        let opened = ratatui::try_init();
        show_cursor_after_panics();
        let terminal = opened.inspect_err(|_| ratatui::restore())?;
        Ok(Self {
            terminal,
            is_coloured: super::Stream::stdout().is_coloured,
        })
    }

    /// Whether whoever looks wants colours.
    pub(crate) fn is_coloured(&self) -> bool {
        self.is_coloured
    }

    /// Draws a picture, in the size that the terminal has now.
    pub(crate) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(picture)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody can be told if the terminal is gone.
        let _gone = self.terminal.show_cursor();
        let _gone = ratatui::try_restore();
    }
}

/// The rest of the terminal's state the library puts in order.
fn show_cursor_after_panics() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let _gone = execute!(io::stdout(), Show);
        hook(info);
    }));
}
