//! The load generator: how many operations a second, and how long each takes.
//!
//! Invariant: what is counted was answered, and what failed is told apart; keys are
//! under a prefix of their own and are removed afterwards. It knows dkv only as any
//! program does, through `client`, and only `target/` knows what it measures.

mod options;
mod spread;
mod test;

mod target;

mod draw;
mod workload;

mod alarm;
mod interrupt;
mod measure;
mod pace;
mod run;

mod compare;

mod csv;
mod row;
mod tally;
mod timeline;

mod report;

pub use compare::{Compared, Comparison, Figure, Side, Turn, compare};
pub use csv::write_csv;
pub use interrupt::Interrupt;
pub use options::{PerfOptions, Sizes, Stop};
pub use report::{About, Machine, write_html, write_json};
pub use row::{Row, Slice};
pub use run::{Left, Measured, Progress, run};
pub use spread::Spread;
pub use target::{Nodes, Promise, TargetAddress};
pub use test::{Test, TestGroup};
