//! Databases to check, and what the binary says about them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// A schema of the field, and the type of its `id` columns.
#[derive(Clone, Copy, Debug)]
pub struct Fixture {
    pub name: &'static str,
    pub id_type: &'static str,
}

pub const FIXTURES: [Fixture; 3] = [
    Fixture {
        name: "app-migrated",
        id_type: "VARCHAR",
    },
    Fixture {
        name: "app-orm",
        id_type: "VARCHAR",
    },
    Fixture {
        name: "nasty",
        id_type: "INTEGER",
    },
];

/// A database in a folder of its own.
pub struct Database {
    pub folder: TempDir,
}

impl Database {
    pub fn empty() -> Self {
        let database = Database {
            folder: tempfile::tempdir().unwrap(),
        };
        database.run("");
        database
    }

    pub fn of(fixture: Fixture) -> Self {
        let database = Database::empty();
        let script = format!("tests/fixtures/{}.sql", fixture.name);
        database.run(&std::fs::read_to_string(script).unwrap());
        database
    }

    /// The fixture after `fkfix up`.
    pub fn up(fixture: Fixture) -> Self {
        let database = Database::of(fixture);
        database.fkfix_up(&[]);
        database
    }

    pub fn fkfix_up(&self, options: &[&str]) {
        let path = self.path();
        let mut arguments = vec!["up", "--quiet", "--database", path.to_str().unwrap()];
        arguments.extend(options);
        let output = fkfix(&arguments);
        assert!(output.status.success(), "{output:?}");
    }

    pub fn fkfix_clean(&self) {
        let path = self.path();
        let output = fkfix(&["clean", "--quiet", "--database", path.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    /// A file beside the database.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes as most programs do: foreign keys are off.
    pub fn run(&self, sql: &str) {
        let connection = Connection::open(self.path()).unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;")
            .unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// Edits the stored text of `webhook_logs`, as a careless tool might.
    pub fn redefine(&self, from: &str, to: &str) {
        let connection = Connection::open(self.path()).unwrap();
        connection
            .execute_batch("PRAGMA writable_schema = ON")
            .unwrap();
        let edited = connection
            .execute(
                "UPDATE sqlite_schema SET sql = replace(sql, ?1, ?2) WHERE name = 'webhook_logs' AND instr(sql, ?1)",
                (from, to),
            )
            .unwrap();
        assert_eq!(edited, 1, "{from} stands in webhook_logs");
        connection
            .execute_batch("PRAGMA writable_schema = RESET")
            .unwrap();
    }

    pub fn number(&self, query: &str) -> i64 {
        let connection = Connection::open(self.path()).unwrap();
        connection.query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// `fkfix check` with `options`.
    pub fn check(&self, options: &[&str]) -> Checked {
        let path = self.path();
        let mut arguments = vec!["--database", path.to_str().unwrap()];
        arguments.extend(options);
        check(&arguments)
    }
}

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    pub status: i32,
    pub document: Value,
}

impl Checked {
    /// The findings as `code object`.
    pub fn found(&self) -> Vec<String> {
        let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        self.findings()
            .iter()
            .map(|it| format!("{} {}", word(it, "code"), word(it, "object")))
            .collect()
    }

    pub fn findings(&self) -> &Vec<Value> {
        self.document["findings"].as_array().unwrap()
    }

    /// The message of the one finding `code object`.
    pub fn message(&self, finding: &str) -> &str {
        self.part(finding, "message")
    }

    pub fn hint(&self, finding: &str) -> &str {
        self.part(finding, "hint")
    }

    fn part(&self, finding: &str, part: &str) -> &str {
        let found = self.found();
        let places: Vec<_> = (0..found.len())
            .filter(|it| found[*it] == finding)
            .collect();
        assert_eq!(places.len(), 1, "{finding} once in {found:#?}");
        self.findings()[places[0]][part].as_str().unwrap()
    }
}

pub fn check(options: &[&str]) -> Checked {
    let mut arguments = vec!["check", "--format", "json"];
    arguments.extend(options);
    let output = fkfix(&arguments);
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    Checked {
        status: output.status.code().unwrap(),
        document,
    }
}

pub fn fkfix(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env("FKFIX_MIGRATIONS", "built-in")
        .env_remove("FKFIX_LOG")
        .output()
        .unwrap()
}

/// The status and the two streams.
pub fn told(arguments: &[&str]) -> (i32, String, String) {
    let output = fkfix(arguments);
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
