//! One file a verb; each reads as a sentence and holds no SQL.

mod check;
mod clean;
mod completions;
mod demo;
mod discover;
mod down;
mod enforce;
mod graph;
mod man;
mod many;
mod new;
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

use std::path::Path;

use anyhow::Result;

use crate::cli::{
    Change, ChangeFormat, CheckFormat, Cli, Command, DEFAULT_FOLDER, Database, Format,
    PictureFormat, RowsFormat, Set,
};
use crate::engine;
use crate::failure::{Failure, Status, for_shell};
use crate::location::Location;
use crate::migrations::{self, Migrations};
use crate::report::output::{InPlace, Output};
use crate::text::listing;
use many::Chosen;

#[cfg(feature = "postgres")]
use self::server::looks;

/// Does what `cli` asks for.
pub fn run(cli: &Cli, output: &mut Output) -> Result<Status> {
    match many::choose(cli)? {
        Chosen::AsNamed => one(&cli.command, output),
        Chosen::One(location) => one(&cli.command.on(location.into()), output),
        Chosen::Several(many, locations) => many::run(cli, &many, &locations, output),
    }
}

/// Does `command` on the one database that it names, if it names one.
fn one(command: &Command, output: &mut Output) -> Result<Status> {
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

impl From<ChangeFormat> for Format {
    fn from(format: ChangeFormat) -> Self {
        match format {
            ChangeFormat::Json => Format::Json,
            ChangeFormat::Text | ChangeFormat::Sql => Format::Text,
        }
    }
}

/// A script is what a run would do, not what one did.
fn check_format(format: ChangeFormat, change: &Change) -> Result<()> {
    if format == ChangeFormat::Sql && !change.dry_run {
        return Err(Failure::impossible("--format sql goes with --dry-run")
            .hint("add --dry-run to write the script without running it")
            .into());
    }
    Ok(())
}

/// The migrations of `set`: where it names no folder, those in `./migrations`, if there are any.
fn migrations(set: &Set, output: &mut Output) -> Result<Migrations> {
    match &set.folder {
        Some(folder) if folder == Path::new(migrations::BUILT_IN) => Ok(Migrations::embedded()),
        Some(folder) => Migrations::in_folder(folder),
        None if migrations::holds_any(Path::new(DEFAULT_FOLDER))? => {
            output.note(&format!("the migrations are those in ./{DEFAULT_FOLDER}"));
            Ok(Migrations::in_folder(Path::new(DEFAULT_FOLDER))?.by_default())
        }
        None => Ok(Migrations::embedded()),
    }
}

/// The database that the command line names.
fn open(database: &Database) -> Result<engine::Database> {
    Ok(engine::open(
        database.location()?,
        database.wait.for_a_file(),
    ))
}

/// The text of the dump in `file`, with the name that messages give it; `-` is standard input.
fn dump(file: &Path) -> Result<(String, String)> {
    let name = if file == Path::new("-") {
        "stdin".to_owned()
    } else {
        file.display().to_string()
    };
    Ok((name, check::read_dump(file)?))
}

/// Tells where no migration is any business of the database.
fn note_if(none_applies: bool, output: &mut Output) {
    if none_applies {
        output.note(&format!("no migration applies: there is none in ./{DEFAULT_FOLDER}, and the built-in one is for a table that is not here"));
    }
}

/// `V1 and V2 were applied`
fn versions(verb: &str, versions: impl Iterator<Item = String>) -> String {
    let versions: Vec<_> = versions.collect();
    let were = if versions.len() == 1 { "was" } else { "were" };
    format!("{} {were} {verb}", listing(&versions))
}

/// The command that tries the migrations of `folder` without changing anything.
fn try_hint(location: Option<&Location>, folder: &Path) -> String {
    let database = location.map_or(String::new(), |location| {
        format!("-d {} ", for_shell(&location.to_string()))
    });
    let folder = for_shell(&folder.display().to_string());
    format!("fkfix up {database}--migrations {folder} --dry-run shows what it would do")
}
