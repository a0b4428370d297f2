//! The verbs on a database that a server has.

pub mod looks;

use std::io::{Seek as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::context;
use crate::cli::{self, ChangeFormat, Format, RowsFormat};
use crate::engine::server::{CleanOrder, Database, DownOrder, UpOrder as Order, Wait};
use crate::failure::{Failure, Status};
use crate::location::Server;
use crate::outcome::status::{MigrationStatus, State};
use crate::outcome::value;
use crate::policy::{Manner, Method};
use crate::report::check::CheckReport;
use crate::report::output::Output;
use crate::report::snapshot;

fn open(
    server: &Server,
    wait: &cli::Wait,
    schema: Option<&str>,
    output: &mut Output,
) -> Result<Database> {
    let wait = Wait {
        lock_timeout: wait.lock_timeout.unwrap_or(Duration::from_millis(100)),
        lock_wait: wait.lock_wait,
    };
    let database = Database::open(server.reveal(), wait, schema)?;
    for warning in database.warnings() {
        output.warning(warning);
    }
    Ok(database)
}

fn no_backup(backup: Option<&PathBuf>) -> Result<()> {
    if backup.is_none() {
        return Ok(());
    }
    Err(
        Failure::impossible("--backup copies a file, and this database is a server's")
            .hint("take a copy with pg_dump first")
            .into(),
    )
}

/// `fkfix up`
pub fn up(arguments: &cli::Up, server: &Server, output: &mut Output) -> Result<Status> {
    no_backup(arguments.change.backup.as_ref())?;
    let migrations = context::migrations(&arguments.set, output)?;
    if let Some(to) = arguments.to {
        migrations.must_have(to)?;
    }
    let policy = arguments.policy(Method::Fastest);
    let manner = Manner {
        child_index: arguments.child_index,
        ..arguments.server.manner()
    };
    let order = Order {
        migrations: &migrations,
        to: arguments.to,
        allow_missing: arguments.allow_missing,
        policy: &policy,
        manner: &manner,
    };
    let schema = arguments.server.own.schema.as_deref();
    let mut database = open(server, &arguments.database.wait, schema, output)?;
    if arguments.change.dry_run {
        let (plan, refusal) = database.plan_up(order)?;
        if arguments.format == ChangeFormat::Sql {
            if refusal.is_none() {
                output.write(&database.script_up(order)?)?;
            }
        } else {
            output.result(&plan, arguments.format.into())?;
        }
        for warning in plan.migrations.iter().flat_map(|it| &it.warnings) {
            output.warning(warning);
        }
        if let Some(refusal) = refusal {
            output.refusal(&refusal);
            return Ok(refusal.status());
        }
        return Ok(Status::Done);
    }
    let report = database.up(order, |told| output.note(told))?;
    context::note_if(report.none_apply, output);
    if report.migrations.is_empty() {
        output.result(&report, arguments.format.into())?;
        return Ok(Status::Done);
    }
    let versions = report.migrations.iter();
    let versions = versions.map(|it| format!("V{}", it.change.version));
    let done = context::versions("applied", versions);
    let status = output.outcome(&report, arguments.format.into(), &done);
    if report
        .migrations
        .iter()
        .any(|it| it.change.removed.iter().any(|rows| rows.rows > 10_000))
    {
        let tables = report.migrations.iter().flat_map(|it| &it.change.removed);
        let tables: Vec<_> = tables.map(|it| it.table.clone()).collect();
        output.hint(&format!(
            "many rows left {}: VACUUM (ANALYZE) gives their room to new ones",
            crate::text::listing(&tables)
        ));
    }
    Ok(status)
}

/// `fkfix down`
pub fn down(arguments: &cli::Down, server: &Server, output: &mut Output) -> Result<Status> {
    no_backup(arguments.change.backup.as_ref())?;
    let migrations = context::migrations(&arguments.set, output)?;
    if let Some(to) = arguments.to.filter(|to| *to != 0) {
        migrations.must_have(to)?;
    }
    let manner = arguments.server.manner();
    let order = DownOrder {
        migrations: &migrations,
        to: arguments.to,
        leave_orphans: arguments.leave_orphans,
        manner: &manner,
    };
    let schema = arguments.server.own.schema.as_deref();
    let mut database = open(server, &arguments.database.wait, schema, output)?;
    if arguments.change.dry_run {
        if arguments.format == ChangeFormat::Sql {
            output.write(&database.script_down(order)?)?;
        } else {
            output.result(&database.plan_down(order)?, arguments.format.into())?;
        }
        return Ok(Status::Done);
    }
    let report = database.down(order, |told| output.note(told))?;
    if report.migrations.is_empty() {
        output.result(&report, arguments.format.into())?;
        return Ok(Status::Done);
    }
    let versions = report
        .migrations
        .iter()
        .map(|it| format!("V{}", it.change.version));
    let done = context::versions("reverted", versions);
    Ok(output.outcome(&report, arguments.format.into(), &done))
}

/// `fkfix status`
pub fn status(arguments: &cli::Status, server: &Server, output: &mut Output) -> Result<Status> {
    let migrations = context::migrations(&arguments.set, output)?;
    let schema = arguments.own.schema.as_deref();
    let mut database = open(server, &arguments.database.wait, schema, output)?;
    let (report, none_apply) = database.status(&migrations)?;
    context::note_if(none_apply, output);
    output.result(&report, arguments.format)?;
    let is_open = |it: &MigrationStatus| matches!(it.state, State::Pending | State::UnderWay);
    let is_open = report.migrations.iter().any(is_open);
    Ok(if arguments.exit_code && is_open {
        Status::No
    } else {
        Status::Done
    })
}

/// `fkfix check`
pub fn check(arguments: &cli::Check, server: &Server, output: &mut Output) -> Result<Status> {
    super::check::must_be_at_home(arguments)?;
    if arguments.integrity {
        return Err(
            Failure::impossible("--integrity reads the file of a SQLite database")
                .hint("pg_amcheck looks whether the tables and indexes of PostgreSQL are sound")
                .into(),
        );
    }
    let migrations = context::migrations(&arguments.set, output)?;
    let mut database = open(server, &arguments.wait, None, output)?;
    let name = database.name().to_owned();
    if let (true, Some(file)) = (arguments.update, &arguments.snapshot) {
        let schema = database.schema()?;
        return super::check::write_snapshot(name, file, &schema, arguments, output);
    }
    let with_schema = arguments.snapshot.is_some();
    let (mut findings, none_apply, schema) = database.check(&migrations, with_schema)?;
    context::note_if(none_apply, output);
    if let (Some(file), Some(schema)) = (&arguments.snapshot, &schema) {
        let committed = super::check::read_snapshot(file)?;
        findings.extend(snapshot::difference(file, &committed, schema));
    }
    let mut report = CheckReport::new(name, findings, &arguments.ignore);
    report.strict = arguments.strict;
    super::check::tell(&report, arguments.format, output)
}

/// `fkfix clean`
pub fn clean(arguments: &cli::Clean, server: &Server, output: &mut Output) -> Result<Status> {
    context::check_format(arguments.format, &arguments.change)?;
    no_backup(arguments.change.backup.as_ref())?;
    let policy = super::clean::policy(arguments);
    let manner = arguments.server.manner();
    let order = CleanOrder {
        only: arguments.table.as_deref(),
        policy: &policy,
        manner: &manner,
    };
    let schema = arguments.server.own.schema.as_deref();
    let mut database = open(server, &arguments.database.wait, schema, output)?;
    let cleaned = if arguments.change.dry_run {
        database.plan_clean(order, arguments.format == ChangeFormat::Sql)?
    } else {
        database.clean(order)?
    };
    super::clean::tell(cleaned, arguments.format, output)
}

/// `fkfix restore`
pub fn restore(arguments: &cli::Restore, server: &Server, output: &mut Output) -> Result<Status> {
    no_backup(arguments.backup.as_ref())?;
    let manner = arguments.server.manner();
    let schema = arguments.server.own.schema.as_deref();
    let mut database = open(server, &arguments.database.wait, schema, output)?;
    let only = arguments.table.as_deref();
    if arguments.purge {
        let age = arguments.older_than.unwrap_or_default();
        let mut report = database.plan_purge(only, age)?;
        if arguments.dry_run || report.purged.is_empty() {
            report.dry_run = arguments.dry_run;
            output.result(&report, arguments.format)?;
            return Ok(Status::Done);
        }
        let most = if arguments.yes {
            None
        } else {
            Some(super::restore::confirm(&report)?)
        };
        let report = database.purge(only, age, most)?;
        let done = format!("old archived rows of {} were deleted", report.database);
        return Ok(output.outcome(&report, arguments.format, &done));
    }
    if arguments.dry_run {
        output.result(&database.plan_restore(only, &manner)?, arguments.format)?;
        return Ok(Status::Done);
    }
    let report = database.restore(only, &manner)?;
    let done = format!("the archived rows of {} were put back", report.database);
    Ok(output.outcome(&report, arguments.format, &done))
}

/// `fkfix orphans`
pub fn orphans(arguments: &cli::Orphans, server: &Server, output: &mut Output) -> Result<Status> {
    if arguments.archived {
        let schema = arguments.own.schema.as_deref();
        let mut database = open(server, &arguments.database.wait, schema, output)?;
        let report = database.archived(arguments.table.as_deref())?;
        return super::orphans::tell_archived(&report, arguments.format, output);
    }
    let migrations = context::migrations(&arguments.set, output)?;
    let schema = arguments.own.schema.as_deref();
    let mut database = open(server, &arguments.database.wait, schema, output)?;
    let table = arguments.table.as_deref();
    if arguments.format == RowsFormat::Csv {
        let attempt = "could not keep the rows in the temporary folder";
        let mut spool = tempfile::SpooledTempFile::new(1 << 20);
        let (warnings, number) = database.orphans_of_one(&migrations, table, |names, rows| {
            let heading = names.iter().map(|name| value::csv_text(name.as_bytes()));
            spool
                .write_all(&value::csv_line(&heading.collect::<Vec<_>>()))
                .context(attempt)?;
            rows(&mut |row| {
                let fields: Vec<_> = row.iter().map(value::csv).collect();
                spool.write_all(&value::csv_line(&fields)).context(attempt)
            })
        })?;
        for warning in &warnings {
            output.warning(warning);
        }
        spool.rewind().context(attempt)?;
        output.copy(&mut spool)?;
        return Ok(if number == 0 {
            Status::Done
        } else {
            Status::No
        });
    }
    let (report, warnings) = database.orphans(&migrations, table, arguments.limit)?;
    for warning in &warnings {
        output.warning(warning);
    }
    let format = match arguments.format {
        RowsFormat::Json => Format::Json,
        _ => Format::Text,
    };
    output.result(&report, format)?;
    Ok(if report.orphans == 0 {
        Status::Done
    } else {
        Status::No
    })
}

/// `fkfix resolve`
pub fn resolve(arguments: &cli::Resolve, server: &Server, output: &mut Output) -> Result<Status> {
    let migrations = context::migrations(&arguments.set, output)?;
    let schema = arguments.own.schema.as_deref();
    let mut database = open(server, &arguments.database.wait, schema, output)?;
    let report = database.resolve(&super::resolve::order(arguments, &migrations))?;
    super::resolve::tell(arguments, &report, output)
}

/// Going down and up again takes two transactions there.
pub fn no_redo() -> anyhow::Error {
    Failure::impossible("fkfix redo works on files of SQLite, where it is one transaction")
        .hint("run fkfix down and then fkfix up")
        .into()
}
