//! Orphans of declared keys are cleaned and come back where their parents do; the same keys go up and
//! down.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fkfix::location::Location;
use fkfix::migrations::Migrations;
use fkfix::policy::{Limit, Method, OrphanAction, Policy};
use fkfix::sqlite::apply::{clean, down, history, up};
use fkfix::sqlite::file::connection;
use fkfix::sqlite::write::shell;
use rusqlite::Connection;

use super::family::{self, Family};
use super::fates;
use super::generator::POLICIES;
use super::lost::{give_back, lose};
use super::support::{cases, difference, first_seed, open, picture};

/// Why a run may be refused.
const REFUSALS: [&str; 9] = [
    "refer to rows of",
    "refers to rows of",
    "can't be told apart",
    "break keys that are there already or depend on one that does",
    "1 row breaks keys that are there already",
    "break the new keys or depend on one that does",
    "1 row breaks the new keys",
    "is neither PRIMARY KEY nor UNIQUE",
    "has another key on the same columns",
];

#[derive(Debug, Default)]
struct Tally {
    restored: usize,
    went_up_and_down: usize,
    nothing: usize,
    no_place: usize,
    refused: BTreeMap<String, usize>,
}

struct Arena {
    folder: tempfile::TempDir,
    policy: Policy,
}

impl Arena {
    fn new(action: OrphanAction, method: Method) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        fs::create_dir(folder.path().join("migrations")).unwrap();
        Arena {
            folder,
            policy: Policy {
                orphans: action,
                max_orphans: Some(Limit::Percent(100.0)),
                method,
            },
        }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Cleans, gives back some of the lost rows, restores, gives back the others, restores.
    fn clean_and_restore(
        &self,
        family: &Family,
        random: &mut fastrand::Rng,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let path = self.place("app.db");
        let Some(whole) = build(&path, &family.create, family) else {
            tally.nothing += 1;
            return Ok(());
        };
        // SQLite lets a row that refers to itself pass another key of the same table that it breaks.
        let broken = "SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_check)";
        if whole.query_row(broken, [], |row| row.get(0)).unwrap() {
            tally.nothing += 1;
            return Ok(());
        }
        let whole_picture = picture(&path);
        let mut lost = lose(&path, random);
        let before = fs::read(&path).unwrap();
        let as_it_was = self.place("before.db");
        fs::write(&as_it_was, &before).unwrap();
        let script = match self.clean(&path) {
            Ok(script) => script,
            Err(why) => {
                if fs::read(&path).unwrap() != before {
                    return Err(format!("changed after {why}"));
                }
                return refused(why, tally);
            }
        };
        let Some(script) = script else {
            tally.nothing += 1;
            return Ok(());
        };
        let scripted = self.place("script.db");
        fs::write(&scripted, &before).unwrap();
        run_script(&scripted, &script)?;
        if picture(&scripted) != picture(&path) {
            let difference = difference(&picture(&path), &picture(&scripted));
            return Err(format!("the script: {difference}"));
        }
        fates::hold(&as_it_was, &path, self.policy.orphans)?;
        let all = |path: &Path| -> Vec<_> {
            let database = open(path);
            let tables = fates::tables(&database);
            let broken = tables
                .iter()
                .map(|it| (it.clone(), fates::broken(&database, it)));
            broken.collect()
        };
        for (table, broken) in all(&path) {
            if broken.is_some_and(|it| !it.is_empty()) {
                return Err(format!("{table} has orphans still"));
            }
        }
        if self.policy.orphans == OrphanAction::Delete {
            return Ok(());
        }
        if random.bool() {
            let second = lose(&path, random);
            if let Err(why) = self.clean(&path) {
                return refused(why, tally);
            }
            lost.extend(second);
        }
        random.shuffle(&mut lost);
        let rest = lost.split_off(random.usize(0..=lost.len()));
        if !give_back(&path, &lost) {
            tally.no_place += 1;
            return Ok(());
        }
        let broken = all(&path);
        restore(&path)?;
        for ((table, before), (_, after)) in broken.into_iter().zip(all(&path)) {
            if let (Some(before), Some(after)) = (before, after)
                && !after.is_subset(&before)
            {
                return Err(format!("restore has {table} break keys: {after:?}"));
            }
        }
        if !give_back(&path, &rest) {
            tally.no_place += 1;
            return Ok(());
        }
        restore(&path)?;
        let back = picture(&path);
        if back != whole_picture {
            return Err(format!("restore: {}", difference(&whole_picture, &back)));
        }
        drop(whole);
        tally.restored += 1;
        Ok(())
    }

    fn clean(&self, path: &Path) -> Result<Option<String>, String> {
        let run = || {
            let location = Location::from(path);
            let mut database = connection::open(&location, Duration::ZERO)?;
            let transaction = connection::begin(&mut database, &location)?;
            let cleaning = clean::plan(&transaction, None, &self.policy, None)?;
            if let Some(refusal) = cleaning.plan.refusal(&self.policy) {
                return Err(refusal.into());
            }
            if cleaning.plan.steps.is_empty() {
                return Ok(None);
            }
            let script = shell::clean(&cleaning.plan)?;
            clean::carry_out(&transaction, &cleaning)?;
            connection::commit(transaction, &location)?;
            Ok(Some(script))
        };
        run().map_err(|error: anyhow::Error| format!("{error:#}"))
    }

    /// Adds the keys to tables that have lost rows, and takes them back.
    fn up_and_down(
        &self,
        family: &Family,
        random: &mut fastrand::Rng,
        tally: &mut Tally,
    ) -> Result<(), String> {
        if family.up.is_empty() {
            return Ok(());
        }
        let path = self.place("up.db");
        // Filled with keys, and then without them.
        let Some(filled) = build(&path, &family.create, family) else {
            return Ok(());
        };
        drop(filled);
        lose(&path, random);
        let definitions = family.without_keys.iter();
        let definitions = definitions.filter(|it| it.starts_with("CREATE TABLE"));
        let connection = open(&path);
        connection
            .execute_batch("PRAGMA writable_schema = ON")
            .unwrap();
        for (sql, with) in definitions.zip(&family.create) {
            connection
                .execute(
                    "UPDATE sqlite_schema SET sql = rtrim(?1) WHERE type = 'table' AND sql = rtrim(?2)",
                    (sql, with),
                )
                .unwrap();
        }
        connection
            .execute_batch("UPDATE switch SET is_on = 1; PRAGMA writable_schema = RESET")
            .unwrap();
        drop(connection);
        fs::write(self.place("migrations/V1__keys.sql"), &family.up).unwrap();
        fs::write(self.place("migrations/V1__keys.down.sql"), &family.down).unwrap();
        let migrations =
            Migrations::in_folder(&self.place("migrations")).map_err(|it| format!("{it:#}"))?;
        let before = fs::read(&path).unwrap();
        let picture_before = picture(&path);
        let as_it_was = self.place("before.db");
        fs::write(&as_it_was, &before).unwrap();
        let run = || {
            let location = Location::from(path.as_path());
            let mut database = connection::open(&location, Duration::ZERO)?;
            let transaction = connection::begin(&mut database, &location)?;
            let order = up::Order {
                migrations: &migrations,
                to: None,
                allow_missing: false,
                policy: &self.policy,
                check_space: false,
            };
            up::up(&transaction, order, None)?;
            connection::commit(transaction, &location)
        };
        if let Err(why) = run().map_err(|error: anyhow::Error| format!("{error:#}")) {
            if fs::read(&path).unwrap() != before {
                return Err(format!("changed after {why}"));
            }
            return refused(why, tally);
        }
        fates::hold(&as_it_was, &path, self.policy.orphans)?;
        if self.policy.orphans == OrphanAction::Delete {
            return Ok(());
        }
        let run = || {
            let location = Location::from(path.as_path());
            let mut database = connection::open(&location, Duration::ZERO)?;
            let transaction = connection::begin(&mut database, &location)?;
            let order = down::Order {
                migrations: &migrations,
                leave_orphans: false,
            };
            let applied = history::read(&transaction)?;
            down::down(&transaction, order, &applied)?;
            connection::commit(transaction, &location)
        };
        run().map_err(|error: anyhow::Error| format!("down: {error:#}"))?;
        let back = picture(&path);
        if back != picture_before {
            return Err(format!("down: {}", difference(&picture_before, &back)));
        }
        tally.went_up_and_down += 1;
        Ok(())
    }
}

fn refused(why: String, tally: &mut Tally) -> Result<(), String> {
    match REFUSALS.iter().find(|it| why.contains(*it)) {
        Some(known) => {
            *tally.refused.entry((*known).to_owned()).or_default() += 1;
            Ok(())
        }
        None => Err(why),
    }
}

/// Makes the database and fills it with foreign keys on.
fn build(path: &Path, create: &[String], family: &Family) -> Option<Connection> {
    let _ = fs::remove_file(path);
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON")
        .unwrap();
    for statement in create {
        if let Err(error) = connection.execute_batch(statement) {
            // An index that the random rows do not allow is none; a table is needed.
            assert!(!statement.contains("TABLE"), "{error}: {statement}");
        }
    }
    let mut some = false;
    for row in &family.rows {
        some |= connection.execute_batch(row).is_ok();
    }
    connection
        .execute_batch("UPDATE switch SET is_on = 1")
        .unwrap();
    some.then_some(connection)
}

fn restore(path: &Path) -> Result<(), String> {
    let run = || {
        let location = Location::from(path);
        let mut database = connection::open(&location, Duration::ZERO)?;
        let transaction = connection::begin(&mut database, &location)?;
        down::restore(&transaction, None)?;
        connection::commit(transaction, &location)
    };
    run().map_err(|error: anyhow::Error| format!("restore: {error:#}"))
}

fn run_script(path: &Path, script: &str) -> Result<(), String> {
    let script = script.replacen(".bail on\n", "", 1);
    Connection::open(path)
        .unwrap()
        .execute_batch(&script)
        .map_err(|error| format!("the script fails: {error}"))
}

#[test]
fn random_families_are_cleaned_and_restored() {
    let first = first_seed();
    let count = cases(100, 20_000) as u64;
    let methods = [Method::Fastest, Method::Documented];
    let mut tally = Tally::default();
    for seed in first..first + count {
        let family = family::family(seed);
        let at = usize::try_from(seed).unwrap();
        let action = POLICIES[at % POLICIES.len()];
        let arena = Arena::new(action, methods[at % methods.len()]);
        let random = &mut fastrand::Rng::with_seed(seed);
        let done = arena
            .clean_and_restore(&family, random, &mut tally)
            .and_then(|()| arena.up_and_down(&family, random, &mut tally));
        if let Err(why) = done {
            panic!(
                "seed {seed}, {action:?}: {why}\n{};\n{}\n-- up\n{}",
                family.create.join(";\n"),
                family.rows.join(";\n"),
                family.up
            );
        }
        if (seed - first) % 1000 == 999 {
            println!("families, {} seeds: {tally:?}", seed - first + 1);
        }
    }
    println!("families, seeds {first}..{}: {tally:#?}", first + count);
    assert!(tally.restored * 8 > cases(100, 20_000), "{tally:#?}");
    assert!(
        tally.went_up_and_down * 8 > cases(100, 20_000),
        "{tally:#?}"
    );
}
