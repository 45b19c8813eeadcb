//! One picture as rows.

use crate::base::Error;
use crate::base::types::ShardId;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::row::{Field, Row, escaped};
use crate::cli::top::crowd::Crowd;
use crate::cli::top::merged::{self, ShardView};
use crate::cli::top::scene::{NodeView, Scene};
use crate::client::{ClassSample, HeldLock, HotKey, Sample};

/// Asks once, and prints: for people a list after the other, for programs one object.
pub(super) async fn run(mut crowd: Crowd, printer: &mut Printer) -> Outcome {
    let mut scene = Scene::new("", false);
    scene.hear(crowd.ask_all().await);
    if scene.answering().next().is_none() {
        let reasons = scene.nodes.iter().filter_map(NodeView::silence);
        let reasons: Vec<String> = reasons.map(|(_, why)| escaped(why.as_bytes())).collect();
        return Err(Error::unavailable(reasons.join("; ")).into());
    }
    let lists = lists(&scene);
    match printer.format() {
        Format::Json | Format::Jsonl => {
            let row = lists.into_iter().fold(Row::new(), |row, (name, rows)| {
                row.with(name, Field::Rows(rows))
            });
            printer.row(&row)?;
        }
        Format::Text | Format::Table | Format::Raw => {
            for (name, rows) in lists {
                let mut list = printer.list();
                for row in rows {
                    let text = format!("{}: {}", name.trim_end_matches('s'), row.to_line());
                    list.push(row, &text)?;
                }
                list.finish()?;
            }
        }
    }
    for complaint in complaints(&scene) {
        printer.complaint(&complaint);
    }
    Ok(ExitStatus::Done)
}

/// Who is silent, and why. What a node calls itself and says must not steer the terminal.
fn complaints(scene: &Scene) -> Vec<String> {
    let silent = scene.nodes.iter().filter_map(|view| {
        let (_, why) = view.silence()?;
        let (name, why) = (escaped(view.name.as_bytes()), escaped(why.as_bytes()));
        Some(format!("{name}: {why}"))
    });
    silent.collect()
}

fn lists(scene: &Scene) -> [(&'static str, Vec<Row>); 4] {
    let nodes = scene.nodes.iter().map(|view| node_row(scene, view));
    [
        ("nodes", nodes.collect()),
        (
            "shards",
            merged::shards(scene).iter().map(shard_row).collect(),
        ),
        (
            "hot_keys",
            merged::hot_keys(scene).iter().map(hot_row).collect(),
        ),
        ("locks", merged::locks(scene).iter().map(lock_row).collect()),
    ]
}

fn node_row(scene: &Scene, view: &NodeView) -> Row {
    let said = view.figures.as_ref().filter(|_| view.lost.is_none());
    let newest = view.newest();
    let per_s = |count: fn(&Sample) -> u64| newest.map(|it| tenths(it.per_s(count(it))));
    let p99 = |class: fn(&Sample) -> ClassSample| newest.and_then(|it| micros(class(it).p99));
    let p50 = |class: fn(&Sample) -> ClassSample| newest.and_then(|it| micros(class(it).p50));
    let leads: Vec<String> = merged::led(view).iter().map(ToString::to_string).collect();
    let lag = view.id().and_then(|node| merged::lag(scene, node));
    let failed = said.and_then(|it| {
        let failed = it.checks.iter();
        let failed = failed.filter_map(|it| Some(format!("{}: {}", it.name, it.failed.as_ref()?)));
        let failed: Vec<String> = failed.collect();
        (!failed.is_empty()).then(|| failed.join("; "))
    });
    let cpu =
        newest.map(|it| tenths(it.cpu.as_secs_f64() * 100.0 / it.lasted.as_secs_f64().max(0.001)));
    Row::new()
        .with("node", view.name.as_str())
        .with("reachable", said.is_some())
        .with("ready", said.map(|it| Field::Flag(it.is_ready())))
        .with("leads", Some(leads.join(" ")).filter(|it| !it.is_empty()))
        .with("operations_per_s", per_s(Sample::operations))
        .with("reads_per_s", per_s(|it| it.reads.count))
        .with("writes_per_s", per_s(|it| it.writes.count))
        .with("locks_per_s", per_s(|it| it.locks.count))
        .with("errors_per_s", per_s(|it| it.errors))
        .with("read_p99_us", p99(|it| it.reads))
        .with("write_p99_us", p99(|it| it.writes))
        .with("fsyncs_per_s", per_s(|it| it.fsyncs))
        .with("fsync_p99_us", newest.and_then(|it| micros(it.fsync_p99)))
        .with("cpu_percent", cpu)
        .with("resident_bytes", newest.and_then(|it| it.resident_bytes))
        .with("behind", lag.map(|(entries, _)| entries))
        .for_programs("answered_ago", lag.and_then(|(_, ago)| ago))
        .for_programs("not_ready_because", failed)
        .for_programs("endpoint", view.address.as_str())
        .for_programs("id", view.id().map(|id| id.to_string()))
        .for_programs("version", said.map(|it| it.node.version.clone()))
        .for_programs("uptime", said.map(|it| it.node.uptime))
        .for_programs("read_p50_us", p50(|it| it.reads))
        .for_programs("write_p50_us", p50(|it| it.writes))
        .for_programs("log_bytes_per_s", per_s(|it| it.log_bytes))
        .for_programs("watch_events_per_s", per_s(|it| it.watch_events))
        .for_programs("connections", said.map(|it| it.connections))
        .for_programs("sessions", said.map(|it| it.sessions))
        .for_programs("requests_in_flight", said.map(|it| it.requests_in_flight))
        .for_programs("log_bytes", said.map(|it| it.log_bytes))
        .for_programs("error", view.lost.as_ref().map(|(_, why)| why.clone()))
}

/// What was counted in about a second has no more digits than that.
fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn micros(took: Option<std::time::Duration>) -> Option<u64> {
    took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

fn shard_row(view: &ShardView<'_>) -> Row {
    let (figures, shard) = (view.figures, &view.figures.shard);
    Row::new()
        .with("shard", u64::from(shard.id.0))
        .with("type", shard.kind.as_str())
        .with("engine", shard.engine.as_str())
        .with("durability", shard.durability.as_str())
        .with("leader", view.leader.as_str())
        .with("term", figures.group.as_ref().map(|it| it.term))
        .with("revision", shard.revision.0)
        .with("keys", shard.keys)
        .with("locks", shard.locks)
        .with("watches", view.watches)
        .for_programs("is_led", view.is_led)
        .for_programs("identity", shard.identity.to_string())
        .for_programs("history_bytes", figures.history_bytes)
        .for_programs("engine_bytes", figures.engine_bytes)
        .for_programs("read_only_because", figures.read_only_because.as_deref())
}

fn hot_row((shard, hot): &(ShardId, HotKey)) -> Row {
    Row::new()
        .with("key", hot.key.clone())
        .with(
            "bucket",
            Some(hot.bucket.as_str()).filter(|it| !it.is_empty()),
        )
        .with("lock", hot.is_lock)
        .with("per_s", hot.per_s)
        .with("reads", Field::Ratio(hot.reads))
        .with("shard", u64::from(shard.0))
        .for_programs("per_s_error", hot.per_s_error)
        .for_programs("key_bytes", u64::from(hot.key_bytes))
}

fn lock_row(lock: &HeldLock) -> Row {
    Row::new()
        .with("lock", lock.name.clone())
        .with("held", lock.age)
        .with("remaining", lock.remaining)
        .with("waiters", lock.waiters)
        .with("shard", u64::from(lock.shard.0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::top::crowd::Heard;
    use crate::cli::top::tests::{heard, member, sample};

    #[test]
    fn what_a_node_calls_itself_does_not_reach_the_terminal_as_it_is() {
        let mut scene = Scene::new("", false);
        scene.hear(vec![Heard {
            address: "127.0.0.1:8081".to_owned(),
            name: Some("node\x1b]0;x\x07".to_owned()),
            answer: Err("no\r\n\x1b[2J".to_owned()),
        }]);
        let told = complaints(&scene).join("");
        assert!(!told.chars().any(char::is_control), "{told:?}");
        assert!(told.starts_with("node\\u{1b}]0;x"), "{told}");
    }

    #[test]
    fn a_second_that_lasted_no_time_has_a_finite_load() {
        let mut figures = member(1);
        let mut short = sample(1, 10);
        short.lasted = Duration::ZERO;
        figures.samples = vec![short];
        let mut scene = Scene::new("", false);
        scene.hear(vec![heard(figures)]);
        let line = node_row(&scene, &scene.nodes[0]).to_line();
        assert!(!line.contains("inf") && !line.contains("NaN"), "{line}");
    }
}
