//! One file a verb; each reads as a sentence and holds no SQL.

mod check;
mod completions;
mod demo;
mod down;
mod man;
mod status;
mod up;

use std::path::PathBuf;

use anyhow::Result;
use rusqlite::Connection;

use crate::cli::{CheckFormat, Cli, Command, Format, Set};
use crate::failure::Status;
use crate::migrations::Migrations;
use crate::report::output::Output;
use crate::sqlite::backup;
use crate::sqlite::location::Location;

/// Does what `cli` asks for.
pub fn run(cli: &Cli, output: &mut Output) -> Result<Status> {
    match &cli.command {
        Command::Up(arguments) => up::run(arguments, output),
        Command::Down(arguments) => down::run(arguments, output),
        Command::Status(arguments) => status::run(arguments, output),
        Command::Check(arguments) => check::run(arguments, output),
        Command::Demo(arguments) => demo::run(arguments, output),
        Command::Completions(arguments) => completions::run(arguments, output),
        Command::Man(arguments) => man::run(arguments, output),
    }
}

/// The format in which `cli` wants its result.
#[must_use]
pub fn format_of(cli: &Cli) -> Format {
    match &cli.command {
        Command::Up(arguments) => arguments.format,
        Command::Down(arguments) => arguments.format,
        Command::Status(arguments) => arguments.format,
        Command::Check(arguments) if arguments.format == CheckFormat::Json => Format::Json,
        Command::Check(_) | Command::Demo(_) | Command::Completions(_) | Command::Man(_) => {
            Format::Text
        }
    }
}

/// The migrations of `set`.
fn migrations(set: &Set) -> Result<Migrations> {
    match &set.folder {
        Some(folder) => Migrations::in_folder(folder),
        None => Ok(Migrations::embedded()),
    }
}

/// Backs up to `target`, where one is wanted, and says where the copy is.
fn back_up(
    transaction: &Connection,
    location: &Location,
    target: Option<&PathBuf>,
) -> Result<Option<String>> {
    let Some(target) = target else {
        return Ok(None);
    };
    tracing::info!("back up to {}", target.display());
    backup::take(transaction, location, target)?;
    Ok(Some(target.display().to_string()))
}
