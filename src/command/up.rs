//! `fkfix up`: apply pending migrations.

use anyhow::Result;
use indicatif::HumanBytes;

use super::context;
use crate::cli::{ChangeFormat, Up};
use crate::engine::{Spent, UpOrder};
use crate::failure::Status;
use crate::policy::Method;
use crate::report::migrations::duration;
use crate::report::output::Output;
use crate::target::Target;

const ENFORCEMENT: &str = "SQLite enforces foreign keys only on connections that run PRAGMA foreign_keys = ON; make sure your application does, or run fkfix enforce";

const NO_MIGRATION: &str =
    "fkfix discover finds keys that were meant, and fkfix new writes the migration that adds them";

/// Of a smaller file nobody asks how long it took, and how large it is.
const LARGE: u64 = 16 * 1024 * 1024;

/// Runs the verb.
pub fn run(arguments: &Up, output: &mut Output) -> Result<Status> {
    context::check_format(arguments.format, &arguments.change)?;
    super::schema::check_target(&arguments.database, arguments.format)?;
    let migrations = context::migrations(&arguments.set, output)?;
    if let Some(to) = arguments.to {
        migrations.must_have(to)?;
    }
    let policy = arguments.policy(method(arguments));
    let order = UpOrder {
        migrations: &migrations,
        to: arguments.to,
        allow_missing: arguments.allow_missing,
        policy: &policy,
        check_space: !arguments.no_space_check,
    };
    if let Some(file) = &arguments.database.schema {
        return super::schema::up(arguments, file, order, output);
    }
    if arguments.change.dry_run {
        return dry_run(arguments, order, output);
    }
    apply(arguments, order, output)
}

/// The script of a plan is for any SQLite, so it keeps to what is documented for all of them.
fn method(arguments: &Up) -> Method {
    if arguments.documented || is_for_shell(arguments) {
        Method::Documented
    } else {
        Method::Fastest
    }
}

fn is_for_shell(arguments: &Up) -> bool {
    arguments.format == ChangeFormat::Sql && arguments.database.target == Target::Shell
}

fn apply(arguments: &Up, order: UpOrder<'_>, output: &mut Output) -> Result<Status> {
    let database = context::open(&arguments.database.database())?;
    let done = database.up(order, arguments.change.backup.as_ref())?;
    let (report, format) = (&done.report, arguments.format.into());
    context::note_if(report.none_apply, output);
    if report.migrations.is_empty() {
        output.result(report, format)?;
        if report.none_apply {
            output.hint(NO_MIGRATION);
        }
        return Ok(Status::Done);
    }
    let versions = report.migrations.iter();
    let versions = versions.map(|it| format!("V{}", it.change.version));
    let status = output.outcome(report, format, &context::versions("applied", versions));
    for warning in &done.warnings {
        output.warning(warning);
    }
    if let Some(spent) = done.spent.filter(|it| it.after >= LARGE) {
        output.note(&spent_in_words(report.database.as_str(), spent));
    }
    output.hint(ENFORCEMENT);
    Ok(status)
}

/// `it took 41s; app.db has grown from 1.2 to 2.4 GiB, of which …`
fn spent_in_words(database: &str, spent: Spent) -> String {
    let Spent {
        time,
        before,
        after,
        free,
    } = spent;
    let size = if after > before {
        format!(
            "has grown from {} to {}",
            HumanBytes(before),
            HumanBytes(after)
        )
    } else {
        format!("still has {}", HumanBytes(after))
    };
    // A little is always free.
    let free = if free >= after / 20 {
        let free = HumanBytes(free);
        format!(", of which {free} are free for later rows; VACUUM makes the file smaller")
    } else {
        String::new()
    };
    format!(
        "it took {}; {database} {size}{free}",
        duration(time.as_secs_f64())
    )
}

fn dry_run(arguments: &Up, order: UpOrder<'_>, output: &mut Output) -> Result<Status> {
    let as_script = arguments.format == ChangeFormat::Sql;
    let planned = context::open(&arguments.database.database())?
        .plan_up(order, as_script.then_some(arguments.database.target))?;
    context::note_if(planned.report.none_apply, output);
    if as_script {
        output.write(&planned.script.unwrap_or_default())?;
    } else {
        output.result(&planned.report, arguments.format.into())?;
    }
    if planned.report.none_apply {
        output.hint(NO_MIGRATION);
    }
    for warning in &planned.warnings {
        output.warning(warning);
    }
    match &planned.refusal {
        Some(refusal) => {
            output.refusal(refusal);
            Ok(refusal.status())
        }
        None => Ok(Status::Done),
    }
}
