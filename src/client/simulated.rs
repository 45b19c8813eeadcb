//! A client on a simulated machine, for simulations alone: whoever simulates brings the machine,
//! and the ways from it to the nodes.

use std::sync::Arc;

use super::dial::Dial;
use super::{Client, ClientOptions};
use crate::base::Result;
use crate::base::host::{Dialler, Host};

/// Prepares a client whose time and ids are those of `host`, and whose connections `dialler`
/// opens; in plain text.
///
/// # Errors
/// As [`Client::connect`].
pub fn connect(options: ClientOptions, host: Host, dialler: Arc<dyn Dialler>) -> Result<Client> {
    let wire = (options.known_endpoints()?, Dial::over(dialler));
    Ok(Client::new(wire, options, host, None))
}
