//! How people write values: sizes, addresses, shard tables, durability, fences,
//! owners. Durations are in `base::duration`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::base::types::{OwnerId, ShardId};
use crate::base::{Error, Result, duration, limits};
use crate::server::settings::{Durability, EngineKind, ListenAddress, ShardKind};

/// Reads a number of bytes: `65536`, `512K`, `16MiB`, `1G`. A unit is a power of 1,024.
///
/// # Errors
/// `Invalid`, saying what a size looks like.
pub fn size(text: &str) -> Result<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        _ => return Err(not_a_size(text)),
    };
    let number: u64 = number.parse().map_err(|_| not_a_size(text))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| Error::invalid(format!("the size `{text}` is more than 2^64 bytes")))
}

fn not_a_size(text: &str) -> Error {
    Error::invalid(format!(
        "`{text}` is not a size: write bytes, or a number with K, M or G, like 512K or 16M"
    ))
}

/// Reads an address to listen on: `127.0.0.1:8080`, `localhost:8080`,
/// `unix:/run/dkv.sock`.
///
/// # Errors
/// `Invalid`, saying what an address looks like.
pub fn listen_address(text: &str) -> Result<ListenAddress> {
    if let Some(path) = text.strip_prefix("unix:") {
        return if path.is_empty() {
            Err(not_an_address(text))
        } else {
            Ok(ListenAddress::Unix(PathBuf::from(path)))
        };
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().map_err(|_| not_an_address(text))?;
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        return Ok(ListenAddress::Tcp(address));
    }
    match text.parse() {
        Ok(address) => Ok(ListenAddress::Tcp(address)),
        Err(_) => Err(not_an_address(text)),
    }
}

fn not_an_address(text: &str) -> Error {
    Error::invalid(format!(
        "`{text}` is not an address to listen on: write IP:PORT like 127.0.0.1:8080, or \
         unix:/path/dkv.sock"
    ))
}

/// One shard as it is written, before the default engine is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardText {
    /// Never 0.
    pub id: ShardId,
    /// Its type.
    pub kind: ShardKind,
    /// Its engine, if it names one.
    pub engine: Option<EngineKind>,
}

/// Reads one shard: `100=lstore`, `200:lockmgr(lstore)`, `300=lstore/memory`.
///
/// # Errors
/// `Invalid`, saying which part is wrong and what it may be.
pub fn shard(text: &str) -> Result<ShardText> {
    let text = text.trim();
    let Some((id, kind)) = text.split_once(['=', ':']) else {
        return Err(Error::invalid(format!(
            "`{text}` is not a shard: write ID=TYPE like 100=lstore"
        )));
    };
    let (kind, engine) = match kind.split_once('/') {
        Some((kind, engine)) => (kind, Some(engine_kind(engine.trim())?)),
        None => (kind, None),
    };
    Ok(ShardText {
        id: shard_id(id.trim())?,
        kind: shard_kind(kind.trim())?,
        engine,
    })
}

/// Reads the number of a shard.
///
/// # Errors
/// `Invalid` for what is not a number from 1 to 4,294,967,295.
pub fn shard_id(text: &str) -> Result<ShardId> {
    match text.parse() {
        Ok(id) if id > 0 => Ok(ShardId(id)),
        _ => Err(Error::invalid(format!(
            "`{text}` is not a shard: write a number from 1 to {}",
            u32::MAX
        ))),
    }
}

fn shard_kind(text: &str) -> Result<ShardKind> {
    ShardKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| {
            Error::invalid(format!(
                "`{text}` is not a type of shard: it is one of lstore, dstore, lockmgr(lstore), \
                 lockmgr(dstore)"
            ))
        })
}

/// Reads the name of an engine.
///
/// # Errors
/// `Invalid`, naming the engines.
pub fn engine_kind(text: &str) -> Result<EngineKind> {
    match text {
        "memory" => Ok(EngineKind::Memory),
        "redb" => Ok(EngineKind::Redb),
        _ => Err(Error::invalid(format!(
            "`{text}` is not an engine: it is memory or redb"
        ))),
    }
}

/// Reads a durability: `fsync`, `interval:50ms`, `none`.
///
/// # Errors
/// `Invalid`, saying what it may be.
pub fn durability(text: &str) -> Result<Durability> {
    match text.split_once(':') {
        None if text == "fsync" => Ok(Durability::Fsync),
        None if text == "none" => Ok(Durability::None),
        Some(("interval", every)) => {
            let every = duration::parse(every)?;
            if every.is_zero() || every > Duration::from_mins(1) {
                return Err(Error::invalid(format!(
                    "the interval of `{text}` must be from 1ms to 1m"
                )));
            }
            let ms = u64::try_from(every.as_millis()).expect("at most a minute");
            Ok(Durability::IntervalMs(ms))
        }
        _ => Err(Error::invalid(format!(
            "`{text}` is not a durability: it is fsync, interval:50ms or none"
        ))),
    }
}

/// Reads the largest value, bytes: a request must still fit around it.
///
/// # Errors
/// `Invalid` for what is not a size, for 0, and for more than a request can carry.
pub fn value_bytes_max(text: &str) -> Result<u64> {
    let ceiling = (limits::REQUEST_BYTES_MAX - limits::KEY_BYTES_MAX - (64 << 10)) as u64;
    match size(text)? {
        bytes if (1..=ceiling).contains(&bytes) => Ok(bytes),
        _ => Err(Error::invalid(format!(
            "the largest value `{text}` must be from 1 to {ceiling} bytes: one request carries at \
             most {} bytes",
            limits::REQUEST_BYTES_MAX
        ))),
    }
}

/// Reads the owner id that `lock acquire` printed: 32 hexadecimal digits.
///
/// # Errors
/// `Invalid`, saying where an owner id comes from.
pub fn owner_id(text: &str) -> Result<OwnerId> {
    let mut owner = [0; 16];
    let digits = text.as_bytes();
    if digits.len() != 2 * owner.len() {
        return Err(not_an_owner(text));
    }
    for (byte, pair) in owner.iter_mut().zip(digits.chunks_exact(2)) {
        let high = hex_digit(pair[0]).ok_or_else(|| not_an_owner(text))?;
        let low = hex_digit(pair[1]).ok_or_else(|| not_an_owner(text))?;
        *byte = high << 4 | low;
    }
    Ok(OwnerId(owner))
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn not_an_owner(text: &str) -> Error {
    Error::invalid(format!(
        "`{text}` is not an owner id: it is the 32 hexadecimal digits that `dkv lock acquire` \
         printed as ownerId (owner_id in JSON)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("0", 0),
            ("65536", 65_536),
            ("512K", 512 << 10),
            ("512k", 512 << 10),
            ("16MiB", 16 << 20),
            ("1G", 1 << 30),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "K", "1.5M", "-1", "1T", "1 M", "99999999999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn listen_addresses() {
        for text in [
            "127.0.0.1:8080",
            "[::1]:0",
            "0.0.0.0:1",
            "unix:/tmp/dkv.sock",
        ] {
            assert_eq!(listen_address(text).unwrap().to_string(), text);
        }
        let localhost = listen_address("localhost:80").unwrap();
        assert_eq!(localhost.to_string(), "127.0.0.1:80");
        for text in ["", ":8080", "8080", "example.com:80", "unix:", "127.0.0.1"] {
            assert!(listen_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shards_in_both_spellings() {
        let plain = shard("100=lstore").unwrap();
        assert_eq!(plain.id, ShardId(100));
        assert_eq!(plain.kind, ShardKind::Lstore);
        assert_eq!(plain.engine, None);
        let colon = shard(" 200:lockmgr(dstore)/memory").unwrap();
        assert_eq!(colon.id, ShardId(200));
        assert_eq!(colon.kind, ShardKind::LockmgrDstore);
        assert_eq!(colon.engine, Some(EngineKind::Memory));
        for text in [
            "",
            "100",
            "0=lstore",
            "x=lstore",
            "1=store",
            "1=lstore/",
            "4294967296=lstore",
        ] {
            assert!(shard(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durabilities() {
        for text in ["fsync", "interval:50ms", "none"] {
            assert_eq!(durability(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "sync",
            "interval",
            "interval:",
            "interval:0ms",
            "interval:2m",
            "none:1s",
        ] {
            assert!(durability(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_largest_value_leaves_room_for_its_request() {
        assert_eq!(
            value_bytes_max("16M").unwrap(),
            limits::VALUE_BYTES_MAX as u64
        );
        for text in ["0", "20M", "1G"] {
            assert!(value_bytes_max(text).is_err(), "{text}");
        }
    }

    #[test]
    fn owners_are_read_as_they_are_written() {
        let text = "00ff10abcdef0123456789abcdef0123";
        assert_eq!(owner_id(text).unwrap().to_string(), text);
        for text in [
            "",
            "00ff",
            "zzff10abcdef0123456789abcdef0123",
            "+0ff10abcdef0123456789abcdef0123",
        ] {
            assert!(owner_id(text).is_err(), "{text}");
        }
    }
}
