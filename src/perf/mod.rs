//! The load generator: how many operations a second, and how long each takes.
//!
//! Invariant: what is counted was answered, and what failed is told apart; keys are
//! under a prefix of their own and are removed afterwards. It knows dkv only as any
//! program does, through `client`, and only `target/` knows what it measures.

mod compare;
mod csv;
mod options;
mod row;
mod run;
mod target;
mod workload;

pub use compare::{Compared, Comparison, Side, Spread, Turn, compare};
pub use csv::write_csv;
pub use options::{PerfOptions, Stop, Test};
pub use row::{Row, Slice};
pub use run::{Left, Measured, Progress, run};
pub use target::{Promise, TargetAddress};
