//! All that a database holds, as values that compare and print well.

use std::collections::{BTreeMap, HashMap};

use pretty_assertions::assert_eq;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// The tables that fkfix makes beside the one it rebuilds.
const HISTORY: &str = "fkfix_schema_history";
const ARCHIVE: &str = "_orphans";

/// All that a database holds. Two that are equal differ in nothing that SQL can see.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Every object: (type, name, table) and its text.
    pub schema: BTreeMap<(String, String, String), Option<String>>,
    /// The names of all objects with their tables, in the order of the schema; empty where the
    /// way to change a table can't keep it.
    pub order: Vec<(String, String)>,
    /// Every ordinary table's rows in the order of their keys, rowid first where it has one:
    /// `3: 1|'a'|NULL`. The tables that belong to a full-text index are left out.
    pub tables: BTreeMap<String, Vec<String>>,
    /// Pragmas that are stored in the file.
    pub settings: Vec<String>,
}

impl Picture {
    /// What `connection` sees in its main database.
    pub fn of(connection: &Connection) -> Self {
        let mut statement = connection
            .prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")
            .unwrap();
        let schema = statement
            .query_map([], |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?))
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut statement = connection
            .prepare("SELECT name, tbl_name FROM main.sqlite_schema ORDER BY rowid")
            .unwrap();
        let order = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .filter(|_| !crate::UP_OPTIONS.contains(&"--documented"))
            .collect::<Result<_, _>>()
            .unwrap();
        let mut statement = connection
            .prepare(
                "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'",
            )
            .unwrap();
        let tables = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(|table| table.unwrap())
            .filter(|(name, _): &(String, bool)| name != "sqlite_schema")
            .map(|(name, without_rowid)| {
                let rows = table_rows(connection, &name, without_rowid);
                (name, rows)
            })
            .collect();
        let settings = [
            "user_version",
            "application_id",
            "page_size",
            "encoding",
            "auto_vacuum",
            "journal_mode",
        ]
        .map(|name| {
            format!(
                "{name} = {}",
                rows(connection, &format!("PRAGMA {name}"))[0]
            )
        });
        Picture {
            schema,
            order,
            tables,
            settings: settings.to_vec(),
        }
    }

    /// The same, for a comparison that the order of the schema is no part of.
    pub fn in_any_order(mut self) -> Self {
        self.order.clear();
        self
    }

    /// The definition of `table`.
    pub fn definition(&self, table: &str) -> &str {
        let key = ("table".to_owned(), table.to_owned(), table.to_owned());
        self.schema[&key].as_deref().unwrap()
    }

    /// Holds that this is `before` with `constraints` at the end of the definition of `table`,
    /// the history of fkfix, and archives with all the rows that are no longer in their
    /// tables. Gives the number of those rows.
    #[track_caller]
    pub fn must_be_with_keys(&self, before: &Picture, table: &str, constraints: &[&str]) -> usize {
        let mut restored = self.clone();
        let added = format!(", {}", constraints.join(", "));
        let key = ("table".to_owned(), table.to_owned(), table.to_owned());
        let definition = self.definition(table);
        assert_eq!(definition.matches(&added).count(), 1, "{definition}");
        let old = definition.replace(&added, "");
        restored.schema.insert(key, Some(old));
        restored.take_out(HISTORY).expect("no history");
        let archives: Vec<_> = self
            .tables
            .keys()
            .filter(|name| !before.tables.contains_key(*name))
            .filter_map(|name| name.strip_suffix(ARCHIVE))
            .collect();
        let mut count = 0;
        for table in archives {
            let name = format!("{table}{ARCHIVE}");
            let own = own_columns(self.definition(&name));
            let archive = restored.take_out(&name).unwrap();
            assert!(!archive.is_empty(), "the archive of {table} is empty");
            count += archive.len();
            let rows = restored.tables.get_mut(table).unwrap();
            rows.extend(archive.iter().map(|row| as_archived(row, own)));
            let places: HashMap<_, _> = before.tables[table].iter().zip(0..).collect();
            rows.sort_by_key(|row| places.get(row));
        }
        assert_eq!(restored, *before, "more than the keys has changed");
        count
    }

    /// Takes the table `name` away and gives its rows.
    fn take_out(&mut self, name: &str) -> Option<Vec<String>> {
        self.schema.retain(|(_, _, table), _| table != name);
        self.order.retain(|(_, table)| table != name);
        self.tables.remove(name)
    }
}

/// How many columns of an archive stand before those of its table.
fn own_columns(definition: &str) -> usize {
    let sometimes = [" fkfix_run INTEGER,", " fkfix_full_text TEXT,"];
    4 + sometimes
        .iter()
        .filter(|it| definition.contains(**it))
        .count()
}

/// The row of a table that the row of its archive was: without the archive's own rowid, and
/// without the key names, version and time that stand before its values, in `own` columns.
fn as_archived(row: &str, own: usize) -> String {
    let mut parts: Vec<_> = row.splitn(own + 1, '|').collect();
    if let Some((_, rowid_of_row)) = parts[0].split_once(": ") {
        parts[0] = rowid_of_row;
    }
    match parts[0] {
        "NULL" => parts[own].to_owned(),
        rowid => format!("{rowid}: {}", parts[own]),
    }
}

fn table_rows(connection: &Connection, table: &str, without_rowid: bool) -> Vec<String> {
    let quoted = format!("\"{}\"", table.replace('"', "\"\""));
    if without_rowid {
        let mut rows = rows(connection, &format!("SELECT * FROM {quoted}"));
        rows.sort();
        return rows;
    }
    let columns = rows(
        connection,
        &format!("SELECT lower(name) FROM pragma_table_xinfo({quoted})"),
    );
    let rowid = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !columns.contains(&format!("'{name}'")));
    match rowid {
        Some(rowid) => {
            let query = format!("SELECT {rowid}, * FROM {quoted} ORDER BY {rowid}");
            let rows = rows(connection, &query);
            rows.iter().map(|row| row.replacen('|', ": ", 1)).collect()
        }
        None => rows(connection, &format!("SELECT * FROM {quoted}")),
    }
}

/// The rows that `query` gives, each as its values in order: `1|'a'|NULL`.
pub fn rows(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    let columns = statement.column_count();
    let rows = statement
        .query_map([], |row| {
            let values = (0..columns).map(|column| row.get_ref(column).map(shown));
            Ok(values.collect::<Result<Vec<_>, _>>()?.join("|"))
        })
        .unwrap();
    rows.map(|row| row.unwrap()).collect()
}

/// A value so that it tells its storage class, and differs from every other.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        // Debug writes 3.0 where Display would write the integer 3.
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => format!("'{}'", text.escape_debug()),
            Err(_) => format!("text x'{}'", hex(text)),
        },
        ValueRef::Blob(bytes) => format!("x'{}'", hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}
