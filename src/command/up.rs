//! `fkfix up`: apply pending migrations.

use anyhow::Result;
use rusqlite::Connection;

use crate::cli::{ChangeFormat, Database, Up};
use crate::failure::Status;
use crate::policy::{Method, Policy};
use crate::report::change::{AppliedMigration, UpReport};
use crate::report::output::Output;
use crate::report::plan::{PlannedMigration, UpPlan};
use crate::sqlite::driver::{self, Order, Outcome};
use crate::sqlite::space::{self, Space};
use crate::sqlite::{connection, history, reading, shell, timing};

const ENFORCEMENT: &str = "SQLite acts on foreign keys only on connections that run PRAGMA foreign_keys = ON; see that the application does, or run fkfix enforce";

/// Runs the verb.
pub fn run(arguments: &Up, output: &mut Output) -> Result<Status> {
    super::check_format(arguments.format, &arguments.change)?;
    let migrations = super::migrations(&arguments.set)?;
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
    };
    let mut warnings = Vec::new();
    let mut database = connection::open(location, arguments.database.wait.lock_timeout)?;
    if !history::pending(order.migrations, &history::read(&database)?, order.to)?.is_empty() {
        let transaction = connection::begin(&mut database, location)?;
        // Another run may have been faster than the lock.
        let applied = history::read(&transaction)?;
        if !history::pending(order.migrations, &applied, order.to)?.is_empty() {
            let backup = arguments.change.backup.as_ref();
            report.backup = super::back_up(location, backup)?;
            let outcomes = driver::up(&transaction, order)
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
    output.result(&report, arguments.format.into())?;
    for warning in &warnings {
        output.warning(warning);
    }
    if !report.applied.is_empty() {
        output.hint(ENFORCEMENT);
    }
    Ok(Status::Done)
}

/// What a run would do, and what it would take.
struct Planned<'a> {
    outcomes: Vec<Outcome<'a>>,
    space: Option<Space>,
    seconds: Option<f64>,
}

fn plan<'a>(database: &Connection, order: Order<'a>, format: ChangeFormat) -> Result<Planned<'a>> {
    let mut planned = Planned {
        outcomes: Vec::new(),
        space: None,
        seconds: None,
    };
    let pending = history::pending(order.migrations, &history::read(database)?, order.to)?;
    if pending.is_empty() {
        return Ok(planned);
    }
    planned.outcomes = driver::dry_run(database, order, &pending)?;
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
    let (location, timeout) = (&database.location, database.wait.lock_timeout);
    let Planned {
        outcomes,
        space,
        seconds,
    } = reading::read(location, timeout, |database| plan(database, order, format))?;
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
            database: location.to_string(),
            dry_run: true,
            migrations: planned.collect(),
            refused: refusal.map(ToString::to_string),
            space: space.map(Into::into),
            seconds,
        };
        output.result(&report, format.into())?;
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
