//! Reads a migration: its statements, and those among them that add or drop a key.

use anyhow::Result;

use super::alter_table::{Path, actions, alter_table};
use super::lexer::{self, Token};
use super::request::request;
use crate::failure::Failure;

pub use super::request::Request;

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The line of its first token in the file, from 1.
    pub line: usize,
    /// What it asks for.
    pub asks: Asks,
}

/// What a statement asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A foreign key for a table that exists.
    Key(Box<Request>),
    /// Drop a constraint by its name.
    Drop {
        /// The table.
        table: Path,
        /// The constraint.
        constraint: String,
        /// `IF EXISTS`
        if_exists: bool,
    },
    /// Anything else, as it stands.
    Other(String),
}

/// Reads `script`; `file` is named in errors. What would end fkfix's transaction, or act beyond
/// it, is refused with file and line before anything runs.
pub fn parse(file: &str, script: &str) -> Result<Vec<Statement>> {
    let script = script.strip_prefix('\u{feff}').unwrap_or(script);
    let tokens = lexer::tokens(script).map_err(|why| {
        Failure::impossible(format!("could not read {file}: {why}"))
            .hint("quotes, dollar quotes and comments must be closed")
    })?;
    let mut statements = Vec::new();
    for tokens in split(&tokens) {
        statements.extend(read(file, script, tokens)?);
    }
    Ok(statements)
}

/// Cuts at each `;`, but not within parentheses or a body `BEGIN ATOMIC … END`, as psql does.
pub(super) fn split(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut statements, mut start) = (Vec::new(), 0);
    let (mut parentheses, mut bodies) = (0_usize, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        if token.is_char('(') {
            parentheses += 1;
        } else if token.is_char(')') {
            parentheses = parentheses.saturating_sub(1);
        } else if (token.is("atomic") && before.is_some_and(|it| it.is("begin")))
            || (bodies > 0 && token.is("case"))
        {
            bodies += 1;
        } else if bodies > 0 && token.is("end") {
            bodies -= 1;
        } else if token.is_char(';') && parentheses == 0 && bodies == 0 {
            statements.extend(tokens.get(start..at).filter(|it| !it.is_empty()));
            start = at + 1;
        }
    }
    statements.extend(tokens.get(start..).filter(|it| !it.is_empty()));
    statements
}

fn read(file: &str, script: &str, tokens: &[Token]) -> Result<Vec<Statement>> {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
        return Ok(Vec::new());
    };
    let before = script.get(..first.start).unwrap_or_default();
    let line = 1 + before.matches('\n').count();
    let place = format!("{file}:{line}");
    let sql = script.get(first.start..last.end).unwrap_or_default();
    must_be_allowed(&place, tokens)?;
    let other = || {
        let asks = Asks::Other(sql.to_owned());
        Ok(vec![Statement { line, asks }])
    };
    let Some((table, body)) = alter_table(tokens) else {
        return other();
    };
    let actions = actions(body);
    if !actions.iter().any(|it| is_about_constraints(it)) {
        return other();
    }
    let action = |tokens: &[Token]| {
        let asks = if let Some(asks) = ask(&place, &table, tokens)? {
            asks
        } else {
            let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
                return Err(unreadable(&place).into());
            };
            let text = script.get(first.start..last.end).unwrap_or_default();
            Asks::Other(format!("ALTER TABLE {} {text}", table.sql()))
        };
        Ok(Statement { line, asks })
    };
    actions.into_iter().map(action).collect()
}

/// The statements that a migration must not hold.
fn must_be_allowed(place: &str, tokens: &[Token]) -> Result<()> {
    let word = |at: usize| tokens.get(at).and_then(Token::name).unwrap_or_default();
    let has = |keyword: &str| tokens.iter().any(|it| it.is(keyword));
    let (why, hint) = match (word(0), word(1)) {
        ("begin" | "commit" | "end" | "rollback" | "savepoint" | "release" | "abort", _)
        | ("start" | "prepare", "transaction") => (
            "the script already runs in a transaction",
            "take the statement out of the script; fkfix runs the whole script in one transaction of its own",
        ),
        ("vacuum", _) | ("create" | "drop", "database" | "tablespace") | ("alter", "system") => (
            "PostgreSQL can't run it in a transaction",
            "run the statement by itself, with psql",
        ),
        ("create" | "drop" | "reindex", _) if has("concurrently") => (
            "PostgreSQL can't run CONCURRENTLY in a transaction",
            "make the index by itself, with psql; the migration may then take it as given",
        ),
        ("set", scope) if scope != "local" && scope != "constraints" => (
            "it would outlive the transaction, and reach others behind a pooler",
            "write SET LOCAL",
        ),
        ("copy", _) if has("stdin") => (
            "there is nothing that it could read",
            "write the rows as INSERT, or load them with psql",
        ),
        _ => return Ok(()),
    };
    Err(Failure::impossible(format!(
        "{place}: {} is not allowed in a migration: {why}",
        word(0).to_uppercase()
    ))
    .hint(hint)
    .into())
}

/// Whether it adds a key, or drops or validates a constraint.
fn is_about_constraints(action: &[Token]) -> bool {
    match action {
        [drop, constraint, ..] if drop.is("drop") && constraint.is("constraint") => true,
        [add, ..] if add.is("add") => adds_key(action),
        _ => false,
    }
}

fn adds_key(action: &[Token]) -> bool {
    match action {
        [_, constraint, _, foreign, ..] if constraint.is("constraint") => foreign.is("foreign"),
        [_, foreign, ..] => foreign.is("foreign"),
        _ => false,
    }
}

fn ask(place: &str, table: &Path, action: &[Token]) -> Result<Option<Asks>> {
    match action {
        [drop, constraint, rest @ ..] if drop.is("drop") && constraint.is("constraint") => {
            let (if_exists, rest) = match rest {
                [a, b, rest @ ..] if a.is("if") && b.is("exists") => (true, rest),
                _ => (false, rest),
            };
            let [name, rest @ ..] = rest else {
                return Err(unreadable(place).into());
            };
            if !rest.iter().all(|it| it.is("restrict")) {
                return Ok(None);
            }
            let constraint = name.name().ok_or_else(|| unreadable(place))?.to_owned();
            Ok(Some(Asks::Drop {
                table: table.clone(),
                constraint,
                if_exists,
            }))
        }
        [add, ..] if add.is("add") && adds_key(action) => {
            if has_period(action) {
                return Err(Failure::impossible(format!(
                    "{place}: keys with PERIOD are not supported"
                ))
                .hint("add the key with psql, and leave it out of the migration")
                .into());
            }
            let request = request(table, action).ok_or_else(|| unreadable(place))?;
            Ok(Some(Asks::Key(Box::new(request))))
        }
        _ => Ok(None),
    }
}

/// Whether it is a key on periods: `PERIOD` is a keyword only before the name of a column.
fn has_period(action: &[Token]) -> bool {
    action.windows(2).any(|pair| match pair {
        [period, column] => period.is("period") && column.name().is_some(),
        _ => false,
    })
}

fn unreadable(place: &str) -> Failure {
    Failure::impossible(format!("{place}: what ALTER TABLE asks for can't be read as a foreign key"))
        .hint("write ALTER TABLE … ADD CONSTRAINT <name> FOREIGN KEY (<column>) REFERENCES <parent> (<column>)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::catalog::{Action, Match};

    fn only(script: &str) -> Asks {
        let mut statements = parse("V1__x.sql", script).unwrap();
        assert_eq!(statements.len(), 1, "{statements:?}");
        statements.remove(0).asks
    }

    #[test]
    fn a_key_is_read_in_any_dress() {
        for script in [
            "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a, \"B\") REFERENCES s.p ON DELETE CASCADE",
            "alter table if exists only T * add constraint K foreign key(A,\"B\")\nreferences S.P match simple on update no action on delete cascade not valid;",
        ] {
            let Asks::Key(key) = only(script) else {
                panic!("{script}");
            };
            assert_eq!(
                (key.table.table.as_str(), key.name.as_deref()),
                ("t", Some("k"))
            );
            assert_eq!(key.columns, ["a", "B"]);
            assert_eq!(
                (key.parent.shown(), key.parent_columns.len()),
                ("s.p".into(), 0)
            );
            assert_eq!(
                (key.on_delete, key.on_update),
                (Action::Cascade, Action::NoAction)
            );
        }
        let Asks::Key(key) = only(
            "ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES p (x, y) MATCH FULL ON DELETE SET NULL (a) DEFERRABLE INITIALLY DEFERRED",
        ) else {
            panic!();
        };
        assert_eq!(key.constraint(), "t_a_b_fkey");
        assert_eq!(key.on_delete_columns, ["a"]);
        assert!(key.matches == Match::Full && key.deferrable && key.deferred);
    }

    #[test]
    fn several_actions_are_several_statements() {
        let statements = parse(
            "f",
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p, ALTER COLUMN b TYPE numeric(3, 1), DROP CONSTRAINT k;\n\nSELECT 1",
        )
        .unwrap();
        assert!(matches!(statements[0].asks, Asks::Key(_)));
        let other = "ALTER TABLE \"t\" ALTER COLUMN b TYPE numeric(3, 1)".to_owned();
        assert_eq!(statements[1].asks, Asks::Other(other));
        assert!(matches!(&statements[2].asks, Asks::Drop { constraint, .. } if constraint == "k"));
        assert_eq!(statements[3].line, 3);
    }

    #[test]
    fn bodies_are_not_cut() {
        for script in [
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
            "CREATE RULE r AS ON DELETE TO t DO (SELECT 1; SELECT 2)",
            "DO $$ BEGIN PERFORM 1; COMMIT; END $$",
            "ALTER TABLE t ADD COLUMN x int REFERENCES p",
        ] {
            assert_eq!(only(script), Asks::Other(script.into()));
        }
    }

    #[test]
    fn statements_that_act_beyond_the_transaction_are_refused_with_file_and_line() {
        for script in [
            "COMMIT",
            "begin",
            "VACUUM t",
            "CREATE INDEX CONCURRENTLY i ON t (a)",
            "SET x = 1",
            "COPY t FROM STDIN",
            "PREPARE TRANSACTION 'a'",
        ] {
            let error = parse("V7__y.sql", &format!("SELECT 1;\n{script};")).unwrap_err();
            assert!(error.to_string().starts_with("V7__y.sql:2: "), "{error}");
        }
        assert!(parse("f", "SET LOCAL x = 1").is_ok());
        assert!(
            parse(
                "f",
                "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p MATCH PARTIAL"
            )
            .is_err()
        );
    }
}
