//! What a newcomer types is understood, and what a program reads is the same from release to release.

use serde_json::json;

use crate::support::{Database, binary, finish};

#[test]
fn words_of_other_tools_are_understood() {
    let database = Database::fixture("app-orm");
    database.fkfix("migrate").status(0).says("applied V1");
    database.fkfix("rollback").status(0).says("reverted V1");
    database.fkfix("apply").status(0).says("applied V1");
}

#[test]
fn a_file_in_the_place_of_a_verb_is_told_where_it_belongs() {
    let database = Database::fixture("app-orm");
    let mut command = binary();
    command.arg("app.db").current_dir(&database.home);
    let run = finish(&mut command, &database.path).status(2).stdout("");
    let tip = "tip: to look at the database, run: fkfix orphans -d app.db\n";
    assert!(run.stderr.contains(tip), "{run:?}");
    assert!(!run.stderr.contains("similar"), "{run:?}");
}

#[test]
fn status_tells_a_script_whether_a_migration_is_pending() {
    let database = Database::fixture("app-orm");
    database.fkfix("status").status(0);
    database
        .fkfix("status --exit-code")
        .status(1)
        .says("pending");
    database.up();
    database.fkfix("status --exit-code").status(0);
}

#[test]
fn every_error_has_a_code() {
    let database = Database::fixture("app-orm");
    let code = |arguments: &str, status: i32| {
        let run = database.fkfix(arguments).status(status);
        run.json()["error"]["code"].clone()
    };
    assert_eq!(code("status --format json --nonsense", 2), json!("usage"));
    let mut command = binary();
    command.args(["status", "--format=json", "-d", "nowhere.db"]);
    let run = finish(&mut command, &database.path).status(2);
    assert_eq!(run.json()["error"]["code"], "no-such-database");
    assert_eq!(
        code("show --format json no_such_table 1", 2),
        json!("impossible")
    );
    database.execute("DELETE FROM alert_rules; DELETE FROM events");
    assert_eq!(
        code("up --format json --orphans refuse", 1),
        json!("refused")
    );
    std::fs::write(&database.path, "this is no database, however long it is").unwrap();
    assert_eq!(code("status --format json", 2), json!("not-a-database"));
}
