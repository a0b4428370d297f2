//! The rows of a server, at one moment, for what judges keys.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::Type;

use crate::discover::catalog::{ParentKey, Subject};
use crate::discover::facts::{Look, Rows, Seen};
use crate::discover::table::{Affinity, Column};
use crate::explain;
use crate::model::column_values::ColumnValues;
use crate::model::key::ForeignKey;
use crate::postgres::catalog::{self, Match, Table, quoted};
use crate::postgres::schema::rows::{self, Raw, source};
use crate::postgres::schema::{Schema, compare};
use crate::postgres::text::alter_table::Path as Named;
use crate::postgres::text::script::Request;
use crate::postgres::{error, keys};

/// A table of at most so many rows is looked at whole; of a larger one about half as many rows are.
const SMALL: i64 = 100_000;

/// The rows of a server, at one moment.
pub(super) struct OfServer<'t, 'c, 's> {
    pub(super) transaction: RefCell<&'t mut Transaction<'c>>,
    pub(super) schema: &'s Schema,
    /// The tables by what people call them.
    pub(super) tables: HashMap<String, Rc<Table>>,
}

impl OfServer<'_, '_, '_> {
    fn table(&self, name: &str) -> Result<&Rc<Table>> {
        let table = self.tables.get(name);
        table.ok_or_else(|| anyhow::anyhow!("there is no table {name}"))
    }

    /// What `work` gives; none where the server could not do it, but for what passes.
    fn attempt<T>(&self, work: impl FnOnce(&mut Transaction) -> Result<T>) -> Result<Option<T>> {
        let mut transaction = self.transaction.borrow_mut();
        let mut inner = transaction.transaction()?;
        match work(&mut inner) {
            Ok(value) => {
                inner.commit()?;
                Ok(Some(value))
            }
            Err(error) => match error::code(&error) {
                Some(code) if !error::is_passing(code) => {
                    tracing::debug!("not looked at: {error:#}");
                    inner.rollback()?;
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }

    /// How the columns of `key` compare as `c` and `p`: as in a key, or by their texts where
    /// PostgreSQL can't compare them in one.
    fn joined(
        transaction: &mut Transaction,
        child: &Table,
        parent: &Table,
        key: &ForeignKey,
    ) -> Result<String> {
        let wanted =
            catalog::ForeignKey::to_compare(&key.columns, &parent.name, &key.parent_columns);
        let is_key = parent.parent_keys().any(|index| {
            let columns: Vec<_> = index.columns.iter().flatten().collect();
            columns.len() == wanted.parent_columns.len()
                && wanted.parent_columns.iter().all(|it| columns.contains(&it))
        });
        if is_key && let Ok(pairs) = compare::pairs(transaction, child, parent, &wanted)? {
            return Ok(keys::joined(&pairs, "c", "p"));
        }
        let same = key.pairs().map(|(column, parent_column)| {
            format!(
                "p.{}::pg_catalog.text OPERATOR(pg_catalog.=) c.{}::pg_catalog.text",
                quoted(parent_column),
                quoted(column)
            )
        });
        Ok(same.collect::<Vec<_>>().join(" AND "))
    }
}

/// Where rows of `table` come from, as what stands behind FROM, and whether they are a sample: of a table with more than `whole` rows, blocks that hold about half as
/// many rows.
fn sampled(transaction: &mut Transaction, table: &Table, whole: i64) -> Result<(String, bool)> {
    let is_larger = transaction.query_typed_one(
        &format!(
            "SELECT EXISTS (SELECT 1 FROM {} LIMIT 1 OFFSET {whole})",
            source(table)
        ),
        &[],
    )?;
    // Citus passes over TABLESAMPLE in silence.
    if !is_larger.try_get::<_, bool>(0)? || table.spread.is_some() {
        return Ok((source(table), false));
    }
    let share = transaction.query_typed_one(
        // Of a table that was never analysed, rows of a hundred bytes are assumed.
        "SELECT greatest(0.0001, 100.0 * $2::int8 /
             greatest($2::int8, sum(CASE WHEN c.reltuples > 0 THEN c.reltuples
                                           ELSE pg_relation_size(c.oid) / 100.0 END)))::text
         FROM (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1)) AS part
         JOIN pg_class c ON c.oid = part.oid AND c.relkind = 'r'",
        &[(&table.oid, Type::OID), (&(whole / 2), Type::INT8)],
    )?;
    let share: String = share.try_get(0)?;
    // The same rows each time, so that two looks at one moment agree.
    let sample = format!("TABLESAMPLE system ({share}) REPEATABLE (42)");
    Ok((format!("{} AS t {sample}", source(table)), true))
}

impl Rows for OfServer<'_, '_, '_> {
    fn look(
        &self,
        child: &Subject,
        parent: &Subject,
        key: &ForeignKey,
        _: &ParentKey,
    ) -> Result<Look> {
        let (child, parent) = (
            Rc::clone(self.table(&child.table.name)?),
            Rc::clone(self.table(&parent.table.name)?),
        );
        let look = self.attempt(|transaction| {
            let joined = Self::joined(transaction, &child, &parent, key)?;
            look(transaction, &child, &parent, key, &joined)
        })?;
        Ok(look.unwrap_or(Look {
            failed: true,
            ..Look::default()
        }))
    }

    fn some(
        &self,
        subject: &Subject,
        most: i64,
        each: &mut dyn FnMut(usize, Seen<'_>),
    ) -> Result<bool> {
        let table = self.table(&subject.table.name)?;
        let wanted = subject.table.columns.iter().enumerate();
        let wanted: Vec<_> = wanted.filter(|(_, column)| !column.is_no_key).collect();
        if wanted.is_empty() {
            return Ok(true);
        }
        let done = self.attempt(|transaction| {
            let (from, _) = sampled(transaction, table, 2 * most)?;
            let columns = wanted.iter().map(|(_, column)| short(&column.name));
            let columns: Vec<_> = columns.collect();
            let query = format!("SELECT {} FROM {from} LIMIT {most}", columns.join(", "));
            let mut found =
                transaction.query_typed_raw(&query, std::iter::empty::<(i32, Type)>())?;
            while let Some(row) = found.next()? {
                for (at, (place, column)) in wanted.iter().enumerate() {
                    let text: Option<Raw> = row.try_get(at)?;
                    each(*place, seen(column, text.as_ref()));
                }
            }
            Ok(())
        })?;
        Ok(done.is_some())
    }

    fn values(
        &self,
        subject: &Subject,
        column: &str,
        most: usize,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<bool> {
        let table = self.table(&subject.table.name)?;
        let Some(column) = subject.table.column(column) else {
            return Ok(false);
        };
        let query = format!(
            "SELECT {} FROM {} LIMIT {most}",
            short(&column.name),
            source(table)
        );
        let done = self.attempt(|transaction| {
            let mut found =
                transaction.query_typed_raw(&query, std::iter::empty::<(i32, Type)>())?;
            while let Some(row) = found.next()? {
                let text: Option<Raw> = row.try_get(0)?;
                each(seen(column, text.as_ref()));
            }
            Ok(())
        })?;
        Ok(done.is_some())
    }

    fn texts(&self, subject: &Subject, column: &Column) -> Result<Option<Vec<String>>> {
        if matches!(column.affinity, Affinity::Numeric) {
            return Ok(Some(Vec::new()));
        }
        let query = format!(
            "SELECT DISTINCT {} FROM (SELECT * FROM {} LIMIT 10000) AS s WHERE {} IS NOT NULL LIMIT 50",
            short(&column.name),
            source(self.table(&subject.table.name)?),
            quoted(&column.name)
        );
        self.attempt(|transaction| {
            let rows = transaction.query_typed(&query, &[])?;
            let texts = rows.iter().map(|row| row.try_get::<_, Option<Raw>>(0));
            let texts: Vec<_> = texts.collect::<std::result::Result<_, _>>()?;
            let texts = texts.into_iter().flatten();
            Ok(texts
                .map(|it| String::from_utf8_lossy(&it.0).into_owned())
                .collect())
        })
    }

    fn obstacle(&self, key: &ForeignKey) -> Result<Option<String>> {
        let named = |name: &str| -> Result<Named> {
            let table = self.table(name)?;
            Ok(Named {
                schema: Some(table.name.schema.clone()),
                table: table.name.table.clone(),
                folded: false,
            })
        };
        let request = Request {
            table: named(&key.child)?,
            name: Some("fkfix_asks".to_owned()),
            columns: key.columns.clone(),
            parent: named(&key.parent)?,
            parent_columns: key.parent_columns.clone(),
            matches: Match::Simple,
            on_delete: catalog::Action::NoAction,
            on_delete_columns: Vec::new(),
            on_update: catalog::Action::NoAction,
            deferrable: false,
            deferred: false,
        };
        let mut transaction = self.transaction.borrow_mut();
        let found = keys::resolve_alone(&mut transaction, self.schema, &request);
        match found {
            Ok(_) => Ok(None),
            Err(error) if error::code(&error).is_some() => Err(error),
            Err(error) => Ok(Some(explain::message(&error))),
        }
    }
}

/// A column as text; a long one is no key, and is not read.
fn short(name: &str) -> String {
    let name = quoted(name);
    format!(
        "CASE WHEN pg_catalog.octet_length({name}::pg_catalog.text) <= 800 THEN {name}::pg_catalog.text END"
    )
}

fn seen<'v>(column: &Column, text: Option<&'v Raw>) -> Seen<'v> {
    let Some(Raw(text)) = text else {
        return Seen::Null;
    };
    if column.affinity == Affinity::Numeric {
        let text = std::str::from_utf8(text).unwrap_or_default();
        if let Ok(number) = text.parse() {
            return Seen::Integer(number);
        }
        if let Ok(number) = text.parse() {
            return Seen::Real(number);
        }
    }
    match column.affinity {
        Affinity::Text => Seen::Text(text),
        _ => Seen::Bytes(text),
    }
}

/// What the columns of `key` hold, where `joined` says that the row `p` is the parent of `c`.
fn look(
    transaction: &mut Transaction,
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
    joined: &str,
) -> Result<Look> {
    let (from, is_sample) = sampled(transaction, child, SMALL)?;
    let columns: Vec<_> = key.columns.iter().map(|it| quoted(it)).collect();
    let complete: Vec<_> = columns
        .iter()
        .map(|it| format!("c.{it} IS NOT NULL"))
        .collect();
    let query = format!(
        "SELECT coalesce(sum(n), 0)::int8, coalesce(sum(n) FILTER (WHERE NOT complete), 0)::int8,
                count(*) FILTER (WHERE complete), count(*) FILTER (WHERE complete AND has),
                coalesce(sum(n) FILTER (WHERE complete AND NOT has), 0)::int8
         FROM (SELECT c.n, {complete} AS complete,
                      EXISTS (SELECT FROM {parent_from} AS p WHERE {joined}) AS has
               FROM (SELECT {columns}, count(*) AS n FROM {from} GROUP BY {columns}) AS c) AS g",
        complete = complete.join(" AND "),
        columns = columns.join(", "),
        parent_from = source(parent)
    );
    let row = transaction.query_typed_one(&query, &[])?;
    let values = ColumnValues {
        rows: row.try_get(0)?,
        sampled: is_sample,
        nulls: row.try_get(1)?,
        distinct: row.try_get(2)?,
        with_parent: row.try_get(3)?,
        orphans: row.try_get(4)?,
    };
    let is_whole = |name: &String| {
        let column = child.columns.iter().find(|it| it.name == *name);
        column.is_some_and(|it| ["smallint", "integer", "bigint"].contains(&it.type_name.as_str()))
    };
    let parent_rows = rows::count(
        transaction,
        &format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) AS one",
            source(parent)
        ),
        &[],
    )?;
    Ok(Look {
        are_integers: values.distinct > 0 && key.columns.iter().all(is_whole),
        values,
        parent_is_empty: parent_rows == 0,
        failed: false,
    })
}
