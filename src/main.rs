//! The `dkv` binary.

fn main() {}
