//! The verbs that only look at what a server has, and those that write no more than a file.

use anyhow::Result;

use super::open;
use crate::cli;
use crate::command::{graph, migrations, new, show};
use crate::failure::Status;
use crate::location::Server;
use crate::report::output::Output;

/// `fkfix show`
pub fn show(arguments: &cli::Show, server: &Server, output: &mut Output) -> Result<Status> {
    let mut database = open(server, &arguments.database.wait, None, output)?;
    let report = database.show(show::asked(arguments))?;
    output.result(&report, arguments.format)?;
    Ok(Status::Done)
}

/// `fkfix graph`
pub fn graph(arguments: &cli::Graph, server: &Server, output: &mut Output) -> Result<Status> {
    let migrations = migrations(&arguments.set, output)?;
    let mut database = open(server, &arguments.database.wait, None, output)?;
    let (diagram, not_drawn) = database.diagram(&migrations, graph::shown(arguments))?;
    let name = database.name().to_owned();
    graph::tell(arguments, name, &diagram, &not_drawn, output)
}

/// `fkfix new` with a database
pub fn new(arguments: &cli::New, server: &Server, output: &mut Output) -> Result<Status> {
    let mut database = open(server, &arguments.wait, None, output)?;
    let scripts = database.scripts(&arguments.add)?;
    new::write(arguments, &scripts, output)
}

/// `fkfix enforce`
pub fn enforce(output: &mut Output) -> Status {
    output.note("PostgreSQL enforces every key by itself; there is nothing to do");
    Status::Done
}
