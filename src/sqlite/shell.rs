//! A plan as a script for the `sqlite3` shell: the same steps, for those who want to read them
//! first or run them where this program can't.

use std::fmt::Write as _;

use anyhow::Result;

use super::back::TakenBack;
use super::ddl::{literal, quote};
use super::driver::{Done, Outcome};
use super::history;
use super::steps::Step;
use crate::failure::Failure;

const PROMISES: &str = "fkfix_promises";

/// The script that does what `outcomes` would do.
pub fn up(outcomes: &[Outcome<'_>]) -> Result<String> {
    let mut script = begin("up", "3.26");
    statement(&mut script, "note what is applied", history::CREATE);
    for outcome in outcomes {
        let _ = writeln!(script, "\n-- {}", outcome.migration.file());
        for part in &outcome.parts {
            match part {
                Done::Statement(own) => step(&mut script, own),
                Done::Keys(plan) => {
                    for search in &plan.found.statements {
                        statement(&mut script, "search for orphans", search);
                    }
                    plan.steps.iter().for_each(|own| step(&mut script, own));
                }
            }
        }
        let record = history::record_sql(outcome.migration, &outcome.adopted())?;
        statement(&mut script, "record the migration", &record);
    }
    end(script)
}

/// The script that does what `planned` would do.
pub fn down(planned: &[TakenBack]) -> Result<String> {
    let mut script = begin(
        "down",
        "3.53, the first that has ALTER TABLE … DROP CONSTRAINT,",
    );
    for back in planned {
        let _ = writeln!(script, "\n-- V{}__{}", back.version, back.name);
        back.steps.iter().for_each(|own| step(&mut script, own));
    }
    end(script)
}

/// The script that runs `steps`, a plan for triggers.
pub fn enforce(steps: &[Step]) -> Result<String> {
    let mut script = begin("enforce", "3.26");
    for own in steps {
        step(&mut script, own);
    }
    end(script)
}

fn begin(verb: &str, version: &str) -> String {
    format!(
        "-- What fkfix {verb} does, for the sqlite3 shell: sqlite3 FILE < this script
-- It needs SQLite {version} or a later one.
.bail on
PRAGMA foreign_keys = OFF;
BEGIN IMMEDIATE;
CREATE TEMP TABLE {PROMISES} (what TEXT, holds INTEGER, CONSTRAINT \"a promise does not hold\" CHECK (holds));
"
    )
}

/// The shell reads lines, and takes `\r\n` for the end of one like `\n`: a definition that holds
/// it would come out another.
fn end(mut script: String) -> Result<String> {
    if script.contains("\r\n") {
        return Err(Failure::impossible(
            "a definition in this database has lines that end in CR LF, and the sqlite3 shell would not keep them so",
        )
        .hint("leave --format sql out to see the plan; without --dry-run, fkfix keeps every byte")
        .into());
    }
    let _ = write!(script, "\nDROP TABLE temp.{PROMISES};\nCOMMIT;\n");
    Ok(script)
}

fn step(script: &mut String, step: &Step) {
    let title = step.title();
    match step {
        Step::Run { sql, .. } => statement(script, &title, sql),
        Step::Expect {
            what, query, value, ..
        } => {
            let holds = format!(
                "INSERT INTO temp.{PROMISES} VALUES ({}, ({query}) = {value})",
                literal(what)
            );
            statement(script, &title, &holds);
        }
        Step::Discard {
            table,
            rows,
            rows_left,
            ..
        } => {
            let name = quote(table);
            let sql = if *rows_left == 0 {
                format!(
                    "INSERT INTO temp.{PROMISES} SELECT {}, count(*) = 0 FROM main.{name} AS a WHERE ({rows}) IS NOT TRUE;\nDROP TABLE main.{name}",
                    literal(&format!("nothing of {table} is needed any more"))
                )
            } else {
                format!("DELETE FROM main.{name} AS a WHERE {rows}")
            };
            statement(script, &title, &sql);
        }
    }
}

fn statement(script: &mut String, title: &str, sql: &str) {
    let _ = writeln!(script, "-- {}\n{sql};", comment(title));
}

/// Text that stays within a comment of one line.
fn comment(text: &str) -> String {
    text.replace(|character: char| character.is_control(), " ")
}
