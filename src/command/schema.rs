//! `fkfix up`, `down` and `clean` from a schema: the script for a database that only its host can open.

use std::path::Path;

use anyhow::Result;

use super::context;
use crate::cli::{ChangeFormat, Clean, DatabaseOrSchema, Down, Up};
use crate::engine::{self, DownOrder, UpOrder};
use crate::failure::{Failure, Status};
use crate::policy::Policy;
use crate::report::output::Output;
use crate::target::Target;

/// Fails where what is asked for is not a script.
pub fn check_target(given: &DatabaseOrSchema, format: ChangeFormat) -> Result<()> {
    let is_from_schema = given.schema.is_some();
    let is_for_shell = given.target == Target::Shell;
    if format != ChangeFormat::Sql && (is_from_schema || !is_for_shell) {
        let option = if is_from_schema { "--schema" } else { "--for" };
        return Err(
            Failure::impossible(format!("{option} goes with --dry-run --format sql"))
                .hint("add these to write the script; what runs it applies it")
                .into(),
        );
    }
    if is_from_schema && is_for_shell {
        return Err(Failure::impossible(
            "the script for the sqlite3 shell holds numbers of rows, and a schema has none",
        )
        .hint("name what runs it, such as --for transaction")
        .into());
    }
    Ok(())
}

/// Writes the script that applies what the schema in `file` has not had.
pub fn up(arguments: &Up, file: &Path, order: UpOrder<'_>, output: &mut Output) -> Result<Status> {
    let (name, text) = context::dump(file)?;
    let script = engine::up_of_dump(&name, &text, order, arguments.database.target)?;
    context::note_if(script.none_applies, output);
    output.write(&script.value.unwrap_or_default())?;
    Ok(Status::Done)
}

/// Writes the script that takes back what the schema in `file` has had.
pub fn down(
    arguments: &Down,
    file: &Path,
    order: DownOrder<'_>,
    output: &mut Output,
) -> Result<Status> {
    let (name, text) = context::dump(file)?;
    let target = arguments.database.target;
    let script = engine::down_of_dump(&name, &text, order, arguments.to, target)?;
    output.write(&script.unwrap_or_default())?;
    Ok(Status::Done)
}

/// Writes the script that cleans the keys that the schema in `file` declares.
pub fn clean(
    arguments: &Clean,
    file: &Path,
    policy: &Policy,
    output: &mut Output,
) -> Result<Status> {
    let (name, text) = context::dump(file)?;
    let (only, target) = (arguments.table.as_deref(), arguments.database.target);
    let (script, warnings) = engine::clean_of_dump(&name, &text, only, policy, target)?;
    output.write(&script.unwrap_or_default())?;
    for warning in &warnings {
        output.warning(warning);
    }
    Ok(Status::Done)
}
