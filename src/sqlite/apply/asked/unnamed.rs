//! Keys that a migration takes away, with the definition that gives them back to the byte.
//!
//! Some of them SQLite can't drop: those without a name, reached by the one that `PostgreSQL` would have
//! given them, `<table>_<column>_fkey`, since SQLite drops named constraints alone
//! (<https://www.sqlite.org/lang_altertable.html>); and those for which its DROP CONSTRAINT fails,
//! which say SET DEFAULT or NOT DEFERRABLE.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::policy::Method;
use crate::sqlite::keys::unnamed::name_of;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::rebuild::{Rebuild, Way, places};
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::schema::snapshot;
use crate::sqlite::schema::{Table, row_counts, scratch};
use crate::sqlite::text::constraints;
use crate::sqlite::text::ddl::same_name;
use crate::sqlite::text::script;
use crate::sqlite::text::statement::{Action, Statement};

/// A key that a statement takes away.
#[derive(Debug)]
pub struct Dropped {
    /// The table as it is.
    pub table: Table,
    /// What the statement calls the key.
    pub constraint: String,
    /// The definition without it.
    pub after: String,
    /// SQLite does it, by the statement itself.
    pub by_sqlite: bool,
}

/// The key that the statement `sql` takes away; none where it does anything else.
pub fn find(connection: &Connection, sql: &str) -> Result<Option<Dropped>> {
    let Ok(statements) = script::parse("", sql) else {
        return Ok(None);
    };
    let [
        Statement {
            action: Action::DropConstraint {
                table, constraint, ..
            },
            ..
        },
    ] = statements.as_slice()
    else {
        return Ok(None);
    };
    let Ok(table) = Table::read(connection, table) else {
        return Ok(None);
    };
    let names = constraints::constraint_names(&table.sql)?;
    let is_named = names.iter().any(|name| same_name(name, constraint));
    // foreign_key_list gives the keys of a table from the last in its text to the first.
    let mut keys = foreign_key::declared(connection)?;
    keys.retain(|it| same_name(&it.key.child, &table.name));
    keys.reverse();
    let constraint = constraint.clone();
    if is_named && let Some(after) = scratch::without(&table, &constraint)? {
        let is_key = scratch::keys_of(&after)?.len() < keys.len();
        return Ok(is_key.then_some(Dropped {
            table,
            constraint,
            after,
            by_sqlite: true,
        }));
    }
    let after = if is_named {
        constraints::without_named_key(&table.sql, &constraint)?
    } else {
        let is_it =
            |it: &NamedKey| it.constraint.is_none() && same_name(&name_of(&it.key), &constraint);
        let place = keys.iter().position(is_it);
        place
            .map(|place| constraints::without_foreign_key(&table.sql, place))
            .transpose()?
    };
    let Some(after) = after else {
        return Ok(None);
    };
    table.must_be_exact()?;
    let left = scratch::keys_of(&after)
        .with_context(|| format!("could not take {constraint} out of {}", table.name))?;
    let own = |key: &ForeignKey| (key.parent.clone(), key.columns.clone());
    let left: Vec<_> = left.iter().rev().map(own).collect();
    let is_without = |place| {
        let mut others: Vec<_> = keys.iter().map(|it| own(&it.key)).collect();
        others.remove(place);
        left == others
    };
    if !(0..keys.len()).any(is_without) {
        return Err(Failure::impossible(format!(
            "could not take {constraint} out of {}: SQLite would read what is left as other keys",
            table.name
        ))
        .hint("please report this with the output of: sqlite3 FILE '.schema'")
        .into());
    }
    Ok(Some(Dropped {
        constraint,
        after,
        table,
        by_sqlite: false,
    }))
}

/// The steps that give `table` the `definition`, which differs from its own by a key alone.
pub fn define(
    connection: &Connection,
    table: &Table,
    definition: &str,
    method: Method,
) -> Result<Vec<Step>> {
    let rehearsal = scratch::rehearse(table, definition, &[])?;
    // Rows that an INSERT would change stay where they are.
    let way = match method {
        Method::Documented => Way::choose(table, rehearsal, None, method)?,
        Method::Fastest => Way::Edit,
    };
    let rebuild = Rebuild {
        way,
        because: None,
        removal: None,
        rows: row_counts::count_rows(connection, &table.name)?,
        table,
        definition: definition.to_owned(),
    };
    let mut steps = rebuild.steps(&snapshot::taken_names(connection)?);
    if method != Method::Documented && way.copies() {
        steps.extend(places::keep(connection, &[&table.name])?);
    }
    Ok(steps)
}
