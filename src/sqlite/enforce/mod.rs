//! Triggers that carry out declared keys on every connection, whatever its pragma says.
//!
//! A trigger on the parent does what the key's ON DELETE or ON UPDATE says; with `--strict`, two
//! on the child refuse a row without a parent. The conditions are those that SQLite writes into
//! the triggers that it makes for itself (`fkActionTrigger` in its source), so that rows compare
//! as they do for its own keys. docs/enforce.md says where a trigger can't do the same.

mod affinity;
mod cascade;
mod conditions;
mod conflicts;
mod demands;
mod keys;
mod order;
mod plan;
mod triggers;

use anyhow::Result;
use rusqlite::Connection;

pub use order::Overtaken;
pub use plan::{Plan, plan, removal};

use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::normal::Words;
use crate::sqlite::text::ddl::{self, unquote};
use keys::Keys;
use sqlite3_parser::dialect::TokenType::{TK_RAISE, TK_STRING, TK_TRIGGER};

/// What stands in each trigger, so that none of the user's is taken for one of these.
const MARK: &str = "/* made by fkfix enforce */";
/// What the names of the triggers begin with.
pub const PREFIX: &str = "fkfix_enforce_";
/// How the names of the triggers end that `--strict` adds.
const STRICT: [&str; 2] = ["_child_insert", "_child_update"];

/// A trigger of fkfix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// The table that it is on.
    pub table: String,
    /// The statement that makes it.
    pub sql: String,
}

impl Trigger {
    /// Whether it refuses children without a parent.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        STRICT.iter().any(|end| self.name.ends_with(end))
    }
}

/// A declared key and what carries it out.
#[derive(Clone, Debug)]
pub struct KeyTriggers {
    /// The key.
    pub key: ForeignKey,
    /// Its triggers; none where no trigger can.
    pub triggers: Vec<Trigger>,
    /// What the triggers do otherwise than SQLite would, or can't do at all, and why.
    pub limits: Vec<String>,
}

/// The triggers that the declared keys should have.
pub fn wanted(connection: &Connection, strict: bool) -> Result<Vec<KeyTriggers>> {
    let keys = Keys::read(connection)?;
    let usable = keys.usable.iter();
    let usable = usable.map(|key| triggers::of(key, &keys, strict));
    let unusable = keys.unusable.iter().map(|(key, reason)| KeyTriggers {
        key: key.clone(),
        triggers: Vec::new(),
        limits: vec![format!("is not carried out: {reason}")],
    });
    Ok(usable.chain(unusable).collect())
}

/// The triggers that fkfix has made, in the order in which they were.
pub fn installed(connection: &Connection) -> Result<Vec<Trigger>> {
    let mut statement = connection.prepare(
        "SELECT name, tbl_name, sql FROM main.sqlite_schema
         WHERE type = 'trigger' AND substr(name, 1, length(?1)) = ?1 AND instr(sql, ?2) ORDER BY rowid",
    )?;
    let triggers = statement.query_map([PREFIX, MARK], |row| {
        Ok(Trigger {
            name: row.get(0)?,
            table: row.get(1)?,
            sql: row.get(2)?,
        })
    })?;
    Ok(triggers.collect::<Result<_, _>>()?)
}

/// How the triggers that are there differ from those that should be.
#[derive(Debug)]
pub struct Differences {
    /// Keys that lack a trigger.
    pub missing: Vec<ForeignKey>,
    /// Triggers that no declared key asks for, or not so.
    pub stale: Vec<Trigger>,
    /// Triggers that another one may keep from firing.
    pub overtaken: Vec<Overtaken>,
}

/// Compares what is there with what the declared keys ask for; none where there is no trigger
/// of fkfix at all.
///
/// A table or a column that was renamed since makes no difference: SQLite has renamed it in the
/// triggers too.
pub fn differences(connection: &Connection) -> Result<Option<Differences>> {
    let installed = installed(connection)?;
    if installed.is_empty() {
        return Ok(None);
    }
    let strict = installed.iter().any(Trigger::is_strict);
    let words = Words::new()?;
    let mut rest = Vec::new();
    for trigger in installed {
        rest.push((meaning(&words, &trigger)?, trigger));
    }
    let mut missing = Vec::new();
    for key in wanted(connection, strict)? {
        let mut lacks_one = false;
        for trigger in &key.triggers {
            let wanted = meaning(&words, trigger)?;
            match rest.iter().position(|(meaning, _)| *meaning == wanted) {
                Some(place) => drop(rest.remove(place)),
                None => lacks_one = true,
            }
        }
        if lacks_one {
            missing.push(key.key);
        }
    }
    let stale = rest.into_iter().map(|(_, trigger)| trigger).collect();
    let overtaken = order::overtaken(connection)?;
    Ok(Some(Differences {
        missing,
        stale,
        overtaken,
    }))
}

/// The text of `trigger` in normal form, without its name and its messages.
fn meaning(words: &Words, trigger: &Trigger) -> Result<String> {
    let tokens = ddl::tokens(&trigger.sql)?;
    let mut kept = String::new();
    let mut raises = false;
    for (at, token) in tokens.iter().enumerate() {
        raises |= token.kind == TK_RAISE;
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let is_name = at < 4
            && before.is_some_and(|it| it.kind == TK_TRIGGER)
            && unquote(token.text) == trigger.name;
        if is_name {
            kept.push_str("name");
        } else if raises && token.kind == TK_STRING {
            kept.push_str("''");
            raises = false;
        } else {
            kept.push_str(token.text);
        }
        kept.push(' ');
    }
    words.normal(&kept)
}

#[cfg(test)]
#[path = "../enforce_tests/mod.rs"]
mod tests;
