//! Reads what `pg_dump -s` writes: its tables, and what it adds to them. Nothing is run.
//!
//! `pg_dump` names every table with its schema, makes tables first, then adds keys and indexes
//! (<https://www.postgresql.org/docs/current/app-pgdump.html>). A dump with rows is read too.

use anyhow::Result;

use super::lexer::{self, Kind, Token};
use super::made::{Dump, is_about_keys};
use super::script;
use crate::failure::Failure;

/// The first lines of a dump of one database, and of all of a server.
const HEADERS: [&str; 2] = [
    "-- PostgreSQL database dump",
    "-- PostgreSQL database cluster dump",
];

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::text::made::Made;

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
