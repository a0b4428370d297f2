//! How many of the keys that were meant `fkfix discover` finds, and how many of those it finds
//! were meant: schemas of many styles, filled, their declared keys taken out and kept as the
//! truth. `cargo test --test discover -- --nocapture` prints the figures.

// Helpers of tests are tests; clippy's `allow-…-in-tests` sees only functions marked #[test].
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

/// Rows for a schema.
mod fill;
/// A schema without its keys.
mod strip;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fkfix::sqlite::schema::foreign_key;
use rusqlite::Connection;

use fill::Wanted;

/// A key in one line, whatever its actions.
type Keys = BTreeSet<String>;

/// What was found in one database.
struct Measured {
    name: String,
    truth: Keys,
    /// Each with its confidence.
    found: Vec<(String, u8)>,
    /// Those that are shown without `--min-confidence`.
    shown: Keys,
}

impl Measured {
    fn of(file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("app.db");
        let truth = build(&fs::read_to_string(file).unwrap(), &database);
        let found = discover(&database, &["--min-confidence", "0"]);
        let shown = discover(&database, &[]);
        Measured {
            name: file.file_stem().unwrap().to_str().unwrap().to_owned(),
            truth,
            found,
            shown: shown.into_iter().map(|(key, _)| key).collect(),
        }
    }

    fn confidence(&self, key: &str) -> u8 {
        let found = self.found.iter().find(|(found, _)| found == key);
        found.map_or(0, |(_, confidence)| *confidence)
    }

    fn hits(&self) -> usize {
        self.shown.intersection(&self.truth).count()
    }
}

fn line(child: &str, columns: &[String], parent: &str, parent_columns: &[String]) -> String {
    let mut pairs: Vec<_> = columns
        .iter()
        .zip(parent_columns)
        .map(|(a, b)| format!("{a}={b}"))
        .collect();
    pairs.sort();
    format!("{child} -> {parent}: {}", pairs.join(", "))
}

/// Makes the database that `sql` describes, without its keys; gives these.
fn build(sql: &str, database: &Path) -> Keys {
    let (schema, data) = sql.split_once("\n-- data\n").unwrap_or((sql, ""));
    let with_keys = Connection::open_in_memory().unwrap();
    let connection = Connection::open(database).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; BEGIN")
        .unwrap();
    with_keys.execute_batch(schema).unwrap();
    let mut tables = Vec::new();
    for statement in schema.split(";\n") {
        let mut comments = statement.lines().filter(|line| line.starts_with("-- "));
        let wanted = comments.find_map(wanted);
        let bare = if statement.contains("CREATE TABLE") {
            strip::keys(statement)
        } else {
            statement.to_owned()
        };
        connection.execute_batch(&bare).unwrap();
        if statement.contains("CREATE TABLE") {
            let name = connection
                .query_row("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid DESC LIMIT 1", [], |row| row.get(0))
                .unwrap();
            tables.push((name, wanted));
        }
    }
    let truth = foreign_key::declared_keys(&with_keys).unwrap();
    assert!(foreign_key::declared_keys(&connection).unwrap().is_empty());
    fill::fill(&connection, &truth, &tables);
    connection.execute_batch(data).unwrap();
    connection.execute_batch("COMMIT").unwrap();
    truth
        .iter()
        .map(|key| line(&key.child, &key.columns, &key.parent, &key.parent_columns))
        .collect()
}

/// `-- rows 900, orphans 12`
fn wanted(comment: &str) -> Option<Wanted> {
    let rest = comment.strip_prefix("-- ")?;
    let mut wanted = Wanted {
        rows: 200,
        orphans: 0,
    };
    for part in rest.split(", ") {
        let (what, number) = part.split_once(' ')?;
        match what {
            "rows" => wanted.rows = number.parse().ok()?,
            "orphans" => wanted.orphans = number.parse().ok()?,
            _ => return None,
        }
    }
    Some(wanted)
}

fn discover(database: &Path, options: &[&str]) -> Vec<(String, u8)> {
    let before = fs::read(database).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(["discover", "--format", "json", "--database"])
        .arg(database)
        .args(options)
        // Away from the migrations of this repository, whose keys would not be shown.
        .current_dir(database.parent().unwrap())
        .env_remove("FKFIX_MIGRATIONS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        fs::read(database).unwrap() == before,
        "the database has changed"
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names = |value: &serde_json::Value| -> Vec<String> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    let keys = report["keys"].as_array().unwrap().iter();
    keys.map(|key| {
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        let found = line(
            &text("table"),
            &names(&key["columns"]),
            &text("parent"),
            &names(&key["parent_columns"]),
        );
        (
            found,
            u8::try_from(key["confidence"].as_u64().unwrap()).unwrap(),
        )
    })
    .collect()
}

fn measure(folder: &str) -> Vec<Measured> {
    let folder = format!("{}/tests/discover/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| Measured::of(file)).collect()
}

/// Hundredths of `of` that `part` is.
#[allow(clippy::cast_precision_loss)]
fn percent(part: usize, of: usize) -> f64 {
    if of == 0 {
        100.0
    } else {
        part as f64 * 100.0 / of as f64
    }
}

fn line_of(name: &str, truth: usize, shown: usize, hits: usize) -> String {
    format!(
        "{name:<24} {truth:>5} {shown:>6} {hits:>6} {:>7.1}% {:>9.1}%\n",
        percent(hits, truth),
        percent(hits, shown)
    )
}

/// Prints the figures of `all`, at once; gives recall and precision in total.
fn print(title: &str, all: &[Measured]) -> (f64, f64) {
    let mut text = format!("\n{title:<24}  keys  shown  right   recall  precision\n");
    let (mut truth, mut shown, mut hits) = (0, 0, 0);
    for one in all {
        text += &line_of(&one.name, one.truth.len(), one.shown.len(), one.hits());
        truth += one.truth.len();
        shown += one.shown.len();
        hits += one.hits();
    }
    text += &line_of("total", truth, shown, hits);
    text += "\nconfidence at least     recall  precision\n";
    for least in (50..=95).step_by(5) {
        let (recall, precision) = at_least(all, least);
        let _ = writeln!(text, "{least:>17}%     {recall:>6.1}% {precision:>9.1}%");
    }
    for one in all {
        for key in one.truth.difference(&one.shown) {
            let _ = writeln!(
                text,
                "missed in {}: {key} ({}%)",
                one.name,
                one.confidence(key)
            );
        }
        for key in one.shown.difference(&one.truth) {
            let _ = writeln!(
                text,
                "wrong in {}: {key} ({}%)",
                one.name,
                one.confidence(key)
            );
        }
    }
    println!("{text}");
    (percent(hits, truth), percent(hits, shown))
}

/// Recall and precision with `--min-confidence`.
fn at_least(all: &[Measured], least: u8) -> (f64, f64) {
    let (mut truth, mut shown, mut hits) = (0, 0, 0);
    for one in all {
        let sure = one.found.iter().filter(|(_, it)| *it >= least);
        for (key, _) in sure {
            shown += 1;
            hits += usize::from(one.truth.contains(key));
        }
        truth += one.truth.len();
    }
    (percent(hits, truth), percent(hits, shown))
}

/// One test, so that the figures are printed in order.
#[test]
fn nineteen_in_twenty_meant_keys_are_found_and_as_many_found_keys_were_meant() {
    let made_on = measure("made_on");
    assert!(made_on.len() >= 10);
    let (recall, precision) = print("schemas of our own", &made_on);
    assert!(recall >= 95.0 && precision >= 95.0, "{recall} {precision}");
    let public = measure("public");
    let (recall, precision) = print("schemas of others", &public);
    assert!(recall >= 92.0 && precision >= 95.0, "{recall} {precision}");
    let all: Vec<_> = made_on.into_iter().chain(public).collect();
    let (recall, precision) = at_least(&all, fkfix::discover::DEFAULT_CONFIDENCE);
    println!("all: recall {recall:.1}%, precision {precision:.1}%");
    assert!(recall >= 95.0 && precision >= 95.0, "{recall} {precision}");
}
