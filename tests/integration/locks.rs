//! Every verb waits for a lock as long as it is told, and then names who holds it.

use pretty_assertions::assert_eq;

use crate::support::{Database, Finished, finish};

const READING: [&str; 10] = [
    "status",
    "orphans",
    "show webhook_logs 1",
    "check",
    "discover",
    "graph",
    "new x --add webhook_logs.event_id->events.id",
    "up --dry-run",
    "down --dry-run",
    "enforce --dry-run",
];

/// How this process is named to one that it keeps waiting.
fn this_process() -> String {
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    format!("{} ({})", std::process::id(), name.trim())
}

/// Runs the binary in the folder of `database`, where `new` may write.
fn run(database: &Database, arguments: &str) -> Finished {
    let mut command = database.command(arguments);
    finish(command.current_dir(&database.home), &database.path)
}

#[track_caller]
fn names_this_process(database: &Database, verb: &str) {
    let hint = format!(
        "\nhint: another process is using the database: {}; stop it, or wait longer with --lock-timeout 60s\n",
        this_process()
    );
    let told = run(database, &format!("{verb} --lock-timeout 30ms")).status(2);
    assert!(told.stderr.ends_with(&hint), "{verb}: {}", told.stderr);
}

#[test]
fn who_holds_the_lock_is_named_to_every_verb() {
    let database = Database::fixture("app-migrated");
    let before = database.files();
    let other = database.open();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for verb in READING.iter().filter(|it| !it.contains("--dry-run")) {
        names_this_process(&database, verb);
    }
    for verb in [
        "up",
        "down",
        "enforce",
        "up --dry-run",
        "down --dry-run",
        "enforce --dry-run",
    ] {
        let told = database
            .fkfix(&format!("{verb} --lock-timeout 0"))
            .status(2);
        told.remarks(&this_process());
    }
    drop(other);
    assert!(database.files() == before);
}

#[test]
fn in_wal_mode_the_writer_is_named_and_readers_are_in_nobody_s_way() {
    let database = Database::fixture("app-migrated").with("PRAGMA journal_mode = WAL");
    let (reader, writer) = (database.open(), database.open());
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM events")
        .unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM events")
        .unwrap();
    for verb in READING {
        let told = run(&database, &format!("{verb} --lock-timeout 0"));
        assert!(
            matches!(told.status, Some(0 | 1)) || verb.starts_with("new"),
            "{verb}: {told:#?}"
        );
    }
    let told = run(&database, "up --lock-timeout 0.03").status(2);
    told.remarks("could not lock app.db")
        .remarks(&this_process());
    drop(writer);
    run(&database, "up --lock-timeout 0").status(0);
    drop(reader);
}

#[test]
fn on_a_terminal_it_says_whom_it_waits_for() {
    let database = Database::fixture("app-migrated");
    let other = database.open();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for verb in ["status", "up"] {
        let line = format!("{verb} --lock-timeout 1500ms");
        let typed = format!("fkfix {line} -d {}", database.path.display());
        let mut terminal = std::process::Command::new("script");
        let path = std::path::Path::new(env!("CARGO_BIN_EXE_fkfix"))
            .parent()
            .unwrap();
        terminal.env(
            "PATH",
            format!("{}:{}", path.display(), std::env::var("PATH").unwrap()),
        );
        terminal.env_remove("FKFIX_LOG").current_dir(&database.home);
        let output = terminal
            .args(["-qec", &typed, "/dev/null"])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = format!("{} is using it; for 1s 500ms at most", this_process());
        assert!(
            shown.contains("waiting for ") && shown.replace("\r\n", " ").contains(&told),
            "{shown}"
        );
        // Elsewhere only the error tells.
        let quiet = run(&database, &line).status(2);
        assert!(!quiet.stderr.contains("waiting for"), "{quiet:?}");
    }
}

#[test]
fn a_number_alone_is_seconds() {
    let database = Database::fixture("app-orm");
    for duration in ["5", "0.5", "5s", "1m", "0"] {
        for verb in READING.iter().filter(|it| !it.starts_with("new")) {
            let told = run(&database, &format!("{verb} --lock-timeout {duration}"));
            assert!(
                told.status < Some(2) || verb.starts_with("show"),
                "{verb}: {told:#?}"
            );
        }
    }
    let told = run(&database, "status --lock-timeout 5x").status(2);
    assert_eq!(told.stdout, "");
}
