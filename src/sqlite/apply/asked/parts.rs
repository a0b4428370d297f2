//! A migration, cut into what is done one after the other.

use anyhow::Result;

use crate::migrations::Migration;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::text::script;
use crate::sqlite::text::statement::{Action, AddForeignKey, Statement};

/// A part of a script: keys that are added together, or a statement that SQLite runs itself.
#[derive(Debug)]
pub enum Part {
    /// Keys asked for one after the other, so that each table is rebuilt once.
    Keys(Vec<AddForeignKey>),
    /// A statement with the line it stands in.
    Statement(usize, String),
}

/// Cuts the script of `migration` into its parts.
pub fn parts(migration: &Migration) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for Statement { line, action } in script::parse(&migration.file(), migration.script())? {
        match (action, parts.last_mut()) {
            (Action::AddForeignKey(key), Some(Part::Keys(keys))) => keys.push(key),
            (Action::AddForeignKey(key), _) => parts.push(Part::Keys(vec![key])),
            (Action::DropConstraint { sql, .. } | Action::Other(sql), _) => {
                parts.push(Part::Statement(line, sql));
            }
        }
    }
    Ok(parts)
}

/// The keys that `migration` asks for, in order.
pub fn requests(migration: &Migration) -> Result<Vec<AddForeignKey>> {
    let keys = parts(migration)?.into_iter().map(|part| match part {
        Part::Keys(keys) => keys,
        Part::Statement(..) => Vec::new(),
    });
    Ok(keys.flatten().collect())
}

/// The step that runs a statement of a script.
pub fn statement(file: &str, line: usize, sql: String) -> Step {
    Step::run(format!("run {file}:{line}"), sql)
}
