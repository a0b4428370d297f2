//! The way back: the table with its old text, and the rows that left where they were.

use anyhow::Result;
use rusqlite::Connection;

use super::keys::{self, Left};
use super::leaving::{create_archive, full_text_is_whole};
use super::pin;
use super::script::Script;
use super::swap::{self, Children};
use crate::migrations::Migration;
use crate::policy::Policy;
use crate::sqlite::apply::asked::parts;
use crate::sqlite::apply::asked::unnamed::{self, Dropped};
use crate::sqlite::apply::down::Order;
use crate::sqlite::apply::history;
use crate::sqlite::archive::forgotten::Forgotten;
use crate::sqlite::archive::staying::{self, Staying};
use crate::sqlite::archive::{self, Restore, Whose};
use crate::sqlite::rebuild::full_text;
use crate::sqlite::schema::{self, RowKey, Table};
use crate::sqlite::text::ddl::{literal, quote, same_name};
use crate::sqlite::text::script;
use crate::sqlite::text::statement::{Action, Statement};
use crate::standing::{self, AdoptedKey};

/// Writes what takes `migration` back, which found the keys `adopted` there.
pub fn take_back(
    script: &mut Script<'_>,
    order: Order<'_>,
    migration: &Migration,
    adopted: &[AdoptedKey],
) -> Result<()> {
    let (version, file) = (migration.up.version(), migration.down_file());
    let (_, text) = order.migrations.down_script(version)?;
    script.comment(&file);
    must_be_applied(script, migration, adopted)?;
    let left = left_by(script, migration)?;
    let lower = order
        .migrations
        .iter()
        .filter(|it| it.up.version() < version);
    let mut shared = Vec::new();
    for other in lower {
        // One whose tables are not there keeps no rows.
        shared.extend(left_by(script, other).unwrap_or_default());
    }
    let mut drops = Vec::new();
    for Statement { line, action } in script::parse(&file, text)? {
        let title = format!("run {file}:{line}");
        match action {
            Action::DropConstraint {
                table, constraint, ..
            } if is_adopted(adopted, &table, &constraint) => {}
            Action::DropConstraint { table, sql, .. } => drops.push((table, sql)),
            Action::Other(sql) => {
                drop_constraints(script, &mut drops)?;
                script.run(&title, &sql)?;
            }
            Action::AddForeignKey(key) => {
                drop_constraints(script, &mut drops)?;
                let table = Table::read(script.schema(), &key.table)?;
                let name = key.name.as_deref().unwrap_or_default();
                let before = standing::dropped(adopted, &key.table, name)
                    .find(|(_, after)| *after == table.sql)
                    .map(|(before, _)| before);
                if let Some(before) = before {
                    pin::tables(script, &[&table.name], &[])?;
                    swap::table(script, &table, before, None)?;
                    continue;
                }
                keys::add(script, &[key], version, &Policy::REFUSE)?;
            }
        }
    }
    drop_constraints(script, &mut drops)?;
    if !order.leave_orphans {
        for left in &left {
            let is_shared = shared
                .iter()
                .any(|it| same_name(&it.table.name, &left.table.name));
            if schema::table_exists(script.schema(), &left.table.name)? {
                put_back(script, left, version, is_shared)?;
            }
        }
    }
    script.run(
        &format!("take V{version} out of the history"),
        &format!(
            "DELETE FROM main.{} WHERE version = {version}",
            history::TABLE
        ),
    )
}

/// Writes the statement `sql` of a file; gives the key that it drops.
pub fn statement(script: &mut Script<'_>, title: &str, sql: &str) -> Result<Option<AdoptedKey>> {
    let action = script::parse("", sql)?
        .into_iter()
        .map(|it| it.action)
        .next();
    let Some(Action::DropConstraint { table, sql, .. }) = action else {
        return script.run(title, sql).map(|()| None);
    };
    let dropped = unnamed::find(script.schema(), &sql)?;
    drop_constraints(script, &mut vec![(table, sql)])?;
    Ok(dropped.map(|it| AdoptedKey {
        dropped: Some((it.table.sql, it.after)),
        ..AdoptedKey::found(it.table.name, Some(it.constraint))
    }))
}

/// Writes what `drops` do, each a table and a statement, and takes these away. Hosted engines have no
/// `ALTER TABLE … DROP CONSTRAINT`, so each table is made again, once.
fn drop_constraints(script: &mut Script<'_>, drops: &mut Vec<(String, String)>) -> Result<()> {
    while let Some((name, _)) = drops.first() {
        let table = Table::read(script.schema(), name)?;
        let is_of = |it: &mut (String, String)| same_name(&it.0, &table.name);
        let all: Vec<_> = drops.extract_if(.., is_of).map(|(_, sql)| sql).collect();
        let definition = after(script.schema(), &table, &all)?;
        pin::tables(script, &[&table.name], &[])?;
        swap::table(script, &table, &definition, None)?;
    }
    Ok(())
}

/// The text that `table` has after the statements `drops`.
fn after(schema: &Connection, table: &Table, drops: &[String]) -> Result<String> {
    schema.execute_batch("SAVEPOINT fkfix")?;
    let changed = drops
        .iter()
        .try_for_each(|sql| drop_constraint(schema, sql))
        .and_then(|()| Table::read(schema, &table.name));
    schema.execute_batch("ROLLBACK TO fkfix; RELEASE fkfix")?;
    Ok(changed?.sql)
}

/// Runs `sql`, of which the definitions in `schema` alone matter.
fn drop_constraint(schema: &Connection, sql: &str) -> Result<()> {
    let Some(Dropped { table, after, .. }) = unnamed::find(schema, sql)? else {
        return Ok(schema.execute_batch(sql)?);
    };
    let drop = format!("DROP TABLE main.{}", quote(&table.name));
    Ok(schema.execute_batch(&format!("{drop};\n{after}"))?)
}

fn is_adopted(adopted: &[AdoptedKey], table: &str, constraint: &str) -> bool {
    adopted.iter().any(|key| {
        key.dropped.is_none()
            && same_name(&key.table, table)
            && key
                .constraint
                .as_deref()
                .is_some_and(|it| same_name(it, constraint))
    })
}

/// What is taken back must be what was applied.
fn must_be_applied(
    script: &mut Script<'_>,
    migration: &Migration,
    adopted: &[AdoptedKey],
) -> Result<()> {
    let adopted = if adopted.is_empty() {
        "NULL".to_owned()
    } else {
        literal(&serde_json::to_string(adopted)?)
    };
    script.promise(
        &format!("{} is applied, and by this file", migration.up),
        &format!(
            "SELECT count(*) = 1 FROM main.{} WHERE version = {} AND name = {} AND checksum = '{}' AND adopted IS {adopted}",
            history::TABLE,
            migration.up.version(),
            literal(migration.up.name()),
            migration.up.checksum(),
        ),
    )
}

/// The tables from which `migration` may have taken rows, or keys.
fn left_by(script: &mut Script<'_>, migration: &Migration) -> Result<Vec<Left>> {
    let requests = parts::requests(migration)?;
    keys::tables_left(script, &requests)
}

/// Writes what puts the rows of the archive of a table back, and drops it where no other migration
/// keeps rows in it. Every one must find its place: a script can't tell one that does not. A key that
/// a row forgot goes back where the row has not changed since; else the archive remembers it still,
/// and so stays where rows may have forgotten any.
fn put_back(script: &mut Script<'_>, left: &Left, version: i64, is_shared: bool) -> Result<()> {
    let schema = script.schema();
    let table = &Table::read(schema, &left.table.name)?;
    table.must_be_exact()?;
    if table.row_key == RowKey::Hidden {
        return Ok(());
    }
    let names: Vec<_> = table.columns.iter().map(|it| it.name.as_str()).collect();
    let name = archive::name_of(&table.name);
    let indexes = full_text::Indexes::of(schema, table)?;
    script.run(
        &format!("the archive of {}, where it is not there", table.name),
        &create_archive(&name, &names, !indexes.is_empty(), false),
    )?;
    let Some(archive) = archive::of(schema, &table.name)? else {
        return Ok(());
    };
    let known = |column: &&str| archive.has(column);
    let columns = left.columns.iter().filter(|it| archive.has(it));
    let columns: Vec<_> = columns.cloned().collect();
    let forgotten = archive.has_kept && !columns.is_empty();
    let whose = Whose::Since(version);
    let forgotten = forgotten.then(|| Forgotten::over(archive.clone(), whose, columns));
    let restore = Restore::of(archive.clone(), whose);
    must_lose_no_value(script, &restore, table)?;
    full_text_is_whole(script, table)?;
    let columns: Vec<_> = table.stored_columns().filter(known).collect();
    let (into, values) = into_and_values(table, &columns);
    let mut children = Children::of(schema, table)?;
    children.index(script)?;
    script.triggers_aside(table)?;
    swap::counter_aside(script, table)?;
    let (own, archive) = (quote(&table.name), quote(&name));
    let mine = restore.left("a");
    script.run(
        &format!("put the rows that left {} back", table.name),
        &format!(
            "INSERT OR ABORT INTO main.{own} ({into})\nSELECT {values} FROM main.{archive} AS a WHERE {mine}"
        ),
    )?;
    swap::counter_back(script, table)?;
    script.promise(
        &format!("every row that left {} is back as it was", table.name),
        &format!(
            "(SELECT count(*) FROM main.{archive} AS a CROSS JOIN main.{own} AS w WHERE {mine} AND {}) = (SELECT count(*) FROM main.{archive} AS a WHERE {mine})",
            archive::same_row(table, &columns)
        ),
    )?;
    for Staying {
        declared, broken, ..
    } in staying::staying(schema, table)?
    {
        script.promise(
            &format!("no row that is back breaks {}", declared.key.place()),
            &format!(
                "NOT EXISTS (SELECT 1 FROM main.{archive} AS a CROSS JOIN main.{own} AS w WHERE {mine} AND {} AND {broken})",
                archive::same_key(table)
            ),
        )?;
    }
    if let Some(forgotten) = &forgotten {
        script.needs_json = true;
        let set = forgotten.set_back(schema, table)?;
        script.run(
            &format!(
                "rows of {} have the keys again that they forgot",
                table.name
            ),
            &format!("{set} AND a.fkfix_version = {version}"),
        )?;
    }
    script.triggers_back(table)?;
    children.drop_indexes(script)?;
    script.steps(&indexes.refresh())?;
    script.run(
        &format!("take what is back out of {name}"),
        &format!("DELETE FROM main.{archive} AS a WHERE {mine}"),
    )?;
    if let Some(forgotten) = &forgotten {
        script.run(
            &format!("take the keys that are back out of {name}"),
            &format!(
                "DELETE FROM main.{archive} AS a WHERE {}",
                forgotten.is_back(table)
            ),
        )?;
    }
    if is_shared || forgotten.is_some() {
        return Ok(());
    }
    script.promise(
        &format!("nothing of {name} is needed any more"),
        &format!("NOT EXISTS (SELECT 1 FROM main.{archive})"),
    )?;
    script.run(
        &format!("drop {name}"),
        &format!("DROP TABLE main.{archive}"),
    )
}

/// Stops where a row that goes back has a value for a column that the table has no longer.
fn must_lose_no_value(script: &mut Script<'_>, restore: &Restore, table: &Table) -> Result<()> {
    for gone in restore.archive.gone(table) {
        script.promise(
            &format!(
                "no row that left {} has a value for {gone}, a column that is gone",
                table.name
            ),
            &format!(
                "NOT EXISTS (SELECT 1 FROM main.{} AS a WHERE {} AND a.{} IS NOT NULL)",
                quote(&restore.archive.name),
                restore.left("a"),
                quote(gone)
            ),
        )?;
    }
    Ok(())
}

/// The columns of `table` into which a row `a` of its archive goes, and its values.
fn into_and_values(table: &Table, columns: &[&str]) -> (String, String) {
    let (mut into, mut values): (Vec<_>, Vec<_>) = columns
        .iter()
        .map(|name| (quote(name), format!("a.{}", quote(name))))
        .unzip();
    if let RowKey::Implicit(rowid) = table.row_key {
        into.insert(0, rowid.to_owned());
        values.insert(0, "a.fkfix_rowid".to_owned());
    }
    (into.join(", "), values.join(", "))
}
