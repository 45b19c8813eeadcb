//! Runs a target over its corpus and over what mutations make of it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::corpus;
use crate::mutations::{Dice, mutate};
use crate::targets::Target;

/// An input is never longer, bytes.
const BYTES_MAX: usize = 16 << 10;
/// Mutants that are mutated again: the youngest.
const OFFSPRING_MAX: usize = 256;

/// Runs everything in the corpus of `target`, and `executions` mutants.
///
/// # Panics
/// With the input, when the target does.
pub(crate) fn run(target: &Target, executions: u64, seed: u64) -> u64 {
    let corpus = corpus::of(target);
    assert!(!corpus.is_empty(), "{} has no corpus", target.name);
    for input in &corpus {
        execute(target, input);
    }
    let mut dice = Dice::new(seed);
    let mut offspring: VecDeque<Vec<u8>> = VecDeque::new();
    for _ in 0..executions {
        let young = !offspring.is_empty() && dice.index(3) == 0;
        let mut input = match young {
            true => offspring[dice.index(offspring.len())].clone(),
            false => corpus[dice.index(corpus.len())].clone(),
        };
        let other = &corpus[dice.index(corpus.len())];
        mutate(&mut input, other, BYTES_MAX, &mut dice);
        execute(target, &input);
        if dice.index(4) == 0 {
            offspring.push_back(input);
            if offspring.len() > OFFSPRING_MAX {
                offspring.pop_front();
            }
        }
    }
    executions + corpus.len() as u64
}

fn execute(target: &Target, input: &[u8]) {
    // What ends the process cannot be told afterwards.
    if let Ok(file) = std::env::var("FUZZ_KEEP") {
        std::fs::write(file, input).expect("the input can be kept");
    }
    let ran = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if ran.is_err() {
        let place = std::env::temp_dir().join(format!("dkv-fuzz-{}", target.name));
        // The bytes below tell it, too.
        let _ = std::fs::write(&place, input);
        panic!(
            "{} fails for {} bytes, kept in {}: {}",
            target.name,
            input.len(),
            place.display(),
            input.escape_ascii()
        );
    }
}
