//! `dkv serve`: the settings of a node, checked before anything is touched.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::base::host::{Host, cores, tend_memory};
use crate::base::{Error, Result, duration, limits};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::layered::Effective;
use crate::cli::logging;
use crate::cli::output::Printer;
use crate::cli::ready;
use crate::config::cluster as cluster_text;
use crate::config::serve::{default_shards, shard_table};
use crate::config::text::{self, ShardText};
use crate::config::tls as tls_text;
use crate::server::settings::{
    ClusterConfig, DiskEngineConfig, Durability, EngineKind, HistoryLimits, ListenAddress,
    LogFormat, LogLevel, ServeConfig, WantedShard,
};
use crate::server::{self, Ready};

mod cluster;
mod connections;
mod hangup;
mod settings;
mod stop;
mod tls;

use cluster::ClusterArgs;
use connections::ConnectionArgs;
use tls::TlsArgs;

/// Start a node
///
/// Unless told otherwise it listens on loopback, with one shard of keys and locks and one of
/// locks alone.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Take requests here: IP:PORT or unix:/path/dkv.sock; may be given several times
    #[arg(
        long,
        alias = "transport-endpoint",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    #[arg(default_value = "127.0.0.1:8080", value_parser = text::listen_address)]
    listen: Vec<ListenAddress>,
    /// Tell clients this address instead of the first one of --listen
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Serve these shards: ID=TYPE, where TYPE is lstore, lockmgr(lstore), dstore or
    /// lockmgr(dstore), and may end in /redb or /memory. dstore is replicated, to all members
    /// of a cluster [default: 100=lstore,200=lockmgr(lstore), and with --cluster-members
    /// 100=dstore,200=lockmgr(dstore)]
    #[arg(long, value_name = "ID=TYPE,...", value_delimiter = ',', value_parser = text::shard)]
    shards: Vec<ShardText>,
    /// The name of this node, needed with replicated shards: unique in its cluster, like node-1
    #[arg(long, alias = "replica-id", value_name = "NAME")]
    node_id: Option<String>,
    /// Keep everything in this directory
    #[arg(long, value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
    /// What keeps the rows of new shards that name no engine: redb (on disk) or memory (in
    /// memory, with checkpoints on disk). Recorded with the shard [default: redb]
    #[arg(long, value_name = "ENGINE", value_parser = text::engine_kind)]
    engine: Option<EngineKind>,
    /// Memory of each redb shard for pages of its file, like 128M
    #[arg(long, value_name = "SIZE", default_value = "128M", value_parser = engine_cache_bytes)]
    engine_cache: usize,
    /// How long a shard remembers what changed, for reads of the past and exports
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = history_age)]
    history_age: Duration,
    /// Memory of each shard for what changed lately, like 256M: the oldest goes first
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = history_bytes)]
    history_size: usize,
    /// When a write is done: fsync (on disk), interval:50ms (on disk a little later), none
    #[arg(long, value_name = "MODE", default_value = "fsync", value_parser = text::durability)]
    durability: Durability,
    /// Commands between two checkpoints of a shard (redb: at most 200000)
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_entries: u64,
    /// Bytes of log between two checkpoints of a shard, like 256M (redb: at most 64M)
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = snapshot_bytes)]
    snapshot_bytes: u64,
    /// The time limit of a request that names none (DKV_TIMEOUT sets it, too)
    #[arg(long, alias = "timeout", value_name = "DURATION", default_value = "5s")]
    #[arg(value_parser = request_timeout)]
    request_timeout: Duration,
    /// The largest value, like 16M
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = text::value_bytes_max)]
    max_value_size: u64,
    #[command(flatten)]
    connections: ConnectionArgs,
    /// Threads that take requests, and that order and apply those of replicated shards: by
    /// default as many as there are cores. Give fewer where several nodes share a machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Listen beyond loopback without TLS and authentication
    #[arg(long)]
    insecure: bool,
    /// Write a line to this open file descriptor when the node is ready
    #[arg(long, value_name = "FD", value_parser = clap::value_parser!(i32).range(3..))]
    ready_fd: Option<i32>,
    /// Stop when this open file descriptor, the reading end of a pipe, has reached its end
    #[arg(long, hide = true, value_name = "FD", value_parser = clap::value_parser!(i32).range(0..))]
    stop_with_fd: Option<i32>,
    /// Log events of this and greater weight
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "info")]
    log_level: LogLevel,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// The length of a log segment
    #[arg(long, hide = true, value_name = "SIZE", default_value = "64M")]
    #[arg(value_parser = wal_segment_bytes)]
    wal_segment_size: u64,
    /// Print the settings, each with its value and where it is from, and stop
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    tls: TlsArgs,
}

/// Runs a node until it is told to stop.
pub(crate) fn run(args: ServeArgs, effective: &Effective, printer: &mut Printer) -> Outcome {
    let (wants_settings, stop_fd) = (args.print_config, args.stop_with_fd);
    let workers = args.workers.map_or_else(cores, usize::from);
    let config = args.resolve()?;
    if wants_settings {
        settings::print(effective, &config, printer)?;
        return Ok(ExitStatus::Done);
    }
    if let Some(remark) = cluster_text::remark(&config.cluster) {
        printer.note(&remark);
    }
    logging::start(config.log_level, config.log_format);
    start(config, workers, stop_fd, printer)
}

fn start(
    config: ServeConfig,
    workers: usize,
    stop_fd: Option<i32>,
    printer: &mut Printer,
) -> Outcome {
    abort_on_panic();
    // Before there are other threads, and memory.
    tend_memory();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(workers)
        .thread_name("serve")
        .build()
        .map_err(|error| Error::internal("the runtime did not start").with_source(error))?;
    let ready_fd = config.ready_fd;
    let ready = |ready: &Ready| {
        let line = format!(
            "dkv ready: listening on {} (shards: {})",
            ready.addresses.join(", "),
            ready.shards.join(", ")
        );
        printer.note(&line);
        if let Err(failed) = ready::tell(ready_fd, &line) {
            tracing::warn!("{failed}");
        }
    };
    runtime.block_on(async {
        let stop = stop::asked(stop_fd)?;
        hangup::outlive(config.tls.is_some())?;
        server::run(Host::system(), config, ready, stop).await
    })?;
    Ok(ExitStatus::Done)
}

/// A panic anywhere means that something is not as it must be: the node must not go on.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

impl ServeArgs {
    /// The settings as the server takes them.
    ///
    /// # Errors
    /// `Invalid` for settings that do not go together.
    fn resolve(self) -> Result<ServeConfig> {
        let shards = self.shards()?;
        let tls = self.tls.text();
        let tls = tls_text::settle(tls, self.node_id.as_deref(), self.cluster.joins())?;
        tls_text::check_exposure(&self.listen, tls.as_ref(), self.insecure)?;
        check_name("--advertise", self.advertise.as_deref())?;
        if let Some(name) = &self.node_id {
            cluster_text::member_name("--node-id", name)?;
        }
        let shards_by_default = self.shards.is_empty();
        let cluster = self.cluster.text();
        let listeners = self.listen.len();
        let config = ServeConfig {
            shards,
            shards_by_default,
            listen: self.listen,
            advertise: self.advertise,
            node_id: self.node_id,
            data_dir: self.data_dir,
            durability: self.durability,
            request_timeout: self.request_timeout,
            value_bytes_max: usize::try_from(self.max_value_size)
                .expect("at most the bytes of a request"),
            snapshot_entries: self.snapshot_entries,
            snapshot_bytes: self.snapshot_bytes,
            tls,
            connections: self.connections.settle(listeners)?,
            insecure: self.insecure,
            ready_fd: self.ready_fd,
            log_level: self.log_level,
            log_format: self.log_format,
            wal_segment_bytes: self.wal_segment_size,
            disk_engine: DiskEngineConfig {
                cache_bytes: self.engine_cache,
                ..DiskEngineConfig::default()
            },
            history: HistoryLimits {
                age_ms: u64::try_from(self.history_age.as_millis())
                    .expect("a duration has a bound"),
                bytes_max: self.history_size,
            },
            cluster: ClusterConfig::default(),
        };
        let cluster = cluster_text::settle(cluster, &config)?;
        Ok(ServeConfig { cluster, ..config })
    }

    fn shards(&self) -> Result<Vec<WantedShard>> {
        if self.shards.is_empty() {
            return shard_table(&default_shards(self.cluster.is_member()), self.engine);
        }
        if self.cluster.joins() {
            return Err(Error::invalid(
                "--shards and --join: a node that joins has the shards of its cluster; leave out \
                 --shards (--engine chooses what keeps their rows here)",
            ));
        }
        shard_table(&self.shards, self.engine)
    }
}

fn check_name(flag: &str, name: Option<&str>) -> Result<()> {
    match name {
        Some(name) if name.is_empty() || name.len() > 255 || name.contains(char::is_whitespace) => {
            Err(Error::invalid(format!(
                "{flag} `{name}` must be 1 to 255 bytes without blanks"
            )))
        }
        _ => Ok(()),
    }
}

fn request_timeout(text: &str) -> Result<Duration> {
    let timeout = duration::parse(text)?;
    if timeout.is_zero() {
        return Err(Error::invalid(
            "a request needs some time: write 1ms or more",
        ));
    }
    Ok(timeout)
}

fn engine_cache_bytes(text: &str) -> Result<usize> {
    memory_bytes(text, "a cache")
}

fn history_bytes(text: &str) -> Result<usize> {
    memory_bytes(text, "a history")
}

fn memory_bytes(text: &str, what: &str) -> Result<usize> {
    match text::size(text)? {
        bytes if bytes >= 1 << 20 => usize::try_from(bytes)
            .map_err(|_| Error::invalid(format!("`{text}` is more than this machine can have"))),
        _ => Err(Error::invalid(format!(
            "`{text}` is too little for {what}: write 1M or more"
        ))),
    }
}

fn history_age(text: &str) -> Result<Duration> {
    match duration::parse(text)? {
        age if age >= Duration::from_secs(1) => Ok(age),
        _ => Err(Error::invalid(format!(
            "`{text}` is too little for a history, which scans of many pages need: write 1s or more"
        ))),
    }
}

fn snapshot_bytes(text: &str) -> Result<u64> {
    match text::size(text)? {
        bytes if bytes >= 1 << 20 => Ok(bytes),
        _ => Err(Error::invalid(format!(
            "`{text}` is too little between checkpoints: write 1M or more"
        ))),
    }
}

/// A segment must hold the largest request twice, or recycling would stop.
fn wal_segment_bytes(text: &str) -> Result<u64> {
    let floor = 2 * limits::REQUEST_BYTES_MAX as u64 + 1;
    match text::size(text)? {
        bytes if bytes >= floor && bytes <= 1 << 32 => Ok(bytes),
        _ => Err(Error::invalid(format!(
            "a segment of `{text}` must be from {floor} bytes to 4G"
        ))),
    }
}

impl ValueEnum for LogLevel {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Error,
            Self::Warn,
            Self::Info,
            Self::Debug,
            Self::Trace,
        ]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }))
    }
}

impl ValueEnum for LogFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::Text => "text",
            Self::Json => "json",
        }))
    }
}
