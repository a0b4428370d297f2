//! The report of orphans tells who decides what there is to decide.

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::Database;

#[test]
fn the_sample_database_has_ninety_orphans_by_two_keys() {
    let database = Database::fixture("app-migrated");
    let report = database.fkfix("orphans --limit 2").status(1).stderr("");
    assert_eq!(
        report.stdout,
        "\
90 of 1,090 rows in webhook_logs have no parent (8.3%)
10 rows of them break more than one key and count for each below

    key                                  rows  missing parents  oldest                      newest
    fk_webhook_logs_alert_rule  pending    40               10  2025-12-01 00:48:48.001008  2025-12-28 23:47:47.001007
    fk_webhook_logs_event       pending    60               60  2025-12-01 04:16:16.001036  2025-12-28 07:43:43.001063

    missing parent                                        rows
    alert_rules     adead000-0000-4000-8000-000000000001     4
    alert_rules     adead000-0000-4000-8000-000000000002     4
    alert_rules     adead000-0000-4000-8000-000000000003     4
    alert_rules     adead000-0000-4000-8000-000000000004     4
    alert_rules     adead000-0000-4000-8000-000000000005     4
    events          edead000-0000-4000-8000-000000000020     1
    events          edead000-0000-4000-8000-000000000021     1
    events          edead000-0000-4000-8000-000000000022     1
    events          edead000-0000-4000-8000-000000000023     1
    events          edead000-0000-4000-8000-000000000024     1

the first 2 of 90 rows, 7 of 10 columns:

    id    alert_rule_id                         event_id                              url                                      status_code  response_time_ms  created_at
    1001  adead000-0000-4000-8000-000000000002  e0000000-0000-4000-8000-000000000002  https://hooks.example.com/services/1001  200          121               2025-12-22 17:41:41.001001
    1002  adead000-0000-4000-8000-000000000003  e0000000-0000-4000-8000-000000000003  https://hooks.example.com/services/1002  200          122               2025-12-23 18:42:42.001002

"
    );
    let json = database.fkfix("orphans --format json").status(1).json();
    assert_eq!(json["orphans"], 90);
    let keys: Vec<_> = json["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["constraint"].as_str(), key["rows"].as_i64()))
        .collect();
    assert!(
        keys.contains(&(Some("fk_webhook_logs_alert_rule"), Some(40))),
        "{keys:?}"
    );
    assert!(
        keys.contains(&(Some("fk_webhook_logs_event"), Some(60))),
        "{keys:?}"
    );
    assert_eq!(json["tables"][0]["break_several"], 10);
}

#[test]
fn a_database_without_orphans_says_so_in_every_format() {
    let database = Database::fixture("app-orm");
    let text = database.fkfix("orphans").status(0).stderr("");
    assert_eq!(text.stdout, "no orphans (5 keys checked)\n");
    let json = database.fkfix("orphans --format json").status(0).json();
    assert_eq!(json["orphans"], 0);
    assert_eq!(json["tables"], serde_json::json!([]));
    assert_eq!(json["dependents"], serde_json::json!([]));
    database.fkfix("orphans --format csv").status(0).stdout("");
}

#[test]
fn declared_keys_are_looked_at_by_their_names_and_a_null_is_no_orphan() {
    let database = Database::of(
        "CREATE TABLE parent (a, b, PRIMARY KEY (a, b));
         CREATE TABLE child (x, y, CONSTRAINT both FOREIGN KEY (x, y) REFERENCES parent ON DELETE RESTRICT);
         CREATE TABLE gone (x REFERENCES missing (id));
         CREATE TABLE webhook_logs (id INTEGER PRIMARY KEY, alert_rule_id, event_id);
         CREATE TABLE alert_rules (id PRIMARY KEY); CREATE TABLE events (id PRIMARY KEY);
         INSERT INTO parent VALUES (1, 2); INSERT INTO child VALUES (1, 2), (1, 3), (1, NULL), (NULL, NULL);",
    );
    let report = database.fkfix("orphans").status(1);
    assert!(
        report
            .stdout
            .starts_with("1 of 4 rows in child has no parent (25.0%)\n"),
        "{}",
        report.stdout
    );
    assert!(
        report
            .stdout
            .contains("    both  declared     1                1"),
        "{}",
        report.stdout
    );
    assert_eq!(
        report.stderr,
        "warning: gone(x) was not looked at: there is no table missing\n"
    );
    database.fkfix("orphans --table webhook_logs").status(0);
    database
        .fkfix("orphans --table nowhere")
        .status(2)
        .explains("there is no table nowhere");
}

#[test]
fn rows_that_hang_on_orphans_are_counted_by_table() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id);
         CREATE TABLE note (id INTEGER PRIMARY KEY, child_id REFERENCES child ON DELETE CASCADE);
         CREATE TABLE bill (id INTEGER PRIMARY KEY, child_id REFERENCES child);
         INSERT INTO child VALUES (1, 1), (2, 9); INSERT INTO note VALUES (1, 1), (2, 2), (3, 2); INSERT INTO bill VALUES (1, 2);",
    );
    let report = database.fkfix("orphans").status(1);
    assert!(
        report.stdout.ends_with(
            "    depends on orphans  by              rows
    note                note(child_id)     2  go along
    bill                bill(child_id)     1  keeps them from going

"
        ),
        "{}",
        report.stdout
    );
}

/// The fields of a CSV file as SQL literals: what is in quotes is text, what is not is a
/// number, a blob or, where there is nothing, NULL.
fn literals(csv: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut characters = csv.chars().peekable();
    while let Some(character) = characters.next() {
        let row = rows.last_mut().unwrap();
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                row.last_mut().unwrap().push('"');
            }
            '"' => {
                quoted = !quoted;
                row.last_mut().unwrap().push('\'');
            }
            '\'' if quoted => row.last_mut().unwrap().push_str("''"),
            ',' if !quoted => row.push(String::new()),
            '\n' if !quoted => rows.push(vec![String::new()]),
            other => row.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(rows.pop().unwrap(), [""]);
    rows.iter()
        .map(|row| {
            row.iter()
                .map(|field| {
                    if field.is_empty() {
                        "NULL".to_owned()
                    } else {
                        field.clone()
                    }
                })
                .collect()
        })
        .collect()
}

/// Loads `csv` into a table without types, and gives its rows.
fn load(csv: &str) -> Vec<String> {
    let rows = literals(csv);
    let connection = Connection::open_in_memory().unwrap();
    let names: Vec<_> = rows[0]
        .iter()
        .map(|name| format!("\"{}\"", name.trim_matches('\'')))
        .collect();
    connection
        .execute_batch(&format!("CREATE TABLE t ({})", names.join(", ")))
        .unwrap();
    for row in &rows[1..] {
        connection
            .execute_batch(&format!("INSERT INTO t VALUES ({})", row.join(", ")))
            .unwrap();
    }
    crate::support::rows(&connection, "SELECT * FROM t ORDER BY 1")
}

#[test]
fn csv_loads_back_equal() {
    let database = Database::fixture("app-migrated");
    let csv = database
        .fkfix("orphans --format csv")
        .status(1)
        .stderr("")
        .stdout;
    let loaded = load(&csv);
    assert_eq!(loaded.len(), 90);
    database.up();
    let archived = database.rows("SELECT fkfix_rowid, fkfix_constraints, id, alert_rule_id, event_id, url, status_code, response_time_ms, retry_count, success, error_message, created_at FROM webhook_logs_orphans ORDER BY 1");
    assert_eq!(loaded, archived);
}

#[test]
fn csv_tells_every_storage_class_apart() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, v);
         INSERT INTO child VALUES (1, 9, NULL), (2, 9, ''), (3, 9, '5'), (4, 9, 5), (5, 9, 5.0), (6, 9, x'00ff'),
            (7, 9, 'a \"quote\", a comma' || char(10) || 'and it''s a line'), (8, 9, x''), (9, 9, 1e300);",
    );
    let csv = database.fkfix("orphans --format csv").status(1).stdout;
    let loaded = load(&csv);
    let expected = database.rows("SELECT id, 'fk', id, parent_id, v FROM child ORDER BY 1");
    assert_eq!(loaded, expected);
}

#[test]
fn csv_has_one_header_and_so_one_table() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id); INSERT INTO child VALUES (1, 9);
         CREATE TABLE other (parent_id REFERENCES parent (id)); INSERT INTO other VALUES (9);",
    );
    let refused = database.fkfix("orphans --format csv").status(2);
    assert_eq!(refused.stdout, "");
    refused.explains("several tables have orphans, and a CSV file has one header: child, other");
    database
        .fkfix("orphans --format csv --table other")
        .status(1)
        .stdout("\"fkfix_rowid\",\"fkfix_constraints\",\"parent_id\"\n1,\"other(parent_id)\",9\n");
}

#[test]
fn what_rows_hold_can_not_command_the_terminal() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, \"n\u{7}ame\" TEXT);
         INSERT INTO child VALUES (1, 'x' || char(27) || '[2J', 'a' || char(27) || ']0;owned' || char(7));",
    );
    for verb in ["orphans", "up --orphans refuse", "up", "status", "down"] {
        let finished = database.fkfix(verb);
        let text = finished.stdout + &finished.stderr;
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{verb}: {text:?}");
    }
}

#[test]
fn json_is_what_the_documentation_shows() {
    let formats =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formats.md")).unwrap();
    let (_, rest) = formats.split_once("```json\n").expect("an example in JSON");
    let (example, _) = rest.split_once("```").unwrap();
    let example: serde_json::Value = serde_json::from_str(example).unwrap();
    let database = Database::fixture("app-orm").with("DELETE FROM events WHERE id = 'e2'");
    let report = database
        .fkfix("orphans --table webhook_logs --format json")
        .status(1);
    let mut json = report.json();
    json["database"] = "/srv/app.db".into();
    assert_eq!(json, example);
}
