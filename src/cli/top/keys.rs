//! What the keys do.

use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

use crate::cli::top::scene::Scene;

/// What is to be done that the scene cannot do itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Draw again.
    Look,
    /// Ask now.
    Ask,
    /// End.
    Quit,
}

impl Scene {
    /// A key was pressed, or the screen changed its size.
    pub(super) fn press(&mut self, event: &Event) -> Wish {
        let Event::Key(key) = event else {
            return Wish::Look;
        };
        if key.kind == KeyEventKind::Release {
            return Wish::Look;
        }
        let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if has_control => return Wish::Quit,
            KeyCode::Esc | KeyCode::Char('?' | 'h') if self.shows_help => self.shows_help = false,
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => return Wish::Quit,
            KeyCode::Char('?' | 'h') => self.shows_help = true,
            KeyCode::Char('r') => return Wish::Ask,
            KeyCode::Char('p' | ' ') => {
                self.is_paused = !self.is_paused;
                if !self.is_paused {
                    return Wish::Ask;
                }
            }
            KeyCode::Tab | KeyCode::Right => self.choose_shard(true),
            KeyCode::BackTab | KeyCode::Left => self.choose_shard(false),
            KeyCode::Down => self.choose_node(true),
            KeyCode::Up => self.choose_node(false),
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('l') => self.prefers_locks = !self.prefers_locks,
            _ => {}
        }
        Wish::Look
    }
}
