//! A plot: axes, and what is drawn between them, as SVG.
//!
//! Its text is as large as that of the page if it is shown 360 px wide, as on a phone.

use std::fmt::Write;

use super::markup::Markup;
use super::scale::{Scale, Tick};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = WIDTH - 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = HEIGHT - 24.0;
/// How high the mark of errors is, on the lower axis.
const MARK: f64 = 5.0;

/// A plot that is being drawn. What comes later is above what came before.
pub(super) struct Plot {
    x: Scale,
    y: Scale,
    drawn: Markup,
}

impl Plot {
    /// An empty one with its axes.
    pub(super) fn new((x, x_ticks): (Scale, Vec<Tick>), (y, y_ticks): (Scale, Vec<Tick>)) -> Self {
        let drawn = Markup::new();
        let mut plot = Self { x, y, drawn };
        for tick in &y_ticks {
            plot.y_tick(tick);
        }
        for tick in &x_ticks {
            plot.x_tick(tick);
        }
        let axis = format!("M{LEFT} {BOTTOM}H{RIGHT}");
        plot.drawn
            .empty("path", &[("class", &"axis"), ("d", &axis)]);
        plot
    }

    /// Levels that hold from one `x` to another; where there is none is a gap.
    pub(super) fn steps(
        &mut self,
        class: &str,
        levels: impl IntoIterator<Item = (f64, f64, Option<f64>)>,
    ) {
        let mut path = String::new();
        let mut is_drawing = false;
        for (from, to, level) in levels {
            let Some(level) = level else {
                is_drawing = false;
                continue;
            };
            let (from, to, level) = (self.across(from), self.across(to), self.up(level));
            let written = if is_drawing {
                write!(path, "V{level:.1}H{to:.1}")
            } else {
                write!(path, "M{from:.1} {level:.1}H{to:.1}")
            };
            written.expect("a string takes everything that is written");
            is_drawing = true;
        }
        self.path(class, &path);
    }

    /// A line from point to point.
    pub(super) fn line(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut path = String::new();
        for (x, y) in points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let (x, y) = (self.across(x), self.up(y));
            write!(path, "{command}{x:.1} {y:.1}")
                .expect("a string takes everything that is written");
        }
        self.path(class, &path);
    }

    /// A line all across.
    pub(super) fn level(&mut self, class: &str, y: f64) {
        let y = self.up(y);
        self.path(class, &format!("M{LEFT} {y:.1}H{RIGHT}"));
    }

    /// A mark on the lower axis.
    pub(super) fn mark(&mut self, class: &str, from: f64, to: f64) {
        let (from, to) = (self.across(from), self.across(to));
        // However short it is, it is seen.
        let width = (to - from).max(2.0);
        self.drawn.empty(
            "rect",
            &[
                ("class", &class),
                ("x", &format!("{from:.1}")),
                ("y", &(BOTTOM - MARK)),
                ("width", &format!("{width:.1}")),
                ("height", &MARK),
            ],
        );
    }

    /// What is said of a stretch if somebody points at it.
    pub(super) fn said_of_stretch(&mut self, from: f64, to: f64, said: &str) {
        let (from, to) = (self.across(from), self.across(to));
        self.drawn.within(
            "rect",
            &[
                ("class", &"point"),
                ("x", &format!("{from:.1}")),
                ("y", &TOP),
                ("width", &format!("{:.1}", (to - from).max(0.0))),
                ("height", &(BOTTOM - TOP)),
            ],
            |rect| rect.leaf("title", &[], said),
        );
    }

    /// The same of a point.
    pub(super) fn said_of_point(&mut self, x: f64, y: f64, said: &str) {
        let (x, y) = (
            format!("{:.1}", self.across(x)),
            format!("{:.1}", self.up(y)),
        );
        self.drawn.within(
            "circle",
            &[("class", &"point"), ("cx", &x), ("cy", &y), ("r", &6)],
            |circle| circle.leaf("title", &[], said),
        );
    }

    /// The plot; `said` is for who cannot see it.
    pub(super) fn finish(self, said: &str) -> Markup {
        let mut svg = Markup::new();
        let view = format!("0 0 {WIDTH} {HEIGHT}");
        let attributes: super::markup::Attributes<'_> =
            &[("viewBox", &view), ("role", &"img"), ("aria-label", &said)];
        svg.within("svg", attributes, |svg| svg.append(&self.drawn));
        svg
    }

    fn y_tick(&mut self, tick: &Tick) {
        let y = self.up(tick.value);
        self.path("grid", &format!("M{LEFT} {y:.1}H{RIGHT}"));
        let (x, y) = (LEFT - 6.0, format!("{:.1}", y + 3.8));
        self.drawn.leaf(
            "text",
            &[("class", &"y"), ("x", &x), ("y", &y)],
            &tick.label,
        );
    }

    fn x_tick(&mut self, tick: &Tick) {
        let x = self.across(tick.value);
        self.path("grid", &format!("M{x:.1} {TOP}V{BOTTOM}"));
        // The last label would reach beyond the plot.
        let class = if x > RIGHT - 14.0 { "x end" } else { "x" };
        let x = if x > RIGHT - 14.0 { x + 10.0 } else { x };
        let (x, y) = (format!("{x:.1}"), HEIGHT - 8.0);
        self.drawn.leaf(
            "text",
            &[("class", &class), ("x", &x), ("y", &y)],
            &tick.label,
        );
    }

    fn path(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            self.drawn.empty("path", &[("class", &class), ("d", &path)]);
        }
    }

    fn across(&self, x: f64) -> f64 {
        LEFT + self.x.place(x) * (RIGHT - LEFT)
    }

    fn up(&self, y: f64) -> f64 {
        BOTTOM - self.y.place(y) * (BOTTOM - TOP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perf::report::scale;

    fn plot() -> Plot {
        Plot::new(scale::times(4.0), scale::rates(100.0))
    }

    fn drawn(draw: impl FnOnce(&mut Plot)) -> String {
        let mut plot = plot();
        draw(&mut plot);
        let drawn = plot.finish("a plot").as_str().to_owned();
        let empty = self::plot().finish("a plot").as_str().to_owned();
        let axes = empty.strip_suffix("</svg>").unwrap();
        let own = drawn.strip_prefix(axes).unwrap();
        own.strip_suffix("</svg>").unwrap().to_owned()
    }

    #[test]
    fn steps_begin_anew_after_a_gap() {
        let levels = [
            (0.0, 1.0, Some(100.0)),
            (1.0, 2.0, Some(0.0)),
            (2.0, 3.0, None),
            (3.0, 4.0, Some(50.0)),
        ];
        assert_eq!(
            drawn(|plot| plot.steps("s0", levels)),
            "<path class=\"s0\" d=\"M50.0 10.0H124.5V186.0H199.0M273.5 98.0H348.0\"/>"
        );
        assert_eq!(drawn(|plot| plot.steps("s0", [(0.0, 1.0, None)])), "");
    }

    #[test]
    fn nothing_is_drawn_outside() {
        let line = drawn(|plot| plot.line("s0", [(-1.0, -5.0), (9.0, 1e9), (1.0, f64::NAN)]));
        assert_eq!(
            line,
            "<path class=\"s0\" d=\"M50.0 186.0L348.0 10.0L124.5 186.0\"/>"
        );
    }

    #[test]
    fn a_mark_is_seen_however_short_it_is() {
        let mark = drawn(|plot| plot.mark("errors", 1.0, 1.0));
        assert!(mark.contains("width=\"2.0\""), "{mark}");
    }
}
