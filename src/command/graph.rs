//! `fkfix graph`: the tables and their keys as a picture. Read-only.

use anyhow::Result;

use crate::cli::{Graph, PictureFormat};
use crate::engine::Shown;
use crate::failure::Status;
use crate::report::graph::{self, GraphReport};
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Graph, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set, output)?;
    let location = &arguments.database.location;
    let shown = Shown {
        own_tables: arguments.all,
        discovered: arguments.discover,
        around: arguments.around.as_deref().map(|it| (it, arguments.depth)),
        only_orphans: arguments.only_orphans,
    };
    let database = super::open(&arguments.database);
    let (diagram, not_drawn) = database.diagram(&migrations, shown)?;
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
        PictureFormat::Mermaid => output.write(&graph::mermaid(&diagram))?,
        PictureFormat::Dot => output.write(&graph::dot(&diagram))?,
        PictureFormat::Svg => output.write(&graph::svg(&diagram))?,
        PictureFormat::Text => output.lines(&graph::text(&diagram))?,
        PictureFormat::Json => {
            let report = GraphReport::new(location.to_string(), &diagram);
            output.document(&report)?;
        }
    }
    Ok(Status::Done)
}
