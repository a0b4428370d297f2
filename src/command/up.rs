//! `fkfix up`: apply pending migrations.

use anyhow::Result;

use crate::cli::{ChangeFormat, Up};
use crate::failure::Status;
use crate::policy::{Method, Policy};
use crate::report::change::{AppliedMigration, UpReport};
use crate::report::output::Output;
use crate::report::plan::{PlannedMigration, UpPlan};
use crate::sqlite::driver::{self, Order, Outcome};
use crate::sqlite::location::Location;
use crate::sqlite::{connection, history, shell, space, timing};

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
        return dry_run(
            &arguments.database.location,
            order,
            arguments.format,
            output,
        );
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
    let mut database = connection::open(location, arguments.change.lock_timeout)?;
    let migrations = super::applicable(order.migrations.clone(), &database, output)?;
    let order = Order {
        migrations: &migrations,
        ..order
    };
    report.none_apply = migrations.is_empty();
    if !order.pending(&history::read(&database)?)?.is_empty() {
        let transaction = connection::begin(&mut database, location)?;
        // Another run may have been faster than the lock.
        let applied = history::read(&transaction)?;
        if !order.pending(&applied)?.is_empty() {
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

fn dry_run(
    location: &Location,
    order: Order<'_>,
    format: ChangeFormat,
    output: &mut Output,
) -> Result<Status> {
    let database = connection::open_read_only(location)?;
    let migrations = super::applicable(order.migrations.clone(), &database, output)?;
    let order = Order {
        migrations: &migrations,
        ..order
    };
    let pending = order.pending(&history::read(&database)?)?;
    let outcomes = if pending.is_empty() {
        Vec::new()
    } else {
        driver::dry_run(&database, order, &pending)?
    };
    let space = match outcomes.as_slice() {
        [] => None,
        outcomes => {
            let plans = outcomes.iter().flat_map(Outcome::plans);
            Some(space::estimate(&database, plans)?)
        }
    };
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
            to: order.to,
            dry_run: true,
            none_apply: migrations.is_empty(),
            migrations: planned.collect(),
            refused: refusal.map(ToString::to_string),
            space: space.map(Into::into),
            seconds: match outcomes.as_slice() {
                [] => None,
                outcomes => timing::estimate(&database, location, outcomes),
            }
            .map(|time| time.as_secs_f64()),
        };
        output.result(&report, format.into())?;
    }
    if migrations.is_empty() {
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
