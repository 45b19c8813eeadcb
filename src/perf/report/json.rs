//! The same as JSON.

use std::io::Write;

use serde::Serialize;

use super::about::About;
use super::date;
use crate::base::{Error, Result};
use crate::perf::row::{Row, Slice};

/// Counts up when a field changes its meaning or goes; fields may come without.
const VERSION: u32 = 1;

/// Writes the rows as one JSON object for programs, with all that charts are made of.
///
/// # Errors
/// `Internal`, with what the writer said.
pub fn write_json(about: &About, rows: &[Row], mut writer: impl Write) -> Result<()> {
    let unwritten = |error: std::io::Error| {
        Error::internal(format!("the report could not be written: {error}")).with_source(error)
    };
    serde_json::to_writer_pretty(&mut writer, &document(about, rows))
        .map_err(|error| unwritten(error.into()))?;
    writer
        .write_all(b"\n")
        .and_then(|()| writer.flush())
        .map_err(unwritten)
}

#[derive(Serialize)]
struct DocumentJson<'a> {
    format: &'static str,
    version: u32,
    dkv_version: &'a str,
    made_at: Option<String>,
    command: &'a str,
    machine: MachineJson<'a>,
    remarks: &'a [String],
    rows: Vec<RowJson<'a>>,
}

#[derive(Serialize)]
struct MachineJson<'a> {
    cores: Option<usize>,
    processor: Option<&'a str>,
    memory_bytes: Option<u64>,
    system: &'a str,
}

/// The columns of the CSV file first, under the same names.
#[derive(Serialize)]
struct RowJson<'a> {
    test: &'a str,
    target: &'a str,
    threads: usize,
    connections: usize,
    keys: u64,
    value_bytes: usize,
    ops: u64,
    errors: u64,
    seconds: f64,
    ops_per_s: f64,
    p50_us: u64,
    p95_us: u64,
    p99_us: u64,
    p999_us: u64,
    max_us: u64,
    first_error: Option<&'a str>,
    intended_per_s: Option<f64>,
    not_started: u64,
    acknowledged_when: &'a str,
    reads: &'a str,
    timeline: Vec<SliceJson>,
    percentiles: Vec<PercentileJson>,
}

#[derive(Serialize)]
struct SliceJson {
    second: u32,
    ops: u64,
    errors: u64,
    p50_us: u64,
    p99_us: u64,
}

#[derive(Serialize)]
struct PercentileJson {
    quantile: f64,
    us: u64,
}

fn document<'a>(about: &'a About, rows: &'a [Row]) -> DocumentJson<'a> {
    let machine = &about.machine;
    DocumentJson {
        format: "dkv-perf",
        version: VERSION,
        dkv_version: &about.dkv_version,
        made_at: about.made_at_s.map(date::for_programs),
        command: &about.command,
        machine: MachineJson {
            cores: machine.cores,
            processor: machine.processor.as_deref(),
            memory_bytes: machine.memory_bytes,
            system: &machine.system,
        },
        remarks: &about.remarks,
        rows: rows.iter().map(row_json).collect(),
    }
}

fn row_json(row: &Row) -> RowJson<'_> {
    RowJson {
        test: row.test,
        target: &row.target,
        threads: row.threads,
        connections: row.connections,
        keys: row.keys,
        value_bytes: row.value_bytes,
        ops: row.ops,
        errors: row.errors,
        seconds: row.seconds,
        ops_per_s: row.ops_per_s,
        p50_us: row.p50_us,
        p95_us: row.p95_us,
        p99_us: row.p99_us,
        p999_us: row.p999_us,
        max_us: row.max_us,
        first_error: row.first_error.as_deref(),
        intended_per_s: row.intended_per_s,
        not_started: row.not_started,
        acknowledged_when: &row.promise.acknowledged_when,
        reads: &row.promise.reads,
        timeline: row.timeline.iter().map(slice_json).collect(),
        percentiles: row
            .percentiles
            .iter()
            .map(|&(quantile, us)| PercentileJson { quantile, us })
            .collect(),
    }
}

fn slice_json(slice: &Slice) -> SliceJson {
    SliceJson {
        second: slice.second,
        ops: slice.ops,
        errors: slice.errors,
        p50_us: slice.p50_us,
        p99_us: slice.p99_us,
    }
}
