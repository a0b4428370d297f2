//! `fkfix up` and `down` with `--format sql` for another place than this database.

use std::path::Path;

use anyhow::Result;

use crate::cli::{ChangeFormat, DatabaseOrSchema, Down, Up};
use crate::failure::{Failure, Status};
use crate::migrations::{Migration, Migrations};
use crate::report::output::Output;
use crate::sqlite::apply::history::{self, Applied};
use crate::sqlite::apply::{down, up};
use crate::sqlite::file::reading;
use crate::sqlite::schema::dump::Dump;
use crate::sqlite::write::portable::{self, Target};

/// Fails where what is asked for is not a script.
pub fn check(given: &DatabaseOrSchema, format: ChangeFormat) -> Result<()> {
    if given.is_portable() && format != ChangeFormat::Sql {
        let option = if given.schema.is_some() {
            "--schema"
        } else {
            "--for"
        };
        return Err(
            Failure::impossible(format!("{option} goes with --dry-run --format sql"))
                .hint("add these to write the script; what runs it applies it")
                .into(),
        );
    }
    if given.schema.is_some() && given.target == Target::Shell {
        return Err(Failure::impossible(
            "the script for the sqlite3 shell holds numbers of rows, and a schema has none",
        )
        .hint("name what runs it, such as --for transaction")
        .into());
    }
    Ok(())
}

/// Writes the script that applies what is pending.
pub fn up(arguments: &Up, order: up::Order<'_>, output: &mut Output) -> Result<Status> {
    let back = down::Order {
        migrations: order.migrations,
        leave_orphans: false,
    };
    let (given, target) = (&arguments.database, arguments.database.target);
    if let Some(file) = &given.schema {
        let dump = load(file)?;
        let applicable = history::applicable(&dump.connection, order.migrations)?;
        super::note_if(applicable.is_empty(), output);
        let upto = |it: &&Migration| order.to.is_none_or(|to| it.up.version() <= to);
        let wanted: Vec<_> = applicable.iter().filter(upto).collect();
        let pending = portable::not_there(&dump.connection, wanted)?;
        if !pending.is_empty() {
            let script = portable::up(&dump.connection, back, &pending, order.policy, target)?;
            output.write(&script)?;
        }
        return Ok(Status::Done);
    }
    let Some(database) = given.database() else {
        return Ok(Status::Impossible);
    };
    let (planned, script) = super::read(
        &database,
        order.migrations,
        output,
        |connection, migrations| {
            let order = up::Order {
                migrations,
                ..order
            };
            let planned = super::up::plan(connection, order, ChangeFormat::Sql)?;
            let refused = planned.outcomes.iter().any(|it| it.refusal.is_some());
            if refused || planned.outcomes.is_empty() {
                return Ok((planned, None));
            }
            let pending: Vec<_> = planned.outcomes.iter().map(|it| it.migration).collect();
            let schema = portable::schema_of(connection)?;
            let back = down::Order { migrations, ..back };
            let script = portable::up(&schema, back, &pending, order.policy, target)?;
            Ok((planned, Some(script)))
        },
    )?;
    if let Some(script) = script {
        output.write(&script)?;
    }
    for warning in planned.outcomes.iter().flat_map(up::Outcome::warnings) {
        output.warning(warning);
    }
    let refusal = planned.outcomes.iter().find_map(|it| it.refusal.as_ref());
    if let Some(refusal) = refusal {
        output.refusal(refusal);
        return Ok(refusal.status());
    }
    Ok(Status::Done)
}

/// Writes the script that takes back what was applied.
pub fn down(arguments: &Down, order: down::Order<'_>, output: &mut Output) -> Result<Status> {
    let (given, target) = (&arguments.database, arguments.database.target);
    let script = if let Some(file) = &given.schema {
        let dump = load(file)?;
        let rows = all_of(order.migrations);
        let rows = portable::there(&dump.connection, order.migrations, rows)?;
        let rows = history::to_take_back(order.migrations, &rows, arguments.to)?;
        match rows.as_slice() {
            [] => None,
            rows => Some(portable::down(&dump.connection, order, rows, target)?),
        }
    } else if let Some(database) = given.database() {
        let timeout = database.wait.lock_timeout;
        reading::read(&database.location, timeout, |connection| {
            let applied = history::read(connection)?;
            let applied = history::to_take_back(order.migrations, &applied, arguments.to)?;
            if applied.is_empty() {
                return Ok(None);
            }
            let schema = portable::schema_of(connection)?;
            portable::down(&schema, order, &applied, target).map(Some)
        })?
    } else {
        None
    };
    if let Some(script) = script {
        output.write(&script)?;
    }
    Ok(Status::Done)
}

/// The rows of a history in which each of `migrations` was applied, in their order.
fn all_of(migrations: &Migrations) -> Vec<Applied> {
    migrations.iter().map(Applied::as_if).collect()
}

/// The text of the dump in `file`, with the name that messages give it; `-` is standard input.
pub fn read(file: &Path) -> Result<(String, String)> {
    let name = if file == Path::new("-") {
        "stdin".to_owned()
    } else {
        file.display().to_string()
    };
    Ok((name, super::check::read_dump(file)?))
}

fn load(file: &Path) -> Result<Dump> {
    let (name, text) = read(file)?;
    Dump::load(&name, &text)
}
