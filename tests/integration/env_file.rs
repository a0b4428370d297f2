//! A file .env says what the environment does not.

use std::fs;

use crate::support::{Database, binary, finish};

/// A database, with `text` as `.env` beside it, and a run there.
fn run(text: &str, arguments: &str, environment: Option<(&str, &str)>) -> crate::support::Finished {
    let database = Database::fixture("app-orm");
    fs::write(database.home.join(".env"), text).unwrap();
    let mut command = binary();
    command
        .args(arguments.split_whitespace())
        .current_dir(&database.home)
        .envs(environment);
    finish(&mut command, &database.path)
}

const PENDING: &str = "V1 webhook_logs_foreign_keys  pending\n";

#[test]
fn the_database_and_the_folder_may_stand_there() {
    for text in [
        "DATABASE_URL=app.db",
        "export DATABASE_URL=\"sqlite:app.db\"\nFKFIX_MIGRATIONS=built-in",
        "this is no variable\n# a comment\nOTHER = 'x'\nHERE=app.db\nDATABASE_URL=sqlite:${HERE}\n",
    ] {
        run(text, "status", None).status(0).stdout(PENDING);
    }
    run("DATABASE_URL=app.db", "check", None).status(1);
    run(
        "DATABASE_URL=app.db\nFKFIX_MIGRATIONS=nowhere",
        "status",
        None,
    )
    .status(2)
    .explains("nowhere");
}

#[test]
fn the_environment_and_the_command_line_come_first() {
    let text = "DATABASE_URL=nowhere.db";
    run(text, "status", Some(("DATABASE_URL", "app.db")))
        .status(0)
        .stdout(PENDING);
    run(text, "status -d app.db", None)
        .status(0)
        .stdout(PENDING);
    run(text, "status", Some(("DATABASE_URL", "")))
        .status(2)
        .explains("nowhere.db does not exist");
}

#[test]
fn no_password_of_it_is_shown() {
    let text = "DATABASE_URL=mysql://app:hunter2@host/app";
    for arguments in ["status", "status --help", "up", "check"] {
        let run = run(text, arguments, None);
        assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
    }
}
