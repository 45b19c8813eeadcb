//! Compiles `proto/` into Rust, in Rust: no protoc is needed.

use prost::Message;

const PROTOS: &[&str] = &[
    "proto/dkv/v1/common.proto",
    "proto/dkv/v1/bucket.proto",
    "proto/dkv/v1/kv.proto",
    "proto/dkv/v1/lock.proto",
    "proto/dkv/v1/session.proto",
    "proto/dkv/v1/cluster.proto",
    "proto/dkv/peer/v1/peer.proto",
    "proto/dkv/storage/v1/storage.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::proto::codec::BoundedCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
