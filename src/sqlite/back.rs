//! The way back: a migration's down script, and the rows that it archived.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::archive::{self, Restore};
use super::backup;
use super::ddl::same_name;
use super::driver;
use super::history::{self, AdoptedKey, Applied};
use super::plan;
use super::row_counts;
use super::script::{self, Action, Statement};
use super::steps::{self, Step};
use crate::migrations::Migrations;
use crate::policy::Policy;

/// What is to be taken back.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The set that has the down scripts.
    pub migrations: &'a Migrations,
    /// Archived rows stay in the archive.
    pub leave_orphans: bool,
}

/// What taking one migration back did, or would do.
#[derive(Debug)]
pub struct TakenBack {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// The keys that were there before it, and so stay.
    pub left: Vec<AdoptedKey>,
    /// The rows that came back, by archive.
    pub restored: Vec<Restored>,
    /// All steps, in order.
    pub steps: Vec<Step>,
}

/// What came back from one archive.
#[derive(Debug)]
pub struct Restored {
    /// The archive.
    pub archive: String,
    /// The table.
    pub table: String,
    /// Rows that are in the table again.
    pub rows: i64,
    /// Rows that stay in the archive: their key is taken, or their table or column is gone.
    pub kept: i64,
}

/// Takes the migrations `applied` back, in that order. `transaction` must be open, with foreign
/// keys off; the caller commits or rolls back.
pub fn down(
    transaction: &Connection,
    order: Order<'_>,
    applied: &[Applied],
) -> Result<Vec<TakenBack>> {
    let mut done = Vec::new();
    for row in applied {
        let back = take_back(transaction, order, row)
            .with_context(|| format!("could not take V{}__{} back", row.version, row.name))?;
        done.push(back);
    }
    Ok(done)
}

/// What [`down`] would do to the database that `connection` only reads.
///
/// Where a down script does more than drop keys, it is carried out on a copy in the temporary
/// folder.
pub fn dry_run(
    connection: &Connection,
    order: Order<'_>,
    applied: &[Applied],
) -> Result<Vec<TakenBack>> {
    let mut planned = Vec::new();
    for (at, row) in applied.iter().enumerate() {
        let script = read(order, row)?;
        if !script.drops_only {
            let copy = backup::temporary(connection)?;
            return down(&copy.connection, order, applied);
        }
        let mut back = script.back;
        for part in script.parts {
            back.steps.extend(part.into_step());
        }
        if !order.leave_orphans {
            for restore in archive::restore(connection, row.version)? {
                back.steps.extend(restore.steps.iter().cloned());
                let kept = restore.kept;
                back.restored.push(Restored::new(restore, kept));
            }
        }
        let others = row_counts::count_rows(connection, history::TABLE)? - i64::try_from(at + 1)?;
        back.steps.extend(history::forget(row.version, others));
        planned.push(back);
    }
    Ok(planned)
}

fn take_back(transaction: &Connection, order: Order<'_>, applied: &Applied) -> Result<TakenBack> {
    let Script {
        mut back, parts, ..
    } = read(order, applied)?;
    for part in parts {
        let steps = match part {
            Part::Run(step) => vec![step],
            Part::AddKey(key) => {
                let policy = &Policy::REFUSE;
                let plan = plan::add_keys(transaction, &[key], applied.version, policy)?;
                if let Some(refusal) = plan.refusal(policy) {
                    return Err(refusal.into());
                }
                plan.steps
            }
        };
        back.carry_out(transaction, steps)?;
    }
    if !order.leave_orphans {
        for restore in archive::restore(transaction, applied.version)? {
            back.carry_out(transaction, restore.steps.clone())?;
            let kept = archive::count(transaction, &restore.archive, applied.version)?;
            back.restored.push(Restored::new(restore, kept));
        }
    }
    let others = row_counts::count_rows(transaction, history::TABLE)? - 1;
    back.carry_out(transaction, history::forget(applied.version, others))?;
    Ok(back)
}

impl TakenBack {
    fn carry_out(&mut self, transaction: &Connection, steps: Vec<Step>) -> Result<()> {
        steps::carry_out(transaction, &steps)?;
        self.steps.extend(steps);
        Ok(())
    }
}

impl Restored {
    fn new(restore: Restore, kept: i64) -> Self {
        Restored {
            rows: restore.rows - kept,
            kept,
            archive: restore.archive.name,
            table: restore.archive.table,
        }
    }
}

/// A down script, read for one database.
struct Script {
    back: TakenBack,
    parts: Vec<Part>,
    /// Nothing in it changes what the rest of the plan depends on.
    drops_only: bool,
}

enum Part {
    Run(Step),
    AddKey(script::AddForeignKey),
}

impl Part {
    fn into_step(self) -> Option<Step> {
        match self {
            Part::Run(step) => Some(step),
            Part::AddKey(_) => None,
        }
    }
}

fn read(order: Order<'_>, applied: &Applied) -> Result<Script> {
    let (migration, text) = order.migrations.down_script(applied.version)?;
    let file = migration.down_file();
    let mut script = Script {
        back: TakenBack {
            version: applied.version,
            name: applied.name.clone(),
            left: Vec::new(),
            restored: Vec::new(),
            steps: Vec::new(),
        },
        parts: Vec::new(),
        drops_only: true,
    };
    for Statement { line, action } in script::parse(&file, text)? {
        let run = |sql| Part::Run(driver::statement(&file, line, sql));
        match action {
            Action::DropConstraint {
                table, constraint, ..
            } if applied.has_adopted(&table, &constraint) => {
                script.back.left.push(AdoptedKey {
                    table,
                    constraint: Some(constraint),
                });
            }
            Action::DropConstraint { sql, .. } => script.parts.push(run(sql)),
            Action::Other(sql) => {
                script.parts.push(run(sql));
                script.drops_only = false;
            }
            Action::AddForeignKey(key) => {
                script.parts.push(Part::AddKey(key));
                script.drops_only = false;
            }
        }
    }
    Ok(script)
}

impl Applied {
    fn has_adopted(&self, table: &str, constraint: &str) -> bool {
        self.adopted.iter().any(|key| {
            let name = key.constraint.as_deref();
            same_name(&key.table, table) && name.is_some_and(|name| same_name(name, constraint))
        })
    }
}
