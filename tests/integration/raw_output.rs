//! What is made for machines is written byte for byte, and values that a format has no form for
//! have a documented one.

use std::process::Stdio;

use pretty_assertions::assert_eq;

use crate::support::{Database, binary, finish};

/// Every control character that text in SQLite may hold but NUL, DEL and C1 included.
fn controls() -> String {
    let controls = (1..0x20).chain(0x7f..0xa0);
    controls.filter_map(char::from_u32).collect()
}

fn sql_text(text: &str) -> String {
    let points: Vec<_> = text.chars().map(|it| u32::from(it).to_string()).collect();
    format!("char({})", points.join(", "))
}

fn stdout(database: &Database, arguments: &str) -> Vec<u8> {
    database.command(arguments).output().unwrap().stdout
}

#[test]
fn no_byte_of_a_row_is_lost_in_csv_or_json() {
    let text = controls();
    let database = Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t, u, i, j);
         INSERT INTO child VALUES (1, 9, {}, 'a' || char(0) || 'b', 9e999, -9e999);
         INSERT INTO child VALUES (2, 9, CAST(x'61ff' AS TEXT), '', -0.0, 1e300);",
        sql_text(&text)
    ));
    let csv = stdout(&database, "orphans --format csv");
    let mut expected = b"\"fkfix_rowid\",\"fkfix_constraints\",\"id\",\"parent_id\",\"t\",\"u\",\"i\",\"j\"\n1,\"fk\",1,9,\"".to_vec();
    expected.extend_from_slice(text.as_bytes());
    expected.extend_from_slice(
        b"\",\"a\0b\",Infinity,-Infinity\n2,\"fk\",2,9,\"a\xff\",\"\",-0.0,1e300\n",
    );
    assert_eq!(
        csv.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
    let json = database.fkfix("orphans --format json").status(1);
    assert!(json.stdout.contains('\u{7f}'), "DEL is no escape in JSON");
    let sample = &json.json()["tables"][0]["sample"];
    assert_eq!(sample[0]["values"][2], text.as_str());
    assert_eq!(sample[0]["values"][3], "a\0b");
    assert_eq!(
        sample[0]["values"][4],
        serde_json::json!({"real": "Infinity"})
    );
    assert_eq!(
        sample[0]["values"][5],
        serde_json::json!({"real": "-Infinity"})
    );
    assert_eq!(sample[1]["values"][2], serde_json::json!({"text": "61ff"}));
    let mut show = binary();
    show.args(["show", "child", "2", "--format", "json", "--database"]);
    let shown = finish(show.arg(&database.path), &database.path)
        .status(0)
        .json();
    assert_eq!(shown["row"]["t"], serde_json::json!({"text": "61ff"}));
}

#[test]
fn no_byte_of_a_definition_is_lost_in_a_script_a_snapshot_or_a_graph() {
    let text = controls();
    let name = text.replace(['\n', '\r'], "");
    let database = Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t DEFAULT '{text}')"
    ));
    let script = database.fkfix("up --dry-run --format sql").status(0).stdout;
    assert!(script.contains(&format!("DEFAULT '{text}'")), "{script:?}");
    let file = database.home.join("schema.sql");
    let update = format!("check --snapshot {} --update", file.display());
    database.fkfix(&update).status(0);
    let snapshot = std::fs::read_to_string(file).unwrap();
    assert!(snapshot.contains(&text), "{snapshot:?}");
    let named = Database::of(&format!("CREATE TABLE \"{name}\" (id INTEGER PRIMARY KEY)"));
    let graph = named.fkfix("graph --format json").status(0).json();
    assert_eq!(graph["tables"][0]["name"], name.as_str());
}

#[test]
fn text_for_people_shows_what_a_terminal_would_obey() {
    let database = Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t);
         INSERT INTO child VALUES (1, '', {});",
        sql_text("a\u{1b}[31m\u{202e}\u{200b}\u{7f}\u{9b}b")
    ));
    let report = database.fkfix("orphans --color always").status(1).stdout;
    assert!(
        report.contains("a\\u{1b}[31m\\u{202e}\\u{200b}\\u{7f}\\u{9b}b"),
        "{report}"
    );
    assert!(
        report.contains("    parent          ''     1"),
        "the empty string: {report}"
    );
}

#[test]
fn a_reader_that_has_enough_ends_the_stream() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
         INSERT INTO child SELECT i, 9, 'a text that is long enough to fill a pipe' FROM n;",
    );
    let mut run = database.command("orphans --format csv");
    let mut run = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(run.stdout.take());
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
