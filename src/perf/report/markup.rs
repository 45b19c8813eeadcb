//! HTML and SVG, written so that it is well-formed and escaped.

use std::fmt::{self, Display, Write};

/// A piece of a page.
///
/// Invariant: names of elements and attributes are words of this program; everything else
/// goes through [`Escaped`]. Elements are closed in the order in which they were opened.
#[derive(Default)]
pub(super) struct Markup(String);

/// What an element may say about itself.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

impl Markup {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// An element with something inside.
    pub(super) fn within(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.begin(name, attributes);
        self.0.push('>');
        inside(self);
        self.put(format_args!("</{name}>"));
    }

    /// An element with text inside.
    pub(super) fn leaf(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        text: impl Display,
    ) {
        self.within(name, attributes, |inside| inside.text(text));
    }

    /// An element with nothing inside, of those that are never closed in HTML, or of SVG.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.begin(name, attributes);
        self.0.push_str("/>");
    }

    /// Text.
    pub(super) fn text(&mut self, text: impl Display) {
        self.put(Escaped(text));
    }

    /// What this program wrote itself, as it is.
    pub(super) fn raw(&mut self, raw: &'static str) {
        self.0.push_str(raw);
    }

    /// Another piece.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn begin(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.put(format_args!("<{name}"));
        for (name, value) in attributes {
            self.put(format_args!(" {name}=\"{}\"", Escaped(value)));
        }
    }

    fn put(&mut self, what: impl Display) {
        write!(self.0, "{what}").expect("a string takes everything that is written");
    }
}

/// Text as it may stand in an element or in a quoted attribute.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                '\n' | '\t' => self.0.write_char(character)?,
                // Not allowed in a page, and what turns the direction of text around hides
                // what it says.
                control if control.is_control() => self.0.write_char('\u{fffd}')?,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    self.0.write_char('\u{fffd}')?;
                }
                plain => self.0.write_char(plain)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_becomes_an_element() {
        let said = "</title><script>alert('\"&\0\u{202e}')</script>\n";
        let mut markup = Markup::new();
        markup.leaf("p", &[("title", &said)], said);
        let safe = "&lt;/title&gt;&lt;script&gt;alert(&#39;&quot;&amp;\u{fffd}\u{fffd}&#39;)\
                    &lt;/script&gt;\n";
        assert_eq!(markup.as_str(), format!("<p title=\"{safe}\">{safe}</p>"));
    }

    #[test]
    fn elements_are_nested_as_the_calls_are() {
        let mut markup = Markup::new();
        markup.within("g", &[], |g| {
            g.empty("path", &[("d", &"M0 0"), ("class", &1)]);
            g.leaf("title", &[], 2);
        });
        assert_eq!(
            markup.as_str(),
            "<g><path d=\"M0 0\" class=\"1\"/><title>2</title></g>"
        );
    }
}
