//! Rows in the order in which a reader compares them: test by test, target beside target.

use crate::perf::compare::Figure;
use crate::perf::row::Row;

/// All rows of a document.
pub(super) struct Model<'a> {
    /// The targets, in the order in which they first ran.
    pub(super) targets: Vec<&'a Row>,
    /// The tests, in the order in which they first ran.
    pub(super) sections: Vec<Section<'a>>,
}

/// One test on all targets.
pub(super) struct Section<'a> {
    pub(super) test: &'static str,
    /// In the order of the targets; a target on which it did not run is left out.
    pub(super) series: Vec<Series<'a>>,
}

/// One test on one target.
pub(super) struct Series<'a> {
    /// Which of [`Model::targets`].
    pub(super) target: usize,
    /// A row a round; never empty.
    rows: Vec<&'a Row>,
}

impl<'a> Model<'a> {
    pub(super) fn of(rows: &'a [Row]) -> Self {
        let mut model = Self {
            targets: Vec::new(),
            sections: Vec::new(),
        };
        for row in rows {
            let target = model.target_of(row);
            model.section(row.test).add(target, row);
        }
        model
    }

    /// Whether there is something to compare.
    pub(super) fn is_comparison(&self) -> bool {
        self.targets.len() > 1
    }

    /// Whether tests ran more than once.
    pub(super) fn has_rounds(&self) -> bool {
        let mut series = self.sections.iter().flat_map(|section| &section.series);
        series.any(|series| series.rows.len() > 1)
    }

    /// Which target a row is of; one that is new is added.
    fn target_of(&mut self, row: &'a Row) -> usize {
        let known = self.targets.iter().position(|it| it.target == row.target);
        known.unwrap_or_else(|| {
            self.targets.push(row);
            self.targets.len() - 1
        })
    }

    fn section(&mut self, test: &'static str) -> &mut Section<'a> {
        let known = self.sections.iter().position(|it| it.test == test);
        let index = known.unwrap_or_else(|| {
            let series = Vec::new();
            self.sections.push(Section { test, series });
            self.sections.len() - 1
        });
        &mut self.sections[index]
    }
}

impl<'a> Section<'a> {
    fn add(&mut self, target: usize, row: &'a Row) {
        match self.series.iter_mut().find(|it| it.target == target) {
            Some(series) => series.rows.push(row),
            None => {
                let rows = vec![row];
                self.series.push(Series { target, rows });
                self.series.sort_by_key(|series| series.target);
            }
        }
    }

    /// All rows, target by target.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'a Row> {
        self.series
            .iter()
            .flat_map(|series| series.rows.iter().copied())
    }
}

impl<'a> Series<'a> {
    /// The row that charts show: that of the median of operations a second.
    pub(super) fn shown(&self) -> &'a Row {
        let mut rows = self.rows.clone();
        rows.sort_by(|a, b| a.ops_per_s.total_cmp(&b.ops_per_s));
        rows[(rows.len() - 1) / 2]
    }

    /// A figure over all rounds.
    pub(super) fn figure(&self, of: impl Fn(&Row) -> f64) -> Figure {
        Figure::of(self.rows.iter().map(|row| of(row))).expect("a series has a row or more")
    }

    /// Operations that failed, of all rounds together.
    pub(super) fn errors(&self) -> u64 {
        self.rows.iter().map(|row| row.errors).sum()
    }

    /// The first error of all rounds.
    pub(super) fn first_error(&self) -> Option<&'a str> {
        let mut rows = self.rows.iter();
        rows.find_map(|row| row.first_error.as_deref())
    }

    /// How many rounds there were.
    pub(super) fn rounds(&self) -> usize {
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(test: &'static str, target: &str, ops_per_s: f64) -> Row {
        Row {
            test,
            target: target.to_owned(),
            ops_per_s,
            ..Row::default()
        }
    }

    #[test]
    fn rounds_are_brought_together_whoever_ran_first() {
        let rows = [
            row("set", "a", 5.0),
            row("set", "b", 1.0),
            row("get", "b", 2.0),
            row("get", "a", 6.0),
            row("set", "b", 4.0),
            row("set", "a", 9.0),
            row("set", "a", 7.0),
        ];
        let model = Model::of(&rows);
        let targets: Vec<_> = model.targets.iter().map(|it| &it.target).collect();
        assert_eq!(targets, ["a", "b"]);
        let [set, get] = model.sections.as_slice() else {
            panic!("two tests");
        };
        assert_eq!((set.test, get.test), ("set", "get"));
        assert_eq!(
            get.series.iter().map(|it| it.target).collect::<Vec<_>>(),
            [0, 1]
        );
        let [a, b] = set.series.as_slice() else {
            panic!("two targets");
        };
        let figure = a.figure(|row| row.ops_per_s);
        assert_eq!((figure.least, figure.median, figure.most), (5.0, 7.0, 9.0));
        assert!((a.shown().ops_per_s - 7.0).abs() < 1e-9);
        assert!((b.figure(|row| row.ops_per_s).median - 2.5).abs() < 1e-9);
        assert!((b.shown().ops_per_s - 1.0).abs() < 1e-9);
        assert!(model.has_rounds() && model.is_comparison());
        assert!(Model::of(&[]).targets.is_empty());
    }
}
