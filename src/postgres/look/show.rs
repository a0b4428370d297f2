//! `fkfix show`: a row, its parents, its children, and what hangs on it.

use anyhow::Result;
use postgres::Transaction;

use crate::model::asked::Asked;
use crate::outcome::show::ShowReport;
use crate::postgres::database::Database;
use crate::postgres::leave::preflight;
use crate::postgres::look::{deletion, relatives, row};
use crate::postgres::orphans::{Found, Search};
use crate::postgres::schema::Schema;
use crate::postgres::text::alter_table::Path;

impl Database {
    /// The row that is `asked` for, with its parents, its children, and what deleting it would take
    /// along.
    pub fn show(&mut self, asked: Asked<'_>) -> Result<ShowReport> {
        let name = self.name().to_owned();
        self.look(|transaction, schema, _| {
            let mut report = look(transaction, schema, asked)?;
            report.database.clone_from(&name);
            Ok(report)
        })
    }
}

fn look(transaction: &mut Transaction, schema: &Schema, asked: Asked<'_>) -> Result<ShowReport> {
    let named = schema.named(asked.table)?;
    // A view is refused here.
    let table = schema.table(&Path {
        schema: Some(named.name.schema.clone()),
        table: named.name.table.clone(),
        folded: false,
    })?;
    let shown = schema.shown(&table.name);
    preflight::table_must_be_seen(transaction, table, &shown)?;
    let found = row::find(transaction, table, &shown, asked.key, asked.by_rowid)?;
    let tables = relatives::with_roots(schema, table);
    let (place, row) = (found.place, found.row);
    let mut report = ShowReport::new(&shown, found.key, row.clone());
    report.parents = relatives::references(transaction, schema, &tables, &place, &row)?;
    report.children = relatives::children(transaction, schema, &tables, &place, asked.limit)?;
    let found = Found::one(table, &shown, &place);
    let search = Search::of_deletion(transaction, schema)?.by_place();
    report.deletion = deletion::foresee(transaction, &search, found)?;
    Ok(report)
}
