//! What is said of an INSERT is what SQLite does.

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::sqlite::rebuild::compare::{all_of, same_values};

const TYPES: [&str; 20] = [
    "INTEGER",
    "INT",
    "REAL",
    "DOUBLE",
    "NUMERIC",
    "DECIMAL(9,2)",
    "DATETIME",
    "BOOLEAN",
    "TEXT",
    "VARCHAR(9)",
    "CLOB",
    "BLOB",
    "",
    "ANY",
    "FLOATING POINT",
    "CHARINT",
    "REALTEXT",
    "STRING",
    "INTEGER NOT NULL",
    "TEXT NOT NULL",
];

const STRICT_TYPES: [&str; 7] = [
    "INT",
    "INTEGER",
    "REAL",
    "TEXT",
    "BLOB",
    "ANY",
    "TEXT NOT NULL",
];

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|it| it.to_string()),
        (-3i64..3).prop_map(|it| it.to_string()),
        any::<f64>()
            .prop_filter("a number", |it| it.is_finite())
            .prop_map(|it| format!("{it:e}")),
        (-3i32..3).prop_map(|it| format!("{it}.0")),
        any::<i64>().prop_map(|it| format!("{it}.0")),
        (-60..64i32).prop_map(|it| format!("{:e}", 2f64.powi(it))),
        (40..64i32).prop_map(|it| format!("-{:e}", 2f64.powi(it))),
        (48..64i32).prop_map(|it| format!("{:e}", 2f64.powi(it) - 1.0)),
        "[ +-]?[0-9]{0,20}[.]?[0-9]{0,3}([eE][+-]?[0-9]{1,3})?[ x]?"
            .prop_map(|it| format!("'{it}'")),
        "[0-9]{1,3}[.]?[0-9]?".prop_map(|it| format!("'{it}' || char(0) || '9'")),
        Just("'' || char(0)".to_owned()),
        Just("'0x10'".to_owned()),
        Just("'Inf'".to_owned()),
        Just("9e999".to_owned()),
        Just("-0.0".to_owned()),
        Just("NULL".to_owned()),
        "[0-9]{0,3}".prop_map(|it| format!("CAST('{it}' AS BLOB)")),
        Just("CAST(x'35ff' AS TEXT)".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::cases::cases(1400)))]

    #[test]
    fn what_an_insert_changes_is_found(value in values(), declared in 0..TYPES.len(), strict in 0..STRICT_TYPES.len() * 4) {
        let connection = Connection::open_in_memory().unwrap();
        let (declared, options) = match STRICT_TYPES.get(strict) {
            Some(declared) => (*declared, "STRICT"),
            None => (TYPES[declared], ""),
        };
        connection.execute_batch(&format!(
            "CREATE TABLE w (a INT, v {declared}) {options}; CREATE TABLE a (v); INSERT INTO a VALUES ({value})"
        )).unwrap();
        let table = Table::read(&connection, "w").unwrap();
        // A real column reads whole numbers as reals, so no integer is ever found in one.
        let fits = fits(&table, |name| name == "v", "a");
        let fits = if fits.is_empty() { "TRUE".to_owned() } else { all_of(&fits) };
        let told: bool = connection.query_row(&format!("SELECT {fits} FROM a"), [], |row| row.get(0)).unwrap();
        let taken = connection.execute("INSERT INTO w SELECT 1, v FROM a", []).is_ok();
        let same = same_values(&table, ["v"].into_iter()).collect::<Vec<_>>().join(" AND ");
        let kept: bool = taken && connection.query_row(&format!("SELECT {same} FROM w, a"), [], |row| row.get(0)).unwrap();
        prop_assert_eq!(told, kept, "{} into {} {}", value, declared, options);
    }
}
