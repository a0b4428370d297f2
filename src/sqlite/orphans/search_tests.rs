//! The search finds the rows that SQLite itself finds, for whatever tables hold.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rusqlite::Connection;

use super::lists::KEYS_PER_PASS;
use super::{Found, find};
use crate::policy::OrphanAction;
use crate::sqlite::keys::conditions::{self, Lookup};
use crate::sqlite::keys::{self, TableKeys};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::{Table, scratch};
use crate::sqlite::text::statement::AddForeignKey;

const TYPES: [&str; 8] = [
    "",
    "INTEGER",
    "TEXT",
    "REAL",
    "NUMERIC",
    "BLOB",
    "VARCHAR(9)",
    "DATETIME",
];
const COLLATIONS: [&str; 4] = ["", "COLLATE NOCASE", "COLLATE RTRIM", "COLLATE BINARY"];
/// Values that are equal under some affinity or collation and not under another.
const VALUES: [&str; 26] = [
    "NULL",
    "0",
    "1",
    "2",
    "-1",
    "1.0",
    "1.5",
    "'1'",
    "'1.0'",
    "' 1'",
    "'01'",
    "'a'",
    "'A'",
    "'a '",
    "''",
    "x'31'",
    "x''",
    "x'00ff'",
    "9007199254740992",
    "9007199254740993",
    "9007199254740992.0",
    "9223372036854775807",
    "9.223372036854775807e18",
    "'9007199254740993'",
    "1e300",
    "'é'",
];

#[derive(Clone, Debug)]
struct Case {
    parent: Vec<(usize, usize)>,
    child: Vec<(usize, usize)>,
    parent_rows: Vec<Vec<usize>>,
    child_rows: Vec<Vec<usize>>,
    without_rowid: bool,
    rowid_parent: bool,
    index: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let column = || (0..TYPES.len(), 0..COLLATIONS.len());
    (1..3_usize).prop_flat_map(move |width| {
        let columns = || prop::collection::vec(column(), width);
        let rows =
            |most| prop::collection::vec(prop::collection::vec(0..VALUES.len(), width), 0..most);
        (
            columns(),
            columns(),
            rows(12),
            rows(24),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
        )
            .prop_map(
                |(parent, child, parent_rows, child_rows, without_rowid, rowid_parent, index)| {
                    Case {
                        parent,
                        child,
                        parent_rows,
                        child_rows,
                        without_rowid,
                        rowid_parent,
                        index,
                    }
                },
            )
    })
}

impl Case {
    fn columns(prefix: &str, columns: &[(usize, usize)]) -> String {
        let columns = columns.iter().enumerate().map(|(at, (kind, collation))| {
            format!("{prefix}{at} {} {}", TYPES[*kind], COLLATIONS[*collation])
        });
        columns.collect::<Vec<_>>().join(", ")
    }

    fn names(prefix: &str, columns: &[(usize, usize)]) -> String {
        let names: Vec<_> = (0..columns.len())
            .map(|at| format!("{prefix}{at}"))
            .collect();
        names.join(", ")
    }

    /// The two tables, the child with `constraint` in it.
    fn build(&self, constraint: &str) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let (parents, children) = (
            Self::names("q", &self.parent),
            Self::names("c", &self.child),
        );
        let parent = if self.rowid_parent && self.parent.len() == 1 {
            "CREATE TABLE p (q0 INTEGER PRIMARY KEY)".to_owned()
        } else {
            format!(
                "CREATE TABLE p ({}, UNIQUE ({parents}))",
                Self::columns("q", &self.parent)
            )
        };
        let (key, suffix) = if self.without_rowid {
            ("n TEXT PRIMARY KEY", " WITHOUT ROWID")
        } else {
            ("n INTEGER PRIMARY KEY", "")
        };
        let child = format!(
            "CREATE TABLE w ({key}, {}{constraint}){suffix}",
            Self::columns("c", &self.child)
        );
        connection
            .execute_batch(&format!("PRAGMA foreign_keys = OFF; {parent}; {child};"))
            .unwrap();
        if self.index {
            connection
                .execute_batch(&format!("CREATE INDEX i ON w ({children})"))
                .unwrap();
        }
        let values = |row: &Vec<usize>| {
            row.iter()
                .map(|at| VALUES[*at])
                .collect::<Vec<_>>()
                .join(", ")
        };
        for row in &self.parent_rows {
            let _ = connection.execute(
                &format!("INSERT OR IGNORE INTO p VALUES ({})", values(row)),
                [],
            );
        }
        for (at, row) in self.child_rows.iter().enumerate() {
            let sql = format!(
                "INSERT INTO w (n, {children}) VALUES ({}, {})",
                at + 1,
                values(row)
            );
            connection.execute(&sql, []).unwrap();
        }
        connection
    }

    fn constraint(&self) -> String {
        format!(
            "FOREIGN KEY ({}) REFERENCES p ({})",
            Self::names("c", &self.child),
            Self::names("q", &self.parent)
        )
    }
}

/// The rows that `PRAGMA foreign_key_check` names, told by their `n`.
fn by_sqlite(case: &Case) -> BTreeSet<String> {
    let declared = case.build(&format!(", {}", case.constraint()));
    if case.without_rowid {
        // The pragma gives no key for such rows, so each is checked alone.
        let mut found = BTreeSet::new();
        for at in 1..=case.child_rows.len() {
            let alone = format!("SAVEPOINT s; DELETE FROM w WHERE n <> '{at}'");
            declared.execute_batch(&alone).unwrap();
            let broken: i64 = declared
                .query_row(
                    "SELECT count(*) FROM pragma_foreign_key_check('w')",
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            declared.execute_batch("ROLLBACK TO s; RELEASE s").unwrap();
            if broken > 0 {
                found.insert(at.to_string());
            }
        }
        return found;
    }
    let mut check = declared
        .prepare("SELECT rowid FROM pragma_foreign_key_check('w')")
        .unwrap();
    let rows = check.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    rows.map(|row| row.unwrap().to_string()).collect()
}

fn find_all(connection: &Connection, targets: &[TableKeys]) -> Found {
    let counts = RowCounts::new(connection);
    find(connection, targets, &[], &counts, OrphanAction::Archive).unwrap()
}

fn by_search(case: &Case) -> BTreeSet<String> {
    let connection = case.build("");
    let request = AddForeignKey {
        table: "w".into(),
        name: None,
        constraint: case.constraint(),
    };
    let targets = keys::resolve(&connection, &[], &[request]).unwrap();
    find_all(&connection, &targets);
    let listed = connection.prepare("SELECT CAST(k1 AS TEXT) FROM temp.fkfix_leaving_1");
    let Ok(mut listed) = listed else {
        return BTreeSet::new();
    };
    let rows = listed.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases::cases(1000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_names_the_rows_that_sqlite_names(case in cases()) {
        prop_assert_eq!(by_search(&case), by_sqlite(&case));
    }

    #[test]
    fn each_way_to_look_keys_up_finds_the_same_rows(case in cases()) {
        let connection = case.build("");
        let key = scratch::read_constraint(&table(&connection, "w"), &case.constraint()).unwrap();
        let (child, parent) = (table(&connection, "w"), table(&connection, "p"));
        let count = |lookup| -> i64 {
            let broken = conditions::broken(&child, &parent, &key, lookup);
            let query = format!("SELECT count(*) FROM main.w AS w WHERE {broken}");
            connection.query_row(&query, [], |row| row.get(0)).unwrap()
        };
        if conditions::compares_alike(&child, &parent, &key) {
            let each_row = count(Lookup::EachRow);
            for lookup in [Lookup::EachKey, Lookup::EachOfFew, Lookup::Merge] {
                prop_assert_eq!(count(lookup), each_row, "{:?}", lookup);
            }
        }
    }
}

fn table(connection: &Connection, name: &str) -> Table {
    Table::read(connection, name).unwrap()
}

/// A child with an index on one of its keys, which is looked at with the others all the same.
#[test]
fn one_pass_tells_which_keys_each_row_breaks() {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE q (id TEXT PRIMARY KEY); INSERT INTO q VALUES ('a');
             CREATE TABLE w (a INTEGER, b TEXT, c INTEGER);
             CREATE INDEX w_c ON w (c);
             INSERT INTO w (rowid, a, b, c) VALUES
                (1, 1, 'a', 1), (2, 9, 'a', 1), (3, 1, 'z', 1), (4, 9, 'z', 1), (5, 9, 'z', 9),
                (6, NULL, 'z', NULL), (7, 1, 'a', 9), (8, NULL, NULL, NULL);",
        )
        .unwrap();
    let request = |name: &str, column, parent| AddForeignKey {
        table: "w".into(),
        name: Some(name.into()),
        constraint: format!(
            "CONSTRAINT \"{name}\" FOREIGN KEY ({column}) REFERENCES {parent} (id)"
        ),
    };
    let requests = [
        request("by, a", "a", "p"),
        request("by 'b'", "b", "q"),
        request("by c", "c", "p"),
    ];
    let targets = keys::resolve(&connection, &[], &requests).unwrap();
    let found = find_all(&connection, &targets);
    let inserts = found
        .statements
        .iter()
        .filter(|it| it.starts_with("INSERT INTO temp.\"fkfix_leaving"));
    assert_eq!(inserts.count(), 1, "one pass for all, whatever is indexed");
    let removal = found.removal("w").unwrap();
    assert_eq!(
        (removal.rows, removal.orphans, removal.break_several),
        (6, 6, 2)
    );
    let mut reasons: Vec<_> = removal
        .reasons
        .iter()
        .map(|it| (found.label(it.key), it.rows))
        .collect();
    reasons.sort_unstable();
    assert_eq!(reasons, [("by 'b'", 4), ("by c", 2), ("by, a", 3)]);
    let mut rows = connection
        .prepare("SELECT k1 || ': ' || reasons FROM temp.fkfix_leaving_1 ORDER BY k1")
        .unwrap();
    let rows = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    assert_eq!(
        rows,
        [
            "2: by, a",
            "3: by 'b'",
            "4: by, a, by 'b'",
            "5: by, a, by 'b', by c",
            "6: by 'b'",
            "7: by c"
        ]
    );
}

/// More keys than an integer has bits, so that several passes use the same ones.
#[test]
fn each_of_very_many_keys_is_counted_by_itself() {
    let connection = Connection::open_in_memory().unwrap();
    let numbers = 0..(2 * KEYS_PER_PASS + 5);
    let columns: Vec<_> = numbers.clone().map(|n| format!("c{n} INTEGER")).collect();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE w (id INTEGER PRIMARY KEY, {}); CREATE INDEX w_c3 ON w (c3);",
            columns.join(", ")
        ))
        .unwrap();
    // Row n breaks key n, and the first row breaks all.
    for row in numbers.clone() {
        let broken = |n: &usize| if row == 0 || row == *n { "9" } else { "1" };
        let values: Vec<_> = numbers.clone().map(|n| broken(&n)).collect();
        let insert = format!("INSERT INTO w VALUES ({row}, {})", values.join(", "));
        connection.execute(&insert, []).unwrap();
    }
    let requests: Vec<_> = numbers
        .clone()
        .map(|n| AddForeignKey {
            table: "w".into(),
            name: Some(format!("k{n}")),
            constraint: format!("CONSTRAINT k{n} FOREIGN KEY (c{n}) REFERENCES p (id)"),
        })
        .collect();
    let targets = keys::resolve(&connection, &[], &requests).unwrap();
    let found = find_all(&connection, &targets);
    let removal = found.removal("w").unwrap();
    assert_eq!(
        (removal.rows, removal.break_several),
        (i64::try_from(numbers.len()).unwrap(), 1)
    );
    assert_eq!(removal.reasons.len(), numbers.len());
    for reason in &removal.reasons {
        let key = found.label(reason.key);
        let expected = if key == "k0" { 1 } else { 2 };
        assert_eq!(reason.rows, expected, "{key}");
    }
}
