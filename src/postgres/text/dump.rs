//! Reads what `pg_dump -s` writes: its tables, and what it adds to them. Nothing is run.
//!
//! `pg_dump` names every table with its schema, makes tables first, then adds keys and indexes
//! (<https://www.postgresql.org/docs/current/app-pgdump.html>). A dump with rows is read too.

use anyhow::Result;

use super::lexer::{self, Kind, Token};
use super::script::{self, Path, Request};
use crate::failure::Failure;

/// The first lines of a dump of one database, and of all of a server.
const HEADERS: [&str; 2] = [
    "-- PostgreSQL database dump",
    "-- PostgreSQL database cluster dump",
];

/// What a dump makes.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// The tables, in its order.
    pub tables: Vec<Made>,
}

/// A table and what is added to it.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its name.
    pub path: Path,
    /// The line on which its CREATE TABLE begins.
    pub line: usize,
    /// It holds no rows of its own.
    pub is_partitioned: bool,
    /// The table that it is a partition of.
    pub partition_of: Option<Path>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its unique constraints and indexes, and all others.
    pub indexes: Vec<Index>,
    /// The keys of which it is the child.
    pub keys: Vec<Key>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as the dump writes it.
    pub type_name: String,
    /// Whether it takes no NULL.
    pub not_null: bool,
}

/// An index, or a constraint that makes one.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "so pg_index has them")]
pub struct Index {
    /// Its name; that of the constraint.
    pub name: String,
    /// Whether a constraint makes it.
    pub is_constraint: bool,
    /// `btree`, `gin`, …
    pub method: String,
    /// Its columns; none for an expression.
    pub columns: Vec<Option<String>>,
    /// PRIMARY KEY
    pub is_primary: bool,
    /// Whether it takes no value twice.
    pub is_unique: bool,
    /// Whether it has a WHERE.
    pub is_partial: bool,
    /// DEFERRABLE
    pub is_deferrable: bool,
}

/// A foreign key.
#[derive(Clone, Debug)]
pub struct Key {
    /// What it says.
    pub request: Request,
    /// It is not NOT VALID.
    pub is_validated: bool,
    /// It is not NOT ENFORCED.
    pub is_enforced: bool,
}

/// Whether `text` begins as what `pg_dump` writes.
#[must_use]
pub fn is_one(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let begins = text.lines().take(20);
    begins
        .map(str::trim_end)
        .any(|line| HEADERS.contains(&line))
}

/// Reads the dump `text`, which messages call `file`.
pub fn parse(file: &str, text: &str) -> Result<Dump> {
    let mut dump = Dump::default();
    let mut lines = text.split_inclusive('\n').zip(1..);
    while let Some((chunk, first)) = next_chunk(file, &mut lines)? {
        let tokens = lexer::tokens(&chunk).unwrap_or_default();
        for tokens in script::split(&tokens) {
            let start = tokens.first().map_or(0, |it| it.start);
            let line = first + chunk.get(..start).unwrap_or_default().matches('\n').count();
            let known = dump.create_table(&chunk, line, tokens)
                || dump.create_index(tokens)
                || dump.alter_table(tokens);
            if !known && is_about_keys(tokens) {
                return Err(Failure::impossible(format!(
                    "{file}:{line}: what stands here can't be read as a table or a key"
                ))
                .hint("take the dump again with pg_dump -s, in its plain format")
                .into());
            }
        }
        let reads_rows = |it: &[Token]| {
            matches!(it, [copy, .., from, stdin]
            if copy.is("copy") && from.is("from") && stdin.is("stdin"))
        };
        if script::split(&tokens)
            .last()
            .is_some_and(|it| reads_rows(it))
        {
            skip_rows(file, &mut lines)?;
        }
    }
    Ok(dump)
}

/// The lines up to a `;` that ends a statement, and the number of the first; none at the end. What
/// is for psql alone, its commands, is left out.
fn next_chunk<'t>(
    file: &str,
    lines: &mut impl Iterator<Item = (&'t str, usize)>,
) -> Result<Option<(String, usize)>> {
    let (mut chunk, mut first) = (String::new(), 0);
    let mut why = None;
    for (line, number) in lines {
        if chunk.is_empty() {
            first = number;
        }
        // Between two statements there may be comments.
        let is_for_psql = line.starts_with(['\\', '\u{feff}']);
        if is_for_psql && lexer::tokens(&chunk).is_ok_and(|it| it.is_empty()) {
            chunk.push('\n');
            continue;
        }
        chunk.push_str(line);
        if !line.trim_end().ends_with(';') {
            continue;
        }
        match lexer::tokens(&chunk) {
            Ok(tokens) if depth(&tokens) == 0 => return Ok(Some((chunk, first))),
            Ok(_) => why = Some("a parenthesis is not closed"),
            Err(error) => why = Some(error),
        }
    }
    match lexer::tokens(&chunk) {
        Ok(tokens) if tokens.is_empty() => Ok(None),
        result => {
            let why = result.err().or(why).unwrap_or("a statement is not ended");
            Err(
                Failure::impossible(format!("{file}:{first}: the dump is not whole: {why}"))
                    .hint("take the dump again with pg_dump -s, in its plain format")
                    .into(),
            )
        }
    }
}

/// How many parentheses are open.
fn depth(tokens: &[Token]) -> usize {
    tokens
        .iter()
        .fold(0, |depth: usize, token| match token.kind {
            Kind::Other('(') => depth + 1,
            Kind::Other(')') => depth.saturating_sub(1),
            _ => depth,
        })
}

/// Passes over the rows behind a COPY.
fn skip_rows<'t>(file: &str, lines: &mut impl Iterator<Item = (&'t str, usize)>) -> Result<()> {
    for (line, _) in lines {
        if line.trim_end() == "\\." {
            return Ok(());
        }
    }
    Err(
        Failure::impossible(format!("{file} ends among the rows of a table"))
            .hint("the dump is not whole: take it again, with pg_dump -s")
            .into(),
    )
}

fn is_about_keys(tokens: &[Token]) -> bool {
    let begins = |words: &[&str]| {
        words.len() <= tokens.len() && words.iter().zip(tokens).all(|(word, it)| it.is(word))
    };
    let adds = tokens.windows(2).any(|it| match it {
        [foreign, key] => foreign.is("foreign") && key.is("key"),
        _ => false,
    });
    begins(&["create", "table"]) || (begins(&["alter", "table"]) && adds)
}

impl Dump {
    fn table(&mut self, path: &Path) -> Option<&mut Made> {
        let is_it = |it: &&mut Made| it.path.table == path.table && it.path.schema == path.schema;
        self.tables.iter_mut().find(is_it)
    }

    /// `CREATE [UNLOGGED] TABLE name (…) [INHERITS …] [PARTITION BY …]`
    fn create_table(&mut self, text: &str, line: usize, tokens: &[Token]) -> bool {
        let rest = match tokens {
            [create, table, rest @ ..] if create.is("create") && table.is("table") => rest,
            [create, kind, table, rest @ ..]
                if create.is("create") && kind.is("unlogged") && table.is("table") =>
            {
                rest
            }
            _ => return false,
        };
        let Some((path, rest)) = script::path(rest) else {
            return false;
        };
        let Some((body, behind)) = parenthesized(rest) else {
            return false;
        };
        let mut made = Made {
            path,
            line,
            is_partitioned: behind.first().is_some_and(|it| it.is("partition")),
            partition_of: None,
            columns: Vec::new(),
            indexes: Vec::new(),
            keys: Vec::new(),
        };
        for item in script::actions(body) {
            let is_constraint = [
                "constraint",
                "check",
                "primary",
                "unique",
                "foreign",
                "exclude",
            ];
            match item {
                [] => {}
                [first, ..] if is_constraint.iter().any(|word| first.is(word)) => {
                    made.add(item);
                }
                _ => made.columns.extend(column(text, item)),
            }
        }
        self.tables.push(made);
        true
    }

    /// `CREATE [UNIQUE] INDEX name ON [ONLY] table USING method (…) … [WHERE …]`
    fn create_index(&mut self, tokens: &[Token]) -> bool {
        let (is_unique, rest) = match tokens {
            [create, unique, index, rest @ ..]
                if create.is("create") && unique.is("unique") && index.is("index") =>
            {
                (true, rest)
            }
            [create, index, rest @ ..] if create.is("create") && index.is("index") => (false, rest),
            _ => return false,
        };
        let [name, on, rest @ ..] = rest else {
            return false;
        };
        let rest = match rest {
            [only, rest @ ..] if only.is("only") => rest,
            _ => rest,
        };
        let (Some(name), true, Some((path, rest))) = (name.name(), on.is("on"), script::path(rest))
        else {
            return false;
        };
        let (method, rest) = match rest {
            [using, method, rest @ ..] if using.is("using") => (method.name(), rest),
            _ => (None, rest),
        };
        let Some((body, behind)) = parenthesized(rest) else {
            return false;
        };
        let index = Index {
            name: name.to_owned(),
            is_constraint: false,
            method: method.unwrap_or("btree").to_owned(),
            columns: script::actions(body)
                .into_iter()
                .map(plain_column)
                .collect(),
            is_primary: false,
            is_unique,
            is_partial: behind.iter().any(|it| it.is("where")),
            is_deferrable: false,
        };
        if let Some(made) = self.table(&path) {
            made.indexes.push(index);
        }
        true
    }

    /// `ALTER TABLE [ONLY] name ADD CONSTRAINT …`, and `ATTACH PARTITION`; others say nothing of keys.
    fn alter_table(&mut self, tokens: &[Token]) -> bool {
        let Some((path, body)) = script::alter_table(tokens) else {
            return false;
        };
        if let [attach, partition, rest @ ..] = body
            && attach.is("attach")
            && partition.is("partition")
        {
            if let Some((child, _)) = script::path(rest)
                && let Some(made) = self.table(&child)
            {
                made.partition_of = Some(path);
            }
            return true;
        }
        let Some(made) = self.table(&path) else {
            return !is_about_keys(tokens);
        };
        for action in script::actions(body) {
            if let [add, rest @ ..] = action
                && add.is("add")
                && !made.add(rest)
                && is_about_keys(tokens)
            {
                return false;
            }
        }
        true
    }
}

impl Made {
    /// Adds the constraint that `tokens` say; whether it could be read, or is of no interest.
    fn add(&mut self, tokens: &[Token]) -> bool {
        let (name, rest) = match tokens {
            [constraint, name, rest @ ..] if constraint.is("constraint") => (name.name(), rest),
            _ => (None, tokens),
        };
        let (is_primary, is_unique, rest) = match rest {
            [primary, key, rest @ ..] if primary.is("primary") && key.is("key") => {
                (true, true, rest)
            }
            [unique, rest @ ..] if unique.is("unique") => (false, true, rest),
            [foreign, ..] if foreign.is("foreign") => return self.add_key(tokens),
            _ => return true,
        };
        let body = rest.iter().position(|it| it.is_char('('));
        let Some((body, behind)) = body.and_then(|at| parenthesized(rest.get(at..)?)) else {
            return false;
        };
        let columns: Vec<_> = script::actions(body)
            .into_iter()
            .map(plain_column)
            .collect();
        let is_deferrable = behind.windows(2).any(|it| match it {
            [before, it] => it.is("deferrable") && !before.is("not"),
            _ => false,
        }) || behind.first().is_some_and(|it| it.is("deferrable"));
        for column in self.columns.iter_mut().filter(|_| is_primary) {
            let is_of_key = columns.iter().flatten().any(|it| *it == column.name);
            column.not_null |= is_of_key;
        }
        self.indexes.push(Index {
            name: name.unwrap_or_default().to_owned(),
            is_constraint: true,
            method: "btree".to_owned(),
            columns,
            is_primary,
            is_unique,
            is_partial: false,
            is_deferrable,
        });
        true
    }

    fn add_key(&mut self, tokens: &[Token]) -> bool {
        let (mut tokens, mut is_validated, mut is_enforced) = (tokens, true, true);
        loop {
            match tokens {
                [rest @ .., not, valid] if not.is("not") && valid.is("valid") => {
                    (tokens, is_validated) = (rest, false);
                }
                [rest @ .., not, enforced] if not.is("not") && enforced.is("enforced") => {
                    (tokens, is_validated, is_enforced) = (rest, false, false);
                }
                _ => break,
            }
        }
        let Some(request) = script::constraint(&self.path, tokens) else {
            return false;
        };
        self.keys.push(Key {
            request,
            is_validated,
            is_enforced,
        });
        true
    }
}

/// `name type … [NOT NULL]`
fn column(text: &str, item: &[Token]) -> Option<Column> {
    let (name, rest) = item.split_first()?;
    let ends = [
        "not",
        "default",
        "generated",
        "collate",
        "constraint",
        "null",
    ];
    let end = rest
        .iter()
        .position(|it| ends.iter().any(|word| it.is(word)))
        .unwrap_or(rest.len());
    let kind = rest.get(..end)?;
    let (first, last) = (kind.first()?, kind.last()?);
    let not_null = rest.windows(2).any(|it| match it {
        [not, null] => not.is("not") && null.is("null"),
        _ => false,
    });
    Some(Column {
        name: name.name()?.to_owned(),
        type_name: text.get(first.start..last.end)?.to_owned(),
        not_null,
    })
}

/// The column of an index; none where it is an expression.
fn plain_column(item: &[Token]) -> Option<String> {
    match item {
        [_, open, ..] if open.is_char('(') => None,
        [first, ..] => first.name().map(str::to_owned),
        [] => None,
    }
}

/// What stands within the parentheses that `tokens` begin with, and what behind them.
fn parenthesized(tokens: &[Token]) -> Option<(&[Token], &[Token])> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Other('(') => depth += 1,
            Kind::Other(')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then_some((tokens.get(1..at)?, tokens.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = r#"--
-- PostgreSQL database dump
--

\restrict abc'def

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RETURN new; END; $$;
CREATE TABLE public.p (
    id integer NOT NULL,
    "Name" character varying(20) DEFAULT 'a, b'::character varying,
    CONSTRAINT c CHECK ((id > 0))
)
PARTITION BY RANGE (id);
COPY public.p (id, "Name") FROM stdin;
1	it's; "
\.
ALTER TABLE ONLY public.p ATTACH PARTITION public.p1 FOR VALUES FROM (1) TO (2);
CREATE TABLE public.c (
    pid numeric(3,1)
);
ALTER TABLE ONLY public.p
    ADD CONSTRAINT p_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.p
    ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT ("Name", id) INCLUDE (id) DEFERRABLE;
CREATE UNIQUE INDEX i ON public.c USING btree (lower((pid)::text), pid DESC NULLS LAST) WHERE (pid > (0)::numeric);
ALTER TABLE public.c
    ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES public.p(id) ON DELETE CASCADE NOT VALID;
"#;

    #[test]
    fn a_dump_is_read_as_it_is_written() {
        assert!(is_one(DUMP) && !is_one("CREATE TABLE a (x);"));
        let dump = parse("d", DUMP).unwrap();
        let [p, c] = dump.tables.as_slice() else {
            panic!("{dump:#?}");
        };
        assert_eq!((p.line, p.is_partitioned, c.line), (11, true, 21));
        let types = |it: &Made| -> Vec<_> {
            let columns = it.columns.iter();
            columns
                .map(|it| (it.name.clone(), it.type_name.clone(), it.not_null))
                .collect()
        };
        assert_eq!(
            types(p),
            [
                ("id".into(), "integer".into(), true),
                ("Name".into(), "character varying(20)".into(), false)
            ]
        );
        assert_eq!(types(c), [("pid".into(), "numeric(3,1)".into(), false)]);
        assert!(p.indexes[0].is_primary && p.indexes[1].is_deferrable);
        assert_eq!(p.indexes[1].columns.len(), 2);
        assert_eq!(c.indexes[0].columns, [None, Some("pid".into())]);
        assert!(c.indexes[0].is_partial && c.indexes[0].is_unique);
        assert!(!c.keys[0].is_validated && c.keys[0].is_enforced);
        assert_eq!(c.keys[0].request.parent.shown(), "public.p");
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        for cut in ["1\tit's", "'a, b'", "CHECK ((id", "character varying,"] {
            let end = DUMP.find(cut).unwrap() + cut.len() - 1;
            assert!(parse("d", &DUMP[..end]).is_err(), "{cut}");
        }
    }
}
