//! `fkfix graph`: the tables and their keys as a picture. Read-only.

use anyhow::Result;
use rusqlite::Connection;

use crate::cli::{Graph, PictureFormat};
use crate::failure::Status;
use crate::migrations::{Migrations, Origin};
use crate::report::graph::{self, GraphReport};
use crate::report::output::Output;
use crate::sqlite::discover::{self, DEFAULT_CONFIDENCE};
use crate::sqlite::file::reading;
use crate::sqlite::look::diagram::{Diagram, NotDrawn};

/// Runs the verb.
pub fn run(arguments: &Graph, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set, output)?;
    let location = &arguments.database.location;
    let timeout = arguments.database.wait.for_a_file();
    let (diagram, not_drawn) = reading::read(location, timeout, |database| {
        look(arguments, &migrations, database)
    })?;
    for not_drawn in not_drawn {
        // The built-in migration is for tables that most databases don't have.
        if migrations.origin() != Origin::BuiltIn {
            output.warning(&format!(
                "{} is not drawn: {}",
                not_drawn.key, not_drawn.reason
            ));
        }
    }
    match arguments.format {
        PictureFormat::Mermaid => output.write(&graph::mermaid(&diagram))?,
        PictureFormat::Dot => output.write(&graph::dot(&diagram))?,
        PictureFormat::Svg => output.write(&graph::svg(&diagram))?,
        PictureFormat::Json => {
            let report = GraphReport::new(location.to_string(), &diagram);
            output.document(&report)?;
        }
    }
    Ok(Status::Done)
}

fn look(
    arguments: &Graph,
    migrations: &Migrations,
    database: &Connection,
) -> Result<(Diagram, Vec<NotDrawn>)> {
    let mut diagram = Diagram::read(database, arguments.all)?;
    let not_drawn = diagram.add_pending(database, migrations)?;
    if arguments.discover {
        let candidates = discover::candidates(database)?.into_iter();
        for found in candidates.filter(|it| it.confidence >= DEFAULT_CONFIDENCE) {
            diagram.add_discovered(database, found.key, found.confidence)?;
        }
    }
    Ok((diagram, not_drawn))
}
