//! The text format of Prometheus, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write;

use crate::base::histogram::HistogramSnapshot;

/// What a page says it is.
pub(in crate::server) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// A page that is being written.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

/// What the samples of a family are.
#[derive(Clone, Copy)]
pub(super) enum FamilyType {
    Counter,
    Gauge,
    Histogram,
}

/// The samples of one name; they follow each other, as the format asks.
pub(super) struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
}

impl Page {
    /// Begins a family.
    pub(super) fn family(
        &mut self,
        name: &'static str,
        of_type: FamilyType,
        help: &str,
    ) -> Family<'_> {
        let of_type = match of_type {
            FamilyType::Counter => "counter",
            FamilyType::Gauge => "gauge",
            FamilyType::Histogram => "histogram",
        };
        self.write(format_args!(
            "# HELP {name} {help}\n# TYPE {name} {of_type}\n"
        ));
        Family { page: self, name }
    }

    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, FamilyType::Counter, help)
    }

    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, FamilyType::Gauge, help)
    }

    pub(super) fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, FamilyType::Histogram, help)
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(what)
            .expect("a string takes everything");
    }

    fn labels(&mut self, labels: Labels<'_>, bound: Option<&str>) {
        let bound = bound.map(|bound| ("le", bound));
        let mut open = '{';
        for (name, value) in labels.iter().copied().chain(bound) {
            self.write(format_args!("{open}{name}=\""));
            for c in value.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
            open = ',';
        }
        if open == ',' {
            self.text.push('}');
        }
    }
}

impl Family<'_> {
    /// A whole number.
    pub(super) fn value(self, labels: Labels<'_>, value: u64) -> Self {
        self.sample("", labels, None, &value.to_string())
    }

    /// A number that may not be known.
    pub(super) fn maybe(self, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.value(&[], value),
            None => self,
        }
    }

    /// A time, given in microseconds and written in seconds.
    pub(super) fn micros(self, labels: Labels<'_>, us: u64) -> Self {
        self.sample("", labels, None, &seconds(us))
    }

    /// A histogram of whole numbers.
    pub(super) fn numbers(self, labels: Labels<'_>, of: &HistogramSnapshot) -> Self {
        self.buckets(labels, of, |value| value.to_string())
    }

    /// A histogram of times, given in microseconds and written in seconds.
    pub(super) fn times(self, labels: Labels<'_>, of_us: &HistogramSnapshot) -> Self {
        self.buckets(labels, of_us, seconds)
    }

    fn buckets(
        mut self,
        labels: Labels<'_>,
        of: &HistogramSnapshot,
        show: fn(u64) -> String,
    ) -> Self {
        let bounds = of.bounds.iter().map(|bound| show(*bound));
        let bounds = bounds.chain(std::iter::once("+Inf".to_owned()));
        let mut up_to = 0;
        for (bound, count) in bounds.zip(&of.counts) {
            up_to += count;
            self = self.sample("_bucket", labels, Some(&bound), &up_to.to_string());
        }
        self.sample("_sum", labels, None, &show(of.sum)).sample(
            "_count",
            labels,
            None,
            &up_to.to_string(),
        )
    }

    fn sample(self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: &str) -> Self {
        let name = self.name;
        self.page.write(format_args!("{name}{suffix}"));
        self.page.labels(labels, bound);
        self.page.write(format_args!(" {value}\n"));
        self
    }
}

/// Microseconds as seconds, exactly.
fn seconds(us: u64) -> String {
    let exact = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    exact.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::histogram::Histogram;

    #[test]
    fn microseconds_are_written_as_seconds() {
        for (us, text) in [
            (0, "0"),
            (50, "0.00005"),
            (2_500_000, "2.5"),
            (10_000_000, "10"),
            (100_000_000, "100"),
            (1_000_001, "1.000001"),
        ] {
            assert_eq!(seconds(us), text);
        }
    }

    #[test]
    fn label_values_are_escaped() {
        let mut page = Page::default();
        page.gauge("a", "Of a.")
            .value(&[("b", "x\\y\"z\n"), ("c", "")], 1);
        let expected = "# HELP a Of a.\n# TYPE a gauge\na{b=\"x\\\\y\\\"z\\n\",c=\"\"} 1\n";
        assert_eq!(page.finish(), expected);
    }

    #[test]
    fn buckets_add_up() {
        let histogram = Histogram::new(&[50, 1_000]);
        for us in [10, 50, 60, 2_000_000] {
            histogram.record(us);
        }
        let mut page = Page::default();
        page.histogram("t_seconds", "Of t.")
            .times(&[("k", "v")], &histogram.snapshot());
        let expected = "# HELP t_seconds Of t.\n# TYPE t_seconds histogram\n\
                        t_seconds_bucket{k=\"v\",le=\"0.00005\"} 2\n\
                        t_seconds_bucket{k=\"v\",le=\"0.001\"} 3\n\
                        t_seconds_bucket{k=\"v\",le=\"+Inf\"} 4\n\
                        t_seconds_sum{k=\"v\"} 2.00012\n\
                        t_seconds_count{k=\"v\"} 4\n";
        assert_eq!(page.finish(), expected);
    }
}
