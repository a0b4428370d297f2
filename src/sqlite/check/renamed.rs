//! A key that a migration asks for, under the names that later ones give its tables and columns.

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType::{TK_COMMA, TK_FOREIGN, TK_KEY, TK_LP, TK_RP};

use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::text::ddl::{self, quote, quote_list, same_name};
use crate::sqlite::text::statement::AddForeignKey;

/// `request` as it reads after `rename`, a statement that renames a table or a column; none where
/// that is of no concern to the key.
///
/// SQLite itself renames, in a database in memory that has nothing but the key
/// (<https://www.sqlite.org/lang_altertable.html#alter_table_rename>).
pub fn renamed(request: &AddForeignKey, rename: &str) -> Option<AddForeignKey> {
    let result = rehearse(request, rename);
    let key = result
        .inspect_err(|error| tracing::debug!("{error:#}"))
        .ok()?;
    Some(AddForeignKey {
        table: key.child.clone(),
        name: request.name.clone(),
        constraint: clause(request.name.as_deref(), &key),
    })
}

fn rehearse(request: &AddForeignKey, rename: &str) -> Result<ForeignKey> {
    let mut columns = child_columns(&request.constraint)?;
    let key = made(request, &columns)?.1;
    let refers_to_itself = same_name(&key.parent, &key.child);
    if refers_to_itself {
        let is_new = |name: &&String| !columns.iter().any(|other| same_name(other, name));
        let more: Vec<_> = key.parent_columns.iter().filter(is_new).cloned().collect();
        columns.extend(more);
    }
    let (scratch, _) = made(request, &columns)?;
    if !refers_to_itself {
        let names = key.parent_columns.iter().map(String::as_str);
        let names: Vec<_> = names.chain(["fkfix_other"]).collect();
        let (parent, names) = (quote(&key.parent), quote_list("", names));
        scratch.execute_batch(&format!("CREATE TABLE {parent} ({names})"))?;
    }
    scratch.execute_batch(rename)?;
    only_key(&scratch)
}

/// A database with a table that has `columns` and the key alone, and the key as SQLite reads it.
fn made(request: &AddForeignKey, columns: &[String]) -> Result<(Connection, ForeignKey)> {
    let scratch = Connection::open_in_memory().context("could not open a database in memory")?;
    scratch.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = OFF")?;
    scratch.execute_batch(&format!(
        "CREATE TABLE {} ({}, {})",
        quote(&request.table),
        quote_list("", columns.iter().map(String::as_str)),
        request.constraint
    ))?;
    let key = only_key(&scratch)?;
    Ok((scratch, key))
}

fn only_key(scratch: &Connection) -> Result<ForeignKey> {
    let mut keys = foreign_key::declared_keys(scratch)?;
    keys.pop().context("there is no key any more")
}

/// The columns of `FOREIGN KEY (a, b)`.
fn child_columns(constraint: &str) -> Result<Vec<String>> {
    let tokens = ddl::tokens(constraint)?;
    let kinds: Vec<_> = tokens.iter().map(|token| token.kind).collect();
    let begin = [TK_FOREIGN, TK_KEY, TK_LP];
    let start = kinds.windows(begin.len()).position(|kinds| kinds == begin);
    let start = start.context("there is no FOREIGN KEY clause")? + begin.len();
    let list = tokens.iter().skip(start).take_while(|it| it.kind != TK_RP);
    let names = list.filter(|token| token.kind != TK_COMMA);
    Ok(names.map(|token| ddl::unquote(token.text)).collect())
}

/// `key` as a table constraint.
fn clause(name: Option<&str>, key: &ForeignKey) -> String {
    let list = |names: &[String]| quote_list("", names.iter().map(String::as_str));
    let name = name.map_or(String::new(), |name| format!("CONSTRAINT {} ", quote(name)));
    let parent_columns = match key.parent_columns.as_slice() {
        [] => String::new(),
        names => format!(" ({})", list(names)),
    };
    format!(
        "{name}FOREIGN KEY ({}) REFERENCES {}{parent_columns} ON DELETE {} ON UPDATE {}",
        list(&key.columns),
        quote(&key.parent),
        key.on_delete.sql(),
        key.on_update.sql()
    )
}
