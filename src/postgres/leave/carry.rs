//! Moves rows out of their tables, into the archive or for good; and has rows that stay forget keys.

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::error::SqlState;
use postgres::types::{ToSql, Type};

use super::archive::{self, Mark};
use super::triggers::{self, Event, without_triggers};
use crate::failure::Failure;
use crate::policy::Triggers;
use crate::postgres::catalog::{list, literal, quoted};
use crate::postgres::leave::apart;
use crate::postgres::orphans::stays::{self, Assigned};
use crate::postgres::orphans::{Found, Leaving, Search};
use crate::postgres::schema::rows::{self, RowId, source};
use crate::postgres::session::Again;
use crate::text;

/// What happens to the tables of `found`.
pub fn events(found: &Found) -> impl Iterator<Item = (&Leaving, Event)> {
    found.tables.iter().flat_map(|it| {
        let leave = (it.leave() > 0).then_some((it, Event::Delete));
        let forget = (it.forget() > 0).then_some((it, Event::Update));
        leave.into_iter().chain(forget)
    })
}

/// Has the rows of `found`, which are locked, forget their keys or leave. All that leave do so by
/// one statement, so that no key finds a row without its parent in between.
pub fn carry_out(
    transaction: &mut Transaction,
    search: &Search,
    found: &Found,
    mark: &Mark,
    triggers: Triggers,
) -> Result<()> {
    let tables: Vec<_> = events(found)
        .map(|(it, event)| (it.table.as_ref(), event))
        .collect();
    without_triggers(transaction, &tables, triggers, |transaction| {
        for leaving in &found.tables {
            for (marks, rows) in leaving.staying() {
                let assigned = search.assigned(leaving.table.oid, marks);
                forget(transaction, search, leaving, &rows, &assigned, mark)?;
            }
        }
        if apart::is_so(found) {
            apart::delete(transaction, search, found, mark)?;
        } else if tables.iter().any(|(_, event)| *event == Event::Delete) {
            delete(transaction, search, found, mark)?;
        }
        Ok(())
    })
}

/// Has `rows` forget their keys, and the archive remember them as they are.
fn forget(
    transaction: &mut Transaction,
    search: &Search,
    leaving: &Leaving,
    rows: &[RowId],
    assigned: &[Assigned],
    mark: &Mark,
) -> Result<()> {
    let texts = rows::texts(rows.iter().cloned());
    let whys = rows.iter().filter_map(|row| leaving.rows.get(row));
    let reasons: Vec<_> = whys
        .map(|why| search.names(leaving.table.oid, why))
        .collect();
    let keeps = search.action.keeps();
    let kept = if keeps {
        format!(",\n{}", remembering_sql(leaving, assigned, mark))
    } else {
        String::new()
    };
    let number = if keeps { "kept" } else { "done" };
    let sql = format!(
        "WITH {}{kept}\nSELECT (SELECT pg_catalog.count(*) FROM done WHERE is_set), (SELECT pg_catalog.count(*) FROM {number})",
        setting_sql(leaving, assigned)
    );
    let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&texts, Type::TEXT_ARRAY)];
    if keeps {
        parameters.push((&reasons, Type::TEXT_ARRAY));
    }
    let done = if leaving.table.spread.is_some() {
        let kept = keeps.then(|| remembered(assigned));
        let setting = setting(leaving, assigned);
        apart::forget(
            transaction,
            search,
            leaving,
            rows,
            &setting,
            kept.as_deref(),
            mark,
        )
    } else {
        let row = transaction.query_typed_one(&sql, &parameters);
        row.and_then(|row| Ok([row.try_get(0)?, row.try_get(1)?]))
    };
    let numbers: [i64; 2] = match done {
        Ok(numbers) => numbers,
        // The parent of a default has gone meanwhile.
        Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
            return Err(Again.into());
        }
        Err(error) => return Err(can_not_forget(leaving, assigned, error)),
    };
    for number in numbers {
        if usize::try_from(number) != Ok(rows.len()) {
            return Err(Failure::impossible(format!(
                "{} of {} should have got another key, and {} did: a trigger keeps them as they are; everything is rolled back",
                text::rows(i64::try_from(rows.len())?),
                leaving.shown,
                text::count(number)
            ))
            .hint("--triggers skip sets the triggers aside for each batch")
            .into());
        }
    }
    Ok(())
}

fn can_not_forget(
    leaving: &Leaving,
    assigned: &[Assigned],
    error: postgres::Error,
) -> anyhow::Error {
    let columns: Vec<_> = assigned.iter().map(|it| it.column.clone()).collect();
    let doing = format!(
        "could not set {} of rows of {}",
        text::listing(&columns),
        leaving.shown
    );
    let told = error.as_db_error();
    match told.filter(|it| it.code().code().starts_with("23")) {
        Some(told) => Failure::impossible(format!("{doing}: {}", told.message()))
            .hint("--orphans archive moves these rows out whole, and down brings them back")
            .into(),
        None => anyhow::Error::new(error).context(doing),
    }
}

fn setting_sql(leaving: &Leaving, assigned: &[Assigned]) -> String {
    format!("done AS ({})", setting(leaving, assigned))
}

fn setting(leaving: &Leaving, assigned: &[Assigned]) -> String {
    let set: Vec<_> = assigned
        .iter()
        .map(|it| format!("{} = {}", quoted(&it.column), it.value()))
        .collect();
    let is_set: Vec<_> = assigned
        .iter()
        .map(|it| {
            let now = stays::literal_of(&format!("c.{}", quoted(&it.column)));
            format!("{now} OPERATOR(pg_catalog.=) {}", it.literal())
        })
        .collect();
    format!(
        "UPDATE {} AS c SET {} WHERE {} RETURNING {} AS is_set",
        source(&leaving.table),
        set.join(", "),
        rows::are(&leaving.table, "c", 1),
        is_set.join(" AND ")
    )
}

/// What the archive remembers to have been put into a row that stays.
fn remembered(assigned: &[Assigned]) -> String {
    let kept: Vec<_> = assigned
        .iter()
        .map(|it| format!("{}, {}", literal(&it.column), it.literal()))
        .collect();
    format!("pg_catalog.jsonb_build_object({})", kept.join(", "))
}

fn remembering_sql(leaving: &Leaving, assigned: &[Assigned], mark: &Mark) -> String {
    let (names, values) = (
        archive::columns_of(leaving, ""),
        archive::columns_of(leaving, "c."),
    );
    format!(
        "kept AS (INSERT INTO {} ({}, {}, {names}) SELECT l.reasons, {}, {}, {values} FROM {} AS c JOIN {} ON l.place OPERATOR(pg_catalog.=) {} RETURNING 1)",
        archive::name_of(&leaving.table.name),
        list(&archive::filled_columns()),
        archive::KEPT,
        mark.values(),
        remembered(assigned),
        source(&leaving.table),
        archive::listed(1),
        rows::place(&leaving.table, "c")
    )
}

fn delete(
    transaction: &mut Transaction,
    search: &Search,
    found: &Found,
    mark: &Mark,
) -> Result<()> {
    let keeps = search.action.keeps();
    let mut parts = Vec::new();
    let mut counts = Vec::new();
    let mut arrays: Vec<Vec<String>> = Vec::new();
    let leave: Vec<_> = found.tables.iter().filter(|it| it.leave() > 0).collect();
    for (at, leaving) in leave.iter().enumerate() {
        arrays.push(rows::texts(leaving.leaving()));
        parts.push(leaving_sql(leaving, at, arrays.len()));
        counts.push(format!("(SELECT pg_catalog.count(*) FROM gone{at})"));
        if keeps {
            let whys = leaving.rows.values().filter(|why| why.leaves);
            arrays.push(
                whys.map(|why| search.names(leaving.table.oid, why))
                    .collect(),
            );
            parts.push(keeping_sql(leaving, at, arrays.len() - 1, mark));
            counts.push(format!("(SELECT pg_catalog.count(*) FROM kept{at})"));
        }
    }
    let sql = format!("WITH {} SELECT {}", parts.join(",\n"), counts.join(", "));
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> = arrays
        .iter()
        .map(|it| (it as &(dyn ToSql + Sync), Type::TEXT_ARRAY))
        .collect();
    let names: Vec<_> = leave.iter().map(|it| it.shown.as_str()).collect();
    let row = transaction
        .query_typed_one(&sql, &parameters)
        .with_context(|| format!("could not move rows out of {}", text::listing(&names)))?;
    let width = if keeps { 2 } else { 1 };
    for (at, leaving) in leave.iter().enumerate() {
        for place in 0..width {
            let moved: i64 = row.try_get(at * width + place)?;
            if moved != leaving.leave() {
                return Err(triggers::kept_back(transaction, leaving, moved)?);
            }
        }
    }
    Ok(())
}

fn leaving_sql(leaving: &Leaving, at: usize, rows: usize) -> String {
    format!(
        "gone{at} AS (DELETE FROM {} AS c WHERE {} RETURNING {} AS fkfix_row, {})",
        source(&leaving.table),
        rows::are(&leaving.table, "c", rows),
        rows::place(&leaving.table, "c"),
        archive::columns_of(leaving, "c.")
    )
}

fn keeping_sql(leaving: &Leaving, at: usize, rows: usize, mark: &Mark) -> String {
    format!(
        "kept{at} AS (INSERT INTO {} ({}, {}) SELECT l.reasons, {}, {} FROM gone{at} AS g JOIN {} ON l.place OPERATOR(pg_catalog.=) g.fkfix_row RETURNING 1)",
        archive::name_of(&leaving.table.name),
        list(&archive::filled_columns()),
        archive::columns_of(leaving, ""),
        mark.values(),
        archive::columns_of(leaving, "g."),
        archive::listed(rows)
    )
}
