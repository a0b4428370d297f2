//! The verbs that only look at what a server has, and those that write no more than a file.

use anyhow::Result;

use super::open;
use crate::cli;
use crate::command::{context, discover, graph, new, show};
use crate::failure::Status;
use crate::location::Server;
use crate::outcome::enforce::EnforceReport;
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
    let migrations = context::migrations(&arguments.set, output)?;
    let mut database = open(server, &arguments.database.wait, None, output)?;
    let (diagram, not_drawn) = database.diagram(&migrations, graph::shown(arguments))?;
    let name = database.name().to_owned();
    graph::tell(arguments, name, &diagram, &not_drawn, output)
}

/// `fkfix new` with a database
pub fn new(arguments: &cli::New, server: &Server, output: &mut Output) -> Result<Status> {
    let mut database = open(server, &arguments.wait, None, output)?;
    let scripts = database.scripts(new::wanted(arguments))?;
    new::write(arguments, &scripts, output)
}

/// `fkfix discover`
pub fn discover(arguments: &cli::Discover, server: &Server, output: &mut Output) -> Result<Status> {
    let folder = discover::folder(arguments)?;
    let mut database = open(server, &arguments.database.wait, None, output)?;
    let found = database.discover(discover::sought(arguments, folder))?;
    let name = database.name().to_owned();
    discover::tell(arguments, found, folder, name, output)
}

/// `fkfix enforce`
pub fn enforce(arguments: &cli::Enforce, server: &Server, output: &mut Output) -> Result<Status> {
    if arguments.format == cli::ChangeFormat::Json {
        let database = open(server, &arguments.database.wait, None, output)?;
        output.document(&EnforceReport::nothing(database.name()))?;
    }
    output.note("PostgreSQL enforces every key by itself; there is nothing to do");
    Ok(Status::Done)
}
