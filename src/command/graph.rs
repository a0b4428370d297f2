//! `fkfix graph`: the tables and their keys as a picture. Read-only.

use anyhow::Result;

use crate::cli::{Graph, PictureFormat};
use crate::failure::Status;
use crate::migrations::Origin;
use crate::report::graph::{self, GraphReport};
use crate::report::output::Output;
use crate::sqlite::connection;
use crate::sqlite::diagram::Diagram;
use crate::sqlite::discover::{self, DEFAULT_CONFIDENCE};

/// Runs the verb.
pub fn run(arguments: &Graph, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set, output)?;
    let location = &arguments.database.location;
    let database = connection::open_read_only(location)?;
    let mut diagram = Diagram::read(&database, arguments.all)?;
    for not_drawn in diagram.add_pending(&database, &migrations)? {
        // The built-in migration is for tables that most databases don't have.
        if migrations.origin() != Origin::BuiltIn {
            output.warning(&format!(
                "{} is not drawn: {}",
                not_drawn.key, not_drawn.reason
            ));
        }
    }
    if arguments.discover {
        let candidates = discover::candidates(&database)?.into_iter();
        for found in candidates.filter(|it| it.confidence >= DEFAULT_CONFIDENCE) {
            diagram.add_discovered(&database, found.key, found.confidence)?;
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
