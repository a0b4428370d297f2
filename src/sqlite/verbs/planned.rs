//! What migrations do, as the values that are reported.

use crate::outcome::change::AppliedMigration;
use crate::outcome::migrations::{DownMigration, UpMigration};
use crate::policy::Policy;
use crate::sqlite::apply::down::TakenBack;
use crate::sqlite::apply::up::{Done, Outcome};
use crate::sqlite::rebuild::Way;
use crate::sqlite::rebuild::steps::Step;

impl UpMigration {
    /// What `outcome` does under `policy`.
    pub fn new(outcome: &Outcome<'_>, policy: &Policy) -> Self {
        let steps = outcome.parts.iter().flat_map(|part| match part {
            Done::Statement(step) => vec![step.title()],
            Done::Keys(plan) => titles(&plan.steps),
        });
        let tables = outcome.plans().flat_map(|plan| &plan.tables);
        let ways = tables.filter_map(|table| {
            let way = table.way?;
            if let Some(reason) = &table.because {
                let kept = match way {
                    Way::Edit => "keeps its place in the file",
                    _ => "is copied as it lies in the file",
                };
                return Some(format!("{} {kept}: {reason}", table.name));
            }
            let way = match way {
                Way::Edit => "keeps its place in the file: few of its rows leave",
                Way::TransferRecords => "is copied as it lies in the file, and its indexes are built anew",
                Way::Rows => "is copied row by row, and its indexes are built anew: many rows leave, or its rowids must be kept",
                Way::TwoCopies => "is copied aside and back row by row, as it can't be renamed, and its indexes are built anew",
            };
            Some(format!("{} {way}", table.name))
        });
        UpMigration {
            change: AppliedMigration::new(outcome, policy),
            warnings: outcome.warnings().cloned().collect(),
            ways: ways.collect(),
            steps: steps.collect(),
        }
    }
}

fn titles(steps: &[Step]) -> Vec<String> {
    steps.iter().map(Step::title).collect()
}

impl DownMigration {
    /// What `back` does.
    pub fn new(back: TakenBack) -> Self {
        DownMigration {
            steps: titles(&back.steps),
            change: back.change,
        }
    }
}
