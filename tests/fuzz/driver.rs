//! Runs a target over its corpus and over what mutations make of it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dkv::check::dice::Dice;

use crate::corpus;
use crate::memory::Memory;
use crate::mutations::mutate;
use crate::targets::Target;

/// An input is never longer, bytes.
const BYTES_MAX: usize = 16 << 10;
/// Mutants that are mutated again: the youngest.
const OFFSPRING_MAX: usize = 256;

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) executions: u64,
    /// The most that one input took of memory, KiB.
    pub(crate) held_kib_max: u64,
}

/// Runs everything in the corpus of `target`, and `executions` mutants.
///
/// # Panics
/// With the input, when the target does, or takes more memory than any input may.
pub(crate) fn run(target: &Target, executions: u64, seed: u64) -> Ran {
    let corpus = corpus::of(target);
    assert!(!corpus.is_empty(), "{} has no corpus", target.name);
    // What is made once and for all is not the first input's.
    execute(target, &corpus[0], None);
    let mut memory = Memory::watch();
    for input in &corpus {
        execute(target, input, memory.as_mut());
    }
    let mut dice = Dice::new(seed);
    let mut offspring: VecDeque<Vec<u8>> = VecDeque::new();
    for _ in 0..executions {
        let young = !offspring.is_empty() && dice.index(3) == 0;
        let mut input = match young {
            true => offspring[dice.index(offspring.len())].clone(),
            false => dice.pick(&corpus).clone(),
        };
        let other = dice.pick(&corpus);
        mutate(&mut input, other, BYTES_MAX, &mut dice);
        execute(target, &input, memory.as_mut());
        if dice.index(4) == 0 {
            offspring.push_back(input);
            if offspring.len() > OFFSPRING_MAX {
                offspring.pop_front();
            }
        }
    }
    Ran {
        executions: executions + corpus.len() as u64,
        held_kib_max: memory.map_or(0, |memory| memory.held_kib_max),
    }
}

/// Runs one input.
///
/// # Panics
/// With the input, if something is wrong.
pub(crate) fn execute(target: &Target, input: &[u8], mut memory: Option<&mut Memory>) {
    // What ends the process cannot be told afterwards.
    if let Ok(file) = std::env::var("FUZZ_KEEP") {
        std::fs::write(file, input).expect("the input can be kept");
    }
    if let Some(memory) = &mut memory {
        memory.begin();
    }
    let ran = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let wrong = match ran {
        Err(_) => Some("fails".to_owned()),
        Ok(()) => memory.and_then(Memory::complaint),
    };
    if let Some(wrong) = wrong {
        let place = std::env::temp_dir().join(format!("dkv-fuzz-{}", target.name));
        // The bytes below tell it, too.
        let _ = std::fs::write(&place, input);
        panic!(
            "{} {wrong} for {} bytes, kept in {}: {}",
            target.name,
            input.len(),
            place.display(),
            input.escape_ascii()
        );
    }
}
