//! One program for all targets: `DKV_FUZZ_TARGET` says which.
#![no_main]

#[path = "../../tests/fuzz/targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("DKV_FUZZ_TARGET").unwrap_or_default();
    let found = targets::ALL.iter().find(|target| target.name == name);
    let names: Vec<&str> = targets::ALL.iter().map(|target| target.name).collect();
    found
        .unwrap_or_else(|| panic!("DKV_FUZZ_TARGET is `{name}`, and not one of {names:?}"))
        .run
});

fuzz_target!(|data: &[u8]| RUN(data));
