//! The way back: a migration's down script, and the rows that it archived.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::migrations::Migrations;
use crate::outcome::change::{KeptRows, RestoredRows, TakenBackMigration};
use crate::policy::{Method, Policy};
use crate::sqlite::apply::asked::parts;
use crate::sqlite::apply::asked::unnamed;
use crate::sqlite::apply::history;
use crate::sqlite::apply::plan;
use crate::sqlite::apply::unfired;
use crate::sqlite::archive::kept::{self, Returns};
use crate::sqlite::archive::set_back::SetBack;
use crate::sqlite::archive::{self, Restore, Whose};
use crate::sqlite::file::backup;
use crate::sqlite::file::errors;
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::steps::{self, Step};
use crate::sqlite::schema::row_counts;
use crate::sqlite::schema::{self, Table, scratch};
use crate::sqlite::text::ddl::quote;
use crate::sqlite::text::script;
use crate::sqlite::text::statement::{Action, AddForeignKey, Statement};
use crate::standing::{AdoptedKey, Applied};
use crate::text;

/// What is to be taken back.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The set that has the down scripts.
    pub migrations: &'a Migrations,
    /// Archived rows stay in the archive.
    pub leave_orphans: bool,
}

/// What taking one migration back did, or would do.
#[derive(Debug, Default)]
pub struct TakenBack {
    /// The migration and its rows.
    pub change: TakenBackMigration,
    /// All steps, in order.
    pub steps: Vec<Step>,
    /// What did not happen on the way.
    pub warnings: Vec<String>,
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
        let back = take_back(transaction, order, row).map_err(|error| explain(error, row))?;
        done.push(back);
    }
    Ok(done)
}

/// What [`down`] would do to the database that `connection` only reads: it is carried out on a
/// copy in the temporary folder, so that it says and refuses what the run would.
pub fn dry_run(
    connection: &Connection,
    order: Order<'_>,
    applied: &[Applied],
) -> Result<Vec<TakenBack>> {
    if applied.is_empty() {
        return Ok(Vec::new());
    }
    let copy = backup::temporary(connection)?;
    down(&copy.connection, order, applied)
}

/// Puts archived rows back, of `only` this table where it is given, where no key is broken by it.
pub fn restore(transaction: &Connection, only: Option<&str>) -> Result<TakenBack> {
    let mut back = TakenBack::default();
    back.put_rows_back(transaction, Whose::All, only)?;
    Ok(back)
}

/// What is not there any more, SQLite tells without a remedy.
fn explain(error: anyhow::Error, row: &Applied) -> anyhow::Error {
    let migration = format!("V{}__{}", row.version, row.name);
    let attempt = format!("could not take {migration} back");
    if errors::hint_for(&error).is_some() {
        return error.context(attempt);
    }
    error.context(Failure::impossible(attempt).hint(format!(
        "undo what was changed since {migration} was applied, or change {migration}.down.sql to fit"
    )))
}

fn take_back(transaction: &Connection, order: Order<'_>, applied: &Applied) -> Result<TakenBack> {
    let Script { mut back, parts } = read(order, applied)?;
    for part in parts {
        let steps = match part {
            Part::Run(step) => drop_unnamed(transaction, step)?,
            Part::AddKey(key) if let Some(steps) = put_key_back(transaction, &key, applied)? => {
                steps
            }
            Part::AddKey(key) => {
                let policy = &Policy::REFUSE;
                let plan = plan::add_keys(transaction, &[key], applied.version, policy, None)?;
                if let Some(refusal) = plan.refusal(policy) {
                    return Err(refusal.into());
                }
                plan.steps
            }
        };
        back.carry_out(transaction, steps)?;
    }
    if !order.leave_orphans {
        back.put_rows_back(transaction, Whose::Since(applied.version), None)?;
    }
    let others = row_counts::count_rows(transaction, history::TABLE)? - 1;
    back.carry_out(transaction, history::forget(applied.version, others))?;
    Ok(back)
}

/// SQLite runs the statement itself, but for one that drops a key which it can't.
fn drop_unnamed(transaction: &Connection, step: Step) -> Result<Vec<Step>> {
    if let Step::Run { sql, .. } = &step
        && let Some(dropped) = unnamed::find(transaction, sql)?
        && !dropped.by_sqlite
    {
        return unnamed::define(transaction, &dropped.table, &dropped.after, Method::Fastest);
    }
    Ok(vec![step])
}

/// Gives a table the definition back that it had before the migration dropped the key that `key` asks
/// for, where it is what it was after that. None where it was not dropped, or is a key that can be
/// added like any other.
fn put_key_back(
    transaction: &Connection,
    key: &AddForeignKey,
    applied: &Applied,
) -> Result<Option<Vec<Step>>> {
    let name = key.name.as_deref().unwrap_or_default();
    let mut dropped = applied.dropped(&key.table, name).peekable();
    if dropped.peek().is_none() {
        return Ok(None);
    }
    let table = Table::read(transaction, &key.table)?;
    if let Some((before, _)) = dropped.find(|(_, after)| *after == table.sql) {
        return unnamed::define(transaction, &table, before, Method::Fastest).map(Some);
    }
    let parent = scratch::read_constraint(&table, &key.constraint)?.parent;
    if schema::table_exists(transaction, &parent)? {
        return Ok(None);
    }
    Err(Failure::impossible(format!(
        "could not put {name} back: the definition of {} has changed since",
        table.name
    ))
    .hint("undo what was changed since, or leave that statement out of the down script")
    .into())
}

impl TakenBack {
    fn carry_out(&mut self, transaction: &Connection, steps: Vec<Step>) -> Result<()> {
        steps::carry_out(transaction, &steps)?;
        self.steps.extend(steps);
        Ok(())
    }

    /// Puts back the archived rows that are `whose`, of `only` this table where it is given, and the
    /// keys that rows forgot, as far as no key is broken.
    fn put_rows_back(
        &mut self,
        transaction: &Connection,
        whose: Whose,
        only: Option<&str>,
    ) -> Result<()> {
        let restores = archive::restore(transaction, whose, only)?;
        let returns = Returns::new(transaction, &restores)?;
        let set_back = SetBack::new(transaction, &restores)?;
        self.carry_out(transaction, returns.before())?;
        let mut came = vec![Came::default(); restores.len()];
        for (restore, came) in restores.iter().zip(&mut came) {
            self.carry_out(transaction, restore.insert.clone())?;
            if restore.table.is_some() {
                came.moved = changes(transaction)?;
            }
        }
        let of = |archive: &str| restores.iter().position(|it| it.archive.name == archive);
        for (place, (archive, [list, set, comparison])) in set_back.steps().enumerate() {
            self.carry_out(transaction, vec![list])?;
            set_back.must_stand_in_no_index(transaction, place)?;
            self.carry_out(transaction, vec![set])?;
            let rows = changes(transaction)?;
            self.carry_out(transaction, vec![comparison])?;
            if let Some(came) = of(archive).and_then(|at| came.get_mut(at)) {
                came.set += rows;
            }
        }
        loop {
            let mut again = false;
            for (archive, [mark, undo]) in set_back.round() {
                steps::carry_out(transaction, std::slice::from_ref(&mark))?;
                let marked = changes(transaction)?;
                if marked == 0 {
                    continue;
                }
                steps::carry_out(transaction, std::slice::from_ref(&undo))?;
                self.steps.extend([mark, undo]);
                if let Some(came) = of(archive).and_then(|at| came.get_mut(at)) {
                    came.set -= marked;
                }
                again = true;
            }
            for (archive, step) in returns.round() {
                steps::carry_out(transaction, std::slice::from_ref(&step))?;
                let rows = changes(transaction)?;
                if let Some(came) = of(archive).and_then(|at| came.get_mut(at)) {
                    came.moved -= rows;
                }
                if rows > 0 {
                    self.steps.push(step);
                    again = true;
                }
            }
            if !again {
                break;
            }
        }
        for (archive, step) in set_back.left_again() {
            self.carry_out(transaction, vec![step])?;
            let rows = changes(transaction)?;
            if let Some(came) = of(archive).and_then(|at| came.get_mut(at)) {
                came.set -= rows;
            }
        }
        self.carry_out(transaction, returns.after())?;
        for (restore, came) in restores.iter().zip(came) {
            self.finish(transaction, restore, came)?;
        }
        self.carry_out(transaction, set_back.after().collect())?;
        // A script makes an archive before it knows whether any row leaves.
        for archive in archive::all(transaction)? {
            if row_counts::count_rows(transaction, &archive.name)? == 0 {
                let drop = format!("DROP TABLE main.{}", quote(&archive.name));
                let step = Step::run(format!("drop {}, which is empty", archive.name), drop);
                self.carry_out(transaction, vec![step])?;
            }
        }
        Ok(())
    }

    /// Takes what is back out of the archive: what `came`, and what was there already.
    fn finish(&mut self, transaction: &Connection, restore: &Restore, came: Came) -> Result<()> {
        let mut steps = restore.finish.clone();
        steps::carry_out(transaction, &steps)?;
        let archive = &restore.archive.name;
        for step in &mut steps {
            if let Step::Discard { rows_left, .. } = step
                && schema::table_exists(transaction, archive)?
            {
                *rows_left = row_counts::count_rows(transaction, archive)?;
            }
        }
        self.steps.extend(steps);
        let kept = kept::causes(transaction, restore)?;
        let stay: i64 = kept.iter().map(|kept| kept.rows).sum();
        let rows = restore.rows - stay;
        let moved = came.moved + came.set;
        if moved > rows {
            return Err(Failure::impossible(format!(
                "{} of {archive} would come back to {} with other values; everything is rolled back",
                text::rows(moved - rows),
                restore.archive.table
            ))
            .hint("keep these rows in the archive: fkfix down --leave-orphans")
            .into());
        }
        if let Some(table) = &restore.table {
            let indexes = full_text::Indexes::of(transaction, table)?;
            let columns = restore
                .forgotten
                .as_ref()
                .map_or(Vec::new(), |it| it.columns(table));
            let unfired = unfired::on_the_way_back(table, came.moved, &indexes);
            self.warnings.extend(unfired);
            let unfired = unfired::when_set_back(table, came.set, &columns, &indexes);
            self.warnings.extend(unfired);
        }
        let table = &restore.archive.table;
        let kept_because = kept.iter().map(|kept| KeptRows::new(kept, table));
        self.change.restored.push(RestoredRows {
            table: table.clone(),
            archive: archive.clone(),
            rows,
            there_already: rows - moved,
            kept: stay,
            kept_because: kept_because.collect(),
        });
        Ok(())
    }
}

/// What has come back of one archive.
#[derive(Clone, Copy, Debug, Default)]
struct Came {
    /// Rows that left.
    moved: i64,
    /// Rows that stayed, and have a key again.
    set: i64,
}

/// How many rows the last statement that writes has written.
fn changes(transaction: &Connection) -> Result<i64> {
    Ok(i64::try_from(transaction.changes())?)
}

/// A down script, read for one database.
struct Script {
    back: TakenBack,
    parts: Vec<Part>,
}

enum Part {
    Run(Step),
    AddKey(AddForeignKey),
}

fn read(order: Order<'_>, applied: &Applied) -> Result<Script> {
    let (migration, text) = order.migrations.down_script(applied.version)?;
    let file = migration.down_file();
    let mut script = Script {
        back: TakenBack::default(),
        parts: Vec::new(),
    };
    let change = &mut script.back.change;
    change.version = applied.version;
    change.name.clone_from(&applied.name);
    for Statement { line, action } in script::parse(&file, text)? {
        let run = |sql| Part::Run(parts::statement(&file, line, sql));
        match action {
            Action::DropConstraint {
                table, constraint, ..
            } if applied.has_adopted(&table, &constraint) => {
                let left = AdoptedKey::found(table, Some(constraint));
                change.left.push(left.shown());
            }
            Action::DropConstraint { sql, .. } | Action::Other(sql) => {
                script.parts.push(run(sql));
            }
            Action::AddForeignKey(key) => script.parts.push(Part::AddKey(key)),
        }
    }
    Ok(script)
}
