//! `fkfix up`: apply pending migrations.

use anyhow::Result;
use rusqlite::Connection;

use crate::cli::{ChangeFormat, Database, Up};
use crate::failure::Status;
use crate::policy::{Method, Policy};
use crate::report::change::{AppliedMigration, UpReport};
use crate::report::output::Output;
use crate::report::plan::{PlannedMigration, UpPlan};
use crate::sqlite::apply::history;
use crate::sqlite::apply::space::{self, Space};
use crate::sqlite::apply::timing;
use crate::sqlite::apply::up::{self, Order, Outcome};
use crate::sqlite::file::connection;
use crate::sqlite::write::shell;

const ENFORCEMENT: &str = "SQLite acts on foreign keys only on connections that run PRAGMA foreign_keys = ON; see that the application does, or run fkfix enforce";

const NO_MIGRATION: &str =
    "fkfix discover finds keys that were meant, and fkfix new writes the migration that adds them";

/// Runs the verb.
pub fn run(arguments: &Up, output: &mut Output) -> Result<Status> {
    super::check_format(arguments.format, &arguments.change)?;
    let migrations = super::migrations(&arguments.set, output)?;
    if let Some(to) = arguments.to {
        migrations.must_have(to)?;
    }
    let policy = Policy {
        orphans: arguments.orphans,
        max_orphans: arguments.max_orphans,
        method: method(arguments),
    };
    let order = Order {
        migrations: &migrations,
        to: arguments.to,
        allow_missing: arguments.allow_missing,
        policy: &policy,
        check_space: !arguments.no_space_check,
    };
    if arguments.change.dry_run {
        return dry_run(&arguments.database, order, arguments.format, output);
    }
    apply(arguments, order, output)
}

/// A script is for any SQLite, so it keeps to what is documented for all of them.
fn method(arguments: &Up) -> Method {
    if arguments.in_place {
        Method::InPlace
    } else if arguments.documented || arguments.format == ChangeFormat::Sql {
        Method::Documented
    } else {
        Method::Fastest
    }
}

fn apply(arguments: &Up, order: Order<'_>, output: &mut Output) -> Result<Status> {
    let location = &arguments.database.location;
    let mut report = UpReport {
        database: location.to_string(),
        to: arguments.to,
        backup: None,
        applied: Vec::new(),
        none_apply: false,
    };
    let mut warnings = Vec::new();
    let mut database = connection::open(location, arguments.database.wait.for_a_file())?;
    let migrations = history::applicable(&database, order.migrations)?;
    let order = Order {
        migrations,
        ..order
    };
    super::note_if(migrations.is_empty(), output);
    report.none_apply = migrations.is_empty();
    if !order.pending(&history::read(&database)?)?.is_empty() {
        let transaction = connection::begin(&mut database, location)?;
        // Another run may have been faster than the lock.
        let applied = history::read(&transaction)?;
        if !order.pending(&applied)?.is_empty() {
            let backup = arguments.change.backup.as_ref();
            report.backup = super::back_up(location, backup)?;
            let outcomes = up::up(&transaction, order)
                .inspect_err(|error| super::discard_after_refusal(error, backup))?;
            for outcome in &outcomes {
                report
                    .applied
                    .push(AppliedMigration::new(outcome, order.policy));
                warnings.extend(outcome.warnings().cloned());
            }
            connection::commit(transaction, location)?;
        }
    }
    if report.applied.is_empty() {
        output.result(&report, arguments.format.into())?;
        if report.none_apply {
            output.hint(NO_MIGRATION);
        }
        return Ok(Status::Done);
    }
    let versions = report.applied.iter().map(|it| format!("V{}", it.version));
    let done = super::versions("applied", versions);
    let status = output.outcome(&report, arguments.format.into(), &done);
    for warning in &warnings {
        output.warning(warning);
    }
    output.hint(ENFORCEMENT);
    Ok(status)
}

/// What a run would do, and what it would take.
struct Planned<'a> {
    outcomes: Vec<Outcome<'a>>,
    space: Option<Space>,
    seconds: Option<f64>,
    none_apply: bool,
}

fn plan<'a>(database: &Connection, order: Order<'a>, format: ChangeFormat) -> Result<Planned<'a>> {
    let mut planned = Planned {
        outcomes: Vec::new(),
        space: None,
        seconds: None,
        none_apply: order.migrations.is_empty(),
    };
    let pending = order.pending(&history::read(database)?)?;
    if pending.is_empty() {
        return Ok(planned);
    }
    planned.outcomes = up::dry_run(database, order, &pending)?;
    if !planned.outcomes.is_empty() {
        let plans = planned.outcomes.iter().flat_map(Outcome::plans);
        planned.space = Some(space::estimate(database, plans)?);
        if format != ChangeFormat::Sql {
            let time = timing::estimate(database, &planned.outcomes);
            planned.seconds = time.map(|time| time.as_secs_f64());
        }
    }
    Ok(planned)
}

fn dry_run(
    database: &Database,
    order: Order<'_>,
    format: ChangeFormat,
    output: &mut Output,
) -> Result<Status> {
    let planned = super::read(
        database,
        order.migrations,
        output,
        |database, migrations| {
            plan(
                database,
                Order {
                    migrations,
                    ..order
                },
                format,
            )
        },
    )?;
    let Planned {
        outcomes,
        space,
        seconds,
        none_apply,
    } = planned;
    let short = space.filter(|_| order.check_space);
    let short = short.and_then(|space| space.must_suffice().err());
    let refused = outcomes.iter().find_map(|outcome| outcome.refusal.as_ref());
    let refusal = refused.or(short.as_ref());
    if format == ChangeFormat::Sql {
        if refusal.is_none() && !outcomes.is_empty() {
            output.write(&shell::up(&outcomes)?)?;
        }
    } else {
        let planned = outcomes
            .iter()
            .map(|it| PlannedMigration::new(it, order.policy));
        let report = UpPlan {
            database: database.location.to_string(),
            to: order.to,
            dry_run: true,
            none_apply,
            migrations: planned.collect(),
            refused: refusal.map(ToString::to_string),
            space: space.map(Into::into),
            seconds,
        };
        output.result(&report, format.into())?;
    }
    if none_apply {
        output.hint(NO_MIGRATION);
    }
    for warning in outcomes.iter().flat_map(Outcome::warnings) {
        output.warning(warning);
    }
    match refusal {
        Some(refusal) => {
            output.refusal(refusal);
            Ok(refusal.status())
        }
        None => Ok(Status::Done),
    }
}
