//! The hosts that a certificate is for if nobody says so.

use crate::base::host::host_name;
use crate::tls::issue::check_host;

/// This machine, as its own clients and those beside it call it.
pub(crate) fn default_hosts() -> Vec<String> {
    let mut hosts = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    let name = host_name().filter(|name| check_host(name).is_ok() && !hosts.contains(name));
    hosts.extend(name);
    hosts
}
