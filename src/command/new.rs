//! `fkfix new`: write the next migration.

use anyhow::Result;

use crate::cli::New;
use crate::engine::{self, key_script};
use crate::failure::Status;
use crate::migrations;
use crate::report::new::NewReport;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &New, output: &mut Output) -> Result<Status> {
    let scripts = match (&arguments.schema, &arguments.location) {
        _ if arguments.add.is_empty() => key_script::template(),
        (Some(file), _) => {
            let (name, text) = super::dump(file)?;
            engine::dump_scripts(&name, &text, &arguments.add)?
        }
        (None, Some(location)) => {
            engine::open(location.get()?, arguments.wait.for_a_file()).scripts(&arguments.add)?
        }
        (None, None) => key_script::unchecked(&arguments.add)?,
    };
    let (folder, name) = (&arguments.folder, &arguments.name);
    let [up, down] = migrations::write_next(folder, name, &scripts.up, &scripts.down)?;
    let report = NewReport::new(&up, &down);
    let done = format!("{} was written", report.up);
    let status = output.outcome(&report, arguments.format, &done);
    for warning in &scripts.warnings {
        output.warning(warning);
    }
    let location = arguments.location.as_ref();
    let location = location.and_then(|it| it.get().ok());
    output.hint(&super::try_hint(location, folder));
    Ok(status)
}
