//! The verbs that only look at what a server has, and those that write no more than a file.

use anyhow::Result;

use super::open;
use crate::cli;
use crate::command::{check, discover, graph, migrations, new, note_if, show};
use crate::engine::server::dump;
use crate::failure::{Failure, Status};
use crate::location::Server;
use crate::migrations::Migrations;
use crate::outcome::enforce::EnforceReport;
use crate::report::check::CheckReport;
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

/// Whether the text of a dump is PostgreSQL's.
pub fn is_dump(text: &str) -> bool {
    dump::is_one(text)
}

/// `fkfix check` with the dump `text`, which messages call `name`
pub fn check_dump(
    arguments: &cli::Check,
    name: &str,
    text: &str,
    migrations: &Migrations,
    output: &mut Output,
) -> Result<Status> {
    if arguments.snapshot.is_some() {
        return Err(Failure::impossible(
            "a snapshot is of what the server says of its schema, and pg_dump says it otherwise",
        )
        .hint("compare the database itself: --database with --snapshot")
        .into());
    }
    let (findings, none_apply) = dump::check(name, text, migrations)?;
    note_if(none_apply, output);
    let mut report = CheckReport::new(name.to_owned(), findings, &arguments.ignore);
    report.strict = arguments.strict;
    check::tell(&report, arguments.format, output)
}
