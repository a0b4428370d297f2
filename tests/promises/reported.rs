use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::family;

const CASCADE: &str = " ON DELETE CASCADE";

/// A plan and what was done are one document; what a migration does to tables and rows is equal.
fn shape(report: &Value) -> (Vec<&String>, Vec<Value>) {
    let migrations = report["migrations"].as_array().unwrap().iter();
    let of = ["version", "name", "tables", "removed", "left", "restored"];
    let migrations = migrations.map(|it| of.iter().map(|name| it[name].clone()).collect());
    (
        report.as_object().unwrap().keys().collect(),
        migrations.collect(),
    )
}

#[test]
fn a_dry_run_says_what_the_run_does_and_changes_nothing() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    let before = subject.picture();
    subject
        .fkfix("up --dry-run")
        .status(0)
        .says("  would add 1 foreign key to child (keeps 2 rows of 3)\n")
        .says("  1 row of child would move to child_orphans\n    1 row breaks fk\n");
    assert_eq!(subject.picture(), before);
    let planned = subject.fkfix("up --dry-run --format json").status(0).json();
    let done = subject.fkfix("up --format json").status(0).json();
    assert_eq!(shape(&planned), shape(&done));
    let planned = subject
        .fkfix("down --dry-run --format json")
        .status(0)
        .json();
    let done = subject.fkfix("down --format json").status(0).json();
    assert_eq!(shape(&planned), shape(&done));
    assert_eq!(subject.picture(), before);
}

#[test]
fn orphans_are_told_to_machines() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    let report = subject.fkfix("orphans --format json").status(1).json();
    assert_eq!(report["orphans"], 1);
    let [key] = report["keys"].as_array().unwrap().as_slice() else {
        panic!("{report:#}");
    };
    assert_eq!(
        [
            &key["table"],
            &key["parent"],
            &key["pending"],
            &key["rows"],
            &key["most_frequent"]
        ],
        [
            &json!("child"),
            &json!("parent"),
            &json!(true),
            &json!(1),
            &json!([{"key": [3], "rows": 1}])
        ]
    );
    let [table] = report["tables"].as_array().unwrap().as_slice() else {
        panic!("{report:#}");
    };
    assert_eq!(table["columns"], json!(["id", "parent_id", "note"]));
    assert_eq!(table["sample"][0]["values"], json!([2, 3, "lost"]));
    let csv = subject.fkfix("orphans --format csv").status(1).stdout;
    assert!(csv.contains("\"id\",\"parent_id\",\"note\""), "{csv}");
    assert!(csv.ends_with("2,3,\"lost\"\n"), "{csv}");
}

#[test]
fn a_check_fails_until_the_key_is_there() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    let codes = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().unwrap();
        let mut codes: Vec<_> = findings
            .iter()
            .map(|it| it["code"].as_str().unwrap().to_owned())
            .collect();
        codes.retain(|it| it != "no-child-index");
        codes
    };
    let report = subject.fkfix("check --format json").status(1).json();
    assert!(
        codes(&report).contains(&"migration-pending".to_owned()),
        "{report:#}"
    );
    subject.fkfix("up").status(0);
    let report = subject.fkfix("check --format json").status(0).json();
    assert_eq!(codes(&report), ["archive-not-empty"]);
    subject.fkfix("down").status(0);
    subject.fkfix("check").status(1);
}
