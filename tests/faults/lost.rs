//! Rows are lost while nobody watches, and given back.

use std::path::Path;

use rusqlite::types::Value;

use super::family::quoted;
use super::fates;
use super::support::open;

/// A row that was deleted.
pub struct Lost {
    insert: String,
    values: Vec<Value>,
}

/// Deletes some rows of some tables while nobody watches.
pub fn lose(path: &Path, random: &mut fastrand::Rng) -> Vec<Lost> {
    let connection = open(path);
    connection
        .execute_batch("UPDATE switch SET is_on = 0")
        .unwrap();
    let mut lost = Vec::new();
    for table in fates::tables(&connection) {
        let key = fates::row_key(&connection, &table);
        if key.is_empty() || table == "switch" || table == "seen" || random.u32(0..3) == 0 {
            continue;
        }
        let mut names: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0")
            .unwrap()
            .query_map([&table], |row| row.get::<_, String>(0))
            .unwrap()
            .map(|it| quoted(&it.unwrap()))
            .collect();
        if let [rowid] = key.as_slice()
            && !rowid.starts_with('"')
        {
            names.insert(0, rowid.clone());
        }
        let table = quoted(&table);
        let values: Vec<Vec<Value>> = connection
            .prepare(&format!("SELECT {} FROM {table}", names.join(", ")))
            .unwrap()
            .query_map([], |row| (0..names.len()).map(|at| row.get(at)).collect())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for values in values {
            if random.u32(0..3) > 0 {
                continue;
            }
            let same: Vec<_> = names
                .iter()
                .zip(1..)
                .map(|(name, at)| format!("+{name} IS ?{at} COLLATE BINARY"))
                .collect();
            connection
                .execute(
                    &format!("DELETE FROM {table} WHERE {}", same.join(" AND ")),
                    rusqlite::params_from_iter(&values),
                )
                .unwrap();
            let places: Vec<_> = (1..=names.len()).map(|at| format!("?{at}")).collect();
            lost.push(Lost {
                insert: format!(
                    "INSERT INTO {table} ({}) VALUES ({})",
                    names.join(", "),
                    places.join(", ")
                ),
                values,
            });
        }
    }
    connection
        .execute_batch("UPDATE switch SET is_on = 1")
        .unwrap();
    lost
}

/// Gives rows back; false where one finds its place taken.
pub fn give_back(path: &Path, lost: &[Lost]) -> bool {
    let connection = open(path);
    connection
        .execute_batch("UPDATE switch SET is_on = 0")
        .unwrap();
    let mut rows = lost.iter();
    let all = rows.all(|row| {
        let values = rusqlite::params_from_iter(&row.values);
        connection.execute(&row.insert, values).is_ok()
    });
    connection
        .execute_batch("UPDATE switch SET is_on = 1")
        .unwrap();
    all
}
