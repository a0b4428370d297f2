//! `fkfix man`: the manual as man pages.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

use crate::cli::{Cli, Man};
use crate::failure::Status;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Man, output: &mut Output) -> Result<Status> {
    match &arguments.folder {
        None => output.write(&page()?)?,
        Some(folder) => {
            write_pages(folder)
                .with_context(|| format!("could not write man pages to {}", folder.display()))?;
        }
    }
    Ok(Status::Done)
}

fn page() -> Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command().disable_help_subcommand(true))
        .render(&mut page)
        .context("could not write the man page")?;
    String::from_utf8(page).context("could not write the man page")
}

/// `fkfix.1`, and one page a command: `fkfix-up.1`.
fn write_pages(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    Ok(())
}
