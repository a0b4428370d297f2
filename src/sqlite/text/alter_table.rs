//! `ALTER TABLE` in the spellings of SQLite and of `PostgreSQL`: which table, and which actions.
//!
//! What `PostgreSQL` (<https://www.postgresql.org/docs/current/sql-altertable.html>) and its
//! `pg_dump` write more than SQLite reads is left out where it says nothing here: `ONLY`, the
//! schema `public`, `IF EXISTS` before the table, several actions in one statement. Where it does
//! say something (`NOT VALID`), the statement is refused, and the message tells what to leave out.

use anyhow::Result;
use sqlite3_parser::dialect::TokenType::{
    TK_ADD, TK_ALTER, TK_CHECK, TK_COMMA, TK_CONSTRAINT, TK_DEFERRABLE, TK_DOT, TK_DROP, TK_EXISTS,
    TK_FOREIGN, TK_IF, TK_LP, TK_NOT, TK_PRIMARY, TK_REFERENCES, TK_RENAME, TK_RP, TK_TABLE,
    TK_UNIQUE,
};

use crate::failure::Failure;
use crate::sqlite::text::ddl::{self, Token, same_name};
use crate::sqlite::text::statement::{Action, AddForeignKey};

/// An `ALTER TABLE`.
pub struct AlterTable<'t, 's> {
    /// The table.
    pub table: String,
    /// What is done to it, one after the other.
    pub actions: Vec<&'t [Token<'s>]>,
    /// SQLite could not read the statement as it stands.
    pub is_foreign: bool,
    /// A schema that is none of this database.
    other_schema: Option<String>,
}

impl<'t, 's> AlterTable<'t, 's> {
    /// Reads `ALTER TABLE [IF EXISTS] [ONLY] [schema.]name action [, action]…`; none where
    /// `tokens` are another statement.
    pub fn read(tokens: &'t [Token<'s>]) -> Option<Self> {
        let [alter, table, rest @ ..] = tokens else {
            return None;
        };
        if alter.kind != TK_ALTER || table.kind != TK_TABLE {
            return None;
        }
        let mut rest = rest;
        if let [if_, exists, after @ ..] = rest
            && if_.kind == TK_IF
            && exists.kind == TK_EXISTS
        {
            rest = after;
        }
        if let [only, next, ..] = rest
            && same_name(only.text, "only")
            && next.kind != TK_DOT
            && !begins_action(next)
        {
            rest = rest.get(1..)?;
        }
        let mut schema = None;
        if let [name, dot, after @ ..] = rest
            && dot.kind == TK_DOT
        {
            schema = Some(ddl::unquote(name.text));
            rest = after;
        }
        let is_main = schema.as_ref().is_none_or(|it| same_name(it, "main"));
        let is_public = schema.as_ref().is_some_and(|it| same_name(it, "public"));
        let [name, body @ ..] = rest else {
            return None;
        };
        let actions = actions(body);
        // ALTER TABLE and the name, with its schema and the dot where there is one.
        let plain = if schema.is_some() { 5 } else { 3 };
        let is_plain = tokens.len() - body.len() == plain;
        Some(AlterTable {
            table: ddl::unquote(name.text),
            is_foreign: actions.len() > 1 || is_public || !is_plain,
            actions,
            other_schema: schema.filter(|_| !is_main && !is_public),
        })
    }

    /// What the action of `tokens` asks for; `place` is named in errors, and `sql` is the
    /// statement that does this alone.
    pub fn action(&self, place: &str, tokens: &[Token<'_>], sql: String) -> Result<Action> {
        if let Some(schema) = &self.other_schema {
            if !self.is_foreign && !has_key(tokens) {
                return Ok(Action::Other(sql));
            }
            return Err(self.refused(
                place,
                &format!("{schema}.{} is in another schema", self.table),
                "leave the schema out; a migration works on one database",
            ));
        }
        match tokens {
            [add, clause @ ..] if add.kind == TK_ADD => self.add(place, clause, sql),
            [drop, constraint, if_, exists, ..]
                if (drop.kind, constraint.kind) == (TK_DROP, TK_CONSTRAINT)
                    && (if_.kind, exists.kind) == (TK_IF, TK_EXISTS) =>
            {
                Err(self.refused(
                    place,
                    "SQLite has no DROP CONSTRAINT IF EXISTS",
                    "leave IF EXISTS out",
                ))
            }
            [drop, constraint, name, rest @ ..]
                if (drop.kind, constraint.kind) == (TK_DROP, TK_CONSTRAINT) =>
            {
                if let [word, ..] = rest {
                    let word = word.text.to_ascii_uppercase();
                    let what = format!("SQLite has no DROP CONSTRAINT … {word}");
                    return Err(self.refused(place, &what, &format!("leave {word} out")));
                }
                Ok(Action::DropConstraint {
                    table: self.table.clone(),
                    constraint: ddl::unquote(name.text),
                    sql,
                })
            }
            [validate, constraint, ..]
                if same_name(validate.text, "validate") && constraint.kind == TK_CONSTRAINT =>
            {
                Err(self.refused(
                    place,
                    "SQLite has no VALIDATE CONSTRAINT",
                    "leave the statement out; fkfix looks at every row when it adds a key",
                ))
            }
            _ if has_key(tokens) => Err(self.unreadable(place)),
            _ => Ok(Action::Other(sql)),
        }
    }

    fn add(&self, place: &str, clause: &[Token<'_>], sql: String) -> Result<Action> {
        let name = match clause {
            [constraint, name, foreign, ..]
                if constraint.kind == TK_CONSTRAINT && foreign.kind == TK_FOREIGN =>
            {
                Some(ddl::unquote(name.text))
            }
            [foreign, ..] if foreign.kind == TK_FOREIGN => None,
            _ if has_key(clause) => return Err(self.unreadable(place)),
            _ => return Ok(Action::Other(sql)),
        };
        self.must_be_one_key(place, clause)?;
        Ok(Action::AddForeignKey(AddForeignKey {
            table: self.table.clone(),
            name,
            constraint: in_one_line(clause),
        }))
    }

    /// The clause must be one constraint and nothing more, or it would not fit between the
    /// parentheses of `CREATE TABLE` without changing what stands around it.
    fn must_be_one_key(&self, place: &str, clause: &[Token<'_>]) -> Result<()> {
        if let [.., not, valid] = clause
            && not.kind == TK_NOT
            && same_name(valid.text, "valid")
        {
            return Err(self.refused(
                place,
                "SQLite has no NOT VALID",
                "leave NOT VALID out; --orphans says what happens to rows that break the key",
            ));
        }
        let last = clause.last();
        if last.is_some_and(|it| same_name(it.text, "enforced")) {
            return Err(self.refused(
                place,
                "SQLite has no ENFORCED",
                "leave ENFORCED or NOT ENFORCED out; SQLite enforces keys on connections that run PRAGMA foreign_keys = ON",
            ));
        }
        let sets_some = |window: &[Token<'_>]| {
            matches!(window, [set, value, open] if same_name(set.text, "set")
                && ["null", "default"].iter().any(|it| same_name(value.text, it))
                && open.kind == TK_LP)
        };
        if clause.windows(3).any(sets_some) {
            return Err(self.refused(
                place,
                "SQLite has no columns after SET NULL or SET DEFAULT",
                "leave the list of columns out; SQLite sets every column of the key",
            ));
        }
        let mut pairs = clause.windows(2);
        if pairs
            .any(|pair| matches!(pair, [not, it] if (not.kind, it.kind) == (TK_NOT, TK_DEFERRABLE)))
        {
            return Err(self.refused(
                place,
                "SQLite can't drop a key that says NOT DEFERRABLE",
                "leave NOT DEFERRABLE out; without it a key is just that",
            ));
        }
        let (mut depth, mut in_key) = (0_i32, false);
        for token in clause {
            match token.kind {
                TK_LP => depth += 1,
                TK_RP => depth -= 1,
                TK_FOREIGN if !in_key => in_key = true,
                // SQLite takes a further constraint even without a comma before it.
                TK_COMMA | TK_CONSTRAINT | TK_CHECK | TK_FOREIGN | TK_PRIMARY | TK_UNIQUE
                    if in_key && depth == 0 =>
                {
                    depth = i32::MIN / 2;
                }
                _ => {}
            }
            if depth < 0 {
                return Err(Failure::impossible(format!(
                    "{place}: what ALTER TABLE {} adds is not one foreign key",
                    self.table
                ))
                .hint("write one ALTER TABLE … ADD CONSTRAINT … FOREIGN KEY … ; for each key")
                .into());
            }
        }
        Ok(())
    }

    fn unreadable(&self, place: &str) -> anyhow::Error {
        self.refused(
            place,
            "what it adds can't be read as a foreign key",
            "write ALTER TABLE … ADD CONSTRAINT <name> FOREIGN KEY (<column>) REFERENCES <parent> (<column>)",
        )
    }

    fn refused(&self, place: &str, what: &str, hint: &str) -> anyhow::Error {
        Failure::impossible(format!(
            "{place}: could not read ALTER TABLE {}: {what}",
            self.table
        ))
        .hint(hint)
        .into()
    }
}

/// Cuts at each comma behind which another action begins.
fn actions<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let (mut actions, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TK_LP => depth += 1,
            TK_RP => depth -= 1,
            TK_COMMA if depth == 0 && tokens.get(at + 1).is_some_and(begins_action) => {
                actions.extend(tokens.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    actions.extend(tokens.get(start..));
    actions
}

fn has_key(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| token.kind == TK_FOREIGN)
}

fn begins_action(token: &Token<'_>) -> bool {
    matches!(token.kind, TK_ADD | TK_ALTER | TK_DROP | TK_RENAME)
        || same_name(token.text, "validate")
}

/// The tokens with one space where the script has white space or a comment; without the schema
/// of the parent, which in SQLite can be no other than the child's.
fn in_one_line(tokens: &[Token<'_>]) -> String {
    let (mut line, mut end) = (String::new(), None);
    let mut tokens = tokens.iter().peekable();
    let mut behind_references = false;
    while let Some(token) = tokens.next() {
        if end.is_some_and(|end| end < token.start) {
            line.push(' ');
        }
        let schema = ddl::unquote(token.text);
        let is_schema = same_name(&schema, "public") || same_name(&schema, "main");
        if behind_references && is_schema && tokens.next_if(|it| it.kind == TK_DOT).is_some() {
            end = tokens.peek().map(|it| it.start);
            behind_references = false;
            continue;
        }
        behind_references = token.kind == TK_REFERENCES;
        line.push_str(token.text);
        end = Some(token.end);
    }
    line
}
