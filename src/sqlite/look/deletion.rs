//! What the deletion of a row would take with it, on a connection that enforces foreign keys.
//! Counted, not deleted.
//!
//! What triggers do, and what an `ON UPDATE` does after `SET NULL` or `SET DEFAULT` has changed
//! a parent key, is not foreseen.

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType;

use crate::model::deletion::{Changed, Deletion, Reason, Refusal, Taken};
use crate::sqlite::keys::conditions;
use crate::sqlite::look::relatives;
use crate::sqlite::orphans::lists;
use crate::sqlite::orphans::lists::Removal;
use crate::sqlite::orphans::{Blocked, Found};
use crate::sqlite::schema::foreign_key::{Action, ForeignKey, NamedKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{self, literal, quote, same_name};

/// What hangs on the rows in the first round of `found`, all of them one table's.
pub fn foresee(connection: &Connection, found: &Found, declared: &[NamedKey]) -> Result<Deletion> {
    let mut deletion = Deletion::default();
    for removal in &found.removals {
        let rows = removal.rows - removal.orphans;
        let reasons = removal.reasons.iter().filter(|reason| !reason.breaks);
        if rows > 0 {
            deletion.taken.push(Taken {
                table: removal.table.name.clone(),
                rows,
                by: reasons.map(|it| found.label(it.key).to_owned()).collect(),
            });
        }
    }
    for blocked in &found.blocked {
        deletion.add(connection, found, blocked)?;
    }
    for NamedKey { key, .. } in declared {
        if let Some(parent) = found.removal(&key.parent) {
            deletion.add_restriction(connection, found, parent, key)?;
        }
    }
    Ok(deletion)
}

impl Deletion {
    /// Files the rows that refer to listed rows and don't go along.
    fn add(&mut self, connection: &Connection, found: &Found, blocked: &Blocked) -> Result<()> {
        let Blocked { key, rows, .. } = blocked;
        let reason = if key.on_delete.sets() {
            what_forbids(connection, found, key)?
        } else {
            Some(Reason::Refers)
        };
        match reason {
            Some(reason) => self.refuse(key, *rows, reason),
            None => self.changed.push(Changed {
                key: key.clone(),
                rows: *rows,
            }),
        }
        Ok(())
    }

    fn refuse(&mut self, key: &ForeignKey, rows: i64, reason: Reason) {
        self.refusals.push(Refusal {
            key: key.clone(),
            rows,
            reason,
        });
    }

    /// Adds what refuses whether or not rows stay behind.
    fn add_restriction(
        &mut self,
        connection: &Connection,
        found: &Found,
        parent: &Removal,
        key: &ForeignKey,
    ) -> Result<()> {
        if relatives::mismatch(&parent.table, key).is_some()
            || !scratch::is_parent_key(&parent.table, key)?
        {
            self.refuse(key, 0, Reason::NoParentKey);
            return Ok(());
        }
        let Some(child) = found.removal(&key.child) else {
            return Ok(());
        };
        if fails_at_once(connection, found, key)? {
            let rows = go_along(connection, child, parent, key)?;
            if rows > 0 {
                self.refuse(key, rows, Reason::RefersAndGoes);
            }
        }
        Ok(())
    }
}

/// Whether the action of `key` fails as soon as it meets a row, even one that would go later.
fn fails_at_once(connection: &Connection, found: &Found, key: &ForeignKey) -> Result<bool> {
    Ok(match key.on_delete {
        Action::Restrict => true,
        Action::SetNull | Action::SetDefault => {
            matches!(
                what_forbids(connection, found, key)?,
                Some(Reason::NotNull(_))
            )
        }
        Action::NoAction | Action::Cascade => false,
    })
}

/// How many listed rows refer by `key` to other listed rows. (By the time that SQLite looks, a
/// row that refers to itself is gone.)
fn go_along(
    connection: &Connection,
    child: &Removal,
    parent: &Removal,
    key: &ForeignKey,
) -> Result<i64> {
    let itself = if same_name(&child.table.name, &parent.table.name) {
        let columns = parent.table.row_key.columns();
        let same = columns
            .iter()
            .map(|name| format!("p.{0} = w.{0}", quote(name)));
        format!(" AND NOT ({})", same.collect::<Vec<_>>().join(" AND "))
    } else {
        String::new()
    };
    let query = format!(
        "SELECT count(*) FROM {} WHERE {} AND EXISTS (SELECT 1 {} AND {}{itself})",
        child.table.source("w"),
        lists::listed("w", child),
        lists::from_listed("p", parent),
        conditions::equals_parent(key)
    );
    connection
        .query_row(&query, [], |row| row.get(0))
        .with_context(|| format!("could not count the rows of {}", child.table.name))
}

/// What forbids the change that the action of `key` makes, if anything does.
fn what_forbids(
    connection: &Connection,
    found: &Found,
    key: &ForeignKey,
) -> Result<Option<Reason>> {
    let child = Table::read(connection, &key.child)?;
    let to_default = key.on_delete == Action::SetDefault;
    let mut defaults = Vec::new();
    for name in &key.columns {
        let column = child.column(name);
        let default = column.and_then(|it| it.default.as_deref());
        let default = default.filter(|_| to_default);
        let default = default.map_or(Ok("NULL".to_owned()), expression)?;
        let is_null: bool = connection
            .query_row(&format!("SELECT {default} IS NULL"), [], |row| row.get(0))
            .with_context(|| format!("could not read the default of {}.{name}", child.name))?;
        let is_rowid = matches!(&child.row_key, RowKey::Alias(alias) if same_name(alias, name));
        if is_null && (is_rowid || column.is_some_and(|it| it.not_null)) {
            return Ok(Some(Reason::NotNull(name.clone())));
        }
        defaults.push((default, is_null));
    }
    let Some(parent) = found.removal(&key.parent) else {
        return Ok(None);
    };
    if defaults.iter().any(|(_, is_null)| *is_null) {
        return Ok(None);
    }
    let equal = key.parent_columns.iter().zip(&defaults);
    let equal = equal.map(|(name, (default, _))| format!("p.{} = {default}", quote(name)));
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM {} WHERE {} AND NOT {})",
        parent.table.scanned("p"),
        equal.collect::<Vec<_>>().join(" AND "),
        lists::listed("p", parent)
    );
    let has_parent: bool = connection.query_row(&query, [], |row| row.get(0))?;
    Ok((!has_parent).then_some(Reason::NoDefaultParent))
}

/// The expression that the text of a default stands for: a bare name is a string there
/// (`ccons ::= DEFAULT id` in SQLite's grammar), unless it is true or false.
fn expression(default: &str) -> Result<String> {
    if let [name] = ddl::tokens(default)?.as_slice()
        && name.kind == TokenType::TK_ID
        && !["true", "false"].iter().any(|it| same_name(it, name.text))
    {
        return Ok(literal(&ddl::unquote(name.text)));
    }
    // Behind a line break, where a comment at the default's end can't hide the parenthesis.
    Ok(format!("({default}\n)"))
}

#[cfg(test)]
#[path = "deletion_tests.rs"]
mod tests;
