//! `fkfix new`: write the next migration.

use anyhow::Result;

use super::context;
use crate::cli::New;
use crate::engine;
use crate::engine::key_script::{self, Scripts, Wanted};
use crate::failure::{Failure, Status};
use crate::migrations;
use crate::model::key::ForeignKey;
use crate::report::new::NewReport;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &New, output: &mut Output) -> Result<Status> {
    let scripts = match (&arguments.schema, arguments.named.as_slice()) {
        _ if arguments.add.is_empty() => key_script::template(),
        (Some(file), _) => {
            let (name, text) = context::dump(file)?;
            engine::dump_scripts(&name, &text, wanted(arguments))?
        }
        (None, [location]) => {
            let wait = arguments.wait.for_a_file();
            engine::open(location.location()?, wait).scripts(wanted(arguments))?
        }
        (None, _) => {
            without_schemas(&arguments.add)?;
            key_script::unchecked(wanted(arguments))?
        }
    };
    write(arguments, &scripts, output)
}

/// What the migration is to do.
pub fn wanted(arguments: &New) -> Wanted<'_> {
    Wanted {
        keys: &arguments.add,
        with_indexes: arguments.with_indexes,
    }
}

/// Writes `scripts` as the next migration.
pub fn write(arguments: &New, scripts: &Scripts, output: &mut Output) -> Result<Status> {
    let (folder, name) = (&arguments.folder, &arguments.name);
    let [up, down] = migrations::write_next(folder, name, arguments.number.numbering(), scripts)?;
    let report = NewReport::new(&up, &down);
    let done = format!("{} was written", report.up);
    let status = output.outcome(&report, arguments.format, &done);
    for warning in &scripts.warnings {
        output.warning(warning);
    }
    let location = arguments.named.first();
    let location = location.and_then(|it| it.location().ok());
    output.hint(&context::try_hint(location, folder));
    Ok(status)
}

/// Fails where a name may be that of a schema and a table: only a database tells.
fn without_schemas(keys: &[ForeignKey]) -> Result<()> {
    let mut names = keys.iter().flat_map(|key| [&key.child, &key.parent]);
    let Some(name) = names.find(|it| it.contains('.')) else {
        return Ok(());
    };
    Err(Failure::impossible(format!(
        "{name} may be one name, or a table of a schema, and no database tells which"
    ))
    .hint("name the database with -d")
    .into())
}
