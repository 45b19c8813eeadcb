//! The life of a cluster whose nodes are shells, and whose answers are those of fakes: the
//! processes are real, and what they would say is given.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::crew::Crew;
use super::place::Place;
use super::plan::{NodePlan, Plan};
use super::work::work;
use crate::base::ErrorKind;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::tests::Sink;
use crate::cli::output::{Format, Printer, Stream};
use crate::client::tests::fake_cluster::{FakeMember, cluster, id};

/// Says its process id, and stops as it is told.
const NODE: &str = "echo pid $$ >&2; trap 'exit 0' TERM; while :; do sleep 0.02; done";

fn plan(dir: &Path, fakes: &[FakeMember], script: &str) -> Plan {
    let nodes = (1..).zip(fakes).map(|(node, fake)| NodePlan {
        name: format!("node-{node}"),
        endpoint: fake.endpoint.clone(),
        peer: "127.0.0.1:1".to_owned(),
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        log: dir.join(format!("node-{node}.log")),
    });
    Plan {
        nodes: nodes.collect(),
        certs: None,
    }
}

struct Stage {
    folder: tempfile::TempDir,
    out: Sink,
    remarks: Sink,
    printer: Printer,
}

impl Stage {
    fn new(format: Format) -> Self {
        let (out, remarks) = (Sink::default(), Sink::default());
        let stream = |sink: &Sink| Stream::new(Box::new(sink.clone()), false);
        Self {
            folder: tempfile::TempDir::new().unwrap(),
            printer: Printer::new(format, false, stream(&out), stream(&remarks)),
            out,
            remarks,
        }
    }

    /// Works until `enough` resolves.
    async fn play(
        &mut self,
        crew: &mut Crew,
        failover: bool,
        enough: impl Future<Output = ()>,
    ) -> Option<Outcome<()>> {
        let dir = self.folder.path();
        let nodes = u16::try_from(crew.nodes.len()).unwrap();
        let place = Place::open(Some(dir), nodes).unwrap();
        tokio::select! {
            worked = work(crew, &place, failover, &mut self.printer) => Some(worked),
            () = enough => None,
        }
    }
}

/// The process ids that a node has had.
fn pids(log: &Path) -> Vec<i32> {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    let pids = said.lines().filter_map(|line| line.strip_prefix("pid "));
    pids.filter_map(|pid| pid.parse().ok()).collect()
}

/// Waits for what must come: a minute is for ever.
async fn until(mut is_so: impl FnMut() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_mins(1), looking).await;
    came.expect("what is waited for comes");
}

fn message(worked: Option<Outcome<()>>) -> String {
    match worked {
        Some(Err(Failure::Error(error))) => {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            error.message().to_owned()
        }
        other => panic!("it went on: {:?}", other.map(|it| it.is_ok())),
    }
}

#[tokio::test]
async fn programs_get_one_object_when_everybody_sees_a_leader() {
    let fakes = cluster(3).await;
    // Until the last one knows of the leader, nothing is said.
    fakes[2].shard(|it| it.leader.clear());
    let mut stage = Stage::new(Format::Jsonl);
    let mut crew = Crew::new(&plan(stage.folder.path(), &fakes, NODE));
    let out = stage.out.clone();
    let early = tokio::time::sleep(Duration::from_millis(200));
    assert!(stage.play(&mut crew, false, early).await.is_none());
    assert_eq!(out.text(), "");
    fakes[2].shard(|it| it.leader = id(1));
    let printed = until(|| out.text().ends_with('\n'));
    assert!(stage.play(&mut crew, false, printed).await.is_none());
    let all: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
    assert_eq!(all["nodes"][0]["role"], "leads 100");
    assert_eq!(all["nodes"][2]["role"], "follower");
    let endpoints: Vec<&str> = fakes.iter().map(|it| it.endpoint.as_str()).collect();
    assert_eq!(all["endpoints"], endpoints.join(","));
    let pid = u64::from(crew.nodes[1].pid().unwrap());
    assert_eq!(all["nodes"][1]["pid"], pid);
    let stopped = crew.stop(std::future::pending()).await;
    assert!(stopped.killed.is_empty(), "{:?}", stopped.killed);
    assert!(stopped.failed.is_empty(), "{:?}", stopped.failed);
}

#[tokio::test]
async fn a_node_that_ends_early_ends_it_all_with_its_last_words() {
    let fakes = cluster(1).await;
    fakes[0].state.lock().status.cluster.clear();
    let mut stage = Stage::new(Format::Text);
    let script = "echo the disk is on fire >&2; exit 3";
    let mut crew = Crew::new(&plan(stage.folder.path(), &fakes, script));
    let worked = stage.play(&mut crew, false, std::future::pending()).await;
    let said = message(worked);
    assert!(said.contains("node-1 ended with exit code 3"), "{said}");
    assert!(said.ends_with("  the disk is on fire"), "{said}");
}

#[tokio::test]
async fn a_node_that_ends_later_is_told_of_and_the_others_go_on() {
    let fakes = cluster(2).await;
    let mut stage = Stage::new(Format::Text);
    let mut crew = Crew::new(&plan(stage.folder.path(), &fakes, NODE));
    let log = stage.folder.path().join("node-1.log");
    let remarks = stage.remarks.clone();
    let out = stage.out.clone();
    let told = async {
        until(|| remarks.text().contains("export DKV_ENDPOINTS=")).await;
        assert!(out.text().contains("leads 100"), "{}", out.text());
        let pid = pids(&log)[0];
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        until(|| remarks.text().contains("node-1 ended by signal 9")).await;
        until(|| remarks.text().contains(&format!("  pid {pid}"))).await;
    };
    assert!(stage.play(&mut crew, false, told).await.is_none());
    assert!(!crew.nodes[0].runs() && crew.nodes[1].runs());
    assert_eq!(crew.start().unwrap(), ["node-1"]);
    let stopped = crew.stop(std::future::pending()).await;
    assert!(stopped.killed.is_empty());
}

#[tokio::test]
async fn the_leader_is_killed_and_comes_back() {
    let fakes = cluster(3).await;
    let mut stage = Stage::new(Format::Text);
    let mut crew = Crew::new(&plan(stage.folder.path(), &fakes, NODE));
    let log = stage.folder.path().join("node-1.log");
    let remarks = stage.remarks.clone();
    // The others elect the second one once the first is really gone.
    let election = async {
        until(|| {
            let first = pids(&log).first().copied().and_then(Pid::from_raw);
            first.is_some_and(|pid| test_kill_process(pid).is_err())
        })
        .await;
        fakes.iter().for_each(|fake| fake.led_by(2, 4));
        until(|| remarks.text().contains("has caught up")).await;
    };
    assert!(stage.play(&mut crew, true, election).await.is_none());
    let said = remarks.text();
    assert!(said.contains("killed node-1 (pid "), "{said}");
    assert!(said.contains(" ms node-2 leads shard 100"), "{said}");
    assert!(said.contains("entry 7 of shard 100"), "{said}");
    assert!(crew.nodes[0].runs());
    let stopped = crew.stop(std::future::pending()).await;
    assert!(stopped.failed.is_empty());
}

#[tokio::test]
async fn whoever_does_not_stop_is_killed() {
    let fakes = cluster(1).await;
    let mut stage = Stage::new(Format::Text);
    let stubborn = "trap '' TERM; echo up >&2; while :; do sleep 0.02; done";
    let mut crew = Crew::new(&plan(stage.folder.path(), &fakes, stubborn));
    let log = stage.folder.path().join("node-1.log");
    let up = until(|| std::fs::read_to_string(&log).is_ok_and(|it| it == "up\n"));
    assert!(stage.play(&mut crew, false, up).await.is_none());
    // Told a second time, nobody waits any longer.
    let stopped = crew.stop(std::future::ready(())).await;
    assert_eq!(stopped.killed, ["node-1"]);
    assert!(!crew.is_running());
}
