//! What `tests/promises` run on: here, a file of SQLite.

use super::support::{Database, Finished, Picture};

/// A database with migrations beside it, called `app`.
pub struct Subject(Database);

impl Subject {
    /// One that `sql` makes; on an engine that is not there, none.
    #[expect(clippy::unnecessary_wraps, reason = "SQLite is always there")]
    pub fn of(sql: &str) -> Option<Self> {
        Some(Subject(Database::of(sql)))
    }

    /// The same with the migration `V<number>__<name>`, in the place of one of that name.
    pub fn migration(self, stem: &str, up: &str, down: &str) -> Self {
        Subject(self.0.with_migration(stem, up, down))
    }

    /// Removes a file of the folder of migrations.
    pub fn remove(&self, file: &str) {
        std::fs::remove_file(self.0.migration(file)).unwrap();
    }

    /// Runs statements on a connection on which foreign keys are enforced.
    pub fn execute(&self, sql: &str) {
        self.0.open_enforcing().execute_batch(sql).unwrap();
    }

    /// Whether that fails.
    pub fn fails(&self, sql: &str) -> bool {
        self.0.open_enforcing().execute_batch(sql).is_err()
    }

    /// The rows that `query` gives: `1|'a'|NULL`.
    pub fn rows(&self, query: &str) -> Vec<String> {
        self.0.rows(query)
    }

    /// All that the database holds.
    pub fn picture(&self) -> Picture {
        self.0.picture()
    }

    /// Runs the program.
    pub fn fkfix(&self, line: &str) -> Finished {
        named(self.0.fkfix(line))
    }

    /// Runs what must fail with `status` and an error that holds `message`, with a hint, and
    /// must leave everything as it was.
    #[track_caller]
    pub fn refuses(&self, line: &str, status: i32, message: &str) -> Finished {
        named(self.0.refuses(line, status, message))
    }
}

fn named(mut finished: Finished) -> Finished {
    for text in [&mut finished.stdout, &mut finished.stderr] {
        *text = text.replace("app.db", "app");
    }
    finished
}
