//! What must hold between the settings of a node before it may start.

use crate::base::types::ShardId;
use crate::base::{Error, Result, limits};
use crate::config::text::ShardText;
use crate::server::settings::{EngineKind, ShardKind, WantedShard};

/// What a node serves that was told nothing else: alone, or as a member of a cluster.
pub fn default_shards(is_member: bool) -> Vec<ShardText> {
    let (keys, locks) = match is_member {
        true => (ShardKind::Dstore, ShardKind::LockmgrDstore),
        false => (ShardKind::Lstore, ShardKind::LockmgrLstore),
    };
    let shard = |id, kind| ShardText {
        id: ShardId(id),
        kind,
        engine: None,
    };
    vec![shard(100, keys), shard(200, locks)]
}

/// Gives every shard its engine and checks the table as a whole.
///
/// # Errors
/// `Invalid` for an empty table, a repeated id, and for too many shards.
pub fn shard_table(shards: &[ShardText], engine: Option<EngineKind>) -> Result<Vec<WantedShard>> {
    if shards.is_empty() {
        return Err(Error::invalid(
            "--shards names no shard: write at least one, like 100=lstore",
        ));
    }
    if shards.len() > limits::SHARDS_MAX {
        return Err(Error::invalid(format!(
            "--shards names {} shards; a node serves at most {}",
            shards.len(),
            limits::SHARDS_MAX
        )));
    }
    let mut table = Vec::with_capacity(shards.len());
    for shard in shards {
        table.push(WantedShard {
            id: shard.id,
            kind: shard.kind,
            engine: shard.engine.or(engine),
        });
    }
    table.sort_by_key(|shard| shard.id);
    for pair in table.windows(2) {
        if pair[0].id == pair[1].id {
            return Err(Error::invalid(format!(
                "--shards names shard {} twice: give each shard its own id",
                pair[0].id
            )));
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text::shard;

    fn table(texts: &[&str]) -> Result<Vec<WantedShard>> {
        let shards: Vec<ShardText> = texts.iter().map(|text| shard(text).unwrap()).collect();
        shard_table(&shards, Some(EngineKind::Memory))
    }

    #[test]
    fn shards_are_sorted_and_get_the_default_engine() {
        let table = table(&["200=lockmgr(lstore)", "100=lstore/redb"]).unwrap();
        assert_eq!(table[0].id, ShardId(100));
        assert_eq!(table[0].engine, Some(EngineKind::Redb));
        assert_eq!(table[1].engine, Some(EngineKind::Memory));
    }

    #[test]
    fn what_cannot_be_served_is_refused_by_name() {
        let cases = [
            (&["1=lstore", "1=lstore"][..], "shard 1 twice"),
            (&[][..], "at least one"),
        ];
        for (texts, expected) in cases {
            let error = table(texts).unwrap_err();
            assert!(error.message().contains(expected), "{texts:?}: {error}");
        }
    }
}
