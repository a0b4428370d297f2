//! What is counted by memory is what `PRAGMA foreign_key_check` names, in tables of every kind.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::policy::OrphanAction;
use crate::sqlite::keys;
use crate::sqlite::orphans;
use crate::sqlite::schema::scratch;
use crate::sqlite::text::statement::AddForeignKey;

const TYPES: [&str; 8] = [
    "",
    "INTEGER",
    "TEXT",
    "REAL",
    "NUMERIC",
    "BLOB",
    "VARCHAR(9)",
    "ANY",
];
const COLLATIONS: [&str; 4] = ["", "COLLATE NOCASE", "COLLATE RTRIM", "COLLATE BINARY"];
/// As many of the first as a case allows: all of one class, then others that may equal them.
const INTEGERS: [&str; 16] = [
    "1",
    "2",
    "-1",
    "9007199254740993",
    "9007199254740992",
    "9223372036854775807",
    "NULL",
    "0",
    "'1'",
    "1.5",
    "1.0",
    "x'31'",
    "'01'",
    "'a'",
    "9007199254740992.0",
    "9.223372036854775807e18",
];
const TEXTS: [&str; 16] = [
    "'a'",
    "'A'",
    "'a '",
    "'1'",
    "''",
    "CAST(x'6100' AS TEXT)",
    "CAST(x'ff' AS TEXT)",
    "NULL",
    "'é'",
    "'1.0'",
    "1",
    "x'61'",
    "1.0",
    "x''",
    "'9007199254740993'",
    "9007199254740993",
];
/// How many of them a case may take.
const TAME: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Parent {
    Unique,
    Rowid,
    WithoutRowid,
    StrictAny,
    Virtual,
    Stored,
    OwnTable,
}

const PARENTS: [Parent; 7] = [
    Parent::Unique,
    Parent::Rowid,
    Parent::WithoutRowid,
    Parent::StrictAny,
    Parent::Virtual,
    Parent::Stored,
    Parent::OwnTable,
];

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
struct Case {
    kind: Parent,
    parent: (usize, usize),
    child: (usize, usize),
    parent_rows: Vec<usize>,
    child_rows: Vec<usize>,
    texts: bool,
    tame: bool,
    computed: bool,
    alias: bool,
    index: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let column = || (0..TYPES.len(), 0..COLLATIONS.len());
    let rows = |most| prop::collection::vec(0..INTEGERS.len(), 0..most);
    (
        prop::sample::select(PARENTS.as_slice()),
        (column(), column()),
        (rows(9), rows(24)),
        (any::<bool>(), any::<bool>()),
        (prop::bool::weighted(0.2), any::<bool>(), any::<bool>()),
    )
        .prop_map(|(kind, (parent, child), rows, (texts, tame), more)| Case {
            kind,
            // A tame one is what people have: of one type, compared by its bytes.
            parent: if tame { fitting(texts) } else { parent },
            child: if tame { fitting(texts) } else { child },
            parent_rows: rows.0,
            child_rows: rows.1,
            texts,
            tame,
            computed: more.0,
            alias: more.1,
            index: more.2,
        })
}

fn fitting(texts: bool) -> (usize, usize) {
    (if texts { 2 } else { 1 }, 0)
}

impl Case {
    fn value(&self, at: usize) -> &'static str {
        let values = if self.texts { TEXTS } else { INTEGERS };
        values[if self.tame { at % TAME } else { at }]
    }

    fn constraint(&self) -> String {
        let parent = if self.kind == Parent::OwnTable {
            "w"
        } else {
            "p"
        };
        format!("FOREIGN KEY (c) REFERENCES {parent} (q)")
    }

    /// The tables, the child with `constraint` in it.
    fn build(&self, constraint: &str) -> Connection {
        let column = |(kind, collation): (usize, usize)| (TYPES[kind], COLLATIONS[collation]);
        let ((kind, collation), child) = (column(self.parent), column(self.child));
        let parent = match self.kind {
            Parent::Unique => format!("CREATE TABLE p (q {kind} {collation} UNIQUE)"),
            Parent::Rowid => "CREATE TABLE p (q INTEGER PRIMARY KEY)".to_owned(),
            Parent::WithoutRowid => {
                format!("CREATE TABLE p (q {kind} {collation} PRIMARY KEY) WITHOUT ROWID")
            }
            Parent::StrictAny => format!("CREATE TABLE p (q ANY {collation} UNIQUE) STRICT"),
            Parent::Virtual => {
                format!("CREATE TABLE p (b BLOB, q {kind} {collation} AS (b) VIRTUAL UNIQUE)")
            }
            Parent::Stored => {
                format!("CREATE TABLE p (b BLOB, q {kind} {collation} AS (b) STORED UNIQUE)")
            }
            Parent::OwnTable => String::new(),
        };
        let own = match self.kind {
            Parent::OwnTable => format!("q {kind} {collation} UNIQUE, "),
            _ => String::new(),
        };
        let key = if self.alias {
            "INTEGER PRIMARY KEY"
        } else {
            ""
        };
        let (child, source) = if self.computed {
            (
                format!("raw BLOB, c {} {} AS (raw) VIRTUAL", child.0, child.1),
                "raw",
            )
        } else {
            (format!("c {} {}", child.0, child.1), "c")
        };
        let connection = Connection::open_in_memory().unwrap();
        let create = format!(
            "PRAGMA foreign_keys = OFF; {parent}; CREATE TABLE w (n {key}, {own}{child}{constraint})"
        );
        connection.execute_batch(&create).unwrap();
        if self.index {
            connection.execute_batch("CREATE INDEX i ON w (c)").unwrap();
        }
        let (table, name) = match self.kind {
            Parent::OwnTable => ("w", "q"),
            Parent::Virtual | Parent::Stored => ("p", "b"),
            _ => ("p", "q"),
        };
        for at in &self.parent_rows {
            // Some are of no use for the column, or there already.
            let value = self.value(*at);
            let insert = format!("INSERT OR IGNORE INTO {table} ({name}) VALUES ({value})");
            let _ = connection.execute(&insert, []);
        }
        for at in &self.child_rows {
            let insert = format!("INSERT INTO w ({source}) VALUES ({})", self.value(*at));
            connection.execute(&insert, []).unwrap();
        }
        connection
    }
}

fn by_sqlite(case: &Case) -> BTreeSet<i64> {
    let declared = case.build(&format!(", {}", case.constraint()));
    let check = declared.prepare("SELECT rowid FROM pragma_foreign_key_check('w')");
    let mut check = check.unwrap();
    let rows = check.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// None where it leaves the answer to the search.
fn by_tally(case: &Case) -> Option<BTreeSet<i64>> {
    let connection = case.build("");
    let child = Table::read(&connection, "w").unwrap();
    let key = scratch::read_constraint(&child, &case.constraint()).unwrap();
    let parent = Table::read(&connection, &key.parent).unwrap();
    let asked = Asked {
        child: &child,
        keys: vec![(parent, key)],
        time: None,
        first: usize::MAX,
        most_frequent: 5,
    };
    let tally = tally(&connection, &RowCounts::new(&connection), &asked).unwrap()?;
    let first: BTreeSet<i64> = tally.first.iter().map(|(rowid, _)| *rowid).collect();
    assert_eq!(first.len(), tally.first.len());
    assert_eq!(tally.orphans, tally.keys[0].rows);
    assert_eq!(tally.orphans, i64::try_from(first.len()).unwrap());
    Some(first)
}

fn by_search(case: &Case) -> BTreeSet<i64> {
    let connection = case.build("");
    let request = AddForeignKey {
        table: "w".into(),
        name: None,
        constraint: case.constraint(),
    };
    let targets = keys::resolve(&connection, &[], &[request]).unwrap();
    let counts = RowCounts::new(&connection);
    let action = OrphanAction::Archive;
    orphans::find(&connection, &targets, &[], &counts, action).unwrap();
    let listed = connection.prepare("SELECT k1 FROM temp.fkfix_leaving_1 WHERE breaks > 0");
    let Ok(mut listed) = listed else {
        return BTreeSet::new();
    };
    let rows = listed.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn memory_tells_the_rows_that_sqlite_names() {
    let (all, told) = (Cell::new(0), Cell::new(0));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: crate::cases::cases(1000),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&cases(), |case| {
        let expected = by_sqlite(&case);
        prop_assert_eq!(&by_search(&case), &expected, "by the search");
        all.set(all.get() + 1);
        if let Some(found) = by_tally(&case) {
            prop_assert_eq!(&found, &expected, "by the count");
            told.set(told.get() + 1);
        }
        Ok(())
    });
    result.unwrap();
    let (all, told) = (all.get(), told.get());
    assert!(told * 4 > all, "only {told} of {all} were counted");
}

/// What is counted of a child with the column `at`, which tells the time of a row, and these rows; none
/// where it is left to the search.
fn tally_of(at: &str, rows: &str) -> Option<Tally> {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE w (id INTEGER PRIMARY KEY, p_id INTEGER, {at}); {rows}"
        ))
        .unwrap();
    let child = Table::read(&connection, "w").unwrap();
    let key = scratch::read_constraint(&child, "FOREIGN KEY (p_id) REFERENCES p (id)").unwrap();
    let parent = Table::read(&connection, "p").unwrap();
    let asked = Asked {
        child: &child,
        keys: vec![(parent, key)],
        time: Some("at"),
        first: 5,
        most_frequent: 5,
    };
    let tally = tally(&connection, &RowCounts::new(&connection), &asked).unwrap();
    assert!(tally.is_none() || asked.may_be_counted());
    tally
}

#[test]
fn the_first_and_the_last_time_are_told_where_they_are_kept_whole() {
    let insert = |start: &str| {
        format!("INSERT INTO w VALUES (1, 9, '{start}b'), (2, 9, '{start}a'), (3, 9, '{start}c')")
    };
    let tally = tally_of("at TEXT", &insert("2026-11-28")).unwrap();
    let text = |end: &str| Value::Text(format!("2026-11-28{end}").into_bytes());
    assert_eq!(tally.keys[0].span, Some((text("a"), text("c"))));
    assert!(tally_of("at TEXT", &insert(&"x".repeat(values::START))).is_none());
}

#[test]
fn times_in_another_order_and_computed_ones_are_left_to_the_search() {
    assert!(tally_of("at TEXT", "").is_some());
    assert!(tally_of("at TEXT COLLATE NOCASE", "").is_none());
    assert!(tally_of("at TEXT AS ('now')", "").is_none());
}
