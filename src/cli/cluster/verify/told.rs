//! The verdict, in one screen.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::counts::Counts;
use super::run::{ANY, Plan, Ran};
use super::words::{answered, asked, table};
use crate::base::Error;
use crate::check::Judged;
use crate::check::history::Operation;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::row::{Field, Row};

/// Names of keys that are shown of many.
const UNDECIDED_SHOWN: usize = 3;

/// Of a reason on the screen; programs get all of it.
const REASON_CHARS_MAX: usize = 120;

const NS_PER_MS: f64 = 1_000_000.0;

/// All there is to tell.
pub(super) struct Told<'a> {
    judged: &'a Judged,
    counts: Counts,
    took: Duration,
    interrupted: bool,
    /// Why the bucket is still there.
    left: Option<&'a Error>,
    /// Of a run, not of a history that was kept.
    run: Option<(&'a Plan, &'a Ran)>,
    /// Where the history is.
    pub(super) kept: Option<PathBuf>,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Sound,
    NotSound,
    /// Nothing succeeded: there was nothing that could have been wrong.
    NothingProven,
}

impl<'a> Told<'a> {
    /// What there is to tell of a run.
    pub(super) fn of_run(plan: &'a Plan, ran: &'a Ran, judged: &'a Judged) -> Self {
        Self {
            judged,
            counts: Counts::of(&ran.history),
            took: ran.took,
            interrupted: ran.interrupted,
            left: ran.left.as_ref(),
            run: Some((plan, ran)),
            kept: None,
        }
    }

    /// What there is to tell of a history that was kept.
    pub(super) fn of_kept(history: &[Operation], judged: &'a Judged, path: &Path) -> Self {
        let began = history.iter().map(|it| it.invoked_ns).min();
        let ended = history.iter().map(|it| it.returned_ns).max();
        let took_ns = ended.unwrap_or_default() - began.unwrap_or_default();
        Self {
            judged,
            counts: Counts::of(history),
            took: Duration::from_nanos(took_ns),
            interrupted: false,
            left: None,
            run: None,
            kept: Some(path.to_owned()),
        }
    }

    fn verdict(&self) -> Verdict {
        if !self.judged.violations.is_empty() {
            return Verdict::NotSound;
        }
        match self.counts.ok {
            0 => Verdict::NothingProven,
            _ => Verdict::Sound,
        }
    }

    fn status(&self) -> ExitStatus {
        match self.verdict() {
            Verdict::NotSound => ExitStatus::Error,
            _ if self.interrupted => ExitStatus::Interrupted,
            Verdict::NothingProven => ExitStatus::Error,
            Verdict::Sound => match self.left {
                Some(error) => error.kind().into(),
                None => ExitStatus::Done,
            },
        }
    }
}

/// Tells it, and how to exit.
pub(super) fn tell(told: &Told<'_>, printer: &mut Printer) -> Outcome {
    match printer.format() {
        Format::Text | Format::Raw => printer.verbatim(text(told).as_bytes())?,
        Format::Json | Format::Jsonl | Format::Table => printer.row(&row(told))?,
    }
    if told.interrupted {
        printer.note("interrupted: this is the verdict on what was done until then");
    }
    if let Some(error) = told.left {
        printer.complaint(error.message());
    }
    Ok(told.status())
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::NotSound => "NOT SOUND",
            Self::NothingProven => "nothing proven",
        }
    }
}

fn sentence(told: &Told<'_>) -> String {
    let because = match (told.verdict(), &told.judged.counterexample) {
        (Verdict::NotSound, Some(shown)) => shown.rule.meaning(),
        (Verdict::NotSound, None) => "the answers contradict each other",
        (Verdict::Sound, _) => "one order of all operations explains every answer",
        (Verdict::NothingProven, _) => "no operation succeeded, so nothing could have been wrong",
    };
    format!("{}: {because}", told.verdict().as_str())
}

fn text(told: &Told<'_>) -> String {
    let mut lines = vec![sentence(told)];
    let counts = &told.counts;
    lines.push(format!(
        "  operations  {} in {:.1} s: {} ok, {} refused, {} failed, {} unknown",
        counts.total(),
        told.took.as_secs_f64(),
        counts.ok,
        counts.refused,
        counts.failed,
        counts.unknown
    ));
    if let Some(why) = &counts.first_failure {
        lines.push(format!(
            "              the first that was not answered: {}",
            cut(why)
        ));
    }
    let members = counts.by_member.iter().map(|(name, count)| {
        let name = if name == ANY { "any member" } else { name };
        format!("{name} ({count})")
    });
    let members: Vec<String> = members.collect();
    lines.push(format!(
        "  clients     {} at {}",
        counts.clients,
        match members.is_empty() {
            true => "no member".to_owned(),
            false => members.join(", "),
        }
    ));
    lines.push(format!(
        "  keys        {} searched, {}",
        told.judged.keys - told.judged.undecided.len(),
        undecided(&told.judged.undecided)
    ));
    lines.extend(contradiction(told));
    if let Some(path) = &told.kept {
        let path = path.display();
        lines.push(match told.run {
            Some(_) => {
                format!("  history     {path}: `dkv cluster verify --check {path}` judges it again")
            }
            None => format!("  history     {path}"),
        });
    }
    lines.join("\n") + "\n"
}

/// What fits a line or two.
fn cut(why: &str) -> String {
    match why.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &why[..end]),
        None => why.to_owned(),
    }
}

fn undecided(keys: &[String]) -> String {
    match keys.len() {
        0 => "none undecided".to_owned(),
        count => {
            let shown: Vec<&str> = keys
                .iter()
                .take(UNDECIDED_SHOWN)
                .map(String::as_str)
                .collect();
            let more = if count > UNDECIDED_SHOWN { ", ..." } else { "" };
            format!(
                "{count} given up as their search takes too long ({}{more}): the revisions alone \
                 vouch for them",
                shown.join(", ")
            )
        }
    }
}

fn contradiction(told: &Told<'_>) -> Vec<String> {
    let Some(shown) = &told.judged.counterexample else {
        return Vec::new();
    };
    let mut lines = vec![String::new(), format!("  {}:", shown.message)];
    lines.push(String::new());
    lines.extend(
        table(&shown.operations)
            .iter()
            .map(|it| format!("    {it}")),
    );
    lines.push(String::new());
    let more = told.judged.violations.len() - 1;
    if more > 0 {
        lines.push(format!("  violations  {more} more"));
    }
    lines
}

fn rounded(took: Duration) -> Duration {
    Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

fn row(told: &Told<'_>) -> Row {
    let (counts, judged) = (&told.counts, told.judged);
    let mut row = Row::new()
        .with("verdict", told.verdict().as_str().to_lowercase())
        .with("operations", counts.total())
        .with("ok", counts.ok)
        .with("refused", counts.refused)
        .with("failed", counts.failed)
        .with("unknown", counts.unknown)
        .with("duration", rounded(told.took))
        .with("keys", judged.keys as u64)
        .with("undecided", judged.undecided.len() as u64)
        .with("violations", judged.violations.len() as u64)
        .for_programs("sound", told.verdict() == Verdict::Sound)
        .for_programs("sentence", sentence(told))
        .for_programs("interrupted", told.interrupted)
        .for_programs("clients", counts.clients)
        .for_programs("members", members(told));
    if let Some((plan, _)) = told.run {
        row = row
            .for_programs("bucket", plan.bucket.as_str())
            .for_programs("shard", u64::from(plan.client.shard.0))
            .for_programs("seed", plan.seed);
    }
    if let Some(shown) = &judged.counterexample {
        let operations = shown.operations.iter().map(operation);
        row = row
            .for_programs("rule", format!("{:?}", shown.rule))
            .for_programs("message", shown.message.as_str())
            .for_programs("counterexample", Field::Rows(operations.collect()));
    }
    row.for_programs("first_failure", counts.first_failure.clone())
        .for_programs(
            "history",
            told.kept.as_ref().map(|path| path.display().to_string()),
        )
}

fn members(told: &Told<'_>) -> Field {
    let endpoint = |name: &str| {
        let (_, ran) = told.run?;
        let member = ran.members.iter().find(|it| it.name == name)?;
        Some(member.endpoint.clone())
    };
    let rows = told.counts.by_member.iter().map(|(name, count)| {
        Row::new()
            .with("name", name.as_str())
            .with("endpoint", endpoint(name))
            .with("operations", *count)
    });
    Field::Rows(rows.collect())
}

fn operation(operation: &Operation) -> Row {
    Row::new()
        .with("client", u64::from(operation.client))
        .with("member", operation.node.as_str())
        .with("invoked_ms", operation.invoked_ns as f64 / NS_PER_MS)
        .with("returned_ms", operation.returned_ns as f64 / NS_PER_MS)
        .with("asked", asked(&operation.action))
        .with("answered", answered(&operation.outcome))
}
