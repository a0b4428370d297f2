//! A database on the server with migrations beside it, and the binary run on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use postgres::Client;
use pretty_assertions::assert_eq;
use tempfile::TempDir;

use crate::server::{self, Database};

/// A database, a folder of migrations, and the binary.
pub struct Site {
    pub database: Database,
    folder: TempDir,
}

/// What a run wrote, and how it ended.
#[derive(Debug)]
pub struct Run {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// All that `pg_dump -s` writes, and every row of every table.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    pub schema: String,
    pub rows: BTreeMap<String, Vec<String>>,
}

impl Site {
    /// A database that `sql` makes; none where the server is to be skipped.
    pub fn of(sql: &str) -> Option<Self> {
        Some(Site::on(server::shared()?.database(), sql))
    }

    /// The same on another server than the one of the run.
    pub fn on(database: Database, sql: &str) -> Self {
        database.client(sql);
        Site {
            database,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The sample `tests/fixtures/<name>.sql`.
    pub fn fixture(name: &str) -> Option<Self> {
        let path = format!("{}/tests/fixtures/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        Site::of(&fs::read_to_string(path).unwrap())
    }

    /// The same with the migration `V<number>__<name>`.
    pub fn with(self, stem: &str, up: &str, down: &str) -> Self {
        self.write(stem, up, down);
        self
    }

    pub fn write(&self, stem: &str, up: &str, down: &str) {
        fs::write(self.folder.path().join(format!("{stem}.sql")), up).unwrap();
        fs::write(self.folder.path().join(format!("{stem}.down.sql")), down).unwrap();
    }

    /// The folder of migrations.
    pub fn migrations(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A command line on this database: the verb first.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fkfix"));
        for (name, _) in std::env::vars_os() {
            let known = name.to_string_lossy();
            let tells = ["FKFIX_", "PG"].iter().any(|it| known.starts_with(it));
            if tells || known == "DATABASE_URL" || known == "NO_COLOR" {
                command.env_remove(&name);
            }
        }
        command.args(line.split_whitespace());
        command.arg("-d").arg(self.database.url());
        let takes_migrations = !["clean", "restore"].iter().any(|it| line.starts_with(it));
        let has_some = fs::read_dir(self.folder.path()).unwrap().next().is_some();
        if takes_migrations && has_some {
            command.arg("--migrations").arg(self.folder.path());
        }
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, line: &str) -> Run {
        self.run_of(self.command(line))
    }

    pub fn run_of(&self, mut command: Command) -> Run {
        let output = command.output().unwrap();
        let name = &self.database.name;
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(&self.shown(), "app").replace(name, "app")
        };
        Run {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The database as messages name it.
    fn shown(&self) -> String {
        self.database.connect().target.to_string()
    }

    pub fn sql(&self, sql: &str) {
        self.database.client(sql);
    }

    /// The first column of a query, as text.
    pub fn ask(&self, query: &str) -> Vec<String> {
        first_column(&mut self.database.client(""), query)
    }

    /// Runs `script` by psql.
    #[track_caller]
    pub fn psql(&self, script: &str) {
        let file = self.folder.path().join("script.psql");
        fs::write(&file, script).unwrap();
        let mut command = Command::new(program("psql"));
        command
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(&file);
        let output = command.arg(self.database.url()).output().unwrap();
        fs::remove_file(&file).unwrap();
        assert!(
            output.status.success(),
            "{}\n{script}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub fn picture(&self) -> Picture {
        let output = Command::new(program("pg_dump"))
            .args(["-s", "--restrict-key=fkfix"])
            .arg(self.database.url())
            .output()
            .unwrap();
        let output = if output.status.success() {
            output
        } else {
            Command::new(program("pg_dump"))
                .arg("-s")
                .arg(self.database.url())
                .output()
                .unwrap()
        };
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let mut client = self.database.client("");
        let mut rows = BTreeMap::new();
        let tables = first_column(
            &mut client,
            "SELECT CASE relkind WHEN 'S' THEN 'SELECT ROW (last_value, is_called)::text FROM ' ELSE 'SELECT whole::text FROM ' END || oid::regclass::text || ' AS whole ORDER BY 1' FROM pg_class WHERE relkind IN ('r', 'p', 'm', 'S')
             AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)",
        );
        for query in tables {
            let all = first_column(&mut client, &query);
            let table = query.split("FROM ").nth(1).unwrap();
            rows.insert(table.replace(" AS whole ORDER BY 1", ""), all);
        }
        Picture {
            schema: String::from_utf8(output.stdout).unwrap(),
            rows,
        }
    }
}

fn first_column(client: &mut Client, query: &str) -> Vec<String> {
    let rows = client.query(query, &[]).unwrap();
    let values = rows.iter().map(|row| row.get::<_, Option<String>>(0));
    values.map(|it| it.unwrap_or("NULL".into())).collect()
}

fn program(name: &str) -> PathBuf {
    server::program(name)
}

impl Run {
    #[track_caller]
    pub fn status(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn stdout(self, text: &str) -> Self {
        assert_eq!(self.stdout, text, "{}", self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.stdout.contains(part), "no {part:?} in {self:#?}");
        self
    }

    #[track_caller]
    pub fn remarks(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "no {part:?} in {self:#?}");
        self
    }

    /// It must have failed with an error that holds `message`, and told what to do about it.
    #[track_caller]
    pub fn explains(self, message: &str) -> Self {
        let told = self.stderr.contains("error: ")
            && self.stderr.contains(message)
            && self.stderr.contains("\nhint: ");
        assert!(told, "no error with {message:?} and a hint in {self:#?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
