//! Floors: a room names only the rooms its row of the table allows.

use crate::Room;
use crate::paths::{self, NamedPath};
use crate::source::{Finding, RustFile, Tree};

pub(crate) fn check(tree: &Tree, rooms: &[Room]) -> Vec<Finding> {
    let mut findings = table_is_sound(rooms);
    for (path, file) in tree.product() {
        let Some(name) = room_of(path) else {
            findings.extend(check_top(path, file));
            continue;
        };
        let Some(room) = rooms.iter().find(|room| room.name == name) else {
            findings.push(Finding {
                path: path.clone(),
                line: 1,
                message: format!(
                    "the room `{name}` stands on no floor: give it a row in tests/tidy.rs and \
                     in ARCHITECTURE.md"
                ),
            });
            continue;
        };
        let named = paths::all(file);
        findings.extend(
            named
                .iter()
                .filter_map(|named| check_import(path, file, room, rooms, named)),
        );
    }
    findings
}

/// The files of the binary, whose library is the rest.
const BINARY: [&str; 2] = ["src/main.rs", "src/allocator.rs"];

/// The room of a file: `src/kv/ops.rs` -> `kv`, `src/config.rs` -> `config`; none for the
/// root of the library and for the binary.
fn room_of(path: &str) -> Option<&str> {
    let below = path.strip_prefix("src/")?;
    let first = below.split('/').next()?.trim_end_matches(".rs");
    (below != "lib.rs" && !BINARY.contains(&path)).then_some(first)
}

fn table_is_sound(rooms: &[Room]) -> Vec<Finding> {
    let floor_of = |name: &str| rooms.iter().find(|r| r.name == name).map(|r| r.floor);
    let mut findings = Vec::new();
    for room in rooms {
        let extra = room.doors.iter().flat_map(|(_, more)| *more);
        for import in room.may_import.iter().chain(extra) {
            if floor_of(import).is_none_or(|floor| floor >= room.floor) {
                findings.push(Finding {
                    path: "tests/tidy.rs".to_owned(),
                    line: 1,
                    message: format!(
                        "`{}` may not be allowed `{import}`: it is not on a lower floor",
                        room.name
                    ),
                });
            }
        }
    }
    findings
}

fn check_top(path: &str, file: &RustFile) -> Vec<Finding> {
    if !BINARY.contains(&path) {
        return Vec::new();
    }
    let named = paths::all(file);
    let others = named
        .iter()
        .filter(|named| named.is_in("dkv") && !named.is_in("dkv::cli"));
    others
        .map(|named| Finding {
            path: path.to_owned(),
            line: named.line,
            message: format!(
                "the binary calls `dkv::cli` and names no other room, not `{}`",
                named.text
            ),
        })
        .collect()
}

fn check_import(
    path: &str,
    file: &RustFile,
    room: &Room,
    rooms: &[Room],
    named: &NamedPath,
) -> Option<Finding> {
    let finding = |message: String| {
        Some(Finding {
            path: path.to_owned(),
            line: named.line,
            message,
        })
    };
    let ups = named.parts().take_while(|part| *part == "super").count();
    let inline_test = usize::from(file.is_test_line(named.line) && !file.is_test_file());
    if ups > 0 && ups >= depth_of(path) + inline_test {
        return finding(format!(
            "`{}` climbs out of the room `{}`: write `crate::...`",
            named.text, room.name
        ));
    }
    if !named.is_in("crate") {
        return None;
    }
    let target = named.parts().nth(1).unwrap_or_default();
    let extra = room
        .doors
        .iter()
        .filter(|(door, _)| *door == path || (door.ends_with('/') && path.starts_with(door)))
        .flat_map(|(_, more)| *more);
    let mut allowed: Vec<&str> = room.may_import.iter().chain(extra).copied().collect();
    if target == room.name || allowed.contains(&target) {
        return None;
    }
    allowed.sort_unstable();
    let allowed = match allowed.is_empty() {
        true => "nothing of ours".to_owned(),
        false => allowed.join(", "),
    };
    let what = match rooms.iter().find(|other| other.name == target) {
        Some(other) => format!("`{target}` (floor {})", other.floor),
        None => format!("`crate::{target}`, which is no room,"),
    };
    finding(format!(
        "`{}` (floor {}) imports {what}; it may import: {allowed}. Move the shared part down a \
         floor, or let a higher room bring the two together",
        room.name, room.floor
    ))
}

/// How many modules deep a file stands: `src/kv/mod.rs` 1, `src/kv/ops.rs` 2.
fn depth_of(path: &str) -> usize {
    let module = path
        .trim_start_matches("src/")
        .trim_end_matches(".rs")
        .trim_end_matches("/mod");
    module.split('/').count()
}
