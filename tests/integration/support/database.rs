//! A database in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pretty_assertions::assert_eq;
use rusqlite::Connection;
use rusqlite::types::FromSql;
use tempfile::TempDir;

use super::picture::{self, Picture};
use super::run::{self, Finished};

/// What lies in a folder: each file's name and bytes.
type Folder = BTreeMap<String, Vec<u8>>;

/// A database file, and perhaps migrations for it.
pub struct Database {
    _folder: TempDir,
    /// The folder that the database lies in, alone.
    pub home: PathBuf,
    /// The database.
    pub path: PathBuf,
    migrations: PathBuf,
}

impl Database {
    /// A database that `sql` makes, on a connection that does not act on foreign keys.
    pub fn of(sql: &str) -> Self {
        let database = Database::missing();
        database.execute(sql);
        database
    }

    /// The sample database `tests/fixtures/<name>.sql`.
    pub fn fixture(name: &str) -> Self {
        let path = format!("{}/tests/fixtures/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        Database::of(&fs::read_to_string(path).unwrap())
    }

    /// `parent` (1, 2) and `child`, which `sql` makes, with a migration that adds
    /// [`KEY`](super::KEY) to it.
    pub fn family(sql: &str) -> Self {
        Database::of(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);",
        )
        .with(sql)
        .with_key()
    }

    /// A place for a database, where there is none.
    pub fn missing() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        Database {
            path: home.join("app.db"),
            home,
            migrations: folder.path().join("migrations"),
            _folder: folder,
        }
    }

    /// Another with the same bytes and migrations.
    pub fn copy(&self) -> Self {
        let copy = Database::missing();
        fs::copy(&self.path, &copy.path).unwrap();
        if self.migrations.exists() {
            for (name, bytes) in files_in(&self.migrations) {
                copy.write_migration(&name, &String::from_utf8(bytes).unwrap());
            }
        }
        copy
    }

    /// This database after `sql`.
    pub fn with(self, sql: &str) -> Self {
        self.execute(sql);
        self
    }

    /// This database with the migration `V1__keys`, which adds [`KEY`](super::KEY) to `child`.
    pub fn with_key(self) -> Self {
        self.with_migration(
            "V1__keys",
            &format!("ALTER TABLE child ADD {};", super::KEY),
            "ALTER TABLE child DROP CONSTRAINT fk;",
        )
    }

    /// This database with a migration of its own, instead of the built-in one.
    pub fn with_migration(self, name: &str, up: &str, down: &str) -> Self {
        self.write_migration(&format!("{name}.sql"), up);
        self.write_migration(&format!("{name}.down.sql"), down);
        self
    }

    /// Writes a file of the folder of migrations.
    pub fn write_migration(&self, file: &str, text: &str) {
        fs::create_dir_all(&self.migrations).unwrap();
        fs::write(self.migrations.join(file), text).unwrap();
    }

    /// A file of the folder of migrations.
    pub fn migration(&self, file: &str) -> PathBuf {
        self.migrations.join(file)
    }

    /// A connection that does not act on foreign keys, as most in the field.
    pub fn open(&self) -> Connection {
        self.connect(false)
    }

    /// A connection that enforces foreign keys.
    pub fn open_enforcing(&self) -> Connection {
        self.connect(true)
    }

    fn connect(&self, foreign_keys: bool) -> Connection {
        let connection = Connection::open(&self.path).unwrap();
        connection
            .pragma_update(None, "foreign_keys", foreign_keys)
            .unwrap();
        connection
    }

    /// Runs `sql` on a connection of [`open`](Self::open).
    pub fn execute(&self, sql: &str) {
        self.open().execute_batch(sql).unwrap();
    }

    /// The one value that `query` gives.
    pub fn value<T: FromSql>(&self, query: &str) -> T {
        self.open().query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// The rows that `query` gives, each as its values in order: `1|'a'|NULL`.
    pub fn rows(&self, query: &str) -> Vec<String> {
        picture::rows(&self.open(), query)
    }

    /// All that the database holds.
    pub fn picture(&self) -> Picture {
        Picture::of(&self.open())
    }

    /// All that lies in the folder of the database.
    pub fn files(&self) -> Folder {
        files_in(&self.home)
    }

    /// A command that runs the binary with the words of `arguments` on this database.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = run::binary();
        command.args(arguments.split_whitespace());
        let verb = arguments.split(' ').next();
        if verb == Some("up") {
            command.args(crate::UP_OPTIONS);
        }
        command.arg("--database").arg(&self.path);
        // Those go by what the database declares, or holds.
        let takes_migrations =
            !verb.is_some_and(|it| ["enforce", "clean", "restore"].contains(&it));
        if self.migrations.exists() && takes_migrations {
            command.arg("--migrations").arg(&self.migrations);
        }
        command
    }

    /// Runs the binary with the words of `arguments` on this database.
    pub fn fkfix(&self, arguments: &str) -> Finished {
        run::finish(&mut self.command(arguments), &self.path)
    }

    /// Runs `up`, which must succeed, whatever part of a table leaves.
    pub fn up(&self) -> Finished {
        self.fkfix("up --max-orphans 100%").status(0)
    }

    /// Runs `down`, which must succeed.
    pub fn down(&self) -> Finished {
        self.fkfix("down").status(0)
    }

    /// Runs what must fail with `status` and a message that holds `message`, followed by a
    /// hint, and must leave every byte of the folder as it was.
    pub fn refuses(&self, arguments: &str, status: i32, message: &str) -> Finished {
        let before = self.files();
        let finished = self
            .fkfix(arguments)
            .status(status)
            .stdout("")
            .explains(message);
        assert!(
            self.files() == before,
            "{arguments} has changed a file, or left one behind: {:?}",
            self.files().keys()
        );
        finished
    }

    /// Goes up and down, and holds all that both must keep: after `up` only the definition of
    /// `child` differs and its rows are in it or in its archive; after `down` nothing does.
    /// Gives the number of rows that were archived.
    pub fn goes_up_and_down(&self) -> usize {
        let before = self.picture();
        self.up();
        let after = self.picture();
        let archived = after.must_be_with_keys(&before, "child", &[super::KEY]);
        let broken = "SELECT * FROM pragma_foreign_key_check('child') WHERE parent = 'parent'";
        assert_eq!(self.rows(broken), [""; 0], "rows that break the key");
        self.down();
        assert_eq!(self.picture(), before, "down is not the inverse of up");
        archived
    }
}

/// Every file in `folder`.
fn files_in(folder: &Path) -> Folder {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // A folder or a link to nowhere has no bytes.
            (name, fs::read(entry.path()).unwrap_or_default())
        })
        .collect()
}
