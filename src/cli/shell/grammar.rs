//! What a verb of the shell is: the form of a table, and how it is shown.

/// A word that begins a line, and what may follow it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verb {
    /// In capitals, of one or two words.
    pub(super) name: &'static str,
    /// Other names.
    pub(super) also: &'static [&'static str],
    /// What it is.
    pub(super) runs: Runs,
    /// What it is about, in order.
    pub(super) places: &'static [Place],
    /// Keywords behind them, in any order.
    pub(super) options: &'static [Choice],
    /// The flag that a duration stands for which no keyword introduces.
    pub(super) bare: Option<&'static str>,
    /// As the help shows it.
    pub(super) usage: &'static str,
    /// What it does, in a line.
    pub(super) about: &'static str,
}

/// Who does what the verb says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// This subcommand of `dkv`.
    Command(&'static [&'static str]),
    /// The shell itself.
    Shell(Own),
}

/// What concerns the shell alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    Use,
    Shard,
    Output,
    Timing,
    Connect,
    Help,
    Clear,
    Exit,
}

/// A value that has its place in a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What it is called.
    pub(super) name: &'static str,
    /// The flag that it is for the command line, if it is not by its place there too.
    pub(super) flag: Option<&'static str>,
    /// How many belong there.
    pub(super) need: Need,
}

/// How many values belong in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    One,
    Maybe,
    Many,
}

/// A keyword with the flag that it stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// In capitals, of one or two words.
    pub(super) keyword: &'static str,
    /// The flag.
    pub(super) flag: &'static str,
    /// What follows the keyword, if anything.
    pub(super) value: Option<&'static str>,
}

impl Verb {
    /// All its names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }

    /// The subcommand of `dkv` that runs it, if one does.
    pub(super) fn path(&self) -> &'static [&'static str] {
        match self.runs {
            Runs::Command(path) => path,
            Runs::Shell(_) => &[],
        }
    }
}

/// A place that must be filled.
pub(super) const fn one(name: &'static str) -> Place {
    Place {
        name,
        flag: None,
        need: Need::One,
    }
}

/// A place that may be filled.
pub(super) const fn maybe(name: &'static str) -> Place {
    Place {
        name,
        flag: None,
        need: Need::Maybe,
    }
}

/// A place that one or more fill.
pub(super) const fn many(name: &'static str) -> Place {
    Place {
        name,
        flag: None,
        need: Need::Many,
    }
}

/// A place that is a flag for the command line.
pub(super) const fn flagged(name: &'static str, flag: &'static str, need: Need) -> Place {
    Place {
        name,
        flag: Some(flag),
        need,
    }
}

/// A keyword that stands alone.
pub(super) const fn word(keyword: &'static str, flag: &'static str) -> Choice {
    Choice {
        keyword,
        flag,
        value: None,
    }
}

/// A keyword with a value behind it.
pub(super) const fn with(keyword: &'static str, flag: &'static str, value: &'static str) -> Choice {
    Choice {
        keyword,
        flag,
        value: Some(value),
    }
}
