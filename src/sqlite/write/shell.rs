//! A plan as a script for the `sqlite3` shell: the same steps, for those who want to read them
//! first or run them where this program can't.

use std::fmt::Write as _;

use anyhow::Result;
use sqlite3_parser::dialect::TokenType;

use crate::failure::Failure;
use crate::sqlite::apply::down::TakenBack;
use crate::sqlite::apply::history;
use crate::sqlite::apply::plan::KeyPlan;
use crate::sqlite::apply::up::{Done, Outcome};
use crate::sqlite::archive;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::text::ddl::{self, Token, literal, quote};

/// The temporary table that the promises of a script stand in: a name that none of `steps` speaks
/// of, since it would stand before a table of the database that is called so.
fn promises<'s>(steps: impl Iterator<Item = &'s Step>) -> String {
    let texts = steps.map(|step| match step {
        Step::Run { sql: text, .. }
        | Step::Expect { query: text, .. }
        | Step::Discard { rows: text, .. } => text.to_ascii_lowercase(),
    });
    let texts: Vec<_> = texts.collect();
    let mut name = "fkfix_promises".to_owned();
    while texts.iter().any(|text| text.contains(&name)) {
        name.push('_');
    }
    name
}

/// The script that does what `outcomes` would do.
pub fn up(outcomes: &[Outcome<'_>]) -> Result<String> {
    let parts = || outcomes.iter().flat_map(|outcome| &outcome.parts);
    let promises = &promises(parts().flat_map(|part| match part {
        Done::Statement(own) => std::slice::from_ref(own),
        Done::Keys(plan) => &plan.steps,
    }));
    let mut script = begin("up", "3.26", promises);
    statement(&mut script, "note what is applied", history::CREATE)?;
    for outcome in outcomes {
        let _ = writeln!(script, "\n-- {}", comment(&outcome.migration.file()));
        for part in &outcome.parts {
            match part {
                Done::Statement(own) => step(&mut script, own, promises)?,
                Done::Keys(plan) => keys(&mut script, plan, promises)?,
            }
        }
        let record = history::record_sql(outcome.migration, &outcome.adopted())?;
        statement(&mut script, "record the migration", &record)?;
    }
    end(script, promises)
}

/// The script that carries out `plan`, which is about declared keys.
pub fn clean(plan: &KeyPlan) -> Result<String> {
    let promises = &promises(plan.steps.iter());
    let mut script = begin("clean", "3.38", promises);
    keys(&mut script, plan, promises)?;
    end(script, promises)
}

fn keys(script: &mut String, plan: &KeyPlan, promises: &str) -> Result<()> {
    for search in &plan.found.statements {
        statement(script, "search for orphans", search)?;
    }
    for own in &plan.steps {
        step(script, own, promises)?;
    }
    for promise in schema_promises(plan) {
        step(script, &promise, promises)?;
    }
    Ok(())
}

/// The script that does what `planned` would do.
pub fn down(planned: &[TakenBack]) -> Result<String> {
    let promises = &promises(planned.iter().flat_map(|back| &back.steps));
    let mut script = begin(
        "down",
        "3.53, the first that has ALTER TABLE … DROP CONSTRAINT,",
        promises,
    );
    for back in planned {
        let name = comment(&back.change.name);
        let _ = writeln!(script, "\n-- V{}__{name}", back.change.version);
        for own in &back.steps {
            step(&mut script, own, promises)?;
        }
    }
    end(script, promises)
}

/// The script that runs `steps`, a plan for triggers.
pub fn enforce(steps: &[Step]) -> Result<String> {
    let promises = &promises(steps.iter());
    let mut script = begin("enforce", "3.26", promises);
    for own in steps {
        step(&mut script, own, promises)?;
    }
    end(script, promises)
}

fn begin(verb: &str, version: &str, promises: &str) -> String {
    format!(
        "-- What fkfix {verb} does, for the sqlite3 shell: sqlite3 FILE < this script
-- It needs SQLite {version} or a later one.
.bail on
PRAGMA foreign_keys = OFF;
BEGIN IMMEDIATE;
CREATE TEMP TABLE {promises} (what TEXT, holds INTEGER, CONSTRAINT \"a promise does not hold\" CHECK (holds));
-- Where something else has begun a transaction, the PRAGMA above does nothing.
INSERT INTO temp.{promises} SELECT 'foreign keys are off', NOT foreign_keys FROM pragma_foreign_keys;
"
    )
}

/// That the engine which ran the steps of `plan` left the definitions alone that they don't speak
/// of. Not every engine heeds `legacy_alter_table`; one that doesn't has the keys to a table follow
/// it to its passing name.
fn schema_promises(plan: &KeyPlan) -> Vec<Step> {
    let old = plan.passing_name();
    let archives = plan.touched().map(|it| archive::name_of(&it.table.name));
    let archives: Vec<_> = archives.collect();
    let names_old = |(_, name, _, sql): &&(String, String, String, Option<String>)| {
        let sql = sql.as_deref().unwrap_or_default();
        sql.contains(old) && !archives.contains(name)
    };
    let naming = plan.schema_after().iter().filter(names_old).count();
    let archives: Vec<_> = archives.iter().map(|name| literal(name)).collect();
    let none = Step::Expect {
        what: match naming {
            0 => format!("no definition names {old}"),
            _ => format!("no other definition names {old}"),
        },
        query: format!(
            "SELECT count(*) FROM main.sqlite_schema WHERE instr(sql, '{old}') > 0 AND name NOT IN ({})",
            archives.join(", ")
        ),
        value: i64::try_from(naming).unwrap_or(i64::MAX),
        by_row: None,
    };
    let kept = plan.definitions_around().map(|(name, sql)| Step::Expect {
        what: format!("the definition of {name} is as it should be"),
        query: format!(
            "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = {} AND sql = {}",
            literal(name),
            literal(sql)
        ),
        value: 1,
        by_row: None,
    });
    [none].into_iter().chain(kept).collect()
}

/// The shell reads lines, and takes `\r\n` for the end of one like `\n`: a definition that holds
/// it would come out another. A NUL ends what it sees of a line.
fn end(mut script: String, promises: &str) -> Result<String> {
    if script.contains("\r\n") {
        return Err(not_for_the_shell(
            "a definition in this database has lines that end in CR LF, and the sqlite3 shell would not keep them so",
        ));
    }
    if script.contains('\0') {
        return Err(not_for_the_shell(
            "a text in this database or its migrations holds a NUL, and the sqlite3 shell would not read beyond it",
        ));
    }
    let _ = write!(script, "\nDROP TABLE temp.{promises};\nCOMMIT;\n");
    Ok(script)
}

fn not_for_the_shell(why: impl std::fmt::Display) -> anyhow::Error {
    Failure::impossible(why)
        .hint("leave --format sql out to see the plan; without --dry-run, fkfix keeps every byte")
        .into()
}

fn step(script: &mut String, step: &Step, promises: &str) -> Result<()> {
    let title = step.title();
    match step {
        Step::Run { sql, .. } => statement(script, &title, sql),
        Step::Expect {
            what, query, value, ..
        } => {
            let holds = format!(
                "INSERT INTO temp.{promises} VALUES ({}, ({query}) = {value})",
                literal(what)
            );
            statement(script, &title, &holds)
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
                    "INSERT INTO temp.{promises} SELECT {}, count(*) = 0 FROM main.{name} AS a WHERE ({rows}) IS NOT TRUE;\nDROP TABLE main.{name}",
                    literal(&format!("nothing of {table} is needed any more"))
                )
            } else {
                format!("DELETE FROM main.{name} AS a WHERE {rows}")
            };
            statement(script, &title, &sql)
        }
    }
}

/// Adds `sql` so that the shell hands it to SQLite to the byte, or says why it would not.
fn statement(script: &mut String, title: &str, sql: &str) -> Result<()> {
    let title = comment(title);
    let refuse = |why: &str| not_for_the_shell(format!("the sqlite3 shell can't {title}: {why}"));
    let tokens = ddl::tokens(sql).map_err(|error| refuse(&error.to_string()))?;
    let creates = tokens
        .first()
        .is_some_and(|first| first.kind == TokenType::TK_CREATE);
    let code_ends = tokens.last().map_or(0, |last| last.end);
    let ending = match open_comment(sql.get(code_ends..).unwrap_or_default()) {
        Some(Comment::Block) => {
            return Err(refuse(
                "its text ends in a comment that is left open, and would swallow what follows",
            ));
        }
        // SQLite would store the line break.
        Some(Comment::Line) if creates => {
            return Err(refuse(
                "its text ends in a comment, which would swallow the semicolon",
            ));
        }
        Some(Comment::Line) => "\n;",
        None => ";",
    };
    if tokens.iter().any(|token| ends_statement(sql, token)) {
        return Err(refuse(
            "it has a line that is only / or go, which ends a statement there",
        ));
    }
    let _ = writeln!(script, "-- {title}\n{sql}{ending}");
    Ok(())
}

/// A comment that text behind it would belong to.
pub(super) enum Comment {
    Line,
    Block,
}

/// Whether `gap`, which is white space and comments, ends within one of these.
pub(super) fn open_comment(mut gap: &str) -> Option<Comment> {
    loop {
        gap = gap.trim_start_matches(|it: char| it.is_ascii_whitespace() || "\u{b};".contains(it));
        let (rest, ends, kind) = if let Some(rest) = gap.strip_prefix("--") {
            (rest, "\n", Comment::Line)
        } else {
            (gap.strip_prefix("/*")?, "*/", Comment::Block)
        };
        match rest.split_once(ends) {
            Some((_, behind)) => gap = behind,
            None => return Some(kind),
        }
    }
}

/// Whether `token` stands first in its line and is what the shell takes there for the end of a
/// statement, as Oracle's and SQL Server's tools do (<https://www.sqlite.org/cli.html>), if
/// nothing but comments follows.
fn ends_statement(sql: &str, token: &Token<'_>) -> bool {
    let is_word = token.text == "/" || token.text.eq_ignore_ascii_case("go");
    let before = sql.get(..token.start).unwrap_or_default();
    let behind = sql.get(token.end..).unwrap_or_default();
    let line = |text: &str| {
        text.chars()
            .all(|it| it.is_ascii_whitespace() || it == '\u{b}')
    };
    let rest = behind.lines().next().unwrap_or_default().trim_start();
    let nothing_follows = rest.is_empty() || rest.starts_with("--") || rest.starts_with("/*");
    is_word && nothing_follows && line(before.rsplit('\n').next().unwrap_or_default())
}

/// Text that stays within a comment of one line.
fn comment(text: &str) -> String {
    text.replace(|character: char| character.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_behind_an_open_comment_would_belong_to_it() {
        for (gap, ending) in [
            ("", ";"),
            (" -- a\n/* b */ ", ";"),
            (" /* -- */ -- c", "\n;"),
        ] {
            let mut script = String::new();
            statement(&mut script, "run it", &format!("SELECT 1{gap}")).unwrap();
            assert_eq!(script, format!("-- run it\nSELECT 1{gap}{ending}\n"));
        }
        for sql in [
            "SELECT 1 /* open",
            "SELECT 1 -- a\n/* open *",
            "CREATE INDEX i ON t (a) -- b",
            "SELECT 4\n /\t-- by\n 2",
            "SELECT 1 AS\nGO",
        ] {
            assert!(
                statement(&mut String::new(), "run it", sql).is_err(),
                "{sql}"
            );
        }
        for sql in [
            "SELECT '\n/\n'",
            "SELECT 1 AS \"\ngo\n\"",
            "SELECT 4 /\n2 AS\ngo, 1",
        ] {
            assert!(
                statement(&mut String::new(), "run it", sql).is_ok(),
                "{sql}"
            );
        }
    }
}
