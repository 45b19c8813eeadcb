//! Writes the example data set: the records of an invented shop, always the same ones.
//!
//! ```console
//! $ cargo run --example shop > examples/data/shop.jsonl
//! $ cargo run --example shop -- sessions > examples/data/sessions.csv
//! ```

#![allow(
    clippy::print_stdout,
    reason = "a program that uses dkv, not a part of it"
)]

use serde_json::{Value, json};

const PRODUCTS: u64 = 1_400;
const CUSTOMERS: u64 = 1_200;
const SESSIONS: u64 = 60;

const MATERIALS: [&str; 12] = [
    "Copper", "Oak", "Linen", "Slate", "Birch", "Wool", "Steel", "Cork", "Clay", "Felt", "Brass",
    "Ash",
];
const THINGS: [(&str, &str); 16] = [
    ("Kettle", "kitchen"),
    ("Bowl", "kitchen"),
    ("Board", "kitchen"),
    ("Mug", "kitchen"),
    ("Blanket", "home"),
    ("Lamp", "home"),
    ("Vase", "home"),
    ("Mirror", "home"),
    ("Spade", "garden"),
    ("Watering Can", "garden"),
    ("Planter", "garden"),
    ("Lantern", "garden"),
    ("Notebook", "office"),
    ("Pen Tray", "office"),
    ("Stool", "office"),
    ("Paperweight", "office"),
];
const NAMES: [&str; 10] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy",
];
const TOWNS: [&str; 8] = [
    "Altmoor",
    "Brückwald",
    "Cindermouth",
    "Døgnvik",
    "Eastmere",
    "Fernhollow",
    "Grünau",
    "Hartsel",
];
const AREAS: [&str; 10] = [
    "billing", "checkout", "delivery", "login", "mail", "prices", "ratings", "returns", "search",
    "stock",
];
const FLAGS: [&str; 6] = [
    "cache",
    "dark-mode",
    "new-form",
    "preview",
    "retry",
    "tracing",
];
const SETTINGS: [(&str, &str); 34] = [
    ("alert.channel", "on-call"),
    ("alert.errors_per_minute", "20"),
    ("batch.items", "200"),
    ("batch.wait_ms", "25"),
    ("cache.bytes", "67108864"),
    ("cache.entries", "50000"),
    ("cache.ttl_ms", "30000"),
    ("db.pool", "16"),
    ("db.timeout_ms", "800"),
    ("http.body_bytes", "1048576"),
    ("http.keepalive_ms", "60000"),
    ("http.port", "8090"),
    ("jobs.parallel", "4"),
    ("jobs.retries", "5"),
    ("limits.burst", "100"),
    ("limits.per_second", "40"),
    ("log.format", "json"),
    ("log.level", "info"),
    ("log.sample", "0.05"),
    ("metrics.interval_ms", "10000"),
    ("queue.bytes", "8388608"),
    ("queue.depth", "1024"),
    ("replicas", "3"),
    ("retry.backoff_ms", "50"),
    ("retry.max", "4"),
    ("shutdown.grace_ms", "15000"),
    ("tls.min_version", "1.3"),
    ("trace.sample", "0.01"),
    ("warmup.requests", "500"),
    ("workers", "8"),
    ("zone.fallback", "north"),
    ("zone.home", "west"),
    ("zone.spread", "true"),
    ("zone.weight", "10"),
];

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => shop(),
        Some("sessions") => sessions(),
        Some(other) => panic!("unknown data set `{other}`: give none, or sessions"),
    }
}

/// Numbers that look drawn by lot and are the same in every run (splitmix64).
struct Lots(u64);

impl Lots {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut lot = self.0;
        lot = (lot ^ lot >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        lot = (lot ^ lot >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (lot ^ lot >> 31) % bound
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// In key order, as an export is: importing and exporting gives this very file.
fn shop() {
    let mut lots = Lots(1);
    let mut records = Vec::new();
    for area in AREAS {
        for (setting, value) in SETTINGS {
            records.push((format!("config:{area}/{setting}"), value.to_owned()));
        }
        for flag in FLAGS {
            let share = lots.one(&["on", "on", "off", "off", "5%", "25%"]);
            records.push((format!("flag:{area}/{flag}"), share.to_owned()));
        }
    }
    for number in 1..=PRODUCTS {
        let (thing, room) = lots.one(&THINGS);
        let product = json!({
            "name": format!("{} {thing}", lots.one(&MATERIALS)),
            "room": room,
            "price_cents": 300 + lots.below(400) * 25,
            "stock": lots.below(120),
            "since": date(&mut lots),
        });
        records.push((format!("product:{number:04}"), product.to_string()));
    }
    for number in 1..=CUSTOMERS {
        let customer = json!({
            "name": lots.one(&NAMES),
            "town": lots.one(&TOWNS),
            "since": date(&mut lots),
            "orders": lots.below(40),
            "newsletter": lots.below(3) == 0,
        });
        records.push((format!("customer:{number:04}"), customer.to_string()));
    }
    records.sort();
    for (key, value) in records {
        // Written by hand, as the fields of a JSON object have no order of their own.
        println!(
            "{{\"key\":{},\"value\":{}}}",
            json!(key),
            Value::from(value)
        );
    }
}

fn sessions() {
    let mut lots = Lots(2);
    println!("key,value,delete_in_ms");
    for _ in 0..SESSIONS {
        let token = lots.below(1 << 48);
        let name = lots.one(&NAMES);
        let left_ms = (1 + lots.below(24)) * 3_600_000;
        println!(
            "session:{token:012x},\"{name}, from {}\",{left_ms}",
            lots.one(&TOWNS)
        );
    }
}

fn date(lots: &mut Lots) -> String {
    let (year, month, day) = (2021 + lots.below(5), 1 + lots.below(12), 1 + lots.below(28));
    format!("{year}-{month:02}-{day:02}")
}
