//! One short transaction after another, with nothing kept in the session between them.
//!
//! Behind a pooler the next transaction may run on another connection of the server, and what
//! was set in a session reaches other clients (measured with PgBouncer's transaction pooling: a
//! session's advisory lock was granted twice). So settings are `SET LOCAL`, and fkfix's own
//! statements are to be sent by `query_typed`, `simple_query` or `batch_execute`: `query` and
//! `execute` prepare a named statement, and its name may be another client's already.

mod between;
mod busy;
mod step;
mod wait;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use postgres::error::SqlState;
use postgres::{Client, IsolationLevel, Transaction};

pub use between::{go_on_unless_interrupted, pause};
use busy::closed_to_readers;
pub use busy::holders;
pub use step::{Access, Isolation, Step};
pub use wait::Wait;

use super::connect::Connection;
use super::error;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress;

/// How often a signal is looked for during a pause.
const LOOK: Duration = Duration::from_millis(20);

/// The transaction found something changed under it: it is to be tried again from BEGIN.
#[derive(Debug, thiserror::Error)]
#[error("rows changed while they were looked at")]
pub struct Again;

/// A connection and how long it waits for others.
pub struct Session {
    client: Client,
    version: u32,
    wait: Wait,
}

impl Session {
    /// Takes over a connection.
    #[must_use]
    pub fn new(connection: Connection, wait: Wait) -> Self {
        Session {
            client: connection.client,
            version: connection.version,
            wait,
        }
    }

    /// `server_version_num`.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// How long others are waited for.
    #[must_use]
    pub fn wait(&self) -> Wait {
        self.wait
    }

    /// Runs `body` in a transaction with the settings of `step`, and commits.
    ///
    /// What fails in passing (a lock that was not had in time, a deadlock, 40001) is tried again
    /// from BEGIN until `wait` is over, so `body` must do nothing outside of the transaction.
    /// Errors have the server's words.
    pub fn run<T>(
        &mut self,
        step: &Step,
        mut body: impl FnMut(&mut Transaction) -> Result<T>,
    ) -> Result<T> {
        let started = Instant::now();
        let (mut tries, mut has_told) = (0, false);
        loop {
            let error = match self.attempt(step, &mut body) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            tries += 1;
            let passes = error::code(&error).is_some_and(error::is_passing) || error.is::<Again>();
            if !passes {
                return Err(error::explained(error));
            }
            match self.wait.pause_after(tries, started.elapsed()) {
                Some(pause) => {
                    if started.elapsed() >= progress::PATIENCE && !has_told {
                        has_told = true;
                        self.tell_of_waiting(step);
                    }
                    sleep(pause)?;
                }
                None => return Err(self.give_up(step, tries, error)),
            }
        }
    }

    fn attempt<T>(
        &mut self,
        step: &Step,
        body: &mut impl FnMut(&mut Transaction) -> Result<T>,
    ) -> Result<T> {
        let isolation = match step.isolation {
            Isolation::ReadCommitted => IsolationLevel::ReadCommitted,
            Isolation::RepeatableRead => IsolationLevel::RepeatableRead,
        };
        // Both are named: the role may have other defaults.
        let mut transaction = self
            .client
            .build_transaction()
            .isolation_level(isolation)
            .read_only(step.access == Access::Reads)
            .start()
            .map_err(|error| not_here(error, step))?;
        transaction.batch_execute(
            &step
                .settings(self.version, self.wait.lock_timeout)
                .join(";\n"),
        )?;
        let value = body(&mut transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    fn tell_of_waiting(&mut self, step: &Step) {
        let tables = self.waited_for(step);
        let held = holders(&mut self.client, &tables).unwrap_or_default();
        let tables = tables.join(", ");
        let what = if tables.is_empty() { "a lock" } else { &tables };
        let holder = held
            .first()
            .map_or(String::new(), |it| format!(": {it} holds it"));
        let longest = humantime::format_duration(self.wait.lock_wait);
        progress::waiting(&format!("{what}{holder}; for {longest} at most"));
    }

    fn waited_for(&mut self, step: &Step) -> Vec<String> {
        if step.tables.is_empty() {
            return closed_to_readers(&mut self.client).unwrap_or_default();
        }
        step.tables.clone()
    }

    /// The error after the last try: of a lock it says who holds it.
    fn give_up(&mut self, step: &Step, tries: u32, error: anyhow::Error) -> anyhow::Error {
        let tables = self.waited_for(step);
        let held = holders(&mut self.client, &tables).unwrap_or_default();
        if tables.is_empty() {
            return error::explained(error);
        }
        let tables = tables.join(", ");
        let Some(holder) = held.first() else {
            return error::explained(error).context(self.wait.told(&tables, tries));
        };
        Failure::impossible(format!(
            "{}; {holder} holds it",
            self.wait.told(&tables, tries)
        ))
        .coded("locked")
        .hint("end that transaction, or raise --lock-wait")
        .into()
    }
}

/// A standby refuses `READ WRITE` with the code of all that PostgreSQL can't do, 0A000.
fn not_here(error: postgres::Error, step: &Step) -> anyhow::Error {
    let is_standby =
        step.access == Access::Writes && error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED);
    if !is_standby {
        return error.into();
    }
    Failure::impossible("this server only reads: it is a standby")
        .coded("read-only")
        .hint("connect to the primary; target_session_attrs=primary finds it among several hosts")
        .into()
}

fn sleep(pause: Duration) -> Result<()> {
    let until = Instant::now() + pause;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        if interrupt::is_requested() {
            return Err(Failure::interrupted("interrupted while waiting for a lock")
                .hint("what was not committed is rolled back; fkfix status tells how far it is")
                .into());
        }
        thread::sleep(left.min(LOOK));
    }
    Ok(())
}
