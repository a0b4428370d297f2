//! What is counted without a list is what the lists tell, for whatever tables hold.

use std::cell::Cell;

use proptest::prelude::*;
use rusqlite::Connection;

use super::Survey;
use crate::model::value::Value;

const TYPES: [&str; 5] = ["INTEGER", "TEXT", "VARCHAR(9)", "", "TEXT COLLATE NOCASE"];
/// The odd ones stand at the end, and only the search can tell of them.
const INTEGERS: [&str; 7] = ["NULL", "0", "1", "2", "-1", "9007199254740993", "1.5"];
const TEXTS: [&str; 12] = [
    "NULL", "'a'", "'A'", "' a-'", "'b'", "''", "'-'", "'1'", "'é'", "'É'", "'ab'", "x'61'",
];
const TIMES: [&str; 6] = ["NULL", "'2025'", "'2024-06'", "''", "7", "2.5"];

/// Of each key: the type of either side, and whether its values are text.
type Key = (usize, usize, bool);

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
struct Case {
    keys: [Key; 2],
    parents: [Vec<usize>; 2],
    children: Vec<(usize, usize, usize)>,
    odd: bool,
    index: bool,
    rowids: bool,
    follower: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let key = || (0..TYPES.len(), 0..TYPES.len(), any::<bool>());
    let parents = || prop::collection::vec(0..12_usize, 0..9);
    let children = prop::collection::vec((0..12_usize, 0..12_usize, 0..6_usize), 0..40);
    let odd = prop::bool::weighted(0.2);
    (
        [key(), key()],
        [parents(), parents()],
        children,
        (odd, any::<bool>(), prop::bool::weighted(0.9), any::<bool>()),
    )
        .prop_map(
            |(keys, parents, children, (odd, index, rowids, follower))| Case {
                keys,
                parents,
                children,
                odd,
                index,
                rowids,
                follower,
            },
        )
}

impl Case {
    fn value(&self, key: usize, at: usize) -> &'static str {
        let values: &[&str] = if self.keys[key].2 { &TEXTS } else { &INTEGERS };
        let most = if self.odd {
            values.len()
        } else {
            values.len() - 1
        };
        values[at % most]
    }

    fn build(&self) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let fitting = |text| if text { "TEXT" } else { "INTEGER" };
        let [(p0, c0), (p1, c1)] = self.keys.map(|(p, c, text)| {
            if self.odd {
                (TYPES[p], TYPES[c])
            } else {
                (fitting(text), fitting(text))
            }
        });
        let (key, suffix) = if self.rowids {
            ("n INTEGER PRIMARY KEY", "")
        } else {
            ("n TEXT PRIMARY KEY", " WITHOUT ROWID")
        };
        let follower = if self.follower {
            "CREATE TABLE f (w_n REFERENCES w ON DELETE CASCADE); INSERT INTO f SELECT n FROM w;"
        } else {
            ""
        };
        connection
            .execute_batch(&format!(
                "PRAGMA foreign_keys = OFF;
                 CREATE TABLE p0 (id {p0} UNIQUE); CREATE TABLE p1 (id {p1} UNIQUE);
                 CREATE TABLE w ({key}, c0 {c0} REFERENCES p0 (id), c1 {c1} REFERENCES p1 (id), created_at DATETIME){suffix};{}",
                if self.index { "CREATE INDEX i ON w (c0)" } else { "" }
            ))
            .unwrap();
        for (key, parents) in self.parents.iter().enumerate() {
            for at in parents {
                let value = self.value(key, *at);
                let insert = format!("INSERT OR IGNORE INTO p{key} VALUES ({value})");
                connection.execute(&insert, []).unwrap();
            }
        }
        let times = if self.odd { 6 } else { 4 };
        for (at, (left, right, time)) in self.children.iter().enumerate() {
            let (left, right) = (self.value(0, *left), self.value(1, *right));
            let time = TIMES[time % times];
            let insert = format!("INSERT INTO w VALUES ({at}, {left}, {right}, {time})");
            connection.execute(&insert, []).unwrap();
        }
        connection.execute_batch(follower).unwrap();
        connection
    }
}

/// All that the survey tells, and whether a list was made for it.
fn told(case: &Case, most: Option<usize>) -> (Vec<String>, bool) {
    let connection = case.build();
    let mut survey = Survey::default();
    survey.look(&connection, &[], None, most).unwrap();
    let mut told: Vec<_> = survey.keys.iter().map(|key| format!("{key:?}")).collect();
    for table in &survey.tables {
        let of = (table.place, table.orphans, table.break_several, table.of);
        let mut sample = survey.sample(&connection, table, 5).unwrap();
        for row in &mut sample {
            if let Some(Value::Text(reasons)) = row.get_mut(1) {
                let text = String::from_utf8(reasons.clone()).unwrap();
                let mut each: Vec<_> = text.split(", ").collect();
                each.sort_unstable();
                *reasons = each.join(", ").into_bytes();
            }
        }
        told.push(format!("{of:?} {sample:?}"));
    }
    told.extend(survey.dependents.iter().map(|it| format!("{it:?}")));
    let lists = "SELECT EXISTS (SELECT 1 FROM temp.sqlite_schema WHERE name LIKE 'fkfix_leaving%')";
    let listed = connection.query_row(lists, [], |row| row.get(0)).unwrap();
    (told, listed)
}

#[test]
fn what_is_counted_is_what_is_listed() {
    let (all, counted) = (Cell::new(0), Cell::new(0));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: crate::cases::cases(140),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&cases(), |case| {
        let (expected, has_orphans) = told(&case, None);
        let (found, listed) = told(&case, Some(5));
        prop_assert_eq!(&found, &expected);
        all.set(all.get() + i32::from(has_orphans));
        counted.set(counted.get() + i32::from(has_orphans && !listed));
        Ok(())
    });
    result.unwrap();
    let (all, counted) = (all.get(), counted.get());
    assert!(counted * 4 > all, "only {counted} of {all} were counted");
}
