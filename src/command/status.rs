//! `fkfix status`: where every migration stands. Read-only.

use anyhow::Result;

use super::context;
use crate::cli;
use crate::failure::Status;
use crate::outcome::status::State;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &cli::Status, output: &mut Output) -> Result<Status> {
    let migrations = context::migrations(&arguments.set, output)?;
    let found = context::open(&arguments.database)?.status(&migrations)?;
    context::note_if(found.none_applies, output);
    output.result(&found.value, arguments.format)?;
    let pending = found.value.migrations.iter();
    let pending = pending.filter(|it| it.state == State::Pending).count();
    Ok(if arguments.exit_code && pending > 0 {
        Status::No
    } else {
        Status::Done
    })
}
