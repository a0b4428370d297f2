//! Who runs the file, and how it marks what it reads.

// --help shows the comments, so they hold no Markdown.
#![allow(clippy::doc_markdown, rustdoc::invalid_html_tags)]

use clap::ValueEnum;

use crate::failure::Failure;

/// Who runs the script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// The sqlite3 shell, for this one database: its own transaction, and numbers of rows in it
    #[default]
    Shell,
    /// Whatever runs a file in a transaction: sqlx, Knex, Alembic, Django, yoyo, an application
    Transaction,
    /// Cloudflare D1: wrangler d1 migrations, or a batch
    D1,
    /// libSQL and Turso Cloud: a batch, or a migration
    Libsql,
    /// dbmate: both ways in one file
    Dbmate,
    /// goose: both ways in one file
    Goose,
    /// Drizzle: a breakpoint behind each statement
    Drizzle,
}

/// D1 takes no longer statement (<https://developers.cloudflare.com/d1/platform/limits/>).
const LONGEST_OF_D1: usize = 100_000;

impl Target {
    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Target::Shell => "the sqlite3 shell",
            Target::Transaction => "a transaction",
            Target::D1 => "D1",
            Target::Libsql => "libSQL",
            Target::Dbmate => "dbmate",
            Target::Goose => "goose",
            Target::Drizzle => "Drizzle",
        }
    }

    /// Whether it wants the way back in the same file.
    #[must_use]
    pub fn has_both_ways(self) -> bool {
        matches!(self, Target::Dbmate | Target::Goose)
    }

    /// Fails where the way back alone is no file that the target takes.
    pub fn must_take_one_way(self) -> Result<(), Failure> {
        if !self.has_both_ways() {
            return Ok(());
        }
        let (name, of) = (self.name(), self.to_possible_value());
        let of = of.map_or(String::new(), |value| value.get_name().to_owned());
        Err(
            Failure::impossible(format!("{name} has both ways in one file")).hint(format!(
                "fkfix up --dry-run --format sql --for {of} writes that file, and {name} itself goes back by it"
            )),
        )
    }

    /// The line before the `way`, which is `up` or `down`.
    pub fn section(self, way: &str) -> Option<String> {
        match self {
            Target::Dbmate => Some(format!("-- migrate:{way}\n")),
            Target::Goose if way == "up" => Some("-- +goose Up\n".to_owned()),
            Target::Goose => Some("-- +goose Down\n".to_owned()),
            _ => None,
        }
    }

    /// What a line begins with that the target would take for a mark of its own.
    pub fn marks(self) -> &'static [&'static str] {
        match self {
            Target::Dbmate => &["-- migrate:"],
            Target::Goose => &["-- +goose", "--+goose"],
            Target::Drizzle => &["--> statement-breakpoint"],
            Target::Shell | Target::Transaction | Target::D1 | Target::Libsql => &[],
        }
    }

    /// The most bytes of a statement.
    pub fn longest_statement(self) -> usize {
        if self == Target::D1 {
            LONGEST_OF_D1
        } else {
            usize::MAX
        }
    }
}
