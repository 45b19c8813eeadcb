//! What the keys do and the columns mean.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Text;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

const TEXT: &str = "\
q Esc Ctrl-C  quit            ?  this help
p Space       pause           r  ask now
Tab Right     the next shard: its keys and locks
Shift-Tab Left  the one before; all come before the first
Down Up       the next node: its load in the charts
s             sort hot keys by rate, reads, writes, key
l             locks instead of hot keys, where one fits

OP/S     requests answered: reads, writes, locks
p99      99 of 100 took at most this, in the last second
CPU      of one processor: two may take 200 %
BEHIND   entries of the leader's log it does not have
HEARD    since it answered its leader
HOT KEY  from a sample of the last 10 to 20 seconds;
         +- is how much of it may be other keys";

/// Draws it over everything.
pub(super) fn draw(frame: &mut Frame<'_>, all: Rect) {
    let width = all.width.min(62);
    let height = all.height.min(18);
    let area = Rect {
        x: all.x + (all.width - width) / 2,
        y: all.y + (all.height - height) / 2,
        width,
        height,
    };
    let block = Block::bordered().title(" dkv top ");
    let help = Paragraph::new(Text::from(TEXT))
        .wrap(Wrap { trim: false })
        .block(block);
    frame.render_widget(Clear, area);
    frame.render_widget(help, area);
}
