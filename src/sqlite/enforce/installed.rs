//! The triggers that are there, and in which order they fire: SQLite promises none, and fires the
//! newest first.
//!
//! `RAISE(IGNORE)` in a trigger that fires AFTER a change keeps the change and abandons all
//! triggers that have not fired yet (<https://www.sqlite.org/lang_createtrigger.html#raise>). So
//! the triggers of fkfix must be newer than any such trigger on their table.

use anyhow::Result;
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType::{TK_AFTER, TK_BEGIN, TK_IGNORE, TK_LP, TK_RAISE};

use super::triggers::{IS_OWN, MARK, PREFIX, Trigger};
use crate::sqlite::text::ddl::{self, same_name};

/// The triggers that fkfix has made, in the order in which they were.
pub fn installed(connection: &Connection) -> Result<Vec<Trigger>> {
    let mut statement = connection.prepare(&format!(
        "SELECT name, tbl_name, sql FROM main.sqlite_schema
         WHERE type = 'trigger' AND {IS_OWN} ORDER BY rowid"
    ))?;
    let triggers = statement.query_map([PREFIX, MARK], |row| {
        Ok(Trigger {
            name: row.get(0)?,
            table: row.get(1)?,
            sql: row.get(2)?,
        })
    })?;
    Ok(triggers.collect::<Result<_, _>>()?)
}

/// A trigger of fkfix that another one keeps from firing.
#[derive(Clone, Debug)]
pub struct Overtaken {
    /// The trigger of fkfix.
    pub trigger: Trigger,
    /// The name of the newer one.
    pub by: String,
}

/// The triggers of fkfix on whose table there is a newer one that fires AFTER a change and has
/// `RAISE(IGNORE)` in it.
pub fn overtaken(connection: &Connection) -> Result<Vec<Overtaken>> {
    let mut statement = connection.prepare(
        "SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY rowid DESC",
    )?;
    let newest_first = statement.query_map([], |row| {
        Ok(Trigger {
            name: row.get(0)?,
            table: row.get(1)?,
            sql: row.get(2)?,
        })
    })?;
    let (mut ignoring, mut overtaken): (Vec<Trigger>, Vec<Overtaken>) = (Vec::new(), Vec::new());
    for trigger in newest_first {
        let trigger = trigger?;
        let is_own = trigger.name.starts_with(PREFIX) && trigger.sql.contains(MARK);
        if is_own {
            let newer = ignoring
                .iter()
                .find(|it| same_name(&it.table, &trigger.table));
            overtaken.extend(newer.map(|by| Overtaken {
                trigger,
                by: by.name.clone(),
            }));
        } else if ignores_afterwards(&trigger.sql)? {
            ignoring.push(trigger);
        }
    }
    Ok(overtaken)
}

fn ignores_afterwards(sql: &str) -> Result<bool> {
    let kinds: Vec<_> = ddl::tokens(sql)?.iter().map(|it| it.kind).collect();
    let head = kinds.iter().take_while(|kind| **kind != TK_BEGIN);
    let ignores = kinds
        .windows(3)
        .any(|it| it == [TK_RAISE, TK_LP, TK_IGNORE]);
    Ok(ignores && head.into_iter().any(|kind| *kind == TK_AFTER))
}
