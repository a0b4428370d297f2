//! Keys that only values tell: UUIDs and the like, which no two tables share by chance.

use anyhow::Result;
use rusqlite::Connection;

use super::catalog::{Catalog, Subject};
use super::names::How;
use super::score::Verdict;
use super::values::unless_lacking;
use super::{Candidate, key_of, score, values};
use crate::sqlite::schema::{Affinity, Column};
use crate::sqlite::text::ddl::{quote, same_name};

/// How sure it is when nothing but values speaks.
const WEIGHT: i32 = 64;
/// Fewer values might be there by chance.
const FEWEST: i64 = 5;
/// How many rows are looked at to see whether the values are opaque.
const PROBED: i64 = 100;

/// The key of `column`, where every value in it is the key of one other table.
pub fn of_column(
    connection: &Connection,
    catalog: &Catalog,
    child: &Subject,
    column: &Column,
) -> Result<Option<Candidate>> {
    let is_fit = column.affinity != Affinity::Numeric
        && !column.generated
        && !child.is_single_key(&column.name);
    let is_opaque = || unless_lacking(is_opaque(connection, child, column));
    if !is_fit || is_opaque()? != Some(true) {
        return Ok(None);
    }
    let mut found: Vec<Candidate> = Vec::new();
    for parent in &catalog.subjects {
        for (to, parent_column) in parent.single_keys() {
            let is_self = same_name(&parent.table.name, &child.table.name);
            if is_self || parent_column.affinity != column.affinity {
                continue;
            }
            let key = key_of(child, &[column], parent, to);
            if catalog.declared.iter().any(|it| it.same_columns(&key)) {
                return Ok(None);
            }
            let probe = is_probable(connection, child, column, parent, parent_column);
            if unless_lacking(probe)? != Some(true) {
                continue;
            }
            let look = values::look(connection, &child.table, &parent.table, &key, to)?;
            if look.values.distinct < FEWEST || look.values.with_parent < look.values.distinct {
                continue;
            }
            let verdict = Verdict {
                confidence: score::percent(WEIGHT + score::by_values(How::Vaguely, &look)),
                evidence: vec![
                    score::in_words(&look, &parent.table.name),
                    "such values are in no two tables by chance".to_owned(),
                ],
            };
            found.push(Candidate::new(key, to, &look, verdict));
        }
    }
    // Tables that share their keys: which of them is meant, the values do not tell.
    let is_clear = found.len() == 1;
    Ok(found.into_iter().next().filter(|_| is_clear))
}

/// Whether the first values are long and made of letters and digits without a gap.
fn is_opaque(connection: &Connection, child: &Subject, column: &Column) -> Result<bool> {
    let query = format!(
        "SELECT count(*) >= {FEWEST} AND min(length(v) >= 16 AND v NOT GLOB '* *' AND v GLOB '*[0-9]*')
         FROM (SELECT DISTINCT {0} AS v FROM (SELECT {0} FROM {1} LIMIT {PROBED}) WHERE {0} IS NOT NULL)",
        quote(&column.name),
        child.table.source("")
    );
    Ok(connection
        .query_row(&query, [], |row| row.get::<_, Option<bool>>(0))?
        .unwrap_or(false))
}

/// Whether the first values have a parent.
fn is_probable(
    connection: &Connection,
    child: &Subject,
    column: &Column,
    parent: &Subject,
    parent_column: &Column,
) -> Result<bool> {
    let query = format!(
        "SELECT NOT EXISTS (SELECT 1 FROM (SELECT {0} AS v FROM {1} LIMIT {PROBED}) WHERE v IS NOT NULL AND v NOT IN (SELECT {2} FROM {3} WHERE {2} IS NOT NULL))",
        quote(&column.name),
        child.table.source(""),
        quote(&parent_column.name),
        parent.table.source("")
    );
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}
