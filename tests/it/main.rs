//! The real binary, run as people run it: every test has its own directory and its own
//! port, and ends what it started.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these tests stand outside the product: they use real files, clocks and threads"
)]

mod bad_input;
mod bad_peers;
mod bad_settings;
mod cert;
mod cert_bad;
mod cli;
mod cli_bucket;
mod cli_kv;
mod cli_lock;
mod cli_past;
mod cli_scan;
mod cli_txn;
mod cluster_bad;
mod cluster_example;
mod cluster_locks;
mod cluster_loss;
mod cluster_tour;
mod cluster_up;
mod cluster_verify;
mod completing;
mod connections;
mod embedded;
mod embedded_same;
mod generated;
mod harness;
mod help;
mod http_health;
mod http_metrics;
mod install;
mod install_refusals;
mod lock_run;
mod memory;
mod packaging;
mod past;
mod perf;
mod perf_compare;
mod rest_bad;
mod rest_cluster;
mod rest_locks;
mod rest_refusals;
mod rest_tour;
mod rest_watch;
mod restart;
mod reused_ids;
mod same;
mod security_guide;
mod sessions;
mod shell;
mod shell_prompt;
mod shell_signals;
mod status_page;
mod tls_matrix;
mod tls_peers;
mod tls_reload;
mod tls_servers;
mod tls_tokens;
mod tls_tour;
mod tour;
mod transactions;
mod transfer;
mod transfer_bad;
mod watch;
