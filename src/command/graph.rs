//! `fkfix graph`: the tables and their keys as a picture. Read-only.

use anyhow::Result;

use super::context;
use crate::cli::{Graph, PictureFormat};
use crate::failure::Status;
use crate::model::asked::Shown;
use crate::model::diagram::{Diagram, NotDrawn};
use crate::report::graph::{self, GraphReport};
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Graph, output: &mut Output) -> Result<Status> {
    let migrations = context::migrations(&arguments.set, output)?;
    let database = context::open(&arguments.database)?;
    let (diagram, not_drawn) = database.diagram(&migrations, shown(arguments))?;
    let name = arguments.database.location()?.to_string();
    tell(arguments, name, &diagram, &not_drawn, output)
}

/// What is to be drawn.
pub fn shown(arguments: &Graph) -> Shown<'_> {
    Shown {
        own_tables: arguments.all,
        discovered: arguments.discover,
        around: arguments.around.as_deref().map(|it| (it, arguments.depth)),
        only_orphans: arguments.only_orphans,
    }
}

/// Writes `diagram` of the database called `name`, and what could not be drawn.
pub fn tell(
    arguments: &Graph,
    name: String,
    diagram: &Diagram,
    not_drawn: &[NotDrawn],
    output: &mut Output,
) -> Result<Status> {
    for not_drawn in not_drawn {
        output.warning(&format!(
            "{} is not drawn: {}",
            not_drawn.key, not_drawn.reason
        ));
    }
    if arguments.only_orphans && diagram.relations.is_empty() {
        output.note("no orphans, so nothing is drawn");
    }
    match arguments.format {
        PictureFormat::Mermaid => output.write(&graph::mermaid(diagram))?,
        PictureFormat::Dot => output.write(&graph::dot(diagram))?,
        PictureFormat::Svg => output.write(&graph::svg(diagram))?,
        PictureFormat::Text => output.lines(&graph::text(diagram))?,
        PictureFormat::Json => output.document(&GraphReport {
            database: name,
            diagram,
        })?,
    }
    Ok(Status::Done)
}
