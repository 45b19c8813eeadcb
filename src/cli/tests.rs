//! Whole runs against a server that keeps keys in a map: words in, exit code, stdout and
//! stderr out.

use crate::cli::layered::Words;
use crate::cli::output::Stream;
use crate::cli::output::tests::Sink;
use crate::cli::root::run_words;
use crate::client::tests::fake::Fake;

/// What a run said, and its exit code.
pub(crate) type Said = (u8, String, String);

async fn dkv(fake: &Fake, words: &[&str]) -> Said {
    dkv_at(&fake.endpoint, words).await
}

/// Runs `dkv` against an endpoint.
pub(crate) async fn dkv_at(endpoint: &str, words: &[&str]) -> Said {
    let mut argv = vec!["dkv".into()];
    argv.extend(words.iter().map(Into::into));
    let words = Words {
        argv,
        variables: vec![("DKV_ENDPOINTS".into(), endpoint.into())],
        settled: Vec::new(),
    };
    let run = move || {
        let (out, remarks) = (Sink::default(), Sink::default());
        let streams = [&out, &remarks].map(|sink| Stream::new(Box::new(sink.clone()), false));
        let [out_stream, remarks_stream] = streams;
        let status = run_words(&words, out_stream, remarks_stream);
        (status.code(), out.text(), remarks.text())
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn data(code: u8, stdout: &str) -> Said {
    (code, stdout.to_owned(), String::new())
}

#[tokio::test]
async fn a_key_is_set_read_and_deleted_in_the_documented_words() {
    let fake = Fake::local(1).await;
    let missing = dkv(&fake, &["kv", "get", "user:1"]).await;
    assert_eq!(missing, (3, String::new(), "not found\n".to_owned()));
    let set = dkv(&fake, &["kv", "set", "user:1", "alice", "--ttl", "30s"]).await;
    assert_eq!(set, data(0, "revision=1\n"));
    assert_eq!(dkv(&fake, &["kv", "get", "user:1"]).await, data(0, "alice"));
    assert_eq!(
        dkv(&fake, &["kv", "has", "user:1"]).await,
        data(0, "found=true\n")
    );
    assert_eq!(
        dkv(&fake, &["kv", "has", "user:2"]).await,
        data(3, "found=false\n")
    );
    let (code, json, _) = dkv(&fake, &["kv", "get", "user:1", "-o", "jsonl"]).await;
    assert_eq!(code, 0);
    assert!(
        json.starts_with(r#"{"key":"user:1","value":"alice","expired":false,"#),
        "{json}"
    );
    assert_eq!(
        dkv(&fake, &["kv", "del", "user:1"]).await,
        data(0, "deleted=1\n")
    );
    assert_eq!(fake.keys(), 0);
}

#[tokio::test]
async fn a_value_comes_from_a_file_or_literally() {
    let fake = Fake::local(1).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"from a file\n").unwrap();
    let word = format!("@{}", file.path().display());
    dkv(&fake, &["kv", "set", "k", &word]).await;
    assert_eq!(
        dkv(&fake, &["kv", "get", "k"]).await,
        data(0, "from a file\n")
    );
    dkv(&fake, &["kv", "set", "k", "@bob", "--literal"]).await;
    assert_eq!(dkv(&fake, &["kv", "get", "k"]).await, data(0, "@bob"));
}

#[tokio::test]
async fn a_prefix_is_deleted_only_when_that_was_meant() {
    let fake = Fake::local(1).await;
    dkv(&fake, &["kv", "set", "a1", "x"]).await;
    dkv(&fake, &["kv", "set", "b1", "x"]).await;
    let (code, _, remarks) = dkv(&fake, &["kv", "delete", "--prefix", "a"]).await;
    assert_eq!((code, fake.keys()), (2, 2), "{remarks}");
    assert!(remarks.contains("add --yes"), "{remarks}");
    let deleted = dkv(&fake, &["kv", "delete", "--prefix", "a", "--yes"]).await;
    assert_eq!((deleted, fake.keys()), (data(0, "deleted=1\n"), 1));
}

#[tokio::test]
async fn a_lock_is_taken_and_released_in_the_documented_words() {
    let fake = Fake::local(1).await;
    let (code, taken, _) = dkv(&fake, &["lock", "acquire", "jobs"]).await;
    let owner = taken
        .strip_prefix("acquired=true, ownerId=")
        .and_then(|rest| rest.split_once(", fence="))
        .map(|(owner, _)| owner.to_owned())
        .unwrap_or_else(|| panic!("{taken}"));
    assert_eq!((code, owner.len()), (0, 32));
    assert_eq!(
        dkv(&fake, &["lock", "acquire", "jobs"]).await,
        data(3, "acquired=false\n")
    );
    let released = dkv(&fake, &["lock", "release", "jobs", &owner]).await;
    assert_eq!(released, data(0, "released=true\n"));
}

#[tokio::test]
async fn a_command_runs_under_a_lock_that_is_released_afterwards() {
    let fake = Fake::local(1).await;
    let script = "test \"$DKV_LOCK_NAME\" = jobs && test -n \"$DKV_LOCK_FENCE\" && \
                  test ${#DKV_LOCK_OWNER} = 32 && exit 7";
    for _ in 0..2 {
        let ran = dkv(&fake, &["lock", "run", "jobs", "--", "sh", "-c", script]).await;
        assert_eq!(ran, data(7, ""));
    }
    let killed = dkv(
        &fake,
        &["lock", "run", "jobs", "--", "sh", "-c", "kill -9 $$"],
    )
    .await;
    assert_eq!(killed, data(137, ""));
    let (code, _, remarks) = dkv(&fake, &["lock", "run", "jobs", "--", "/nowhere/cmd"]).await;
    assert_eq!(code, 2);
    assert!(remarks.contains("cannot run `/nowhere/cmd`"), "{remarks}");
    let (code, _, _) = dkv(&fake, &["lock", "acquire", "jobs"]).await;
    assert_eq!(code, 0, "released although the command could not be run");
    let (code, _, remarks) = dkv(&fake, &["lock", "run", "jobs", "--", "true"]).await;
    assert_eq!(code, 3, "{remarks}");
}

#[tokio::test]
async fn perf_prints_a_row_a_test_and_writes_them_as_csv() {
    let fake = Fake::local(1).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let csv = file.path().to_str().unwrap();
    let words = "perf --ops 20 --threads 2 --keys 5 --only set,get -o jsonl --csv";
    let mut words: Vec<&str> = words.split(' ').collect();
    words.push(csv);
    let (code, rows, remarks) = dkv(&fake, &words).await;
    assert_eq!(code, 0, "{remarks}");
    assert_eq!(rows.lines().count(), 2, "{rows}");
    assert!(rows.starts_with(r#"{"test":"set","ops":20,"#), "{rows}");
    let written = std::fs::read_to_string(csv).unwrap();
    assert!(written.starts_with("test,target,threads,"), "{written}");
    assert_eq!(fake.keys(), 0, "its keys are removed");
}

#[tokio::test]
async fn a_command_is_stopped_when_its_lock_is_lost() {
    let fake = Fake::local(1).await;
    fake.refuse_from(1);
    let words = ["lock", "run", "jobs", "--ttl", "300ms", "--", "sleep", "60"];
    let (code, _, remarks) = dkv(&fake, &words).await;
    assert_eq!(code, 128 + 15, "{remarks}");
    assert_eq!(remarks, "the lock is lost: stopping the command\n");
}
