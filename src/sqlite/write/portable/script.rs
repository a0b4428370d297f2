//! The script as it grows: each statement is run on the copy of the schema before it is written.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType;

use crate::failure::Failure;
use crate::sqlite::rebuild;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{self, literal, unquote};
use crate::sqlite::write::shell::{self, Comment};
use crate::target::Target;

/// The names of what a script makes for the time that it runs.
pub const PROMISES: &str = "fkfix_promises";
/// See [`PROMISES`].
pub const STAGE: &str = "fkfix_stage";
/// See [`PROMISES`].
pub const COUNTER: &str = "fkfix_counter";
/// See [`PROMISES`].
pub const TRIAL: &str = "fkfix_trial";
/// What such names begin with, where a number stands behind.
pub const LISTS: &str = "fkfix_leaving_";
/// See [`LISTS`].
pub const DEFAULTS: &str = "fkfix_defaults_";
/// See [`LISTS`].
pub const HOLDS: &str = "fkfix_hold_";
/// See [`LISTS`].
pub const INDEXES: &str = "fkfix_index_";

/// A script for one target.
pub struct Script<'a> {
    schema: &'a Connection,
    target: Target,
    text: String,
    /// How many lists, holds and indexes it has made, for their names.
    pub numbers: Numbers,
    /// It has SQLite write or read JSON.
    pub needs_json: bool,
}

/// How many of each there are.
#[derive(Default)]
pub struct Numbers {
    /// Lists of rows that leave.
    pub lists: usize,
    /// Triggers that hold rows.
    pub holds: usize,
    /// Indexes for the time of a swap.
    pub indexes: usize,
    /// Numbers that are noted.
    pub notes: usize,
}

impl<'a> Script<'a> {
    /// An empty script, for a database with `schema`.
    pub fn new(schema: &'a Connection, target: Target) -> Self {
        Script {
            schema,
            target,
            text: String::new(),
            numbers: Numbers::default(),
            needs_json: false,
        }
    }

    /// The copy of the schema, as it is at this point of the script.
    pub fn schema(&self) -> &'a Connection {
        self.schema
    }

    /// Who runs it.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Adds what stands first: keys wait for COMMIT, and a promise that there is a transaction,
    /// without which SQLite forgets the first.
    pub fn open(&mut self) -> Result<()> {
        self.run("let keys wait for COMMIT", "PRAGMA defer_foreign_keys = ON")?;
        self.run(
            "what must hold",
            &format!(
                "CREATE TABLE IF NOT EXISTS {PROMISES} (id INTEGER PRIMARY KEY, what TEXT, holds INTEGER, n INTEGER, next INTEGER REFERENCES {PROMISES} (id) DEFERRABLE INITIALLY DEFERRED, CONSTRAINT \"a promise does not hold\" CHECK (holds IS 1))"
            ),
        )?;
        let guard = literal("this runs in a transaction");
        if self.target == Target::D1 {
            // It may refuse the pragma as a table; there keys are always on, and one that waits for
            // COMMIT fails at once where each statement commits.
            return self.run(
                "hold that this runs in a transaction",
                &format!(
                    "INSERT INTO {PROMISES} (id, what, holds, next) VALUES (1, {guard}, 1, 2)"
                ),
            );
        }
        self.run(
            "hold that this runs in a transaction",
            &format!(
                "INSERT INTO {PROMISES} (what, holds) SELECT {guard}, defer_foreign_keys FROM pragma_defer_foreign_keys"
            ),
        )
    }

    /// Adds what stands last.
    pub fn close(&mut self) -> Result<()> {
        self.run("all has held", &format!("DROP TABLE {PROMISES}"))
    }

    /// Runs `sql` on the copy alone: what a database of its own has, and the copy has not.
    pub fn unseen(&self, sql: &str) -> Result<()> {
        self.schema
            .execute_batch(sql)
            .context("could not prepare the copy of the schema")
    }

    /// Adds a line of comment.
    pub fn comment(&mut self, text: &str) {
        let _ = writeln!(self.text, "\n-- {}", plain(text));
    }

    /// Adds the promise that `condition` is true.
    pub fn promise(&mut self, what: &str, condition: &str) -> Result<()> {
        let sql = format!(
            "INSERT INTO {PROMISES} (what, holds) VALUES ({}, ({condition}))",
            literal(what)
        );
        self.run(&format!("hold that {what}"), &sql)
    }

    /// Notes the integer that `query` gives under the name `what`.
    pub fn note(&mut self, what: &str, query: &str) -> Result<()> {
        let sql = format!(
            "INSERT INTO {PROMISES} (what, holds, n) VALUES ({}, 1, ({query}))",
            literal(what)
        );
        self.run(&format!("note {what}"), &sql)
    }

    /// The integer that was noted under the name `what`, as an expression.
    pub fn noted(what: &str) -> String {
        format!("(SELECT n FROM {PROMISES} WHERE what = {})", literal(what))
    }

    /// Adds `steps`, none of which depends on rows.
    pub fn steps(&mut self, steps: &[Step]) -> Result<()> {
        for step in steps {
            if let Step::Run { title, sql, .. } = step {
                self.run(title, sql)?;
            }
        }
        Ok(())
    }

    /// Adds what takes the triggers off `table`, so that nothing fires when its rows leave, come or are
    /// held.
    pub fn triggers_aside(&mut self, table: &Table) -> Result<()> {
        self.steps(&rebuild::drop_triggers(table))
    }

    /// Adds what makes them again.
    pub fn triggers_back(&mut self, table: &Table) -> Result<()> {
        self.steps(&rebuild::create_triggers(table))
    }

    /// Adds the statement `sql`, which `title` says in a few words.
    pub fn run(&mut self, title: &str, sql: &str) -> Result<()> {
        let refuse =
            |why: &str| Failure::impossible(format!("can't write the step {title:?}: {why}"));
        let sql = without_temp(sql)?;
        self.schema.execute_batch(&sql).map_err(|error| {
            let error = error.to_string();
            let is_left = error.starts_with("table fkfix_") && error.ends_with("already exists");
            refuse(&error).hint(if is_left {
                "a script that was not run in one transaction has left it: see fkfix check"
            } else {
                "the script is tried on the schema, without rows; without --for, fkfix up works on the database itself"
            })
        })?;
        let tokens = ddl::tokens(&sql)?;
        let Some(last) = tokens.last() else {
            return Ok(());
        };
        let is_create = tokens
            .first()
            .is_some_and(|it| it.kind == TokenType::TK_CREATE);
        let ending = match shell::open_comment(sql.get(last.end..).unwrap_or_default()) {
            None => ";",
            Some(Comment::Line) if !is_create => "\n;",
            Some(_) => {
                return Err(refuse(
                    "its text ends in a comment, which would swallow the semicolon",
                )
                .hint(AGAIN)
                .into());
            }
        };
        let statement = format!("{sql}{ending}");
        self.must_be_read_as_it_is(title, &statement)?;
        let _ = writeln!(self.text, "-- {}", plain(title));
        match self.target {
            // Else it cuts at each semicolon, and drops lines of comment.
            Target::Goose => {
                let _ = writeln!(
                    self.text,
                    "-- +goose StatementBegin\n{statement}\n-- +goose StatementEnd"
                );
            }
            Target::Drizzle => {
                let _ = writeln!(self.text, "{statement}\n--> statement-breakpoint");
            }
            _ => {
                let _ = writeln!(self.text, "{statement}");
            }
        }
        Ok(())
    }

    fn must_be_read_as_it_is(&self, title: &str, statement: &str) -> Result<()> {
        let mut lines = statement.lines();
        let is_mark = |line: &str| {
            let mut marks = self.target.marks().iter();
            marks.any(|mark| line.trim_start().starts_with(mark))
        };
        let name = self.target.name();
        let why = if statement.contains("\r\n") {
            "it has lines that end in CR LF, which not every tool keeps".to_owned()
        } else if statement.contains('\0') {
            "it holds a NUL, and few tools read beyond it".to_owned()
        } else if lines.any(is_mark) {
            format!("it has a line that {name} takes for a mark of its own")
        } else if statement.len() > self.target.longest_statement() {
            format!(
                "the statement has {} bytes, and {name} takes no more than {}",
                statement.len(),
                self.target.longest_statement()
            )
        } else {
            return Ok(());
        };
        Err(
            Failure::impossible(format!("can't write the step {title:?}: {why}"))
                .hint(AGAIN)
                .into(),
        )
    }

    /// The text of the way `verb`.
    pub fn finish(self, verb: &str) -> String {
        let name = self.target.name();
        let way = if verb == "clean" { "up" } else { verb };
        let mut text = self.target.section(way).unwrap_or_default();
        let version = if self.needs_json { "3.38" } else { "3.26" };
        if way == "up" || !self.target.has_both_ways() {
            let _ = writeln!(
                text,
                "-- What fkfix {verb} does, for {name}. It must run in one transaction, by a tool that stops
-- at the first error, so that any error leaves all as it was. Foreign keys may be on or off.
-- It needs SQLite {version} or a later one. After it, fkfix check tells whether all is well."
            );
        }
        text.push_str(&self.text);
        // Behind the last statement there is none for the breakpoint to part it from.
        if self.target == Target::Drizzle
            && let Some(cut) = text.strip_suffix("--> statement-breakpoint\n")
        {
            text.truncate(cut.len());
        }
        text
    }
}

const AGAIN: &str =
    "make the object again with a text without it; without --for, fkfix up keeps every byte";

/// The lists of rows that leave, and what belongs to them, are tables for the time of the script: a
/// hosted engine has none that are temporary.
fn without_temp(sql: &str) -> Result<String> {
    if ![LISTS, DEFAULTS, TRIAL].iter().any(|it| sql.contains(it)) {
        return Ok(sql.to_owned());
    }
    let tokens = ddl::tokens(sql)?;
    let mut edited = sql.to_owned();
    for three in tokens.windows(3).rev() {
        if let [schema, dot, name] = three
            && dot.kind == TokenType::TK_DOT
            && schema.text == "temp"
            && [LISTS, DEFAULTS, TRIAL]
                .iter()
                .any(|it| unquote(name.text).starts_with(it))
        {
            edited.replace_range(schema.start..schema.end, "main");
        }
    }
    Ok(edited)
}

/// Letters, digits and little else: tools that look for statements, strings and parameters in a
/// file look into comments too.
fn plain(text: &str) -> String {
    text.replace(
        |it: char| !(it.is_alphanumeric() || " _.,()-=/".contains(it)),
        " ",
    )
}
