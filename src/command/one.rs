//! A verb on the one database that it names.

use anyhow::Result;

#[cfg(feature = "postgres")]
use super::server::{self, looks};
use super::{
    check, clean, completions, demo, discover, down, enforce, graph, man, new, orphans, redo,
    resolve, restore, show, status, up,
};
use crate::cli::{CheckFormat, Command, Format, PictureFormat, RowsFormat};
use crate::failure::Status;
use crate::report::output::{InPlace, Output};

/// Does `command` on the one database that it names, if it names one.
pub fn run(command: &Command, output: &mut Output) -> Result<Status> {
    #[cfg(feature = "postgres")]
    if let [named] = command.named()
        && let Ok(location) = named.location()
        && let Some(server) = location.server()
    {
        return match command {
            Command::Up(arguments) => server::up(arguments, server, output),
            Command::Down(arguments) => server::down(arguments, server, output),
            Command::Status(arguments) => server::status(arguments, server, output),
            Command::Orphans(arguments) => server::orphans(arguments, server, output),
            Command::Check(arguments) => server::check(arguments, server, output),
            Command::Redo(_) => Err(server::no_redo()),
            Command::Resolve(arguments) => server::resolve(arguments, server, output),
            Command::Clean(arguments) => server::clean(arguments, server, output),
            Command::Restore(arguments) => server::restore(arguments, server, output),
            Command::Show(arguments) => looks::show(arguments, server, output),
            Command::Discover(arguments) => looks::discover(arguments, server, output),
            Command::Graph(arguments) => looks::graph(arguments, server, output),
            Command::New(arguments) => looks::new(arguments, server, output),
            Command::Enforce(arguments) => looks::enforce(arguments, server, output),
            _ => Ok(Status::Done),
        };
    }
    match command {
        Command::Up(arguments) => up::run(arguments, output),
        Command::Down(arguments) => down::run(arguments, output),
        Command::Redo(arguments) => redo::run(arguments, output),
        Command::Resolve(arguments) => resolve::run(arguments, output),
        Command::Clean(arguments) => clean::run(arguments, output),
        Command::Restore(arguments) => restore::run(arguments, output),
        Command::Status(arguments) => status::run(arguments, output),
        Command::Orphans(arguments) => orphans::run(arguments, output),
        Command::Show(arguments) => show::run(arguments, output),
        Command::Check(arguments) => check::run(arguments, output),
        Command::Discover(arguments) => discover::run(arguments, output),
        Command::New(arguments) => new::run(arguments, output),
        Command::Graph(arguments) => graph::run(arguments, output),
        Command::Enforce(arguments) => enforce::run(arguments, output),
        Command::Demo(arguments) => demo::run(arguments, output),
        Command::Completions(arguments) => completions::run(arguments, output),
        Command::Man(arguments) => man::run(arguments, output),
    }
}

/// What stands on stdout in the place of the result of `command`, where there is an error.
#[must_use]
pub fn in_place(command: &Command) -> InPlace {
    let format = match command {
        Command::Up(arguments) => arguments.format.into(),
        Command::Down(arguments) => arguments.format.into(),
        Command::Clean(arguments) => arguments.format.into(),
        Command::Restore(arguments) => arguments.format,
        Command::Redo(arguments) => arguments.format,
        Command::Resolve(arguments) => arguments.format,
        Command::Enforce(arguments) => arguments.format.into(),
        Command::Status(arguments) => arguments.format,
        Command::Show(arguments) => arguments.format,
        Command::Discover(arguments) => arguments.format,
        Command::New(arguments) => arguments.format,
        Command::Check(arguments) if arguments.format == CheckFormat::Github => {
            return InPlace::Annotation;
        }
        Command::Orphans(arguments) if arguments.format == RowsFormat::Json => Format::Json,
        Command::Check(arguments) if arguments.format == CheckFormat::Json => Format::Json,
        Command::Graph(arguments) if arguments.format == PictureFormat::Json => Format::Json,
        Command::Orphans(_)
        | Command::Graph(_)
        | Command::Check(_)
        | Command::Demo(_)
        | Command::Completions(_)
        | Command::Man(_) => Format::Text,
    };
    match format {
        Format::Text => InPlace::Nothing,
        Format::Json => InPlace::Document,
    }
}
