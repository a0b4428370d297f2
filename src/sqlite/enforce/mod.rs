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
mod installed;
mod keys;
mod plan;
mod triggers;

use anyhow::Result;
use rusqlite::Connection;

pub use installed::{Overtaken, installed};
pub use plan::{Plan, plan, removal};
pub use triggers::{KeyTriggers, PREFIX, Trigger};

use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::normal::Words;
use crate::sqlite::text::ddl::{self, unquote};
use installed::overtaken;
use sqlite3_parser::dialect::TokenType::{TK_ABORT, TK_RAISE, TK_ROLLBACK, TK_STRING, TK_TRIGGER};
use triggers::wanted;

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
    let overtaken = overtaken(connection)?;
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
        } else if raises && [TK_ABORT, TK_ROLLBACK].contains(&token.kind) {
            // It goes by whether the application has triggers.
            kept.push_str("ABORT");
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
