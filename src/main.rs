//! The `dkv` binary.

use std::process::ExitCode;

mod allocator;

fn main() -> ExitCode {
    dkv::cli::run(std::env::args_os(), allocator::ASKED).into()
}
