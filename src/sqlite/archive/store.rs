//! How rows come into the archive of their table, and what keeps some from it.

use anyhow::Result;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use super::table::{
    Archive, FULL_TEXT, KEPT, OWN_COLUMNS, RUN, name_of, next_run, of, same_key, same_row,
};
use crate::failure::Failure;
use crate::sqlite::orphans::lists::{self, Removal};
use crate::sqlite::rebuild::compare;
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::text::ddl::{literal, quote, quote_list, same_name};
use crate::text::rows;

/// About as many instructions of SQLite's virtual machine for a row that goes to the archive, beside
/// two for each column.
const WORK_PER_ARCHIVED_ROW: usize = 30;
/// What it weighs, as in `rebuild/way.rs`.
const WEIGHT_OF_ARCHIVING: usize = 95;

/// How rows come into an archive.
pub struct Storing {
    /// The steps that copy them, as they are.
    pub steps: Vec<Step>,
    /// The step that holds those that stay against what was copied, once they have forgotten keys.
    pub comparison: Option<Step>,
}

/// Plans to copy the rows of `removal`, as they are, into the archive of their table: those that
/// leave and those that stay and forget a key.
pub fn store(connection: &Connection, removal: &Removal, version: Option<i64>) -> Result<Storing> {
    let table = &removal.table;
    let names: Vec<_> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    must_be_possible(&name_of(&table.name), &names)?;
    must_not_be_too_long(connection, removal)?;
    let indexes = full_text::Indexes::of(connection, table)?;
    let archive = of(connection, &table.name)?;
    let name = archive
        .as_ref()
        .map_or_else(|| name_of(&table.name), |archive| archive.name.clone());
    let mut steps = Vec::new();
    match &archive {
        None => {
            must_be_narrow(
                connection,
                &name,
                OWN_COLUMNS.len() + 1 + names.len() + usize::from(!indexes.is_empty()),
            )?;
            steps.push(Step::run(
                format!("create {name}"),
                format!(
                    "CREATE TABLE {} (fkfix_rowid INTEGER, fkfix_constraints TEXT, fkfix_version INTEGER, fkfix_archived_at TEXT, {RUN} INTEGER, {}{}{})",
                    quote(&name),
                    if indexes.is_empty() { "" } else { "fkfix_full_text TEXT, " },
                    if removal.kept == 0 { "" } else { "fkfix_kept TEXT, " },
                    quote_list("", names.iter().copied())
                ),
            ));
        }
        Some(archive) => {
            let run = (!archive.has_runs).then_some((RUN, " INTEGER"));
            let missing = names.iter().filter(|name| !archive.has(name));
            let note = !indexes.is_empty() && !archive.notes_full_text;
            let note = note.then_some((FULL_TEXT, " TEXT"));
            let missing = run.into_iter().chain(missing.map(|name| (*name, "")));
            let kept = removal.kept > 0 && !archive.has_kept;
            let note = note.into_iter().chain(kept.then_some((KEPT, " TEXT")));
            let missing: Vec<_> = missing.chain(note).collect();
            must_be_narrow(connection, &name, archive.width + missing.len())?;
            steps.extend(missing.into_iter().map(|(column, kind)| {
                Step::run(
                    format!("add the column {column} to {name}"),
                    format!(
                        "ALTER TABLE {} ADD COLUMN {}{kind}",
                        quote(&name),
                        quote(column)
                    ),
                )
            }));
        }
    }
    let run = Run {
        version,
        number: next_run(connection)?,
    };
    let archived = removal.touched();
    steps.push(
        Step::run(
            format!("copy {} into {name}", rows(archived)),
            copy_sql(removal, &name, &names, run, &indexes),
        )
        .over(
            archived,
            2 * table.columns.len() + WORK_PER_ARCHIVED_ROW,
            WEIGHT_OF_ARCHIVING,
        ),
    );
    let came_now = came_now(connection, &name, archive.as_ref(), &names)?;
    let columns: Vec<_> = table.stored_columns().collect();
    steps.push(Step::Expect {
        what: match removal.kept {
            0 => format!("{name} holds every row that leaves {}", table.name),
            _ => format!("{name} holds every row of {} as it is", table.name),
        },
        query: format!(
            "SELECT count(*) FROM main.{} AS a CROSS JOIN main.{} AS w WHERE {came_now}a.{RUN} = {} AND {}",
            quote(&name),
            quote(&table.name),
            run.number,
            same_row(table, &columns)
        ),
        value: archived,
        by_row: None,
    });
    let comparison = (removal.kept > 0).then(|| {
        let before = format!("main.{} AS a", quote(&name));
        let which = format!(
            "{came_now}a.{RUN} = {} AND a.{KEPT} IS NOT NULL AND {}",
            run.number,
            same_key(table)
        );
        compare::forgot_keys_alone(removal, &before, &which)
    });
    Ok(Storing { steps, comparison })
}

/// Fails where a row of `removal` computes more than a value may have, of which
/// [`guard::limit_values`](crate::sqlite::file::guard::limit_values) has told SQLite.
fn must_not_be_too_long(connection: &Connection, removal: &Removal) -> Result<()> {
    let table = &removal.table;
    let computed = table.columns.iter().filter(|it| it.generated);
    let lengths = computed.map(|it| format!("ifnull(octet_length(w.{}), 0)", quote(&it.name)));
    let lengths = lengths.collect::<Vec<_>>().join(" + ");
    if lengths.is_empty() {
        return Ok(());
    }
    let longest = format!(
        "SELECT ifnull(max({lengths}), 0) {}",
        lists::from_listed("w", removal)
    );
    let most = connection.limit(Limit::SQLITE_LIMIT_LENGTH)?;
    match connection.query_row(&longest, [], |row| row.get::<_, i64>(0)) {
        Ok(longest) if longest <= i64::from(most) => Ok(()),
        Err(error) if error.sqlite_error_code() != Some(ErrorCode::TooBig) => Err(error.into()),
        _ => Err(Failure::impossible(format!(
            "a row of {} could not be archived: what its columns compute is longer than the whole database",
            table.name
        ))
        .hint("give the orphans a parent first, or run with --orphans delete to keep no archive")
        .into()),
    }
}

/// The condition that the row `a` of the archive `name` is none of those that are there already, so
/// that these need not be read; empty where columns have taken all names of the rowid.
fn came_now(
    connection: &Connection,
    name: &str,
    archive: Option<&Archive>,
    columns: &[&str],
) -> Result<String> {
    let is_taken = |name: &str| {
        archive.is_some_and(|it| it.has(name)) || columns.iter().any(|it| same_name(it, name))
    };
    let mut names = ["rowid", "_rowid_", "oid"].into_iter();
    let Some(rowid) = names.find(|name| !is_taken(name)) else {
        return Ok(String::new());
    };
    let newest = if archive.is_some() {
        let newest = format!("SELECT ifnull(max({rowid}), 0) FROM main.{}", quote(name));
        connection.query_row(&newest, [], |row| row.get::<_, i64>(0))?
    } else {
        0
    };
    Ok(format!("a.{rowid} > {newest} AND "))
}

/// Fails where SQLite would not take the archive called `name` of a table with `columns`.
pub fn must_be_possible(name: &str, columns: &[&str]) -> Result<()> {
    let is_own = |column: &&&str| {
        OWN_COLUMNS
            .iter()
            .chain([&RUN, &FULL_TEXT, &KEPT])
            .any(|own| same_name(own, column))
    };
    let obstacle = if name.to_ascii_lowercase().starts_with("sqlite_") {
        format!("{name} can't be made: SQLite keeps names that begin with sqlite_ for itself")
    } else if let Some(column) = columns.iter().find(is_own) {
        format!("{name} can't be made: it has a column {column} of its own, and so has the table")
    } else {
        return Ok(());
    };
    Err(Failure::impossible(obstacle)
        .hint("give the orphans a parent first, or run with --orphans delete to keep no archive")
        .into())
}

/// Fails where SQLite would not take the table `name` with so many columns.
pub(super) fn must_be_narrow(connection: &Connection, name: &str, columns: usize) -> Result<()> {
    let most = usize::try_from(connection.limit(Limit::SQLITE_LIMIT_COLUMN)?)?;
    if columns <= most {
        return Ok(());
    }
    Err(Failure::impossible(format!(
        "{name} would have {columns} columns, and SQLite allows {most}"
    ))
    .hint("give the orphans a parent first, or run with --orphans delete to keep no archive")
    .into())
}

/// A run of `up` that archives rows.
#[derive(Clone, Copy)]
struct Run {
    /// The migration, if it was for one.
    version: Option<i64>,
    /// Its number among the runs.
    number: i64,
}

fn copy_sql(
    removal: &Removal,
    archive: &str,
    names: &[&str],
    run: Run,
    indexes: &full_text::Indexes,
) -> String {
    let version = run.version.map_or("NULL".to_owned(), |it| it.to_string());
    let number = run.number;
    let table = &removal.table;
    let (note, noted) = if indexes.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("{FULL_TEXT}, "), format!("{}, ", indexes.holding()))
    };
    let (keep, kept) = if removal.kept == 0 {
        (String::new(), String::new())
    } else {
        (format!("{KEPT}, "), format!("{}, ", forgets(removal)))
    };
    let rowid = table
        .row_key
        .rowid()
        .map_or_else(|| "NULL".to_owned(), |name| format!("w.{}", quote(name)));
    format!(
        "INSERT INTO main.{} ({}, {RUN}, {note}{keep}{})\nSELECT {rowid}, l.reasons, {version}, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), {number}, {noted}{kept}{}\n{}",
        quote(archive),
        OWN_COLUMNS.join(", "),
        quote_list("", names.iter().copied()),
        quote_list("w.", names.iter().copied()),
        lists::from_listed("w", removal),
    )
}

/// An expression for what the row of list `l` forgets: NULL for one that leaves.
pub fn forgets(removal: &Removal) -> String {
    let columns = removal.set_columns().into_iter();
    let each = columns.map(|name| {
        let value = removal.set_value(name, "l.forgets", "NULL");
        let marks = removal.forgets.iter();
        let marks = marks.filter(|it| it.columns.iter().any(|own| same_name(own, name)));
        let marks: i64 = marks.map(|it| it.mark).sum();
        format!(
            "{}, CASE WHEN l.forgets & {marks} THEN quote({value}) END",
            literal(name)
        )
    });
    // json_patch leaves out what is NULL.
    format!(
        "CASE WHEN l.round < 0 THEN json_patch('{{}}', json_object({})) END",
        each.collect::<Vec<_>>().join(", ")
    )
}
