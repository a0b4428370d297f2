//! What is foreseen is what SQLite does, whatever the keys and their actions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;

use super::*;
use crate::sqlite::look::row;
use crate::sqlite::orphans;
use crate::sqlite::schema::foreign_key;

/// Every row by table and id, as the values of its keys.
type Rows = BTreeMap<(String, i64), Vec<Option<i64>>>;

const ACTIONS: [&str; 5] = [
    "CASCADE",
    "SET NULL",
    "SET DEFAULT",
    "RESTRICT",
    "NO ACTION",
];

/// Up to five tables whose keys lead to any of them, each with a few rows.
fn schema(random: &mut Rng) -> String {
    let tables = random.usize(2..=5);
    let mut sql = String::new();
    for at in 0..tables {
        let mut columns = vec!["id INTEGER PRIMARY KEY".to_owned()];
        let keys = random.usize(0..=2);
        for key in 0..keys {
            // Cascades most often, or chains end before they begin.
            let action = ACTIONS[random.usize(0..8).saturating_sub(3)];
            let default = ["", " DEFAULT 1", " DEFAULT 3", " NOT NULL"][random.usize(0..4)];
            columns.push(format!(
                "k{key} INTEGER{default} REFERENCES t{} ON DELETE {action}",
                random.usize(0..tables)
            ));
        }
        let _ = writeln!(sql, "CREATE TABLE t{at} ({});", columns.join(", "));
        for id in 1..=random.usize(2..=6) {
            let values: String = (0..keys)
                .map(|_| match random.usize(1..8) {
                    7 if !columns.iter().any(|it| it.contains("NOT NULL")) => ", NULL".to_owned(),
                    parent => format!(", {}", parent.min(4)),
                })
                .collect();
            let _ = writeln!(sql, "INSERT INTO t{at} VALUES ({id}{values});");
        }
    }
    sql
}

/// A database with such tables, on a connection that does not act on the keys. It has no
/// orphans, which are another matter: SQLite leaves them alone.
fn database(sql: &str) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}"))
        .unwrap();
    let broken = "SELECT printf('DELETE FROM %s WHERE rowid = %d', \"table\", rowid) FROM pragma_foreign_key_check LIMIT 1";
    while let Ok(delete) = connection.query_row(broken, [], |row| row.get::<_, String>(0)) {
        connection.execute_batch(&delete).unwrap();
    }
    connection
}

/// The rows of every table.
fn rows(connection: &Connection) -> Rows {
    let mut rows = BTreeMap::new();
    for at in 0..5 {
        let table = format!("t{at}");
        let Ok(mut select) = connection.prepare(&format!("SELECT * FROM {table}")) else {
            continue;
        };
        let width = select.column_count();
        let found = select
            .query_map([], |row| {
                let keys = (1..width).map(|at| row.get(at)).collect::<Result<_, _>>()?;
                Ok((row.get(0)?, keys))
            })
            .unwrap();
        for row in found {
            let (id, keys) = row.unwrap();
            rows.insert((table.clone(), id), keys);
        }
    }
    rows
}

/// What is foreseen of the deletion of a row.
fn foreseen(sql: &str, table: &str, id: i64) -> Deletion {
    let connection = database(sql);
    let table = Table::read(&connection, table).unwrap();
    let declared = foreign_key::distinct(foreign_key::declared(&connection).unwrap());
    let asked = row::find(&connection, &table, &[id.to_string()], false).unwrap();
    let found = orphans::hanging_on(&connection, &table, &asked.condition, &declared).unwrap();
    foresee(&connection, &found, &declared).unwrap()
}

/// The rows after a deletion, or the error.
fn deleted(connection: &Connection, table: &str, id: i64) -> rusqlite::Result<Rows> {
    connection.execute_batch("SAVEPOINT s")?;
    let done = connection.execute(&format!("DELETE FROM {table} WHERE id = ?1"), [id]);
    let after = rows(connection);
    connection.execute_batch("ROLLBACK TO s; RELEASE s")?;
    done.map(|_| after)
}

#[test]
fn what_is_foreseen_is_what_sqlite_does() {
    let (mut refused, mut taken, mut changed) = (0, 0, 0);
    for seed in 0..u64::from(crate::cases::cases(100)) {
        let sql = schema(&mut Rng::with_seed(seed));
        let connection = database(&sql);
        connection
            .execute_batch("PRAGMA foreign_keys = ON")
            .unwrap();
        let before = rows(&connection);
        for (table, id) in before.keys() {
            let foreseen = foreseen(&sql, table, *id);
            let context = format!("{sql}\nDELETE FROM {table} WHERE id = {id}\n{foreseen:#?}");
            let after = deleted(&connection, table, *id);
            let certain = |it: &Refusal| it.reason != Reason::RefersAndGoes;
            if foreseen.refusals.iter().any(certain) {
                refused += 1;
                assert!(after.is_err(), "{context}");
                continue;
            }
            if !foreseen.refusals.is_empty() {
                continue;
            }
            let after = after.unwrap_or_else(|error| panic!("{error}\n{context}"));
            let rows: i64 = foreseen.taken.iter().map(|it| it.rows).sum();
            let gone = i64::try_from(before.len() - after.len()).unwrap();
            assert_eq!(gone, rows + 1, "{context}");
            taken += rows;
            let rows: i64 = foreseen.changed.iter().map(|it| it.rows).sum();
            let differ = after.iter().map(|(key, values)| {
                let pairs = values.iter().zip(&before[key]);
                pairs.filter(|(now, then)| now != then).count()
            });
            assert_eq!(
                i64::try_from(differ.sum::<usize>()).unwrap(),
                rows,
                "{context}"
            );
            changed += rows;
        }
    }
    assert!(
        refused > 100 && taken > 160 && changed > 60,
        "{refused}, {taken} and {changed} are too few to tell anything"
    );
}
