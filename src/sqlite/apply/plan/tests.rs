//! Every statement of a plan is looked at as SQLite would run it, so that one that turns into
//! a scan, or a scan that turns into two, is noticed here.

use rusqlite::Connection;

use super::*;
use crate::policy::{Method, OrphanAction};
use crate::sqlite::keys::conditions::Lookup;
use crate::sqlite::rebuild::steps::{self, Step};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::scratch;

/// A thousand logs, an eleventh of them orphans; with and without indexes on the keys.
fn logs(indexes: &str) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE rules (id TEXT PRIMARY KEY);
             CREATE TABLE events (id TEXT PRIMARY KEY);
             CREATE TABLE logs (id INTEGER PRIMARY KEY, rule TEXT, event TEXT, at TEXT);
             {indexes};
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
             INSERT INTO rules SELECT 'r' || i FROM n;
             INSERT INTO events SELECT 'e' || substr(id, 2) FROM rules;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO logs SELECT i, 'r' || (i % 105), 'e' || (1 + i % 100), i FROM n;"
        ))
        .unwrap();
    connection
}

/// The plan to add the keys of the logs to their rules and events.
fn plan(connection: &Connection, method: Method) -> KeyPlan {
    let request = |column: &str, parent: &str| AddForeignKey {
        table: "logs".into(),
        name: Some(format!("fk_{column}")),
        constraint: format!(
            "CONSTRAINT fk_{column} FOREIGN KEY ({column}) REFERENCES {parent} (id)"
        ),
    };
    let policy = Policy {
        orphans: OrphanAction::Archive,
        max_orphans: None,
        method,
    };
    let requests = [request("rule", "rules"), request("event", "events")];
    add_keys(connection, &requests, 1, &policy, None).unwrap()
}

/// What `EXPLAIN QUERY PLAN` says of each statement that searches, scans or sorts, in order,
/// while the plan is carried out.
fn query_plans(connection: &Connection, method: Method) -> Vec<String> {
    let plan = plan(connection, method);
    let mut plans = Vec::new();
    for search in &plan.found.statements {
        plans.extend(explain(connection, search));
    }
    for step in &plan.steps {
        match step {
            Step::Run { sql, .. } => {
                for statement in sql.split(";\n") {
                    plans.extend(explain(connection, statement));
                    connection.execute_batch(statement).unwrap();
                }
            }
            Step::Expect { query, .. } => {
                plans.extend(explain(connection, query));
                steps::carry_out(connection, std::slice::from_ref(step)).unwrap();
            }
            Step::Discard { .. } => {}
        }
    }
    plans
}

fn explain(connection: &Connection, sql: &str) -> Option<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .ok()?;
    let lines = statement
        .query_map([], |row| row.get::<_, String>(3))
        .ok()?;
    let lines: Vec<_> = lines.filter_map(Result::ok).collect();
    let subject: Vec<_> = sql.split_whitespace().take(3).collect();
    (!lines.is_empty()).then(|| format!("{}: {}", subject.join(" "), lines.join("; ")))
}

const INDEXES: &str =
    "CREATE INDEX logs_rule ON logs (rule); CREATE INDEX logs_event ON logs (event)";

#[test]
fn over_indexes_the_work_is_by_distinct_keys() {
    let plans = query_plans(&logs(INDEXES), Method::Fastest);
    assert_eq!(
        plans,
        [
            r#"INSERT INTO temp."fkfix_leaving_1": CO-ROUTINE (subquery-5); SCAN w; LIST SUBQUERY 2; MERGE (EXCEPT); LEFT; SEARCH main.logs USING COVERING INDEX logs_rule (rule>?); RIGHT; SCAN main.rules USING COVERING INDEX sqlite_autoindex_rules_1; CREATE BLOOM FILTER; LIST SUBQUERY 4; MERGE (EXCEPT); LEFT; SEARCH main.logs USING COVERING INDEX logs_event (event>?); RIGHT; SCAN main.events USING COVERING INDEX sqlite_autoindex_events_1; CREATE BLOOM FILTER; SCAN (subquery-5)"#,
            r#"INSERT INTO main."logs_orphans": SCAN l; SEARCH w USING INTEGER PRIMARY KEY (rowid=?)"#,
            "SELECT count(*) FROM: SEARCH a USING INTEGER PRIMARY KEY (rowid>?); SEARCH w USING INTEGER PRIMARY KEY (rowid=?)",
            r#"DELETE FROM main."logs": SEARCH w USING INTEGER PRIMARY KEY (rowid=?); USING ROWID SEARCH ON TABLE fkfix_leaving_1 FOR IN-OPERATOR"#,
            "UPDATE main.sqlite_schema SET: SCAN main.sqlite_schema",
            "SELECT count(*) FROM: SCAN events",
            "SELECT count(*) FROM: SCAN logs",
            "SELECT count(*) FROM: SCAN rules",
            "SELECT count(*) FROM: SEARCH w USING COVERING INDEX logs_rule (rule=?); LIST SUBQUERY 2; MERGE (EXCEPT); LEFT; SEARCH main.logs USING COVERING INDEX logs_rule (rule>?); RIGHT; SCAN main.rules USING COVERING INDEX sqlite_autoindex_rules_1",
            "SELECT count(*) FROM: SEARCH w USING COVERING INDEX logs_event (event=?); LIST SUBQUERY 2; MERGE (EXCEPT); LEFT; SEARCH main.logs USING COVERING INDEX logs_event (event>?); RIGHT; SCAN main.events USING COVERING INDEX sqlite_autoindex_events_1",
        ]
    );
}

#[test]
fn without_indexes_the_table_is_read_once_for_all_keys() {
    let plans = query_plans(&logs("SELECT 1"), Method::Documented);
    assert_eq!(
        plans,
        [
            r#"INSERT INTO temp."fkfix_leaving_1": CO-ROUTINE (subquery-3); SCAN w; CORRELATED SCALAR SUBQUERY 1; SEARCH p USING COVERING INDEX sqlite_autoindex_rules_1 (id=?); CORRELATED SCALAR SUBQUERY 2; SEARCH p USING COVERING INDEX sqlite_autoindex_events_1 (id=?); SCAN (subquery-3)"#,
            r#"INSERT INTO main."logs_orphans": SCAN l; SEARCH w USING INTEGER PRIMARY KEY (rowid=?)"#,
            "SELECT count(*) FROM: SEARCH a USING INTEGER PRIMARY KEY (rowid>?); SEARCH w USING INTEGER PRIMARY KEY (rowid=?)",
            r#"DELETE FROM main."logs": SEARCH w USING INTEGER PRIMARY KEY (rowid=?); USING ROWID SEARCH ON TABLE fkfix_leaving_1 FOR IN-OPERATOR"#,
            "SELECT count(*) FROM: SCAN events",
            "SELECT count(*) FROM: SCAN logs",
            "SELECT count(*) FROM: SCAN rules",
            "SELECT count(*) FROM: SCAN w; CORRELATED SCALAR SUBQUERY 1; SEARCH p USING COVERING INDEX sqlite_autoindex_rules_1 (id=?)",
            "SELECT count(*) FROM: SCAN w; CORRELATED SCALAR SUBQUERY 1; SEARCH p USING COVERING INDEX sqlite_autoindex_events_1 (id=?)",
        ]
    );
}

#[test]
fn of_a_parent_larger_than_its_child_only_what_is_asked_for_is_read() {
    let connection = logs(INDEXES);
    connection
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO events SELECT 'e' || i FROM n;",
        )
        .unwrap();
    let plans = query_plans(&connection, Method::Fastest);
    let sought = "SEARCH p USING COVERING INDEX sqlite_autoindex_events_1 (id=?)";
    assert!(plans[0].contains(sought), "{}", plans[0]);
    assert!(!plans[0].contains("SCAN main.events"), "{}", plans[0]);
}

#[test]
fn few_keys_are_sought_one_after_the_other() {
    let connection = logs(INDEXES);
    connection
        .execute_batch("UPDATE logs SET rule = 'r' || (id % 3), event = 'e' || (id % 6)")
        .unwrap();
    let plans = query_plans(&connection, Method::Fastest);
    assert_eq!(
        plans[0],
        r#"INSERT INTO temp."fkfix_leaving_1": CO-ROUTINE (subquery-8); SCAN w; LIST SUBQUERY 5; MATERIALIZE w; SETUP; SEARCH main.logs USING COVERING INDEX logs_rule; RECURSIVE STEP; SCAN w; CORRELATED SCALAR SUBQUERY 2; SEARCH c USING COVERING INDEX logs_rule (rule>?); SCAN w; CORRELATED SCALAR SUBQUERY 4; SEARCH p USING COVERING INDEX sqlite_autoindex_rules_1 (id=?); CREATE BLOOM FILTER; LIST SUBQUERY 7; MERGE (EXCEPT); LEFT; SEARCH main.logs USING COVERING INDEX logs_event (event>?); RIGHT; SCAN main.events USING COVERING INDEX sqlite_autoindex_events_1; CREATE BLOOM FILTER; SCAN (subquery-8)"#,
        "six are not few"
    );
}

/// Text that looks like a number, in a column that makes numbers of such text, compares as the
/// number and stands behind all numbers: to seek the next key would go round for ever.
#[test]
fn keys_that_have_no_order_are_not_sought_one_after_the_other() {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE p (id INTEGER UNIQUE);
             CREATE TABLE c (p_id TEXT);
             CREATE INDEX c_p ON c (p_id);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO c SELECT '5' FROM n;
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'TEXT', 'INTEGER');
             PRAGMA writable_schema = RESET;
             INSERT INTO c VALUES (6), (7), (8);",
        )
        .unwrap();
    let counts = RowCounts::new(&connection);
    let child = Table::read(&connection, "c").unwrap();
    let parent = Table::read(&connection, "p").unwrap();
    let key = scratch::read_constraint(&child, "FOREIGN KEY (p_id) REFERENCES p (id)").unwrap();
    let lookup = Lookup::choose(&connection, &counts, &child, &parent, &key).unwrap();
    assert_ne!(lookup, Lookup::EachOfFew);
}

/// The steps are taken but for the one that deletes: however the keys are looked up, the last look
/// finds what is left.
#[test]
fn an_orphan_that_is_left_stops_the_plan() {
    let few_rules = "UPDATE logs SET rule = CASE WHEN id % 50 = 0 THEN 'gone' ELSE 'r1' END";
    for (indexes, change) in [("SELECT 1", ""), (INDEXES, ""), (INDEXES, few_rules)] {
        let connection = logs(indexes);
        connection.execute_batch(change).unwrap();
        let mut failed = Vec::new();
        for step in plan(&connection, Method::Documented).steps {
            let title = step.title();
            let counts_rows = title.starts_with("check that") && !title.contains("no row breaks");
            if title.starts_with("delete") || counts_rows {
                continue;
            }
            if let Err(error) = steps::carry_out(&connection, &[step]) {
                failed.push(format!("{error:#}"));
            }
        }
        assert_eq!(failed.len(), 1, "{failed:?}");
        let start = "could not check that no row breaks fk_rule: expected 0 and found ";
        assert!(failed[0].starts_with(start), "{failed:?}");
    }
}
