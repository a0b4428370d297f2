//! A down script, read for one database.

use anyhow::Result;

use crate::migrations::Migrations;
use crate::outcome::change::TakenBackMigration;
use crate::postgres::catalog::{Table, quoted};
use crate::postgres::restore::{self, Return};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::source;
use crate::postgres::text::alter_table::Path;
use crate::postgres::text::script::{self, Asks, Request};
use crate::standing::{AdoptedKey, Applied};

/// A part of a down script.
pub enum Part {
    /// Drop a key, unless it is gone already and the migration was never ended.
    Drop(Path, String, bool),
    /// A statement with its line.
    Statement(usize, String),
    /// Add a key.
    Key(Request),
}

/// A down script, read for one database.
pub struct Script {
    /// Its file, for people.
    pub file: String,
    /// What it does, in order.
    pub parts: Vec<Part>,
    /// The keys that were there before, and stay.
    left: Vec<AdoptedKey>,
}

impl Script {
    /// The down script of `applied`.
    pub fn read(migrations: &Migrations, applied: &Applied, is_half_done: bool) -> Result<Self> {
        let (migration, text) = migrations.down_script(applied.version)?;
        let file = migration.down_file();
        let mut script = Script {
            parts: Vec::new(),
            left: Vec::new(),
            file: file.clone(),
        };
        for statement in script::parse(&file, text)? {
            match statement.asks {
                Asks::Drop {
                    table,
                    constraint,
                    if_exists,
                } => {
                    if has_adopted(applied, &table, &constraint) {
                        let left = AdoptedKey::found(table.shown(), Some(constraint));
                        script.left.push(left);
                    } else {
                        let part = Part::Drop(table, constraint, if_exists || is_half_done);
                        script.parts.push(part);
                    }
                }
                Asks::Key(request) => script.parts.push(Part::Key(*request)),
                Asks::Other(sql) => script.parts.push(Part::Statement(statement.line, sql)),
            }
        }
        Ok(script)
    }

    /// The keys that it drops: the table's number, and the name.
    pub(super) fn goes(&self, schema: &Schema) -> Vec<(u32, String)> {
        let drops = self.parts.iter().filter_map(|part| match part {
            Part::Drop(path, constraint, _) => {
                let table = schema.find(path)?;
                Some((table.oid, constraint.clone()))
            }
            Part::Statement(..) | Part::Key(_) => None,
        });
        drops.collect()
    }

    /// The report of a migration whose script this is, after `returns` went back.
    pub(super) fn taken_back(&self, applied: &Applied, returns: &[Return]) -> TakenBackMigration {
        TakenBackMigration {
            version: applied.version,
            name: applied.name.clone(),
            left: self.left.iter().map(AdoptedKey::shown).collect(),
            restored: restore::reports(returns, false),
        }
    }

    pub(super) fn is_drops_alone(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Drop(..)))
    }
}

fn has_adopted(applied: &Applied, table: &Path, constraint: &str) -> bool {
    applied.adopted.iter().any(|key| {
        let name = key.constraint.as_deref().unwrap_or_default();
        (key.table == table.table || key.table == table.shown()) && name == constraint
    })
}

/// The parents of the keys that a script drops, as SQL locks them.
pub(super) fn parents_of(schema: &Schema, script: &Script) -> Vec<String> {
    let goes = script.goes(schema);
    let keys = goes.iter().filter_map(|(child, constraint)| {
        let mut keys = schema.by_oid(*child)?.foreign_keys.iter();
        keys.find(|key| key.name == *constraint)
    });
    let parents = keys.filter_map(|key| schema.get(&key.parent));
    let mut parents: Vec<_> = parents.map(|it| source(it)).collect();
    parents.sort();
    parents.dedup();
    parents
}

/// The tables that a script changes, as SQL writes them.
pub(super) fn tables_of(schema: &Schema, script: &Script) -> Vec<String> {
    let mut tables = Vec::new();
    for part in &script.parts {
        let Part::Drop(path, constraint, _) = part else {
            continue;
        };
        if let Some(table) = schema.find(path) {
            tables.push(table.name.to_string());
            let key = table
                .foreign_keys
                .iter()
                .find(|key| key.name == *constraint);
            tables.extend(key.map(|key| key.parent.to_string()));
        }
    }
    tables.sort();
    tables.dedup();
    tables
}

/// `ALTER TABLE … DROP CONSTRAINT …`; none where it is gone and may be. Of a key that was being
/// added by partitions, those of the partitions.
pub(super) fn drop_sql(
    schema: &Schema,
    path: &Path,
    constraint: &str,
    may_be_gone: bool,
) -> Result<Vec<String>> {
    let table = schema.table(path)?;
    let is_there = |table: &Table| {
        let mut keys = table.foreign_keys.iter();
        keys.any(|key| key.name == constraint && !key.is_inherited)
    };
    let drop = |table: &Table| {
        format!(
            "ALTER TABLE {} DROP CONSTRAINT {}",
            table.name,
            quoted(constraint)
        )
    };
    if !may_be_gone || is_there(table) {
        return Ok(vec![drop(table)]);
    }
    let parts = schema.family(table);
    Ok(parts
        .iter()
        .filter(|it| is_there(it))
        .map(|it| drop(it))
        .collect())
}
