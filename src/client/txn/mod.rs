//! Many operations in one request: batches, transactions, and transactions that read
//! first and are tried again when somebody else was faster.

mod compare;
mod op;
mod optimistic;
mod request;

pub use compare::{Compare, Relation};
pub use op::{Op, OpOutcome};
pub use optimistic::{Transaction, TransactionOptions};
pub use request::{BatchOutcome, Txn, TxnOutcome};
