//! What became of each row, held against what the keys and the policy say, by SQLite's own check and
//! nothing of fkfix's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fkfix::policy::OrphanAction;
use rusqlite::Connection;

use super::support::{open, rows, shown};

/// The rows of a table, each by its key: rowid or primary key.
pub struct Rows {
    columns: Vec<String>,
    rows: BTreeMap<Vec<String>, Vec<String>>,
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The ordinary tables, without those of fkfix's own and of full-text indexes.
pub fn tables(connection: &Connection) -> Vec<String> {
    let query = "SELECT l.name FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND l.name <> 'fkfix_schema_history' AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(l.name) WHERE name = 'fkfix_archived_at')";
    let mut statement = connection.prepare(query).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn strings(connection: &Connection, query: &str, table: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    let values = statement.query_map([table], |row| row.get(0)).unwrap();
    values.map(Result::unwrap).collect()
}

/// The expressions by which the rows of `table` are told apart; none where they can't be.
pub fn row_key(connection: &Connection, table: &str) -> Vec<String> {
    let without_rowid: bool = connection
        .query_row(
            "SELECT wr FROM pragma_table_list WHERE name = ?1 AND schema = 'main'",
            [table],
            |row| row.get(0),
        )
        .unwrap();
    if without_rowid {
        let query = "SELECT name FROM pragma_table_xinfo(?1) WHERE pk ORDER BY pk";
        let names = strings(connection, query, table);
        return names.iter().map(|it| quoted(it)).collect();
    }
    let taken = strings(
        connection,
        "SELECT lower(name) FROM pragma_table_xinfo(?1)",
        table,
    );
    let mut names = ["rowid", "_rowid_", "oid"].into_iter();
    let free = names.find(|it| !taken.iter().any(|taken| taken == it));
    free.map(str::to_owned).into_iter().collect()
}

/// The rows of `table` where `condition` holds; none where they can't be told apart.
pub fn read(connection: &Connection, table: &str, key: &[String], condition: &str) -> Rows {
    let columns = strings(
        connection,
        "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1",
        table,
    );
    let mut rows = BTreeMap::new();
    if !key.is_empty() {
        let names = columns.iter().map(|it| quoted(it));
        let all: Vec<_> = key.iter().cloned().chain(names).collect();
        let query = format!(
            "SELECT {} FROM {} NOT INDEXED WHERE {condition}",
            all.join(", "),
            quoted(table)
        );
        let mut statement = connection.prepare(&query).unwrap();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let value = |at| shown(row.get_ref(at).unwrap());
            rows.insert(
                (0..key.len()).map(value).collect(),
                (key.len()..all.len()).map(value).collect(),
            );
        }
    }
    Rows { columns, rows }
}

/// A key that a table declares.
struct Key {
    columns: Vec<String>,
    on_delete: String,
}

fn keys(connection: &Connection, table: &str) -> BTreeMap<i64, Key> {
    let mut statement = connection
        .prepare("SELECT id, \"from\", on_delete FROM pragma_foreign_key_list(?1) ORDER BY id, seq")
        .unwrap();
    let mut found = statement.query([table]).unwrap();
    let mut keys = BTreeMap::new();
    while let Some(row) = found.next().unwrap() {
        let key = keys.entry(row.get(0).unwrap()).or_insert_with(|| Key {
            columns: Vec::new(),
            on_delete: row.get(2).unwrap(),
        });
        key.columns.push(row.get(1).unwrap());
    }
    keys
}

/// The rows of `table` that break keys, as SQLite's own check finds them: the rowid, and the key. None
/// where it can't look.
pub fn broken(connection: &Connection, table: &str) -> Option<BTreeSet<(String, i64)>> {
    let query = format!(
        "SELECT rowid, fkid FROM pragma_foreign_key_check({})",
        quoted(table)
    );
    let mut statement = connection.prepare(&query).ok()?;
    let found = statement
        .query_map([], |row| Ok((shown(row.get_ref(0)?), row.get(1)?)))
        .ok()?;
    found.collect::<Result<_, _>>().ok()
}

/// Whether rows that break a key with this ON DELETE may stay.
fn may_stay(action: OrphanAction, on_delete: &str) -> bool {
    match action {
        OrphanAction::SetNull => true,
        OrphanAction::Follow => on_delete.starts_with("SET "),
        _ => false,
    }
}

/// Holds the database at `after`, in which `action` was taken on the orphans, against the one at
/// `before`, which this gives the keys of the other.
pub fn hold(before: &Path, after: &Path, action: OrphanAction) -> Result<(), String> {
    let after = open(after);
    give_keys(before, &after);
    let before = open(before);
    for table in tables(&before) {
        let was_broken = broken(&before, &table);
        let is_broken = broken(&after, &table);
        if let (Some(was), Some(is)) = (&was_broken, &is_broken)
            && !is.is_subset(was)
        {
            return Err(format!("{table}: {is:?} break keys, before {was:?}"));
        }
        let key = row_key(&before, &table);
        let (old, new) = (
            read(&before, &table, &key, "TRUE"),
            read(&after, &table, &key, "TRUE"),
        );
        let keys = keys(&after, &table);
        if let Some(row) = new.rows.keys().find(|it| !old.rows.contains_key(*it)) {
            return Err(format!("{table}: {row:?} is new"));
        }
        let may_change = |column: &String| {
            keys.values().any(|key| key.columns.contains(column))
                || is_generated(&after, &table, column)
        };
        for (row, values) in &old.rows {
            let found = new.rows.get(row);
            let changed = old
                .columns
                .iter()
                .zip(values)
                .zip(found.into_iter().flatten());
            let changed = changed.filter(|((_, old), new)| old != new);
            let changed: Vec<_> = changed.map(|((column, _), _)| column).collect();
            if let Some(column) = changed.iter().find(|it| !may_change(it)) {
                return Err(format!("{table}: {column} of {row:?} has changed"));
            }
            if action.keeps() && (found.is_none() || !changed.is_empty()) {
                is_archived(&after, &table, &old, row, found.is_some())?;
            }
        }
        if key.len() == 1 {
            orphans_fare(
                &table,
                &keys,
                was_broken.as_ref(),
                is_broken.as_ref(),
                &new,
                action,
            )?;
        }
    }
    Ok(())
}

/// A row that broke a key before, and one whose breach could be looked for, fares as the key says.
fn orphans_fare(
    table: &str,
    keys: &BTreeMap<i64, Key>,
    was_broken: Option<&BTreeSet<(String, i64)>>,
    is_broken: Option<&BTreeSet<(String, i64)>>,
    new: &Rows,
    action: OrphanAction,
) -> Result<(), String> {
    let (Some(was), Some(is)) = (was_broken, is_broken) else {
        return Ok(());
    };
    let healed = was.difference(is);
    for (row, id) in healed {
        let there = new.rows.contains_key(&vec![row.clone()]);
        if row != "NULL" && there && !may_stay(action, &keys[id].on_delete) {
            return Err(format!(
                "{table}: row {row} is there, and broke a key {}",
                keys[id].on_delete
            ));
        }
    }
    Ok(())
}

fn is_generated(connection: &Connection, table: &str, column: &str) -> bool {
    let query = "SELECT hidden >= 2 FROM pragma_table_xinfo(?1) WHERE name = ?2";
    connection
        .query_row(query, [table, column], |row| row.get(0))
        .unwrap()
}

/// Holds that the archive has the row `key` of `table` as it was, as one that stayed or one that left.
fn is_archived(
    after: &Connection,
    table: &str,
    old: &Rows,
    key: &[String],
    stayed: bool,
) -> Result<(), String> {
    let archive = format!("{table}_orphans");
    let named = tables_named(after, &archive);
    if !named {
        return Err(format!(
            "{key:?} of {table} left or changed, and there is no archive"
        ));
    }
    let columns: Vec<_> = old.columns.iter().map(|it| quoted(it)).collect();
    let has_kept = !rows(
        after,
        &format!(
            "SELECT 1 FROM pragma_table_xinfo({}) WHERE name = 'fkfix_kept'",
            quoted(&archive)
        ),
    )
    .is_empty();
    let which = match (has_kept, stayed) {
        (false, false) => "TRUE",
        (false, true) => "FALSE",
        (true, false) => "fkfix_kept IS NULL",
        (true, true) => "fkfix_kept IS NOT NULL",
    };
    let query = format!(
        "SELECT {} FROM {} WHERE {which}",
        columns.join(", "),
        quoted(&archive)
    );
    let wanted = old.rows[key].join("|");
    if rows(after, &query).contains(&wanted) {
        return Ok(());
    }
    Err(format!("{archive} has no {wanted}, as it was"))
}

fn tables_named(connection: &Connection, name: &str) -> bool {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE)",
            [name],
            |row| row.get(0),
        )
        .unwrap()
}

/// Gives the tables of the database at `path` the definitions that they have in `of`.
fn give_keys(path: &Path, of: &Connection) {
    let connection = Connection::open(path).unwrap();
    let mut statement = of
        .prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'",
        )
        .unwrap();
    let definitions = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
    });
    connection
        .execute_batch("PRAGMA writable_schema = ON")
        .unwrap();
    for definition in definitions.unwrap().filter_map(Result::ok) {
        connection
            .execute(
                "UPDATE sqlite_schema SET sql = CAST(?2 AS TEXT) WHERE type = 'table' AND name = ?1",
                (definition.0, definition.1),
            )
            .unwrap();
    }
}
