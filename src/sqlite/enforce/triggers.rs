//! The triggers that keys should have, and their texts.

use std::fmt::Write as _;

use anyhow::Result;
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType::{
    TK_BLOB, TK_FLOAT, TK_ID, TK_INTEGER, TK_LP, TK_MINUS, TK_NULL, TK_PLUS, TK_RP, TK_STRING,
};

use super::affinity;
use super::cascade;
use super::cascade::but_those_about_to_go;
use super::conditions::{Event, equals, is_orphan, old_equals, refuse, refuse_all};
use super::conflicts::{self, Set};
use super::keys::{Key, Keys};
use crate::sqlite::schema::foreign_key::{Action, ForeignKey};
use crate::sqlite::schema::{Column, RowKey, Table};
use crate::sqlite::text::ddl::{self, literal, quote, quote_list, same_name};

/// What stands in each trigger, so that none of the user's is taken for one of these.
pub(super) const MARK: &str = "/* made by fkfix enforce */";
/// What the names of the triggers begin with.
pub const PREFIX: &str = "fkfix_enforce_";
/// The condition on `sqlite_schema` that a trigger is one of these, by [`PREFIX`] and [`MARK`].
pub(super) const IS_OWN: &str = "substr(name, 1, length(?1)) = ?1 AND instr(sql, ?2)";
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
    let others = format!(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'trigger' AND NOT ({IS_OWN}))"
    );
    let others = connection.query_row(&others, [PREFIX, MARK], |row| row.get(0))?;
    let usable = keys.usable.iter();
    let usable = usable.map(|key| of(key, &keys, strict, others));
    let unusable = keys.unusable.iter().map(|(key, reason)| KeyTriggers {
        key: key.clone(),
        triggers: Vec::new(),
        limits: vec![format!("is not carried out: {reason}")],
    });
    Ok(usable.chain(unusable).collect())
}

/// The triggers of `key`, one of `keys`. Whether there are `others` than those of fkfix tells how they
/// refuse.
fn of(key: &Key, keys: &Keys, strict: bool, others: bool) -> KeyTriggers {
    let mut made = KeyTriggers {
        key: key.declared.clone(),
        triggers: Vec::new(),
        limits: Vec::new(),
    };
    for event in [Event::Delete, Event::Update] {
        let trigger = on_parent(key, keys, event, others, &mut made.limits);
        made.triggers.extend(trigger);
    }
    let acts = |event: Event| event.action(&key.declared) != "NO ACTION";
    if key.deferred && !(acts(Event::Delete) && acts(Event::Update) && !strict) {
        made.limits.push(
            "is DEFERRABLE INITIALLY DEFERRED: SQLite checks it at COMMIT, which a trigger can't, so nothing is refused"
                .to_owned(),
        );
    }
    let sets = |event: Event| ["SET NULL", "SET DEFAULT"].contains(&event.action(&key.declared));
    let updates_child =
        sets(Event::Delete) || sets(Event::Update) || key.declared.on_update == Action::Cascade;
    if let (true, Some(what)) = (updates_child, key.demands.unforeseen()) {
        made.limits.push(format!(
            "changes rows of {}, which has {what}: UPDATE OR FAIL and UPDATE OR REPLACE of a parent may stop half way or change other rows there, which no trigger can foresee",
            key.child.name
        ));
    }
    if strict && !key.deferred {
        made.triggers.extend(on_child(key));
    }
    if key.is_self_reference() && !key.deferred {
        made.limits.extend(self_reference_limit(key, strict));
    }
    made
}

fn self_reference_limit(key: &Key, strict: bool) -> Option<String> {
    let waits = key.declared.on_delete == Action::NoAction;
    let refused = match (waits, strict) {
        (true, true) => {
            "deletes a parent before its children, or writes a child before its parent,"
        }
        (true, false) => "deletes a parent before its children",
        (false, true) => "writes a child before its parent",
        (false, false) => return None,
    };
    Some(format!(
        "refers to its own table, and a trigger checks each row, not the whole statement: one that {refused} is refused"
    ))
}

fn trigger(key: &Key, end: &str, on: &Table, head: &str, body: &[String]) -> Trigger {
    let name = format!("{PREFIX}{}_{}{end}", key.child.name, key.number);
    let sql = format!(
        "CREATE TRIGGER {} {head}\nBEGIN {MARK}\n  {};\nEND",
        quote(&name),
        body.join(";\n  ")
    );
    Trigger {
        name,
        table: on.name.clone(),
        sql,
    }
}

/// The trigger on the parent that does what the key says of `event`.
fn on_parent(
    key: &Key,
    keys: &Keys,
    event: Event,
    others: bool,
    limits: &mut Vec<String>,
) -> Option<Trigger> {
    let action = event.action(&key.declared);
    if key.deferred && action == "NO ACTION" {
        return None;
    }
    let (mut head, end) = match event {
        Event::Delete => (String::new(), "_delete"),
        Event::Update => (is_changed(key), "_update"),
    };
    head = format!(
        "AFTER {} ON {} FOR EACH ROW{head}",
        event.word(),
        quote(&key.parent.name)
    );
    let mut reason = String::new();
    let act = match act(key, keys, event) {
        Ok(act) => act,
        Err(why) => {
            let (event, action) = (event.word(), action.to_ascii_lowercase());
            limits.push(format!(
                "refuses to {} a parent that has children instead of ON {event} {}: {why}",
                if event == "DELETE" {
                    "delete"
                } else {
                    "change the key of"
                },
                action.to_ascii_uppercase()
            ));
            reason =
                format!("; a trigger can not carry this out, PRAGMA foreign_keys = ON can: {why}");
            Vec::new()
        }
    };
    let sets_default = action == "SET DEFAULT" && !key.deferred && !act.is_empty();
    let left = left_behind(key, keys, event);
    // Only a trigger of the application keeps a child from being deleted, and there is none by now.
    let is_last_resort =
        event == Event::Delete && !act.is_empty() && !others && !cascade::shares_columns(key, keys);
    let refusal = if is_last_resort {
        refuse_all(key, &left)
    } else {
        refuse(key, &reason, &left)
    };
    let mut body = Vec::new();
    if affinity::differs(key) && !act.is_empty() {
        body.push(refuse(key, "", &affinity::of_another(key, event)));
    }
    body.extend(act);
    body.push(refusal);
    if sets_default {
        body.push(refuse(key, "", &orphaned_by_default(key, keys)));
    }
    if affinity::differs(key) && !key.deferred {
        body.push(refuse(key, "", &affinity::left(key, keys, event)));
    }
    Some(trigger(key, end, &key.parent, &head, &body))
}

/// SQLite's own condition: a key that stays the same, or equal by its collation, is not changed.
fn is_changed(key: &Key) -> String {
    let same: Vec<_> = key
        .declared
        .parent_columns
        .iter()
        .map(|column| format!("OLD.{0} IS NEW.{0}", quote(column)))
        .collect();
    format!("\nWHEN NOT ({})", same.join(" AND "))
}

/// The statements that carry out the action, if it is one that writes; an error says why no
/// trigger can.
fn act(key: &Key, keys: &Keys, event: Event) -> Result<Vec<String>, String> {
    let child = quote(&key.child.name);
    let action = event.action(&key.declared);
    if action == "NO ACTION" || action == "RESTRICT" {
        return Ok(Vec::new());
    }
    if event == Event::Update && cascade::updates_itself(key, keys) {
        return Err("the change would lead back to the same key".to_owned());
    }
    if (event, action) == (Event::Delete, "CASCADE") {
        let cycle = cascade::cycle_of(key, keys);
        if cycle.iter().any(|it| cascade::shares_columns(it, keys)) {
            return Err("the cascade may lead back to the same table, and another key acts on a column of it".to_owned());
        }
        let condition = if cycle.is_empty() {
            old_equals(&key.declared, "")
        } else {
            cascade::reached(key, &cycle).ok_or(
                "the cascade may lead back to the same table, and rows can't be told apart where columns are called rowid, oid and _rowid_",
            )?
        };
        return Ok(vec![format!("DELETE FROM {child} WHERE {condition}")]);
    }
    let set = new_values(key, action)?;
    let assignments: Vec<_> = set
        .iter()
        .map(|(name, value)| format!("{} = {value}", quote(name)))
        .collect();
    let mut act = conflicts::refusals(key, &set);
    act.push(format!(
        "UPDATE {child} SET {} WHERE {}",
        assignments.join(", "),
        old_equals(&key.declared, "")
    ));
    Ok(act)
}

/// What `action` sets in a child.
fn new_values(key: &Key, action: &str) -> Result<Vec<Set>, String> {
    let mut set = Vec::new();
    for (name, parent) in key.declared.pairs() {
        let column = key.child.column(name).ok_or("a column is missing")?;
        if column.generated {
            return Err(format!("{name} is a generated column"));
        }
        let value = match action {
            "CASCADE" => format!("NEW.{}", quote(parent)),
            "SET DEFAULT" => default_of(column)?,
            _ => "NULL".to_owned(),
        };
        set.push((name.to_owned(), value));
    }
    Ok(set)
}

/// The default of `column` as an expression that means the same anywhere.
fn default_of(column: &Column) -> Result<String, String> {
    let Some(default) = &column.default else {
        return Ok("NULL".to_owned());
    };
    let tokens = ddl::tokens(default).map_err(|error| format!("{error:#}"))?;
    let is_truth = |text: &str| same_name(text, "true") || same_name(text, "false");
    // A name alone is a text to SQLite: DEFAULT abc.
    if let [only] = tokens.as_slice()
        && only.kind == TK_ID
        && !is_truth(only.text)
    {
        return Ok(literal(&ddl::unquote(only.text)));
    }
    let is_constant = tokens.iter().all(|token| match token.kind {
        TK_ID => is_truth(token.text),
        TK_STRING | TK_INTEGER | TK_FLOAT | TK_BLOB | TK_NULL | TK_MINUS | TK_PLUS | TK_LP
        | TK_RP => true,
        _ => false,
    });
    if is_constant {
        Ok(default.clone())
    } else {
        Err(format!("the default of {} is not a constant", column.name))
    }
}

/// FROM and WHERE of the children that still refer to the parent as it was. After an action
/// there are none, unless a trigger of the user's own, or an OR IGNORE, has kept them.
fn left_behind(key: &Key, keys: &Keys, event: Event) -> String {
    let action = event.action(&key.declared);
    let mut left = format!(
        " FROM {} AS w WHERE {}",
        quote(&key.child.name),
        old_equals(&key.declared, "w.")
    );
    match event {
        Event::Update if action != "RESTRICT" => {
            let new = equals(&key.declared, "NEW", "w.");
            let _ = write!(left, " AND NOT ifnull({new}, 0)");
        }
        Event::Delete if action == "NO ACTION" => {
            left.push_str(&but_those_about_to_go(key, keys));
        }
        Event::Delete | Event::Update => {}
    }
    left
}

/// FROM and WHERE of the children that have the default for a key and no parent of that key,
/// but for those that are about to go.
fn orphaned_by_default(key: &Key, keys: &Keys) -> String {
    let columns = key.declared.columns.iter();
    let is_default: Vec<_> = columns
        .filter_map(|name| key.child.column(name))
        .map(|column| {
            let default = default_of(column).unwrap_or_else(|_| "NULL".to_owned());
            format!("w.{} = {default}", quote(&column.name))
        })
        .collect();
    format!(
        " FROM {} AS w WHERE {} AND {}{}",
        quote(&key.child.name),
        is_default.join(" AND "),
        is_orphan(key, "w"),
        but_those_about_to_go(key, keys)
    )
}

/// The triggers on the child that refuse a row without a parent. A row that had none before may
/// stay as it is, so that its other columns can be written.
fn on_child(key: &Key) -> [Trigger; 2] {
    let [on_insert, on_update] = STRICT;
    let table = quote(&key.child.name);
    let broken = is_orphan(key, "NEW");
    let insert = format!("AFTER INSERT ON {table} FOR EACH ROW\nWHEN {broken}");
    let columns = key.declared.columns.iter();
    let same: Vec<_> = columns
        .map(|column| format!("OLD.{0} IS NEW.{0} COLLATE BINARY", quote(column)))
        .collect();
    let update = format!(
        "AFTER UPDATE{} ON {table} FOR EACH ROW\nWHEN {broken}\n AND NOT ({})",
        of_columns(key),
        same.join(" AND ")
    );
    let body = [refuse(key, "", "")];
    [
        trigger(key, on_insert, &key.child, &insert, &body),
        trigger(key, on_update, &key.child, &update, &body),
    ]
}

/// ` OF` the columns of the key, where they change only by their own names: a generated column
/// changes with others, and the rowid has more than one name.
fn of_columns(key: &Key) -> String {
    let changes_otherwise = |name: &String| {
        let is_rowid = matches!(&key.child.row_key, RowKey::Alias(alias) if same_name(alias, name));
        is_rowid || key.child.column(name).is_some_and(|it| it.generated)
    };
    let columns = &key.declared.columns;
    if columns.iter().any(changes_otherwise) {
        return String::new();
    }
    format!(" OF {}", quote_list("", columns.iter().map(String::as_str)))
}
