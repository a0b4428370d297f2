//! `fkfix completions`: a script that completes commands and options in a shell.

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

use crate::cli::{Cli, Completions};
use crate::failure::Status;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Completions, output: &mut Output) -> Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "fkfix", &mut script);
    let script = String::from_utf8(script).context("could not write the completions")?;
    output.write(&script)?;
    Ok(Status::Done)
}
