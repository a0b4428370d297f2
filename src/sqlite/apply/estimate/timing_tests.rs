//! What an estimate follows, whatever the machine.

use rusqlite::Connection;

use super::*;
use crate::policy::Method;
use crate::sqlite::apply::work_tests::planned;

const WAYS: [Way; 4] = [Way::Edit, Way::TransferRecords, Way::Rows, Way::TwoCopies];

#[test]
fn a_row_costs_twice_as_much_where_the_sample_does() {
    for way in WAYS {
        let (row, entries) = (0.3, 0.05);
        let (staying, leaving) = cost(way, Sample { row, entries });
        assert!(staying >= 0.0 && leaving > 0.0, "{way:?}");
        let twice = Sample {
            row: 2.0 * row,
            entries: 2.0 * entries,
        };
        let (staying_twice, leaving_twice) = cost(way, twice);
        assert!((staying_twice - 2.0 * staying).abs() < 1e-9, "{way:?}");
        assert!((leaving_twice - 2.0 * leaving).abs() < 1e-9, "{way:?}");
    }
}

#[test]
fn indexes_cost_as_well() {
    let plain = Sample {
        row: 0.3,
        entries: 0.0,
    };
    let indexed = Sample {
        entries: 0.05,
        ..plain
    };
    for way in WAYS {
        let without = cost(way, plain);
        let with = cost(way, indexed);
        // An edit leaves the entries where they are, but for those of rows that leave.
        if way == Way::Edit {
            assert!(with.1 > without.1);
        } else {
            assert!(with.0 > without.0, "{way:?}");
        }
        assert!(with.0 >= without.0 && with.1 >= without.1, "{way:?}");
    }
}

#[test]
fn a_log_makes_it_longer() {
    for way in WAYS {
        assert!(with_a_log(way) > 1.0, "{way:?}");
    }
}

/// What is foretold of adding a key to a table with so many rows.
fn foretold(rows: i64) -> Option<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("app.db")).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE rules (id INTEGER PRIMARY KEY); INSERT INTO rules VALUES (1);
             CREATE TABLE logs (id INTEGER PRIMARY KEY, rule INTEGER);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO logs SELECT i, 1 FROM n;"
        ))
        .unwrap();
    let plan = planned(&connection, Method::Documented);
    of_steps(&connection, &plan)
}

#[test]
fn only_a_large_table_is_worth_a_sample() {
    assert_eq!(foretold(WORTH_A_SAMPLE - 1), None);
    let time = foretold(WORTH_A_SAMPLE).unwrap();
    assert!(time.as_secs_f64() > AT_LEAST, "{time:?}");
}
