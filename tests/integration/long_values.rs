//! A report shows the start of a value and reads no more of it, stored or computed.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::support::Database;

#[test]
fn a_computed_gigabyte_is_not_computed() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t AS (hex(zeroblob(499999990))), u AS (id + 1));
         INSERT INTO child (id, parent_id) VALUES (1, 9), (2, 1);
         CREATE TABLE note (id INTEGER PRIMARY KEY, child_id REFERENCES child, b_id AS (hex(zeroblob(499999990))));
         INSERT INTO note VALUES (1, 1);",
    );
    let limited = |arguments: &str| {
        let line = format!(
            "ulimit -v 700000; fkfix {arguments} -d {}",
            database.path.display()
        );
        let output = crate::support::shell(&line).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    };
    let migrations = database.migration("V1__keys.sql");
    let migrations = format!("--migrations {}", migrations.parent().unwrap().display());
    let (status, report) = limited(&format!("orphans {migrations}"));
    assert_eq!(status, Some(1), "{report}");
    assert!(
        report.contains(
            "    id  parent_id  t           u\n    1   9          (too long)  (too long)\n\n"
        ),
        "{report}"
    );
    let (_, report) = limited(&format!("orphans --format json {migrations}"));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        report["tables"][0]["sample"][0]["values"],
        json!([1, 9, {"start": null}, {"start": null}])
    );
    let (status, report) = limited("show child 1");
    assert_eq!(status, Some(0), "{report}");
    assert!(report.contains("    t          (too long)\n"), "{report}");
    for verb in ["discover", "status", "graph", "check"] {
        let (status, report) = limited(verb);
        assert!(matches!(status, Some(0 | 1)), "{verb}: {report}");
    }
    // A whole row can't be had, and says why.
    let (status, report) = limited(&format!("orphans --format csv {migrations}"));
    assert_eq!(status, Some(2), "{report}");
    assert!(
        report.contains(
            "error: could not read rows of child: string or blob too big\nhint: a column computes"
        ),
        "{report}"
    );
}

#[test]
fn a_long_value_is_cut_in_reports_and_whole_in_csv() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t, b BLOB);
         INSERT INTO child VALUES (1, 9, printf('%.*c', 300000, 'x'), zeroblob(300000));
         INSERT INTO child VALUES (2, 9, 'a' || char(0) || 'secret', x'00');",
    );
    let report = database.fkfix("orphans").status(1).stdout;
    assert!(
        report.contains(&format!("{}…  x'{}…\n", "x".repeat(39), "0".repeat(37))),
        "{report}"
    );
    assert!(report.contains("a\\u{0}secret"), "{report}");
    let sample = database.fkfix("orphans --format json").status(1).json();
    let sample = &sample["tables"][0]["sample"];
    assert_eq!(sample[0]["values"][2], json!({"start": "x".repeat(65536)}));
    assert_eq!(
        sample[0]["values"][3],
        json!({"start": {"blob": "00".repeat(65536)}})
    );
    assert_eq!(sample[1]["values"][2], "a\0secret");
    let csv = database.fkfix("orphans --format csv").status(1).stdout;
    assert!(csv.contains(&format!(
        "\"{}\",x'{}'\n",
        "x".repeat(300_000),
        "00".repeat(300_000)
    )));
}

#[test]
fn the_start_of_a_value_is_the_same_in_utf_16() {
    let database = Database::missing().with(
        "PRAGMA encoding = 'UTF-16le';
         CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t);
         INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 9, 'ü' || printf('%.*c', 300000, 'x')), (2, 9, 'ü漢');",
    )
    .with_key();
    let report = database.fkfix("orphans --format json").status(1).json();
    let sample = &report["tables"][0]["sample"];
    assert_eq!(
        sample[0]["values"][2],
        json!({"start": "ü".to_owned() + &"x".repeat(65534)})
    );
    assert_eq!(sample[1]["values"][2], "ü漢");
}
