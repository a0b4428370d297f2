//! What `tests/promises` run on: here, a database of the server.

use std::fs;

use postgres::SimpleQueryMessage;
use postgres::types::Type;
use pretty_assertions::assert_eq;

use crate::site::{Picture, Run, Site};

/// A database with migrations beside it, called `app`.
pub struct Subject(Site);

impl Subject {
    /// One that `sql` makes; none where the server is to be skipped.
    pub fn of(sql: &str) -> Option<Self> {
        Site::of(sql).map(Subject)
    }

    /// The same with the migration `V<number>__<name>`, in the place of one of that name.
    pub fn migration(self, stem: &str, up: &str, down: &str) -> Self {
        Subject(self.0.with(stem, up, down))
    }

    /// Removes a file of the folder of migrations.
    pub fn remove(&self, file: &str) {
        fs::remove_file(self.0.migrations().join(file)).unwrap();
    }

    /// Runs statements.
    pub fn execute(&self, sql: &str) {
        self.0.sql(sql);
    }

    /// Whether that fails.
    pub fn fails(&self, sql: &str) -> bool {
        self.0.database.client("").batch_execute(sql).is_err()
    }

    /// The rows that `query` gives: `1|'a'|NULL`.
    pub fn rows(&self, query: &str) -> Vec<String> {
        let mut client = self.0.database.client("");
        let statement = client.prepare(query).unwrap();
        let numbers = statement
            .columns()
            .iter()
            .map(|it| *it.type_() == Type::INT4 || *it.type_() == Type::INT8);
        let numbers: Vec<_> = numbers.collect();
        let shown = |row: &postgres::SimpleQueryRow| {
            let values = numbers
                .iter()
                .enumerate()
                .map(|(place, number)| match row.get(place) {
                    None => "NULL".to_owned(),
                    Some(value) if *number => value.to_owned(),
                    Some(value) => format!("'{value}'"),
                });
            values.collect::<Vec<_>>().join("|")
        };
        let messages = client.simple_query(query).unwrap();
        let rows = messages.iter().filter_map(|it| match it {
            SimpleQueryMessage::Row(row) => Some(shown(row)),
            _ => None,
        });
        rows.collect()
    }

    /// All that the database holds.
    pub fn picture(&self) -> Picture {
        self.0.picture()
    }

    /// Runs the program.
    pub fn fkfix(&self, line: &str) -> Run {
        self.0.run(line)
    }

    /// Runs what must fail with `status` and an error that holds `message`, with a hint, and
    /// must leave everything as it was.
    #[track_caller]
    pub fn refuses(&self, line: &str, status: i32, message: &str) -> Run {
        let before = self.picture();
        let run = self.fkfix(line).status(status).stdout("").explains(message);
        assert_eq!(self.picture(), before, "{line} has changed something");
        run
    }
}
