//! Documents made from the one definition: man page, completions, JSON Schema.

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::cli::Args;
use crate::report;

/// What `--generate` can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The manual page, roff
    Man,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
    /// Completions for PowerShell
    Powershell,
    /// Completions for elvish
    Elvish,
    /// JSON Schema of --json
    JsonSchema,
}

/// The document.
pub fn document(kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Man => man(),
        Kind::Bash => completions(Shell::Bash),
        Kind::Zsh => completions(Shell::Zsh),
        Kind::Fish => completions(Shell::Fish),
        Kind::Powershell => completions(Shell::PowerShell),
        Kind::Elvish => completions(Shell::Elvish),
        Kind::JsonSchema => report::SCHEMA.as_bytes().to_vec(),
    }
}

fn man() -> Vec<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut page).expect("a vector takes every byte");
    page
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "rconnect", &mut script);
    script
}
