//! What a run is told, by the environment: nothing, or by `scripts/crash-images`.

use std::path::PathBuf;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Disks to open, in all.
    pub(crate) images: u64,
    pub(crate) seed: u64,
    pub(crate) engines: Vec<&'static str>,
    /// Where figures go.
    pub(crate) figures: Option<PathBuf>,
}

/// Disks of a run without settings.
const IMAGES: u64 = 640;

impl Settings {
    pub(crate) fn read() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
        let number = |name: &str| {
            text(name).map(|it| {
                it.parse()
                    .unwrap_or_else(|_| panic!("{name} is no number: {it}"))
            })
        };
        let engines = match text("CRASH_ENGINE").as_deref() {
            None => vec!["memory", "redb"],
            Some("memory") => vec!["memory"],
            Some("redb") => vec!["redb"],
            Some(other) => panic!("CRASH_ENGINE is memory or redb, not {other}"),
        };
        Self {
            images: number("CRASH_IMAGES").unwrap_or(IMAGES),
            seed: number("CRASH_SEED").unwrap_or(1),
            engines,
            figures: text("DKV_CRASH_FIGURES").map(PathBuf::from),
        }
    }
}
