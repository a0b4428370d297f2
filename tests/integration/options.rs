//! Options, formats and exit statuses are as the manual says.

use std::process::Stdio;

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::support::{Database, ENFORCEMENT_HINT, finish};

#[test]
fn results_are_one_json_document_where_asked_for() {
    let database = Database::fixture("app-migrated");
    let path = database.path.display().to_string();
    let up = database.command("up --format json").output().unwrap();
    let up: serde_json::Value = serde_json::from_slice(&up.stdout).unwrap();
    assert_eq!(up["database"], json!(path));
    assert_eq!(up["backup"], json!(null));
    let applied = &up["migrations"][0];
    assert_eq!(applied["version"], json!(1));
    assert_eq!(
        applied["tables"][0]["added"][1],
        json!({
            "constraint": "fk_webhook_logs_event", "columns": ["event_id"], "parent": "events", "parent_columns": ["id"],
            "on_delete": "CASCADE", "on_update": "NO ACTION"
        })
    );
    assert_eq!(applied["tables"][0]["rows_before"], json!(1090));
    assert_eq!(applied["tables"][0]["rows_after"], json!(1000));
    assert_eq!(
        applied["removed"],
        json!([{
            "table": "webhook_logs", "rows": 90, "archive": "webhook_logs_orphans", "break_several": 10,
            "by_key": [
                {"key": "fk_webhook_logs_alert_rule", "rows": 40, "orphans": true},
                {"key": "fk_webhook_logs_event", "rows": 60, "orphans": true},
            ]
        }])
    );
    let status = database.fkfix("status --format json").status(0).json();
    assert_eq!(status["migrations"][0]["state"], json!("applied"));
    assert_eq!(
        status["archives"],
        json!([{"archive": "webhook_logs_orphans", "table": "webhook_logs", "rows": 90}])
    );
    let down = database.fkfix("down --format json").status(0).json();
    assert_eq!(
        down["migrations"][0]["restored"],
        json!([{"table": "webhook_logs", "archive": "webhook_logs_orphans", "rows": 90, "kept": 0}])
    );
    let again = database.fkfix("down --format json").status(0).json();
    assert_eq!(again["migrations"], json!([]));
}

#[test]
fn an_error_is_a_json_document_too() {
    for (arguments, status) in [("up --orphans refuse", 1), ("up --backup /proc/no/copy", 2)] {
        let database = Database::fixture("app-migrated");
        let before = database.files();
        let run = database
            .fkfix(&format!("{arguments} --format json"))
            .status(status);
        let document = run.json();
        let (message, hint) = (&document["error"]["message"], &document["error"]["hint"]);
        assert!(run.stderr.contains(message.as_str().unwrap()), "{run:#?}");
        assert!(hint.is_string() || hint.is_null(), "{run:#?}");
        assert!(database.files() == before);
    }
    for verb in ["up", "down", "status"] {
        let run = Database::missing()
            .fkfix(&format!("{verb} --format json"))
            .status(2);
        assert_eq!(
            run.json()["error"]["message"],
            json!("app.db does not exist")
        );
    }
}

#[test]
fn status_tells_every_state_and_changes_nothing() {
    for mode in ["DELETE", "WAL"] {
        let database =
            Database::fixture("app-migrated").with(&format!("PRAGMA journal_mode = {mode}"));
        let status = || {
            let before = database.files();
            let run = database.fkfix("status").status(0).stderr("");
            assert!(database.files() == before, "{mode}");
            run
        };
        status().stdout("V1 webhook_logs_foreign_keys  pending\n");
        database.up();
        database.execute("UPDATE fkfix_schema_history SET applied_on = '2026-03-04T05:06:07.89Z'");
        status().stdout(
            "V1 webhook_logs_foreign_keys  applied, 2026-03-04T05:06:07Z\nwebhook_logs_orphans holds 90 rows of webhook_logs\n",
        );
        database.fkfix("down --leave-orphans").status(0);
        status().stdout("V1 webhook_logs_foreign_keys  pending\nwebhook_logs_orphans holds 90 rows of webhook_logs\n");
        database.up();
        database.execute(
            "UPDATE fkfix_schema_history SET checksum = '1', applied_on = '2026-03-04T05:06:07Z'",
        );
        status().says(
            "V1 webhook_logs_foreign_keys  changed since it was applied, 2026-03-04T05:06:07Z\n",
        );
        database.execute("UPDATE fkfix_schema_history SET version = 8, name = 'later'");
        status()
            .says("V1 webhook_logs_foreign_keys  pending, older than the newest applied: fkfix up --allow-missing applies it\nV8 later  ")
            .says("  unknown here, applied by another program, 2026-03-04T05:06:07Z\n");
    }
}

#[test]
fn status_and_orphans_tell_what_came_late_and_what_has_another_name() {
    let database = Database::family("CREATE TABLE child (parent_id INTEGER)").with_migration(
        "V2__more",
        "CREATE TABLE made (x);",
        "DROP TABLE made;",
    );
    database.up();
    let late = database.copy();
    late.execute("DELETE FROM fkfix_schema_history WHERE version = 1; UPDATE fkfix_schema_history SET applied_on = '2026-03-04T05:06:07Z'");
    late.fkfix("status").status(0).stdout(
        "V1 keys  pending, older than the newest applied: fkfix up --allow-missing applies it\nV2 more  applied, 2026-03-04T05:06:07Z\n",
    );
    let status = late.fkfix("status --format json").status(0).json();
    assert_eq!(status["migrations"][0]["state"], json!("pending"));
    assert_eq!(status["migrations"][0]["late"], json!(true));
    assert_eq!(status["migrations"][1]["late"], json!(false));
    late.fkfix("orphans").status(0).remarks("warning: V1__keys is looked at too, though it is older than the newest applied one: fkfix up applies it only with --allow-missing\n");
    database.execute("UPDATE fkfix_schema_history SET name = 'of_another', applied_on = '2026-03-04T05:06:07Z' WHERE version = 1");
    database
        .fkfix("status")
        .status(0)
        .says("V1 keys  another was applied under this number: of_another, 2026-03-04T05:06:07Z\n");
    let status = database.fkfix("status --format json").status(0).json();
    assert_eq!(status["migrations"][0]["state"], json!("other"));
    assert_eq!(status["migrations"][0]["applied_as"], json!("of_another"));
}

#[test]
fn status_reads_beside_a_writer_in_wal_mode() {
    let database = Database::fixture("app-orm").with("PRAGMA journal_mode = WAL");
    let writer = database.open();
    writer
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM webhook_logs")
        .unwrap();
    database.fkfix("status").status(0).says("pending");
    writer.execute_batch("COMMIT").unwrap();
    database.fkfix("status").status(0).says("pending");
}

#[test]
fn quiet_leaves_the_result_and_the_errors() {
    let database =
        Database::family("CREATE TABLE child (parent_id TEXT); INSERT INTO child VALUES ('1')");
    let run = database.fkfix("up -q").status(0).stderr("");
    run.says("applied V1 keys");
    Database::missing()
        .fkfix("up --quiet")
        .status(2)
        .remarks("error: ");
}

#[test]
fn verbose_tells_the_steps_and_twice_the_statements() {
    let steps = Database::fixture("app-migrated")
        .fkfix("up -v")
        .status(0)
        .stderr;
    assert!(
        steps.contains("delete 90 rows from webhook_logs") && steps.contains("commit"),
        "{steps}"
    );
    assert!(!steps.contains("INSERT INTO"), "{steps}");
    let statements = Database::fixture("app-migrated")
        .fkfix("up -vv")
        .status(0)
        .stderr;
    assert!(statements.contains("INSERT INTO"), "{statements}");
    let database = Database::fixture("app-migrated");
    let filtered = finish(
        database.command("up").env("FKFIX_LOG", "fkfix=info"),
        &database.path,
    );
    assert_eq!(filtered.status(0).stderr, steps);
    Database::fixture("app-orm")
        .fkfix("up -q -v")
        .status(2)
        .remarks("cannot be used with");
}

#[test]
fn the_database_can_be_named_in_every_way() {
    let database = Database::fixture("app-orm");
    let absolute = database.path.display().to_string();
    for name in [
        "app.db",
        "./app.db",
        "sqlite:app.db",
        "sqlite:///app.db",
        "sqlite+aiosqlite:///./app.db",
        &absolute,
        &format!("sqlite:///{absolute}"),
    ] {
        let mut command = crate::support::binary();
        let run = finish(
            command
                .args(["status", "-d", name])
                .current_dir(&database.home),
            &database.path,
        );
        run.status(0)
            .stdout("V1 webhook_logs_foreign_keys  pending\n");
        let mut command = crate::support::binary();
        command
            .args(["up"])
            .env("DATABASE_URL", name)
            .current_dir(&database.home);
        finish(&mut command, &database.path).status(0);
        let mut command = crate::support::binary();
        command
            .args(["down", "--database", name])
            .env("DATABASE_URL", "sqlite:///nowhere.db")
            .current_dir(&database.home);
        finish(&mut command, &database.path)
            .status(0)
            .says("reverted");
    }
}

#[test]
fn a_path_of_any_characters_is_taken_as_it_is() {
    for name in [
        "a b?c#d%41.db",
        "ü:x.db",
        "-d",
        "file:x.db?mode=memory",
        "'\".db",
    ] {
        let mut database = Database::fixture("app-orm");
        let path = database.home.join(name);
        std::fs::rename(&database.path, &path).unwrap();
        database.path = path;
        database.fkfix("status").status(0).says("pending");
        database.up();
        database.down();
        assert_eq!(database.files().keys().collect::<Vec<_>>(), [name]);
    }
}

#[test]
fn what_is_typed_wrong_is_status_2() {
    let database = Database::fixture("app-orm");
    let before = database.files();
    for arguments in [
        "",
        "sideways",
        "up --orphans keep",
        "up --to x",
        "down --to",
        "up --lock-timeout soon",
        "up --format xml",
        "status --backup x",
    ] {
        database.fkfix(arguments).status(2).stdout("");
    }
    assert!(database.files() == before);
    let mut command = crate::support::binary();
    finish(command.arg("up"), &database.path)
        .status(2)
        .remarks("--database <DATABASE>");
    let mut command = crate::support::binary();
    let run = finish(
        command.args(["up", "-d", "mysql://host/app"]),
        &database.path,
    )
    .status(2);
    run.remarks("fkfix opens databases of SQLite and PostgreSQL, and this is a URL of mysql");
}

#[test]
fn help_and_version_are_results() {
    for arguments in ["--help", "up --help", "-h", "--version"] {
        let mut command = crate::support::binary();
        let run = finish(command.args(arguments.split(' ')), "-".as_ref())
            .status(0)
            .stderr("");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn a_closed_pipe_is_no_error_and_the_work_is_done() {
    let database = Database::fixture("app-migrated");
    for (verb, logs) in [("up", 1000), ("status", 1000), ("down", 1090)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = database.command(verb);
        let status = command
            .stdout(writer)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{verb}");
        assert_eq!(
            database.value::<i64>("SELECT count(*) FROM webhook_logs"),
            logs
        );
    }
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let hint = |arguments: &str| {
        Database::fixture("app-orm")
            .fkfix(arguments)
            .status(0)
            .stderr
    };
    assert_eq!(hint("up"), ENFORCEMENT_HINT);
    assert_eq!(hint("up --color never"), ENFORCEMENT_HINT);
    assert!(hint("up --color always").starts_with("\u{1b}["));
}

#[test]
fn names_from_the_database_do_not_reach_the_terminal_raw() {
    let name = "evil\u{1b}[2J\u{202e}";
    let database = Database::of(&format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE \"{name}\" (parent_id INTEGER); INSERT INTO \"{name}\" VALUES (1), (9);"
    ))
    .with_migration(
        "V1__evil",
        &format!("ALTER TABLE \"{name}\" ADD FOREIGN KEY (parent_id) REFERENCES parent (id)"),
        "",
    );
    for arguments in ["up --orphans refuse", "up --max-orphans 0", "up -vv"] {
        let run = database.fkfix(arguments);
        let written = run.stdout + &run.stderr;
        assert!(
            !written.contains('\u{1b}') && !written.contains('\u{202e}'),
            "{written:?}"
        );
    }
}

/// Rows whose rowids nobody sees go one by one, and each is held against what it was.
#[test]
fn rows_that_are_inserted_are_compared() {
    let database = Database::family(
        "CREATE TABLE child (parent_id INTEGER, t TEXT); INSERT INTO child VALUES (1, 'a'), (9, 'b'), (2, 'c');",
    );
    database
        .fkfix("up --documented --dry-run")
        .status(0)
        .says("check that every row of child is as it was\n");
    assert_eq!(database.goes_up_and_down(), 1);
}

/// What was an option is what is done, and scripts that have it go on.
#[test]
fn in_place_is_still_taken() {
    let database = Database::fixture("app-migrated");
    database
        .fkfix("up --in-place --dry-run")
        .status(0)
        .says("webhook_logs keeps its place in the file: few of its rows leave");
    database
        .fkfix("up --documented --dry-run")
        .status(0)
        .says("webhook_logs is copied as it lies in the file, and its indexes are built anew");
    database
        .fkfix("up --in-place --documented")
        .status(2)
        .remarks("'--in-place' cannot be used with '--documented'");
    database.fkfix("up --in-place").status(0);
    database
        .down()
        .says("90 rows moved from webhook_logs_orphans back to webhook_logs");
}
