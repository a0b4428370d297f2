//! What a verb begins with: the database, the migrations, a dump; and what several of them say.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::cli::{Change, ChangeFormat, DEFAULT_FOLDER, Database, Set};
use crate::engine;
use crate::failure::{Failure, for_shell};
use crate::location::Location;
use crate::migrations::{self, Migrations};
use crate::report::output::Output;
use crate::text::listing;

/// A script is what a run would do, not what one did.
pub fn check_format(format: ChangeFormat, change: &Change) -> Result<()> {
    if format == ChangeFormat::Sql && !change.dry_run {
        return Err(Failure::impossible("--format sql goes with --dry-run")
            .hint("add --dry-run to write the script without running it")
            .into());
    }
    Ok(())
}

/// The migrations of `set`: where it names no folder, those in `./migrations`, if there are any.
pub fn migrations(set: &Set, output: &mut Output) -> Result<Migrations> {
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
pub fn open(database: &Database) -> Result<engine::Database> {
    Ok(engine::open(
        database.location()?,
        database.wait.for_a_file(),
    ))
}

/// The text of the dump in `file`, with the name that messages give it; `-` is standard input.
pub fn dump(file: &Path) -> Result<(String, String)> {
    let name = if file == Path::new("-") {
        "stdin".to_owned()
    } else {
        file.display().to_string()
    };
    Ok((name, read_dump(file)?))
}

/// Tells where no migration is any business of the database.
pub fn note_if(none_applies: bool, output: &mut Output) {
    if none_applies {
        output.note(&format!("no migration applies: there is none in ./{DEFAULT_FOLDER}, and the built-in one is for a table that is not here"));
    }
}

/// `V1 and V2 were applied`
pub fn versions(verb: &str, versions: impl Iterator<Item = String>) -> String {
    let versions: Vec<_> = versions.collect();
    let were = if versions.len() == 1 { "was" } else { "were" };
    format!("{} {were} {verb}", listing(&versions))
}

/// The command that tries the migrations of `folder` without changing anything.
pub fn try_hint(location: Option<&Location>, folder: &Path) -> String {
    let database = location.map_or(String::new(), |location| {
        format!("-d {} ", for_shell(&location.to_string()))
    });
    let folder = for_shell(&folder.display().to_string());
    format!("fkfix up {database}--migrations {folder} --dry-run shows what it would do")
}

fn read_dump(file: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(Failure::impossible(
            format!("{} is not a text in UTF-8", file.display()),
        )
        .hint("--schema takes a dump; a database is checked with --database")
        .into()),
        Err(error) => Err(error).with_context(|| format!("could not read {}", file.display())),
    }
}
