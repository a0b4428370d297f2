//! Any schema that SQLite accepts goes up and comes back, or is refused with nothing changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fkfix::explain;
use fkfix::location::Location;
use fkfix::migrations::Migrations;
use fkfix::policy::{Limit, Method, OrphanAction, Policy};
use fkfix::sqlite::apply::down;
use fkfix::sqlite::apply::history;
use fkfix::sqlite::apply::up::{self, Order};
use fkfix::sqlite::file::connection;
use fkfix::sqlite::file::reading;
use fkfix::sqlite::write::shell;
use rusqlite::Connection;

use super::fates;
use super::generator::{self, Case, as_the_application, build};
use super::only_keys::{must_be_with_keys, without_shadows};
use super::support::{cases, difference, first_seed, integrity, open, picture, rows};

/// What came of the cases.
#[derive(Debug, Default)]
struct Tally {
    up_and_down: usize,
    refused: BTreeMap<String, usize>,
    no_key: usize,
    orphans: usize,
}

pub enum Outcome {
    UpAndDown { orphans: bool },
    Refused(String),
    NoKey,
}

/// Why a case may be refused: the beginning of what stands for it.
const REFUSALS: [&str; 22] = [
    "is damaged: by them",
    "is damaged: the rows of",
    "break the new keys or depend on one that does",
    "1 row breaks the new keys",
    "could not stay as it is",
    "refer to rows of",
    "refers to rows of",
    "is neither PRIMARY KEY nor UNIQUE",
    "can't be told apart",
    "can't be copied row by row with every value as it is",
    "has another key on the same columns",
    "SQLite does not accept",
    "this SQLite can't make the table",
    "exists already and is not an archive",
    "is not one foreign key, as SQLite reads it",
    "the rollback from the new definition",
    "could not come back as it is",
    "this SQLite can't keep its index",
    "this SQLite can't build the index",
    "which holds some rows alone, knows one of them by it",
    "take the rows that leave out of the full-text index",
    "what its columns compute is longer than the whole database",
];

/// Why there may be no script where there is a way to run: it keeps to what is documented.
const NO_SCRIPT: [&str; 3] = [
    "the sqlite3 shell",
    "this SQLite can't build the index",
    "can't be copied row by row with every value as it is",
];

pub struct Arena {
    folder: tempfile::TempDir,
}

impl Arena {
    pub fn new() -> Self {
        // Memory where there is some: the disk is tested elsewhere.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        fs::create_dir(folder.path().join("migrations")).unwrap();
        Arena { folder }
    }

    pub fn run(&self, case: &Case, stock: bool) -> Result<Outcome, String> {
        if case.up.is_empty() {
            return Ok(Outcome::NoKey);
        }
        let place = |name: &str| self.folder.path().join(name);
        for file in ["app.db", "script.db"] {
            let _ = fs::remove_file(place(file));
        }
        fs::write(place("migrations/V1__keys.sql"), &case.up).unwrap();
        fs::write(place("migrations/V1__keys.down.sql"), &case.down).unwrap();
        let path = place("app.db");
        if !build(case, &path) {
            return Ok(Outcome::NoKey);
        }
        let before = picture(&path);
        // An older SQLite writes some numbers as other text, and so takes an index over such an
        // expression for damaged, whoever made it.
        let of_application = |it: &String| it.contains("own(") || it.contains("LOCALIZED");
        let stock = stock && !case.statements.iter().any(of_application);
        let stock = stock && sound(&path, true, "").is_ok();
        let soundness = verdict(&path, stock);
        // SQLite 3.40 does not apply REAL to the value of a virtual column.
        let virtual_real = |it: &String| it.contains(" AS (") && it.contains("REAL");
        let stock = stock && !case.statements.iter().any(virtual_real);
        let bytes = fs::read(&path).unwrap();
        let migrations =
            Migrations::in_folder(&place("migrations")).map_err(|it| format!("{it:#}"))?;
        let policy = Policy {
            orphans: case.orphans,
            max_orphans: Some(Limit::Percent(100.0)),
            method: case.method,
        };
        let order = Order {
            migrations: &migrations,
            to: None,
            allow_missing: false,
            policy: &policy,
            check_space: true,
        };
        // A script is for any SQLite, so it keeps to what is documented for all of them.
        let documented = Policy {
            method: Method::Documented,
            ..policy.clone()
        };
        let script = dry_run(
            &path,
            Order {
                policy: &documented,
                ..order
            },
        );
        if fs::read(&path).unwrap() != bytes || beside(&path) {
            return Err("the dry run has changed the file, or left one".into());
        }
        let planned = dry_run(&path, order);
        match (planned, up(&path, order)) {
            (Ok(_), Ok(())) => {}
            (Err(planned), Ok(())) if planned.contains("the sqlite3 shell") => {}
            (Err(planned), Err(done)) => {
                if fs::read(&path).unwrap() != bytes {
                    return Err(format!("changed after {done}"));
                }
                if planned != done {
                    return Err(format!("dry run: {planned}\nup: {done}"));
                }
                return refused(done);
            }
            (planned, done) => return Err(format!("dry run: {planned:?}\nup: {done:?}")),
        }
        let script = match script {
            Err(why) if NO_SCRIPT.iter().any(|it| why.contains(it)) => String::new(),
            script => script?,
        };
        let after = picture(&path);
        let orphans = must_be_with_keys(case, &before, &after, &path)?;
        let as_it_was = place("before.db");
        fs::write(&as_it_was, &bytes).unwrap();
        fates::hold(&as_it_was, &path, policy.orphans)?;
        let of_script = place("script.db");
        fs::write(&of_script, &bytes).unwrap();
        if !script.is_empty() {
            run_script(&of_script, &script, stock)?;
            let scripted = picture(&of_script);
            if scripted != after {
                return Err(format!("the script: {}", difference(&after, &scripted)));
            }
        }
        if !(orphans && case.orphans == OrphanAction::Delete) {
            down(&path, &migrations)?;
            let back = picture(&path);
            if without_shadows(&back) != without_shadows(&before) {
                return Err(format!(
                    "down: {}",
                    difference(&without_shadows(&before), &without_shadows(&back))
                ));
            }
        }
        sound(&path, stock, &soundness)?;
        Ok(Outcome::UpAndDown { orphans })
    }
}

/// That `up` was refused because of `done`, if it may be.
fn refused(done: String) -> Result<Outcome, String> {
    match REFUSALS.iter().find(|it| done.contains(*it)) {
        Some(why) => Ok(Outcome::Refused((*why).to_owned())),
        None => Err(done),
    }
}

fn beside(path: &Path) -> bool {
    ["-journal", "-wal", "-shm"]
        .iter()
        .any(|it| fkfix::sqlite::file::paths::beside(path, it).exists())
}

fn dry_run(path: &Path, order: Order<'_>) -> Result<String, String> {
    let planned = reading::read(&Location::from(path), Duration::ZERO, |database| {
        let mut outcomes = up::dry_run(database, order, &[1], None)?;
        match outcomes.iter_mut().find_map(|it| it.refusal.take()) {
            Some(refusal) => Err(anyhow::Error::new(refusal)),
            None => shell::up(&outcomes),
        }
    });
    planned.map_err(|error| told(&error))
}

fn up(path: &Path, order: Order<'_>) -> Result<(), String> {
    let run = || {
        let location = Location::from(path);
        let mut database = connection::open(&location, Duration::ZERO)?;
        let transaction = connection::begin(&mut database, &location)?;
        up::up(&transaction, order, None)?;
        connection::commit(transaction, &location)
    };
    run().map_err(|error| told(&error))
}

/// The message without where it comes from: a dry run and a run put different contexts.
fn told(error: &anyhow::Error) -> String {
    let message = format!("{error:#}");
    let message = message
        .strip_prefix("could not apply V1__keys: ")
        .unwrap_or(&message);
    format!("{message} ({:?})", explain::hint_for(error))
}

fn down(path: &Path, migrations: &Migrations) -> Result<(), String> {
    let run = || {
        let location = Location::from(path);
        let mut database = connection::open(&location, Duration::ZERO)?;
        let transaction = connection::begin(&mut database, &location)?;
        let order = down::Order {
            migrations,
            leave_orphans: false,
        };
        let applied = history::read(&transaction)?;
        down::down(&transaction, order, &applied)?;
        connection::commit(transaction, &location)
    };
    run().map_err(|error: anyhow::Error| format!("down: {error:#}"))
}

fn run_script(path: &Path, script: &str, stock: bool) -> Result<(), String> {
    if stock {
        let mut shell = Command::new("sqlite3");
        let file = path.with_extension("sql");
        fs::write(&file, script).unwrap();
        let output = shell
            .arg(path)
            .stdin(fs::File::open(&file).unwrap())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        return if output.status.success() && told.is_empty() {
            Ok(())
        } else {
            Err(format!("sqlite3: {told}"))
        };
    }
    let script = script.replacen(".bail on\n", "", 1);
    Connection::open(path)
        .unwrap()
        .execute_batch(&script)
        .map_err(|error| format!("the script fails: {error}"))
}

/// What `integrity_check` says, by the installed SQLite or by this one.
fn verdict(path: &Path, stock: bool) -> String {
    if stock {
        return integrity(path);
    }
    let connection = open(path);
    as_the_application(&connection);
    rows(&connection, "PRAGMA integrity_check").join("\n")
}

/// The database is as sound as when `integrity_check` said `before` of it.
fn sound(path: &Path, stock: bool, before: &str) -> Result<(), String> {
    let verdict = verdict(path, stock);
    // Rows that broke a CHECK before still do.
    let is_known = |line: &str| {
        line.contains("CHECK constraint failed") || before.lines().any(|it| it == line)
    };
    if verdict.trim_matches('\'') == "ok" || verdict.lines().all(is_known) {
        Ok(())
    } else {
        Err(format!("integrity_check: {verdict}"))
    }
}

/// The fewest statements with which the case still fails.
fn shrink(arena: &Arena, case: &Case) -> Case {
    let mut case = case.clone();
    let mut at = 0;
    while at < case.statements.len() {
        let mut smaller = case.clone();
        smaller.statements.remove(at);
        if matches!(arena.run(&smaller, false), Err(why) if !why.contains("there is no table")) {
            case = smaller;
        } else {
            at += 1;
        }
    }
    case
}

fn go(arena: &Arena, seed: u64, stock: bool, tally: &mut Tally) {
    let case = generator::case(seed);
    match arena.run(&case, stock) {
        Ok(Outcome::UpAndDown { orphans }) => {
            tally.up_and_down += 1;
            tally.orphans += usize::from(orphans);
        }
        Ok(Outcome::Refused(why)) => *tally.refused.entry(why).or_default() += 1,
        Ok(Outcome::NoKey) => tally.no_key += 1,
        Err(_) => {
            let small = shrink(arena, &case);
            let why = match arena.run(&small, false) {
                Err(why) => why,
                Ok(_) => arena.run(&case, stock).err().unwrap_or_default(),
            };
            panic!(
                "seed {seed}: {why}\n{};\n-- up\n{}",
                small.statements.join(";\n"),
                small.up
            );
        }
    }
}

#[test]
fn random_schemas_go_up_and_come_back() {
    let first = first_seed();
    let count = cases(100, 20_000) as u64;
    let stock = Command::new("sqlite3").arg("--version").output().is_ok();
    let (mut tally, arena) = (Tally::default(), Arena::new());
    let begun = std::time::Instant::now();
    for seed in first..first + count {
        go(&arena, seed, stock && seed % 20 == 0, &mut tally);
        if (seed - first) % 1000 == 999 {
            println!("schemas, {} seeds: {:?}", seed - first + 1, begun.elapsed());
        }
    }
    println!(
        "schemas, seeds {first}..{}: {tally:#?} in {:?}",
        first + count,
        begun.elapsed()
    );
    assert!(
        tally.up_and_down * 4 > cases(100, 20_000),
        "too few: {tally:#?}"
    );
}
