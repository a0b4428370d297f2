//! What the themes share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tempfile::TempDir;

/// Every object of the schema and every row with its storage classes; times of fkfix's own
/// left out.
pub type Picture = BTreeMap<String, Vec<String>>;

/// The journal modes that are not of the file alone leave a trace beside it.
pub const JOURNAL_MODES: [&str; 4] = ["DELETE", "TRUNCATE", "PERSIST", "WAL"];

/// Whether the long round is wanted: `FKFIX_LONG=1`.
pub fn is_long() -> bool {
    std::env::var_os("FKFIX_LONG").is_some()
}

/// `short`, or `long` in the long round.
pub fn rounds(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

/// How many random cases: `short`, so many times as `FKFIX_CASES` says, or `long` in the long round.
pub fn cases(short: usize, long: usize) -> usize {
    let times = std::env::var("FKFIX_CASES").map_or(1, |times| times.parse().unwrap());
    rounds(short * times, long)
}

/// The first seed of a random round: `FKFIX_SEED`, or 1.
pub fn first_seed() -> u64 {
    std::env::var("FKFIX_SEED").map_or(1, |seed| seed.parse().unwrap())
}

/// A database that nothing has happened to yet, and what happens to it.
pub struct Sample {
    folder: TempDir,
    /// The file.
    pub path: PathBuf,
    /// All that it holds.
    pub before: Picture,
    /// All that it holds after `up`.
    pub after: Picture,
    /// The file after `up`.
    upped: PathBuf,
    runs: AtomicU64,
}

impl Sample {
    /// A table that holds what rebuilds tend to lose, so that it is copied row by row, with
    /// more rows and a full-text index: some hundred pages.
    pub fn nasty(journal_mode: &str) -> Self {
        let nasty = include_str!("../fixtures/nasty.sql");
        Sample::new(journal_mode, &format!("{nasty} {MORE_ROWS}"))
    }

    /// The same, larger than SQLite's cache: pages go to the disk long before the COMMIT.
    fn large(journal_mode: &str) -> Self {
        let nasty = include_str!("../fixtures/nasty.sql");
        let rows = MORE_ROWS.replace("i < 1900", "i < 14000");
        Sample::new(journal_mode, &format!("{nasty} {rows}"))
    }

    /// The table of an application, whose records are copied whole.
    pub fn plain(journal_mode: &str) -> Self {
        Sample::new(journal_mode, include_str!("../fixtures/app-migrated.sql"))
    }

    /// All tables in each mode in the long round; one of the small ones otherwise.
    /// `FKFIX_JOURNAL_MODE` takes one mode alone.
    pub fn each(modes: &[&'static str], mut test: impl FnMut(&Sample, &str)) {
        let only = std::env::var("FKFIX_JOURNAL_MODE").ok();
        for (at, mode) in modes.iter().enumerate() {
            if only.as_ref().is_some_and(|only| only != mode) {
                continue;
            }
            if at % 2 == 0 || is_long() {
                test(&Sample::nasty(mode), &format!("nasty, {mode}"));
            }
            if at % 2 == 1 || is_long() {
                test(&Sample::plain(mode), &format!("plain, {mode}"));
            }
            if is_long() {
                test(&Sample::large(mode), &format!("large, {mode}"));
            }
        }
    }

    fn new(journal_mode: &str, sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA page_size = 1024; PRAGMA foreign_keys = OFF; {sql}; CREATE TABLE last_write (x)"
            ))
            .unwrap();
        let pragma = format!("PRAGMA journal_mode = {journal_mode}");
        connection.query_row(&pragma, [], |_| Ok(())).unwrap();
        // A write in this mode, so that its journal is there as the application leaves it.
        connection
            .execute_batch("INSERT INTO last_write VALUES (0)")
            .unwrap();
        drop(connection);
        let upped = folder.path().join("upped.db");
        copy_database(&path, &upped);
        let before = picture(&path);
        assert!(fkfix("up", &upped).status.success());
        let after = picture(&upped);
        assert_ne!(before, after);
        Sample {
            folder,
            path,
            before,
            after,
            upped,
            runs: AtomicU64::new(0),
        }
    }

    /// A copy to hurt, in a folder of its own.
    pub fn victim(&self) -> Victim {
        self.copy(&self.path)
    }

    /// A copy to hurt that has had its `up`.
    pub fn upped_victim(&self) -> Victim {
        self.copy(&self.upped)
    }

    fn copy(&self, of: &Path) -> Victim {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let home = self.folder.path().join(format!("run-{run}"));
        fs::create_dir(&home).unwrap();
        let path = home.join("app.db");
        copy_database(of, &path);
        Victim { home, path }
    }

    /// The database is sound, wholly before or wholly after, and goes on to `up`.
    #[track_caller]
    pub fn verdict(&self, victim: &Victim) -> Side {
        assert_eq!(integrity(&victim.path), "ok", "{}", victim.path.display());
        let found = picture(&victim.path);
        let side = if found == self.before {
            Side::Before
        } else if found == self.after {
            Side::After
        } else {
            panic!(
                "neither before nor after: {}",
                difference(&self.before, &found)
            );
        };
        let again = fkfix("up", &victim.path);
        assert!(again.status.success(), "{again:?}");
        assert_eq!(picture(&victim.path), self.after, "the next up");
        side
    }
}

const MORE_ROWS: &str = "
    BEGIN;
    DROP TRIGGER event_inserted;
    INSERT INTO events WITH RECURSIVE n (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i, 'e' FROM n;
    INSERT INTO webhook_logs (id, alert_rule_id, event_id, url, attempt, payload)
        WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1900)
        SELECT i, CASE WHEN i % 40 = 0 THEN 9 ELSE 1 + i % 2 END, CASE WHEN i % 50 = 1 THEN 900 ELSE 1 + i % 200 END,
               'http://host/' || i, i, CASE i % 3 WHEN 0 THEN zeroblob(90) WHEN 1 THEN i * 1.5 END FROM n;
    CREATE TRIGGER event_inserted AFTER INSERT ON events BEGIN UPDATE webhook_logs SET attempt = attempt + 1 WHERE event_id = new.id; END;
    CREATE VIRTUAL TABLE found USING fts5 (url, content = 'webhook_logs', content_rowid = 'id');
    INSERT INTO found (found) VALUES ('rebuild');
    COMMIT;";

/// Where a database stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// As if nothing had been done.
    Before,
    /// As if all had been done.
    After,
}

/// A database that is hurt. Its folder goes with it.
pub struct Victim {
    /// The folder that it lies in, alone.
    pub home: PathBuf,
    /// The file.
    pub path: PathBuf,
}

impl Drop for Victim {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.home).unwrap();
        }
    }
}

/// The binary: that of this build, or another that `FKFIX_BINARY` names.
pub fn program() -> PathBuf {
    let other = std::env::var_os("FKFIX_BINARY");
    other.map_or_else(|| env!("CARGO_BIN_EXE_fkfix").into(), PathBuf::from)
}

/// The binary, free of what the environment of the test run would tell it.
pub fn binary() -> Command {
    clean(Command::new(program()))
}

/// `command` without what would change a run of the binary.
pub fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known == "DATABASE_URL" || known.starts_with("FKFIX_") {
            command.env_remove(&name);
        }
    }
    // Whatever folder of migrations the tests run beside.
    command.env("FKFIX_MIGRATIONS", "built-in");
    command.stdin(Stdio::null());
    command
}

/// Runs the binary with the words of `arguments` on `database`.
pub fn fkfix(arguments: &str, database: &Path) -> Output {
    let mut command = binary();
    command.args(arguments.split_whitespace());
    command.arg("-d").arg(database).output().unwrap()
}

/// Copies a database that nobody writes to, with what lies beside it.
pub fn copy_database(from: &Path, to: &Path) {
    for suffix in ["", "-journal", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if name(from).exists() {
            fs::copy(name(from), name(to)).unwrap();
        }
    }
}

/// What `integrity_check` says, as the SQLite that is installed sees it where there is one:
/// it also is the first to open the file, and so the one that rolls back.
pub fn integrity(database: &Path) -> String {
    let query = "PRAGMA integrity_check";
    let stock = Command::new("sqlite3").arg(database).arg(query).output();
    match stock {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&said).trim().to_owned()
        }
        Err(_) => open(database)
            .query_row(query, [], |row| row.get(0))
            .unwrap(),
    }
}

/// A connection that does not act on foreign keys, as most in the field.
pub fn open(database: &Path) -> Connection {
    let connection = Connection::open(database).unwrap();
    connection
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    connection
}

/// All that `database` holds.
pub fn picture(database: &Path) -> Picture {
    picture_of(&open(database))
}

/// All that `connection` sees in its main database.
pub fn picture_of(connection: &Connection) -> Picture {
    let mut picture = Picture::new();
    let schema =
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY type, name, sql";
    picture.insert("sqlite_schema".to_owned(), rows(connection, schema));
    let mut statement = connection
        .prepare("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') AND name <> 'sqlite_schema'")
        .unwrap();
    let tables = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    for table in tables.unwrap() {
        let (name, without_rowid): (String, bool) = table.unwrap();
        let rows = table_rows(connection, &name, without_rowid);
        picture.insert(name, rows);
    }
    picture
}

fn table_rows(connection: &Connection, table: &str, without_rowid: bool) -> Vec<String> {
    let quoted = format!("\"{}\"", table.replace('"', "\"\""));
    let columns: Vec<String> = rows(
        connection,
        &format!("SELECT lower(name) FROM pragma_table_xinfo({quoted})"),
    );
    let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(|name| {
        !without_rowid && columns.len() < 2000 && !columns.contains(&format!("'{name}'"))
    });
    let mut values = "*".to_owned();
    if columns
        .first()
        .is_some_and(|first| first == "'fkfix_rowid'")
    {
        let names = columns.iter().filter(|name| *name != "'fkfix_archived_at'");
        let names: Vec<_> = names
            .map(|name| format!("\"{}\"", name.trim_matches('\'').replace('"', "\"\"")))
            .collect();
        values = names.join(", ");
    } else if table == "fkfix_schema_history" {
        values = String::from("version, name, checksum, adopted");
    }
    if let Some(rowid) = rowid {
        rows(
            connection,
            &format!("SELECT {rowid}, {values} FROM {quoted} ORDER BY 1"),
        )
    } else {
        let mut rows = rows(connection, &format!("SELECT {values} FROM {quoted}"));
        rows.sort();
        rows
    }
}

/// The rows that `query` gives, each as its values in order: `1|'a'|NULL`.
pub fn rows(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let values = (0..columns).map(|column| row.get_ref(column).map(shown));
        Ok(values.collect::<Result<Vec<_>, _>>()?.join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// A value so that it tells its storage class, and differs from every other.
pub fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        // To the bit: NaN and -0.0 included.
        ValueRef::Real(number) => format!("{number:?} {:x}", number.to_bits()),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => format!("'{text}'"),
            Err(_) => format!("text {text:02x?}"),
        },
        ValueRef::Blob(bytes) => format!("x{bytes:02x?}"),
    }
}

/// Where two pictures differ first.
pub fn difference(wanted: &Picture, found: &Picture) -> String {
    let names: std::collections::BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
    for name in names {
        let (wanted, found) = (wanted.get(name), found.get(name));
        let (Some(left), Some(right)) = (wanted, found) else {
            return format!("table {name:?}: wanted {wanted:?}, found {found:?}");
        };
        let gone: Vec<_> = left
            .iter()
            .filter(|row| !right.contains(row))
            .take(5)
            .collect();
        let new: Vec<_> = right
            .iter()
            .filter(|row| !left.contains(row))
            .take(5)
            .collect();
        if left != right {
            return format!(
                "table {name:?}: {} rows, {} found; without {gone:#?}, with {new:#?}",
                left.len(),
                right.len()
            );
        }
    }
    String::new()
}

/// Whether `program` can be run. In CI what is missing is an error, or the test would be
/// green without having tested.
pub fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "{program} is not installed"
        );
        println!("skipped: {program} is not installed");
    }
    found
}
