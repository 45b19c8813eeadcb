//! Rows as comma separated values.

use std::io::Write;

use super::row::Row;
use crate::base::{Error, Result};

pub(super) const COLUMNS: [&str; 15] = [
    "test",
    "target",
    "threads",
    "connections",
    "keys",
    "value_bytes",
    "ops",
    "errors",
    "seconds",
    "ops_per_s",
    "p50_us",
    "p95_us",
    "p99_us",
    "p999_us",
    "max_us",
];

/// Writes a header line and one line for each row.
///
/// # Errors
/// `Internal`, with what the writer said.
pub fn write_csv(rows: &[Row], writer: impl Write) -> Result<()> {
    let mut writer = csv::Writer::from_writer(writer);
    writer.write_record(COLUMNS).map_err(unwritten)?;
    for row in rows {
        writer.write_record(fields(row)).map_err(unwritten)?;
    }
    writer.flush().map_err(unwritten)
}

fn fields(row: &Row) -> [String; COLUMNS.len()] {
    [
        row.test.to_owned(),
        row.target.clone(),
        row.threads.to_string(),
        row.connections.to_string(),
        row.keys.to_string(),
        row.value_bytes.to_string(),
        row.ops.to_string(),
        row.errors.to_string(),
        format!("{:.3}", row.seconds),
        format!("{:.1}", row.ops_per_s),
        row.p50_us.to_string(),
        row.p95_us.to_string(),
        row.p99_us.to_string(),
        row.p999_us.to_string(),
        row.max_us.to_string(),
    ]
}

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal(format!("the figures could not be written: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perf::tally::Tally;

    #[test]
    fn the_columns_are_those_that_are_documented() {
        let mut tally = Tally::new();
        for latency_us in 1..=1_000 {
            tally.succeeded(0, 1, Some(latency_us));
        }
        tally.failed(0, &Error::unavailable("no"));
        let row = Row {
            test: "get",
            target: "127.0.0.1:8080".to_owned(),
            threads: 50,
            connections: 4,
            keys: 10_000,
            value_bytes: 128,
            ..tally.into_row(2_000_000)
        };
        let mut text = Vec::new();
        write_csv(&[row], &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "test,target,threads,connections,keys,value_bytes,ops,errors,seconds,ops_per_s,\
             p50_us,p95_us,p99_us,p999_us,max_us\n\
             get,127.0.0.1:8080,50,4,10000,128,1000,1,2.000,500.0,500,950,990,999,1000\n"
        );
    }
}
