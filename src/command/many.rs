//! Several databases, each by itself: one line of the result each, in the order in which they were
//! named, and a summary.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context as _, Result};

use super::one;
use crate::cli::{ChangeFormat, Cli, Command, Many, RowsFormat};
use crate::explain;
use crate::failure::{Failure, Status};
use crate::interrupt;
use crate::location::Location;
use crate::progress::{self, OverMany};
use crate::report::output::{InPlace, Output};
use crate::report::told::{self, Told};
use crate::text::{Lines, count, plural};

/// As much as the main thread has: SQL may be nested deep.
const STACK: usize = 8 * 1024 * 1024;

/// What a verb is to work on.
pub enum Chosen {
    /// What it names itself.
    AsNamed,
    /// The one that a pattern matches, for a verb that takes one.
    One(Location),
    /// Any number, each once; a pattern may match a single one.
    Several(Many, Vec<Location>),
}

/// The databases that `cli` names, with every pattern expanded.
pub fn choose(cli: &Cli) -> Result<Chosen> {
    let named = cli.command.named();
    let mut are_several = named.len() > 1;
    let mut locations = Vec::new();
    for it in named {
        let location = it.location()?;
        if location.is_pattern() && !cli.from_variable {
            are_several = true;
            locations.extend(location.expand()?);
        } else {
            locations.push(location.clone());
        }
    }
    if !are_several {
        return Ok(Chosen::AsNamed);
    }
    let mut seen = HashSet::new();
    locations.retain(|location| seen.insert(location.identity()));
    if let Some(many) = cli.command.many() {
        must_suit_several(&cli.command)?;
        return Ok(Chosen::Several(many.clone(), locations));
    }
    match <[Location; 1]>::try_from(locations) {
        Ok([only]) => Ok(Chosen::One(only)),
        Err(several) => Err(Failure::impossible(format!(
            "fkfix {} takes one database, and {} are named",
            cli.command.name(),
            several.len()
        ))
        .coded("usage")
        .hint("name one of them with --database")
        .into()),
    }
}

/// Fails where `command` has one place for what each database would need its own.
fn must_suit_several(command: &Command) -> Result<()> {
    let backup = match command {
        Command::Up(it) => it.change.backup.as_ref(),
        Command::Down(it) => it.change.backup.as_ref(),
        Command::Clean(it) => it.change.backup.as_ref(),
        Command::Enforce(it) => it.change.backup.as_ref(),
        Command::Redo(it) => it.change.backup.as_ref(),
        Command::Restore(it) => it.backup.as_ref(),
        _ => None,
    };
    let is_script = match command {
        Command::Up(it) => it.format == ChangeFormat::Sql,
        Command::Down(it) => it.format == ChangeFormat::Sql,
        Command::Clean(it) => it.format == ChangeFormat::Sql,
        Command::Enforce(it) => it.format == ChangeFormat::Sql,
        _ => false,
    };
    let (what, hint) = match command {
        _ if backup.is_some() => (
            "--backup takes a copy of one database",
            "run fkfix for each by itself, in a loop of the shell; or copy them all first",
        ),
        _ if is_script => (
            "--format sql writes the script for one database",
            "name one; or run fkfix for each by itself, in a loop of the shell",
        ),
        Command::Orphans(it) if it.format == RowsFormat::Csv => (
            "--format csv lists the rows of one database",
            "name one; or --format json",
        ),
        Command::Check(it) if it.update => (
            "--update writes the snapshot of one database",
            "name the one that the others are compared with",
        ),
        Command::Discover(it) if it.write.is_some() => (
            "--write makes a migration from one database",
            "name the one that has most rows; fkfix up then applies it to all",
        ),
        Command::Restore(it) if it.purge && !it.yes && !it.dry_run => (
            "--purge asks about one database",
            "--yes deletes from all without a question; --dry-run shows what",
        ),
        _ => return Ok(()),
    };
    let message = format!("{what}, and several are named");
    Err(Failure::impossible(message)
        .coded("usage")
        .hint(hint)
        .into())
}

/// What came of one database.
struct Done {
    told: Told,
    status: Status,
}

/// Runs the verb of `cli` on each of `locations`.
pub fn run(cli: &Cli, many: &Many, locations: &[Location], output: &mut Output) -> Result<Status> {
    let work = Work {
        cli,
        many,
        locations,
        next: AtomicUsize::new(0),
        is_stopped: AtomicBool::new(false),
    };
    let jobs = many.jobs.min(locations.len());
    let empty: Vec<_> = (0..jobs).map(|_| output.keeping()).collect();
    let mut teller = Teller::new(&cli.command, locations);
    let told = thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        for output in empty {
            let (work, send) = (&work, send.clone());
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, move || work.run(&output, &send))
                .context("could not start a thread")?;
        }
        drop(send);
        for (at, done) in receive {
            teller.take(at, done, output).inspect_err(|_| work.stop())?;
        }
        teller.sum_up(output)
    });
    match told {
        Err(error) if changes(&cli.command) => {
            let done = teller.statuses.iter().filter(|it| **it == Status::Done);
            let done = plural(number(done.count()), "database");
            let lost = format!("{done} done, but the report of it is lost");
            output.error(&error.context(lost), InPlace::Nothing, None);
            Ok(Status::Unreported)
        }
        told => told,
    }
}

/// Whether `command` changes a database.
fn changes(command: &Command) -> bool {
    match command {
        Command::Up(it) => !it.change.dry_run,
        Command::Down(it) => !it.change.dry_run,
        Command::Clean(it) => !it.change.dry_run,
        Command::Enforce(it) => !it.change.dry_run,
        Command::Redo(it) => !it.change.dry_run,
        Command::Resolve(it) => !it.dry_run,
        Command::Restore(it) => !it.dry_run,
        _ => false,
    }
}

/// What the threads share.
struct Work<'a> {
    cli: &'a Cli,
    many: &'a Many,
    locations: &'a [Location],
    next: AtomicUsize,
    is_stopped: AtomicBool,
}

impl Work<'_> {
    fn run(&self, empty: &Output, send: &Sender<(usize, Done)>) {
        while !self.is_stopped.load(Ordering::SeqCst) && !interrupt::is_requested() {
            let at = self.next.fetch_add(1, Ordering::SeqCst);
            let Some(location) = self.locations.get(at) else {
                return;
            };
            let done = self.one(location, empty.keeping());
            let is_failure = !matches!(done.status, Status::Done | Status::No);
            if is_failure && !self.many.keep_going {
                self.stop();
            }
            if send.send((at, done)).is_err() {
                return;
            }
        }
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }

    fn one(&self, location: &Location, mut output: Output) -> Done {
        let command = self.cli.command.on(location.clone().into());
        let status = one::run(&command, &mut output).unwrap_or_else(|error| {
            let name = location.to_string();
            output.error(&error, one::in_place(&command), Some(&name));
            explain::status_of(&error)
        });
        Done {
            told: output.told(),
            status,
        }
    }
}

/// Tells what came of each database when it is its turn.
struct Teller<'a> {
    command: &'a Command,
    in_place: InPlace,
    locations: &'a [Location],
    /// What came before its turn.
    early: BTreeMap<usize, Done>,
    statuses: Vec<Status>,
    documents: Vec<String>,
    hints: HashSet<String>,
    bar: OverMany,
}

impl<'a> Teller<'a> {
    fn new(command: &'a Command, locations: &'a [Location]) -> Self {
        Teller {
            command,
            in_place: one::in_place(command),
            locations,
            early: BTreeMap::new(),
            statuses: Vec::new(),
            documents: Vec::new(),
            hints: HashSet::new(),
            bar: progress::over_many(locations.len()),
        }
    }

    fn take(&mut self, at: usize, done: Done, output: &mut Output) -> Result<()> {
        self.bar.one_done();
        self.early.insert(at, done);
        while let Some(done) = self.early.remove(&self.statuses.len())
            && let Some(location) = self.locations.get(self.statuses.len())
        {
            self.statuses.push(done.status);
            let told = self.complete(&location.to_string(), done);
            let hints = &mut self.hints;
            let name = location.to_string();
            self.bar.aside(|| output.tell(&name, &told, hints))?;
        }
        Ok(())
    }

    /// What is told of a database, with its line where it has none, and without its document.
    fn complete(&mut self, name: &str, done: Done) -> Told {
        let Done { mut told, status } = done;
        match self.in_place {
            InPlace::Annotation => told.line = None,
            InPlace::Document => {
                let none = || format!("{:#}", serde_json::json!({ "database": name }));
                self.documents
                    .push(told.document.take().unwrap_or_else(none));
            }
            InPlace::Nothing => {
                told.line.get_or_insert_with(|| match (&told.code, status) {
                    (None, _) => "nothing to do".to_owned(),
                    (Some(_), Status::No) => "refused".to_owned(),
                    (Some(_), Status::Interrupted) => "interrupted".to_owned(),
                    (Some(code), _) => format!("failed ({code})"),
                });
            }
        }
        told
    }

    /// Says how many there were, and gives the worst status.
    fn sum_up(&mut self, output: &mut Output) -> Result<Status> {
        self.bar.clear();
        let not_tried = self.locations.iter().skip(self.statuses.len());
        if self.in_place == InPlace::Document {
            let not_tried = not_tried.map(|location| {
                let (name, hint) = (location.to_string(), "--keep-going goes on after a failure");
                explain::document("not-tried", "not tried", Some(hint), Some(&name))
            });
            self.documents.extend(not_tried);
            output.write(&told::list(&self.documents))?;
        } else {
            output.lines(&self.summary())?;
        }
        let all = self.statuses.iter().copied();
        let worst = all.max_by_key(|status| status.code());
        let worst = worst.unwrap_or(Status::Done);
        if self.statuses.len() < self.locations.len() && worst == Status::Impossible {
            output.hint("--keep-going goes on with the others where one fails");
        }
        if interrupt::is_requested() {
            return Ok(Status::Interrupted);
        }
        Ok(worst)
    }

    /// `1,000 databases: 997 done, 2 refused, 1 failed`.
    fn summary(&self) -> Lines {
        let with = |status| self.statuses.iter().filter(|it| **it == status).count();
        let (of_done, of_no) = match self.command {
            Command::Check(_) => ("ok", "with findings"),
            Command::Orphans(_) => ("ok", "with orphans"),
            Command::Status(_) => ("ok", "with pending migrations"),
            _ => ("done", "refused"),
        };
        let (done, no) = (with(Status::Done), with(Status::No));
        let interrupted = with(Status::Interrupted);
        let failed = self.statuses.len() - done - no - interrupted;
        let mut parts = vec![format!("{} {of_done}", count(number(done)))];
        for (those, word) in [
            (no, of_no),
            (failed, "failed"),
            (interrupted, "interrupted"),
            (self.locations.len() - self.statuses.len(), "not tried"),
        ] {
            if those > 0 {
                parts.push(format!("{} {word}", count(number(those))));
            }
        }
        let all = plural(number(self.locations.len()), "database");
        Lines::of(&format!("{all}: {}", parts.join(", ")))
    }
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
