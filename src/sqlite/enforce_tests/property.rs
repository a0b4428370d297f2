//! Random cases, held against SQLite's own keys.

use std::cell::Cell;
use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use rusqlite::Connection;
use rusqlite::backup::Backup;
use rusqlite::types::Value;

use super::case::{Case, Declared};
use super::random::cases;
use crate::sqlite::enforce;
use crate::sqlite::rebuild::steps;

/// A connection with triggers.
#[derive(Clone, Copy, Debug)]
struct Side {
    strict: bool,
    recursive_triggers: bool,
    foreign_keys: bool,
}

const fn side(strict: bool, recursive_triggers: bool, foreign_keys: bool) -> Side {
    Side {
        strict,
        recursive_triggers,
        foreign_keys,
    }
}

const SIDES: [Side; 5] = [
    side(true, false, false),
    side(true, true, false),
    side(true, false, true),
    side(false, false, false),
    side(false, true, false),
];

/// A database in which every key holds, on a connection that acts on them.
fn filled(case: &Case) -> Connection {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    database.execute_batch(&case.schema().join(";")).unwrap();
    database.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for statement in case.contents() {
        let _ = database.execute_batch(&statement);
    }
    database
}

fn with_triggers(database: &Connection, side: Side) -> Connection {
    let mut copy = Connection::open_in_memory().unwrap();
    Backup::new(database, &mut copy)
        .unwrap()
        .run_to_completion(100, Duration::ZERO, None)
        .unwrap();
    copy.execute_batch(&format!(
        "PRAGMA foreign_keys = {}; PRAGMA recursive_triggers = {}",
        side.foreign_keys, side.recursive_triggers
    ))
    .unwrap();
    let plan = enforce::plan(&copy, side.strict).unwrap();
    steps::carry_out(&copy, &plan.steps).unwrap();
    plan.verify_schema(&copy).unwrap();
    copy
}

fn rows(database: &Connection, case: &Case) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for table in 0..case.table_count() {
        let mut statement = database
            .prepare(&format!("SELECT {table}, * FROM t{table}"))
            .unwrap();
        let width = statement.column_count();
        let found = statement
            .query_map([], |row| (0..width).map(|at| row.get(at)).collect())
            .unwrap();
        let mut found: Vec<Vec<Value>> = found.map(Result::unwrap).collect();
        found.sort_by_key(|row| format!("{row:?}"));
        rows.extend(found);
    }
    rows
}

fn orphans(database: &Connection) -> i64 {
    let query = "SELECT count(*) FROM pragma_foreign_key_check";
    database.query_row(query, [], |row| row.get(0)).unwrap()
}

/// How many statements were compared, and how many of them a trigger refused beyond SQLite.
#[derive(Default)]
struct Counts {
    compared: Cell<u32>,
    refused: Cell<u32>,
}

/// Runs the statements of `case` on every side: no orphan comes, and error and rows are those
/// of SQLite's own keys, but for what docs/enforce.md tells.
fn compare(case: &Case, counts: &Counts) -> Result<(), TestCaseError> {
    let own = filled(case);
    let mut sides: Vec<_> = SIDES
        .iter()
        .map(|side| (*side, with_triggers(&own, *side)))
        .collect();
    let keys = case.keys();
    for statement in &case.statements {
        let (sql, gives_key) = case.sql(statement);
        let before = rows(&own, case);
        let expected = own.execute_batch(&sql);
        let after = rows(&own, case);
        if orphans(&own) > 0 {
            // SQLite's own counting misses one now and then: where REPLACE removes rows, or
            // affinities differ.
            prop_assert!(sql.contains("OR REPLACE") || !case.equal_is_same());
            return Ok(());
        }
        // Without --strict nothing is promised of a key that a child is given, be it by the
        // action of another key; without the pragma, nothing of what REPLACE removes.
        sides.retain(|(side, _)| {
            (side.strict || !(gives_key || share_columns(&keys)))
                && (side.foreign_keys || side.recursive_triggers || !sql.contains("OR REPLACE"))
        });
        let mut next = Vec::new();
        for (side, database) in sides {
            let found = database.execute_batch(&sql);
            let found_rows = rows(&database, case);
            let context = || {
                let mut context = format!(
                    "{side:?}\n{case:?}\n--- {sql}\nSQLite: {expected:?}\ntriggers: {found:?}\nbefore {before:?}\n"
                );
                for trigger in enforce::installed(&database).unwrap() {
                    let _ = writeln!(context, "{};", trigger.sql);
                }
                context
            };
            if meets_check(&sql, case, &keys) && (found_rows != after || orphans(&database) > 0) {
                continue;
            }
            prop_assert_eq!(orphans(&database), 0, "{}", context());
            counts.compared.set(counts.compared.get() + 1);
            if found.is_err() && expected.is_ok() {
                let rows = own.changes();
                let may = cannot_act(&database) || may_refuse_more(&sql, &keys, rows);
                prop_assert!(may, "{}", context());
                prop_assert_eq!(&found_rows, &before, "{}", context());
                counts.refused.set(counts.refused.get() + 1);
                continue;
            }
            if found.is_ok() && expected.is_err() && may_accept_more(case, &keys) {
                continue;
            }
            let stops_elsewhere = sql.contains(" OR FAIL") && may_accept_more(case, &keys);
            if stops_elsewhere && found_rows != after {
                continue;
            }
            // Of two keys of one column one may follow its parent where the other refuses: a trigger
            // then undoes what OR FAIL would leave half done.
            if sql.contains(" OR FAIL") && share_columns(&keys) && found_rows == before {
                continue;
            }
            prop_assert_eq!(found.is_err(), expected.is_err(), "{}", context());
            prop_assert_eq!(&found_rows, &after, "{}", context());
            next.push((side, database));
        }
        sides = next;
    }
    Ok(())
}

/// Whether a trigger stands for an action that it can't carry out.
fn cannot_act(database: &Connection) -> bool {
    let triggers = enforce::installed(database).unwrap();
    triggers.iter().any(|it| it.sql.contains("can not carry"))
}

/// Where a trigger, which sees one row after the other, may refuse what SQLite's own keys accept
/// at the end of the statement.
fn may_refuse_more(sql: &str, keys: &[Declared], rows: u64) -> bool {
    let replaces = sql.contains("OR REPLACE");
    if share_columns(keys) {
        return true;
    }
    if !sql.starts_with("DELETE") {
        let refers_to_itself = keys.iter().any(|key| key.child == key.parent);
        let several = rows > 1 || sql.starts_with("UPDATE");
        return replaces || (several && refers_to_itself);
    }
    let table = sql.as_bytes()["DELETE FROM t".len()] - b'0';
    let reached = reached_from(usize::from(table), keys);
    keys.iter().any(|key| {
        let checks = ["NO ACTION", "SET DEFAULT"].contains(&key.on_delete);
        let several = rows > 1 && (checks || sets_a_parent_key(key, keys));
        let in_cycle = (checks || key.on_delete == "RESTRICT") && is_in_cycle(key.parent, keys);
        reached.contains(&key.child) && (several || in_cycle)
    })
}

/// A row that refers to itself by a key that is equal and not the same, such as 'A' to 'a' by
/// NOCASE: SQLite refuses it as it is written, and `foreign_key_check` accepts it.
fn may_accept_more(case: &Case, keys: &[Declared]) -> bool {
    !case.equal_is_same() && keys.iter().any(|key| key.child == key.parent)
}

/// Whether an action may meet a CHECK of a child under a conflict clause that stops half way.
fn meets_check(sql: &str, case: &Case, keys: &[Declared]) -> bool {
    let writes = |key: &Declared| {
        let actions = [key.on_delete, key.on_update];
        actions.iter().any(|it| it.starts_with("SET")) || key.on_update == "CASCADE"
    };
    let has_check = |key: &Declared| case.has_check(key) && writes(key);
    sql.contains(" OR FAIL") && keys.iter().any(has_check)
}

/// Whether ON DELETE SET NULL changes a column to which another row may refer.
fn sets_a_parent_key(key: &Declared, keys: &[Declared]) -> bool {
    let changes = |other: &Declared| {
        let mut columns = other.parent_columns.iter();
        other.parent == key.child && columns.any(|it| key.columns.contains(it))
    };
    key.on_delete == "SET NULL" && keys.iter().any(changes)
}

fn share_columns(keys: &[Declared]) -> bool {
    keys.iter().enumerate().any(|(at, key)| {
        keys[..at].iter().any(|other| {
            other.child == key.child && other.columns.iter().any(|it| key.columns.contains(it))
        })
    })
}

fn is_in_cycle(table: usize, keys: &[Declared]) -> bool {
    keys.iter().any(|key| {
        key.on_delete == "CASCADE"
            && key.parent == table
            && reached_from(key.child, keys).contains(&table)
    })
}

/// The tables that lose rows with those of `table`.
fn reached_from(table: usize, keys: &[Declared]) -> Vec<usize> {
    let mut reached = vec![table];
    loop {
        let next = keys.iter().find(|key| {
            key.on_delete == "CASCADE"
                && reached.contains(&key.parent)
                && !reached.contains(&key.child)
        });
        match next {
            Some(key) => reached.push(key.child),
            None => return reached,
        }
    }
}

/// `FKFIX_ENFORCE_CASES=20000 cargo test enforce -- --nocapture` looks longer.
#[test]
#[allow(clippy::print_stdout)]
fn the_rows_are_those_that_sqlites_own_keys_leave() {
    let more = std::env::var("FKFIX_ENFORCE_CASES").ok();
    let config = ProptestConfig {
        cases: more
            .as_ref()
            .map_or(crate::cases::cases(140), |it| it.parse().unwrap()),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    let mut runner = match more {
        Some(_) => TestRunner::new(config),
        // The same ones in every run of all tests.
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let counts = Counts::default();
    if let Err(error) = runner.run(&cases(), |case| compare(&case, &counts)) {
        panic!("{error}");
    }
    let (compared, refused) = (counts.compared.get(), counts.refused.get());
    assert!(
        refused * 20 < compared,
        "{refused} of {compared} statements were refused beyond SQLite"
    );
    println!("{refused} of {compared} statements were refused beyond SQLite");
}
