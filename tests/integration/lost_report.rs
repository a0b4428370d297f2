//! A report that can't be written undoes nothing, and the message says what is done.

use std::fs::File;
use std::process::Stdio;

use pretty_assertions::assert_eq;

use crate::support::{Database, Finished, binary};

fn family() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id); INSERT INTO child VALUES (1, 1), (2, 9);",
    )
}

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

/// Runs with stdout on a full disk.
fn into_a_full_disk(database: &Database, arguments: &str) -> Finished {
    let output = database.command(arguments).stdout(full()).output().unwrap();
    Finished::new(output, &database.path)
}

fn lost(done: &str) -> String {
    format!(
        "error: {done}, but the report of it is lost: could not write to stdout: No space left on device (os error 28)\nhint: do not repeat it: what the report tells of is done; make room where stdout goes\n"
    )
}

#[test]
fn what_is_committed_is_said_to_be_done() {
    for format in ["text", "json"] {
        let database = family();
        let run = |verb: &str| into_a_full_disk(&database, &format!("{verb} --format {format}"));
        let up = run("up").status(3);
        assert!(up.stderr.starts_with(&lost("V1 was applied")), "{up:?}");
        assert_eq!(database.rows("SELECT id FROM child"), ["1"]);
        run("enforce")
            .status(3)
            .stderr(&lost("the triggers of app.db were changed"));
        run("enforce --remove")
            .status(3)
            .remarks("the triggers of app.db were changed");
        run("down").status(3).stderr(&lost("V1 was reverted"));
        assert_eq!(database.rows("SELECT id FROM child"), ["1", "2"]);
        // Where nothing was done, nothing has changed.
        let before = database.picture();
        run("down")
            .status(2)
            .remarks("error: could not write to stdout");
        run("up --dry-run")
            .status(2)
            .remarks("error: could not write to stdout");
        run("orphans")
            .status(2)
            .remarks("error: could not write to stdout");
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn a_file_that_is_written_is_said_to_be_written() {
    let database = family();
    let folder = database.home.join("new");
    let output = binary()
        .args(["new", "keys", "--migrations"])
        .arg(&folder)
        .stdout(full())
        .output()
        .unwrap();
    let run = Finished::new(output, &folder).status(3);
    assert!(
        run.stderr
            .contains("V1__keys.sql was written, but the report"),
        "{run:?}"
    );
    assert!(folder.join("V1__keys.sql").exists());
    let snapshot = format!(
        "check --snapshot {}/s.sql --update",
        database.home.display()
    );
    into_a_full_disk(&database, &snapshot)
        .status(3)
        .remarks("s.sql was written");
}

#[test]
fn a_closed_pipe_and_a_full_stderr_change_nothing() {
    let database = family();
    let mut run = database.command("up");
    let mut run = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(run.stdout.take());
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
    for (verb, status) in [
        ("down -vv", 0),
        ("up -vv", 0),
        ("down --to 9", 2),
        ("up --dry-run -v", 0),
    ] {
        let run = database.command(verb).stderr(full()).status().unwrap();
        assert_eq!(run.code(), Some(status), "{verb}");
    }
    assert_eq!(database.rows("SELECT id FROM child"), ["1"]);
    let shell = |line: &str| {
        let line = format!("fkfix {line} -d {}", database.path.display());
        crate::support::shell(&line).status().unwrap().code()
    };
    assert_eq!(shell("status >&- 2>&-"), Some(0));
    assert_eq!(shell("nonsense 2>/dev/full"), Some(2));
}
