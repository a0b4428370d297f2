//! One file a verb; each reads as a sentence and holds no SQL.

mod check;
mod clean;
mod completions;
mod context;
mod demo;
mod discover;
mod down;
mod enforce;
mod graph;
mod man;
mod many;
mod new;
mod one;
mod orphans;
mod redo;
mod resolve;
mod restore;
mod schema;
#[cfg(feature = "postgres")]
mod server;
mod show;
mod status;
mod up;

use anyhow::Result;

use crate::cli::Cli;
use crate::failure::Status;
use crate::report::output::Output;
use many::Chosen;

pub use one::in_place;

/// Does what `cli` asks for.
pub fn run(cli: &Cli, output: &mut Output) -> Result<Status> {
    match many::choose(cli)? {
        Chosen::AsNamed => one::run(&cli.command, output),
        Chosen::One(location) => one::run(&cli.command.on(location.into()), output),
        Chosen::Several(many, locations) => many::run(cli, &many, &locations, output),
    }
}
