//! Failures between the program and SQLite: the parts of the program run in this process, on
//! a connection that has been told where to fail.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use fkfix::explain;
use fkfix::failure::Status;
use fkfix::location::Location;
use fkfix::migrations::Migrations;
use fkfix::policy::{Method, OrphanAction, Policy};
use fkfix::sqlite::apply::down;
use fkfix::sqlite::apply::history;
use fkfix::sqlite::apply::up::{self, Order};
use fkfix::sqlite::file::connection;
use rusqlite::Connection;
use rusqlite::hooks::{AuthContext, Authorization};

use super::support::{Sample, Side, Victim, is_long, picture, rounds};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Up,
    Down,
}

/// Runs `verb` on `victim` as the program does, on a connection that `arrange` has prepared.
fn run(verb: Verb, victim: &Victim, arrange: impl FnOnce(&mut Connection)) -> Result<()> {
    let migrations = Migrations::embedded();
    let location = Location::from(victim.path.as_path());
    let mut database = connection::open(&location, Duration::ZERO)?;
    arrange(&mut database);
    let transaction = connection::begin(&mut database, &location)?;
    match verb {
        Verb::Up => {
            let policy = Policy {
                orphans: OrphanAction::Archive,
                max_orphans: None,
                method: Method::Fastest,
            };
            let order = Order {
                migrations: &migrations,
                to: None,
                allow_missing: false,
                policy: &policy,
                check_space: true,
            };
            up::up(&transaction, order, None)?;
        }
        Verb::Down => {
            let order = down::Order {
                migrations: &migrations,
                leave_orphans: false,
            };
            let applied = history::read(&transaction)?;
            down::down(&transaction, order, &applied)?;
        }
    }
    connection::commit(transaction, &location)
}

struct Bench {
    sample: Sample,
    verb: Verb,
    fine: AtomicU64,
}

impl Bench {
    fn new(mode: &str, verb: Verb) -> Self {
        Bench {
            sample: Sample::nasty(mode),
            verb,
            fine: AtomicU64::new(0),
        }
    }

    fn victim(&self) -> Victim {
        match self.verb {
            Verb::Up => self.sample.victim(),
            Verb::Down => self.sample.upped_victim(),
        }
    }

    /// One run. Where it fails, the file is as it was to the byte, in all but what a log or a
    /// journal beside it says.
    #[track_caller]
    fn fails_cleanly(&self, status: Status, arrange: impl FnOnce(&mut Connection)) -> bool {
        let victim = self.victim();
        let bytes = fs::read(&victim.path).unwrap();
        let start = match self.verb {
            Verb::Up => Side::Before,
            Verb::Down => Side::After,
        };
        let result = run(self.verb, &victim, arrange);
        let Err(error) = result else {
            self.fine.fetch_add(1, Ordering::Relaxed);
            assert_ne!(self.sample.verdict(&victim), start);
            return false;
        };
        assert_eq!(explain::status_of(&error), status, "{error:#}");
        assert!(
            fs::read(&victim.path).unwrap() == bytes,
            "the file has changed after: {error:#}"
        );
        assert_eq!(self.sample.verdict(&victim), start, "{error:#}");
        true
    }
}

fn each(mut test: impl FnMut(Bench, &str)) {
    for mode in ["DELETE", "WAL"] {
        for verb in [Verb::Up, Verb::Down] {
            test(Bench::new(mode, verb), &format!("{mode}, {verb:?}"));
        }
    }
}

/// SQLite asks the authorizer about each thing that a statement would do, when it is compiled.
fn deny_after(connection: &mut Connection, allowed: u64) -> Arc<AtomicU64> {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let answer = move |_: AuthContext<'_>| {
        if count.fetch_add(1, Ordering::Relaxed) == allowed {
            Authorization::Deny
        } else {
            Authorization::Allow
        }
    };
    connection.authorizer(Some(answer)).unwrap();
    asked
}

#[test]
fn an_error_in_any_statement_changes_nothing() {
    each(|bench, name| {
        let mut asked = Arc::default();
        run(bench.verb, &bench.victim(), |it| {
            asked = deny_after(it, u64::MAX);
        })
        .unwrap();
        let all = asked.load(Ordering::Relaxed);
        let stride = if is_long() {
            1
        } else {
            usize::try_from(all).unwrap() / 20
        };
        let mut failed = 0;
        for allowed in (0..all).step_by(stride.max(1)) {
            failed += usize::from(bench.fails_cleanly(Status::Impossible, |it| {
                deny_after(it, allowed);
            }));
        }
        println!("statements, {name}: {failed} of {all} points failed");
        assert!(failed > 10, "{failed}");
    });
}

/// Stops the run at the `nth` progress callback, of which there is one every 50 instructions.
fn stop_at(connection: &mut Connection, nth: u64) -> Arc<AtomicU64> {
    let called = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&called);
    let stop = move || count.fetch_add(1, Ordering::Relaxed) == nth;
    connection.progress_handler(50, Some(stop)).unwrap();
    called
}

#[test]
fn interrupted_at_any_instruction_it_changes_nothing() {
    each(|bench, name| {
        let mut called = Arc::default();
        run(bench.verb, &bench.victim(), |it| {
            called = stop_at(it, u64::MAX);
        })
        .unwrap();
        let all = called.load(Ordering::Relaxed);
        let stops = rounds(15, 400) as u64;
        let mut failed = 0;
        for stop in 0..stops {
            failed += u64::from(bench.fails_cleanly(Status::Interrupted, |it| {
                stop_at(it, all * stop / stops);
            }));
        }
        println!("progress callbacks, {name}: {failed} stops over {all} callbacks");
        assert!(failed > stops / 2, "{failed}");
    });
}

#[test]
fn an_error_at_commit_changes_nothing() {
    each(|bench, _| {
        let failed = bench.fails_cleanly(Status::Impossible, |it| {
            it.commit_hook(Some(|| true)).unwrap();
        });
        assert!(failed);
    });
}

#[test]
fn full_at_any_page_count_it_changes_nothing() {
    each(|bench, name| {
        let pages = |connection: &Connection| -> i64 {
            connection
                .query_row("PRAGMA page_count", [], |row| row.get(0))
                .unwrap()
        };
        let (mut before, mut after) = (0, 0);
        let victim = bench.victim();
        run(bench.verb, &victim, |it| before = pages(it)).unwrap();
        after = after.max(pages(&super::support::open(&victim.path)));
        let stride = if is_long() { 1 } else { (after - before) / 12 };
        let (mut failed, mut tried) = (0, 0);
        for limit in (before..=after).step_by(usize::try_from(stride.max(1)).unwrap()) {
            tried += 1;
            failed += usize::from(bench.fails_cleanly(Status::Impossible, |it| {
                it.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |_| Ok(()))
                    .unwrap();
            }));
        }
        println!(
            "page counts, {name}: full at {failed} of {tried}, from {before} to {after} pages"
        );
        assert!(bench.verb == Verb::Down || failed > 5, "{failed}");
        assert_eq!(picture(&bench.sample.path), bench.sample.before);
    });
}
