//! The bank: money moves, and no read of all accounts at once sees more or less of it.

use super::told::{Anomaly, Kind, Step, Transaction};

/// Accounts, and what each has at first.
pub(crate) const ACCOUNTS: u64 = 8;
pub(crate) const BALANCE: i64 = 100;

/// See the module.
pub(crate) fn check(history: &[Transaction]) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    for transaction in history.iter().filter(|it| it.is_committed()) {
        for step in &transaction.steps {
            let Step::Balances { all } = step else {
                continue;
            };
            let (sum, expected) = (all.values().sum::<i64>(), ACCOUNTS as i64 * BALANCE);
            if sum != expected || all.len() as u64 != ACCOUNTS {
                let message = format!(
                    "{} accounts have {sum} together, not {ACCOUNTS} with {expected}",
                    all.len()
                );
                anomalies.push(Anomaly::new(Kind::Sum, message, &[transaction]));
            }
            if let Some((account, balance)) = all.iter().find(|(_, balance)| **balance < 0) {
                let message = format!("{account} has {balance}: nobody may take what is not there");
                anomalies.push(Anomaly::new(Kind::Overdrawn, message, &[transaction]));
            }
        }
    }
    anomalies
}
