//! What a shell needs to complete `dkv`.

use clap_complete::{Shell, generate};

use crate::cli::command;
use crate::cli::completions::visible;

/// The script of a shell. Those of bash, zsh and fish ask `dkv` itself, and so know keys,
/// buckets and locks; the others know the words of this version.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    match shell {
        Shell::Bash => include_bytes!("dkv.bash").to_vec(),
        Shell::Zsh => include_bytes!("_dkv.zsh").to_vec(),
        Shell::Fish => include_bytes!("dkv.fish").to_vec(),
        _ => {
            let mut script = Vec::new();
            generate(shell, &mut visible(&command()), "dkv", &mut script);
            script
        }
    }
}
