//! How many connections a node may have beside its files.

use crate::base::{Error, Result, limits};

/// How many connections may be open at once: `wanted`, or as many as there is room for. Each
/// has a file descriptor; of those that the process may have, `kept` are its own files'.
///
/// # Errors
/// `Invalid` if there is no room for so many.
pub(in crate::server) fn connections_max(
    wanted: Option<usize>,
    descriptors: u64,
    kept: usize,
) -> Result<usize> {
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let left = descriptors - kept.min(descriptors / 2);
    let fit = left.clamp(1, limits::CONNECTIONS_MAX);
    match wanted {
        Some(wanted) if wanted > fit => Err(Error::invalid(format!(
            "--max-connections {wanted} does not fit: this process may have {descriptors} files \
             open, and leaves itself {} of them; choose {fit} or fewer, or allow it more with \
             `ulimit -n` (systemd: LimitNOFILE)",
            descriptors - left
        ))),
        wanted => Ok(wanted.unwrap_or(fit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_before_connections() {
        assert_eq!(connections_max(None, 1_024, 200).unwrap(), 824);
        assert_eq!(connections_max(None, 64, 200).unwrap(), 32);
        assert_eq!(connections_max(None, 0, 200).unwrap(), 1);
        let most = connections_max(None, u64::MAX, 200).unwrap();
        assert_eq!(most, limits::CONNECTIONS_MAX);
        assert_eq!(connections_max(Some(824), 1_024, 200).unwrap(), 824);
        let refused = connections_max(Some(825), 1_024, 200).unwrap_err();
        for word in ["825", "824", "1024", "200", "ulimit"] {
            assert!(refused.message().contains(word), "{refused}");
        }
    }
}
