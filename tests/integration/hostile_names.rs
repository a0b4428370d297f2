//! No name and no path forges a line, whatever it holds.

use std::fs;
use std::path::Path;

use pretty_assertions::assert_eq;

use crate::support::{Database, binary, finish};

/// Ends lines in several ways, begins a command for GitHub, and turns what follows around.
const EVIL: &str = "\n::error::x\r##[error]\u{1b}[2J\u{202e}\u{2066}\u{200b}\u{2028}\u{feff},:%";

fn evil(name: &str) -> String {
    format!("{name}{EVIL}")
}

/// A parent, a child with an orphan, one that hangs on it, and an index, all with such names.
fn database() -> Database {
    let name = |name: &str| format!("\"{}\"", evil(name));
    let (parent, child, note) = (name("p"), name("c"), name("n"));
    let sql = format!(
        "CREATE TABLE {parent} ({0} INTEGER PRIMARY KEY, t); INSERT INTO {parent} VALUES (1, {1});
         CREATE TABLE {child} ({0} INTEGER PRIMARY KEY, {2} INT, created_at);
         INSERT INTO {child} VALUES (1, 1, {1}), (2, 9, {1});
         CREATE INDEX {3} ON {child} (created_at);
         CREATE TABLE {note} ({0} INTEGER PRIMARY KEY, c CONSTRAINT {4} REFERENCES {child} ON DELETE CASCADE);
         INSERT INTO {note} VALUES (1, 2), (2, 7);",
        name("id"),
        format_args!("'{EVIL}'"),
        name("p_id"),
        name("i"),
        name("k"),
    );
    Database::of(&sql).with_migration(
        "V1__keys",
        &format!(
            "ALTER TABLE {child} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {parent} ON DELETE CASCADE;",
            name("fk"),
            name("p_id")
        ),
        &format!("ALTER TABLE {child} DROP CONSTRAINT {};", name("fk")),
    )
}

/// Every line of `text` must be one of fkfix's own, and show what a terminal would obey.
#[track_caller]
fn is_harmless(text: &str) {
    for line in text.lines() {
        let forged = line.trim_start().starts_with("::error::x");
        assert!(!forged, "{line:?} in {text}");
    }
    let obeyed = text.chars().find(|it| {
        (it.is_control() && *it != '\n')
            || ['\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}', '\u{feff}'].contains(it)
    });
    assert_eq!(obeyed, None, "{text:?}");
}

#[test]
fn text_has_the_lines_that_fkfix_wrote() {
    let database = database();
    let show = |arguments: &[&str]| {
        let mut command = binary();
        command.arg("show").args(arguments).arg("--database");
        finish(command.arg(&database.path), &database.path)
    };
    for arguments in [
        "orphans",
        "up --dry-run",
        "up --dry-run --max-orphans 0",
        "discover --min-confidence 0",
        "check",
        "status",
        "up -vv",
        "up",
        "status",
        "check",
        "enforce --dry-run",
        "enforce",
        "status",
        "enforce --remove",
        "down --dry-run",
        "down",
        "orphans --table nonesuch",
        "graph --format mermaid",
        "graph --format dot",
        "graph --format svg --discover",
    ] {
        let run = database.fkfix(arguments);
        is_harmless(&run.stdout);
        is_harmless(&run.stderr);
    }
    for (table, key) in [("c", "2"), ("p", "1"), ("n", "1"), ("c", "77"), ("c", EVIL)] {
        let run = show(&[&evil(table), key]);
        let wanted = i32::from(key.len() != 1);
        assert_eq!(run.status, Some(wanted), "{run:#?}");
        is_harmless(&run.stdout);
        is_harmless(&run.stderr);
    }
    let run = show(&[&evil("nonesuch"), "1"]).status(2);
    is_harmless(&run.stderr);
}

#[test]
fn an_annotation_is_one_line() {
    let database = database();
    let path = database.home.join(evil("x").replace('/', "") + ".db");
    fs::copy(&database.path, &path).unwrap();
    let run = database.fkfix("check --format github");
    is_harmless(&run.stdout);
    let (summary, annotations) = run.stdout.trim_end().rsplit_once('\n').unwrap();
    assert!(
        !annotations.is_empty() && summary.starts_with("::"),
        "{}",
        run.stdout
    );
    for line in summary.lines() {
        assert!(
            line.starts_with("::error ") || line.starts_with("::warning "),
            "{line:?}"
        );
    }
    for format in ["text", "github"] {
        let mut command = binary();
        command
            .args(["check", "--format", format, "--database"])
            .arg(&path);
        let run = finish(&mut command, Path::new("none"));
        is_harmless(&run.stdout);
        let summary = run.stdout.lines().last().unwrap();
        assert!(format == "text" || !summary.contains("##["), "{summary}");
    }
    // A dump has a path and a line of its own.
    let dump = database.home.join(evil("d") + ".sql");
    fs::write(
        &dump,
        "CREATE TABLE p (id);\nCREATE TABLE c (a REFERENCES p (id));\n",
    )
    .unwrap();
    let mut command = binary();
    command
        .args(["check", "--format", "github", "--schema"])
        .arg(&dump);
    let run = finish(&mut command, &database.home);
    is_harmless(&run.stdout);
    let file = "d%0A%3A%3Aerror%3A%3Ax\\r##[error]\\u{1b}[2J\\u{202e}\\u{2066}\\u{200b}\\u{2028}\\u{feff}%2C%3A%25.sql";
    assert!(
        run.stdout
            .contains(&format!("file=app.db/{file},line=2,title=fkfix ")),
        "{}",
        run.stdout
    );
}

#[test]
fn an_error_is_one_line_and_its_hint_another() {
    let database = database();
    for path in [evil("gone"), evil("/tmp/gone")] {
        let mut command = binary();
        command.args(["status", "--database"]).arg(&path);
        let run = finish(&mut command, Path::new("none")).status(2);
        is_harmless(&run.stderr);
        assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
    }
    let run = finish(
        database.command("orphans --table").arg(evil("gone")),
        &database.path,
    );
    is_harmless(&run.status(2).stderr);
    let other = Database::of("CREATE TABLE p (id)").with_migration(
        "V1__k",
        "ALTER TABLE p ADD CONSTRAINT \"a\n::error::x\" FOREIGN KEY (\"b\n::error::x\") REFERENCES \"c\n::error::x\" (id)",
        "",
    );
    is_harmless(&other.fkfix("up").status(2).stderr);
}
