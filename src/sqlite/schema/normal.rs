//! A schema in a normal form: the same text for the same schema, whatever its quoting, white
//! space, comments, case of keywords, and order of statements.
//!
//! Left out is what varies between databases of one schema: fkfix's own history and archives,
//! SQLite's own tables, and the shadow tables that a virtual table makes for itself.

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use sqlite3_parser::dialect::{
    TokenType::{
        self, TK_AS, TK_BEGIN, TK_COLLATE, TK_COMMA, TK_CONSTRAINT, TK_CTIME_KW, TK_DOT, TK_END,
        TK_EXISTS, TK_ID, TK_INDEX, TK_LP, TK_ON, TK_REFERENCES, TK_RP, TK_SEMI, TK_STRING,
        TK_TABLE, TK_TRIGGER, TK_VIEW, TK_VIRTUAL,
    },
    keyword_token,
};

use crate::sqlite::text::ddl::{self, Token, quote, same_name};

/// The main schema of `connection` in its normal form: each table or view with its
/// indexes and triggers, by name; every statement ended by `;` and an empty line. The tables `own`,
/// which are fkfix's, are left out.
pub fn schema(connection: &Connection, own: &[String]) -> Result<String> {
    let is_own = |table: &str| own.iter().any(|it| same_name(it, table));
    let mut statement = connection.prepare(
        "SELECT s.name, s.tbl_name, s.sql FROM main.sqlite_schema AS s
         WHERE s.sql IS NOT NULL AND s.tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
           AND s.tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')
         ORDER BY lower(s.tbl_name), s.type NOT IN ('table', 'view'), s.type, lower(s.name)",
    )?;
    let mut rows = statement.query([])?;
    let words = Words::new()?;
    let mut text = String::new();
    while let Some(row) = rows.next()? {
        let (name, table): (String, String) = (row.get(0)?, row.get(1)?);
        let (sql, _) = crate::sqlite::schema::text(row, 2)?;
        if !is_own(&table) {
            let normal = words
                .normal(&sql)
                .with_context(|| format!("could not read the definition of {name}"))?;
            text.push_str(&normal);
            text.push_str(";\n\n");
        }
    }
    Ok(text)
}

/// Knows which words SQLite takes for a name without quotes.
pub struct Words(Connection);

impl Words {
    /// Opens the database in memory that is asked.
    pub fn new() -> Result<Self> {
        Ok(Words(
            Connection::open_in_memory().context("could not open a database in memory")?,
        ))
    }

    /// `sql` in its normal form, without the `;` behind it.
    pub fn normal(&self, sql: &str) -> Result<String> {
        let tokens = ddl::tokens(sql)?;
        let layout = Layout::of(&tokens);
        let mut place = Place::default();
        let mut text = String::new();
        let mut last_word = String::new();
        for token in &tokens {
            place.enter(token.kind);
            if layout.breaks(&place, token.kind) {
                text.push('\n');
                text.push_str(layout.indent(&place, token.kind));
            } else if is_spaced(&last_word, &place, token.kind) {
                text.push(' ');
            }
            last_word = if layout.is_word_of_grammar(&place, token.kind) {
                token.text.to_ascii_uppercase()
            } else if layout.names_at(&place, token.kind) {
                self.name(&ddl::unquote(token.text), token.text)
            } else if keyword(token.text).is_some() {
                token.text.to_ascii_uppercase()
            } else {
                token.text.to_owned()
            };
            text.push_str(&last_word);
            place.leave(token.kind);
        }
        Ok(text)
    }

    /// `name` without quotes where SQLite would read it so, and mean the same.
    fn name(&self, name: &str, written: &str) -> String {
        let is_quoted = name != written;
        let is_word = name.chars().enumerate().all(|(place, letter)| {
            letter == '_'
                || letter.is_ascii_alphabetic()
                || !letter.is_ascii()
                || (place > 0 && (letter.is_ascii_digit() || letter == '$'))
        });
        // DEFAULT "true" is a text and DEFAULT true is 1.
        let is_value = same_name(name, "true") || same_name(name, "false");
        match keyword(name) {
            _ if !is_quoted => name.to_owned(),
            _ if name.is_empty() || !is_word || is_value => quote(name),
            None => name.to_owned(),
            Some(TK_CTIME_KW) => quote(name),
            // A column called key may be written key, or "key".
            Some(_) if self.may_be_name(name) => name.to_ascii_uppercase(),
            Some(_) => quote(name),
        }
    }

    fn may_be_name(&self, keyword: &str) -> bool {
        self.0.prepare(&format!("SELECT 1 AS {keyword}")).is_ok()
    }
}

/// The keyword that `word` is. The crate's function panics on a word that is shorter than any.
fn keyword(word: &str) -> Option<TokenType> {
    (word.len() > 1 && word.is_ascii())
        .then(|| keyword_token(word.as_bytes()))
        .flatten()
}

/// Where in a statement a token stands.
#[derive(Default)]
struct Place {
    /// The token before it.
    before: Option<TokenType>,
    /// How many parentheses are open around it.
    depth: usize,
    /// It stands behind the `AS` of a view or the `BEGIN` of a trigger.
    in_body: bool,
    /// It stands behind the columns of a table.
    is_behind: bool,
}

impl Place {
    fn enter(&mut self, kind: TokenType) {
        if kind == TK_RP {
            self.depth = self.depth.saturating_sub(1);
        }
    }

    fn leave(&mut self, kind: TokenType) {
        if kind == TK_LP {
            self.depth += 1;
        }
        self.is_behind |= self.depth == 0 && kind == TK_RP;
        self.in_body |= self.depth == 0 && matches!(kind, TK_AS | TK_BEGIN);
        self.before = Some(kind);
    }
}

/// What kind of statement it is, and so where its lines are broken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// A line for each column and each constraint.
    Table,
    /// A line for each statement of the body.
    Trigger,
    /// One line, and the arguments as they are: what they mean is the module's affair.
    VirtualTable,
    /// One line.
    Other,
}

impl Layout {
    fn of(tokens: &[Token<'_>]) -> Self {
        match tokens.get(1).map(|token| token.kind) {
            Some(TK_TABLE) => Layout::Table,
            Some(TK_TRIGGER) => Layout::Trigger,
            Some(TK_VIRTUAL) => Layout::VirtualTable,
            _ => Layout::Other,
        }
    }

    fn breaks(self, place: &Place, kind: TokenType) -> bool {
        match self {
            Layout::Table if kind == TK_RP => place.depth == 0,
            Layout::Table => place.depth == 1 && matches!(place.before, Some(TK_LP | TK_COMMA)),
            Layout::Trigger => matches!(place.before, Some(TK_BEGIN | TK_SEMI)),
            Layout::VirtualTable | Layout::Other => false,
        }
    }

    fn indent(self, place: &Place, kind: TokenType) -> &'static str {
        let is_outside = match self {
            Layout::Table => place.depth == 0,
            _ => kind == TK_END,
        };
        if is_outside { "" } else { "  " }
    }

    /// Whether the token is `STRICT`, `ROWID` or `STORED`, which SQLite reads as names where no
    /// name can stand.
    fn is_word_of_grammar(self, place: &Place, kind: TokenType) -> bool {
        let is_behind_expression = place.depth == 1 && place.before == Some(TK_RP);
        self == Layout::Table && kind == TK_ID && (place.is_behind || is_behind_expression)
    }

    /// Whether the token is a name. A string is one where nothing else can stand.
    fn names_at(self, place: &Place, kind: TokenType) -> bool {
        if self == Layout::VirtualTable && place.depth > 0 {
            return false;
        }
        let is_first_in_line = self == Layout::Table && self.breaks(place, kind);
        match (kind, place.before) {
            (TK_ID, _) => true,
            (TK_STRING, Some(TK_ON)) => place.depth == 0 && !place.in_body,
            (TK_STRING, Some(before)) => is_first_in_line || is_before_name(before),
            _ => false,
        }
    }
}

fn is_before_name(kind: TokenType) -> bool {
    matches!(
        kind,
        TK_TABLE
            | TK_INDEX
            | TK_TRIGGER
            | TK_VIEW
            | TK_EXISTS
            | TK_REFERENCES
            | TK_CONSTRAINT
            | TK_COLLATE
    )
}

/// Whether a space stands between `last_word` and the token.
fn is_spaced(last_word: &str, place: &Place, kind: TokenType) -> bool {
    let Some(before) = place.before else {
        return false;
    };
    let is_name = matches!(before, TK_ID | TK_STRING) && keyword(last_word).is_none();
    !(matches!(before, TK_LP | TK_DOT)
        || matches!(kind, TK_RP | TK_COMMA | TK_DOT | TK_SEMI)
        || (kind == TK_LP && is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(sql: &str) -> String {
        Words::new().unwrap().normal(sql).unwrap()
    }

    #[test]
    fn one_schema_has_one_text() {
        let text = "CREATE TABLE logs(\n  id INTEGER PRIMARY KEY,\n  KEY TEXT DEFAULT (lower('A')),\n  \"created at\" TEXT COLLATE NOCASE,\n  CONSTRAINT k FOREIGN KEY (id) REFERENCES events(id) ON DELETE CASCADE,\n  x AS (id) STORED\n) STRICT";
        for sql in [
            "CREATE TABLE logs (id INTEGER PRIMARY KEY, key TEXT DEFAULT (lower('A')), [created at] TEXT COLLATE NOCASE, CONSTRAINT k FOREIGN KEY (id) REFERENCES events (id) ON DELETE CASCADE, x AS (id) STORED) STRICT",
            "create table 'logs'(\"id\" INTEGER primary key,-- the key )\n`key` TEXT default(\"lower\"('A')),'created at' TEXT collate \"NOCASE\"\n, constraint 'k' foreign key(\"id\") references 'events'([id]) on delete cascade,x as(id)stored)strict",
        ] {
            assert_eq!(normal(sql), text);
        }
    }

    #[test]
    fn what_means_something_else_stays_apart() {
        for (left, right) in [
            (
                "CREATE TABLE t (a DEFAULT true)",
                "CREATE TABLE t (a DEFAULT \"true\")",
            ),
            (
                "CREATE TABLE t (a DEFAULT CURRENT_DATE)",
                "CREATE TABLE t (a DEFAULT \"CURRENT_DATE\")",
            ),
            (
                "CREATE TABLE t (a PRIMARY KEY)",
                "CREATE TABLE t (a \"PRIMARY\" \"KEY\")",
            ),
            (
                "CREATE TABLE t (a DEFAULT 'x')",
                "CREATE TABLE t (a DEFAULT 'X')",
            ),
            (
                "CREATE VIEW v AS SELECT 'a'",
                "CREATE VIEW v AS SELECT a FROM t",
            ),
            (
                "CREATE VIEW v AS SELECT 1 FROM t JOIN u ON 'a'",
                "CREATE VIEW v AS SELECT 1 FROM t JOIN u ON a",
            ),
            ("CREATE TABLE t (\"a b\")", "CREATE TABLE t (a b)"),
        ] {
            assert_ne!(normal(left), normal(right), "{left}");
        }
    }

    #[test]
    fn triggers_and_virtual_tables_read_well() {
        assert_eq!(
            normal(
                "create trigger x after insert on \"t\" when new.a is f() begin select 1;  select case when 1 then 2 end; end"
            ),
            "CREATE TRIGGER x AFTER INSERT ON t WHEN new.a IS f() BEGIN\n  SELECT 1;\n  SELECT CASE WHEN 1 THEN 2 END;\nEND"
        );
        assert_eq!(
            normal("CREATE VIRTUAL TABLE \"f\" USING fts5(a, content=\"t\")"),
            "CREATE VIRTUAL TABLE f USING fts5(a, content = \"t\")"
        );
    }
}
