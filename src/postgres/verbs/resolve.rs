//! `resolve`: marks a migration as applied or reverted, and runs nothing.

use anyhow::Result;
use postgres::Transaction;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::outcome::resolve::{ResolveReport, ResolvedKey};
use crate::postgres::database::own::Own;
use crate::postgres::database::{Database, applicable};
use crate::postgres::keys;
use crate::postgres::leave::archive;
use crate::postgres::schema::Schema;
use crate::postgres::text::parts;
use crate::standing::resolve::{Change, Order};
use crate::text::rows;

impl Database {
    /// Marks the migration of `order`, in one transaction.
    pub fn resolve(&mut self, order: &Order<'_>) -> Result<ResolveReport> {
        let name = self.name.clone();
        if order.dry_run {
            return self.look(|transaction, schema, own| {
                Ok(find(transaction, schema, own, order, &name)?.0)
            });
        }
        self.change(&[], |transaction, schema, own| {
            let (report, change) = find(transaction, schema, own, order, &name)?;
            let resolved = order.resolved(OffsetDateTime::now_utc().format(&Rfc3339)?);
            match change {
                Change::Nothing => {}
                Change::Record(migration) => {
                    let before = own.history(transaction)?;
                    own.record(transaction, migration, &[], &before)?;
                    own.note_resolved(transaction, migration, &resolved)?;
                }
                Change::Amend(migration) => {
                    own.note_resolved(transaction, migration, &resolved)?;
                }
                Change::Forget => own.forget(transaction, order.version)?,
            }
            Ok(report)
        })
    }
}

/// What is to be done, and what of the database does not fit it.
fn find<'a>(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    order: &Order<'a>,
    database: &str,
) -> Result<(ResolveReport, Change<'a>)> {
    let progress = own.progress(transaction)?;
    order.must_not_be_under_way(progress.map(|it| it.version))?;
    let applied = own.history(transaction)?;
    let order = &Order {
        migrations: applicable(schema, order.migrations, &applied)?,
        ..order.clone()
    };
    let change = order.change(&applied)?;
    let mut report = ResolveReport::new(database, order, &applied, &change);
    report.keys = requested(transaction, schema, order)?;
    if !order.as_applied {
        report.warnings = archived(transaction, schema, order.version)?;
    }
    Ok((report.with_misfits(), change))
}

/// The keys that the migration asks for, each held against the database by itself.
fn requested(
    transaction: &mut Transaction,
    schema: &Schema,
    order: &Order<'_>,
) -> Result<Vec<ResolvedKey>> {
    let Some(migration) = order.migrations.get(order.version) else {
        return Ok(Vec::new());
    };
    let requests = parts::requests(migration)?;
    let keys = requests.into_iter().map(|request| {
        let found = keys::resolve(transaction, schema, std::slice::from_ref(&request));
        ResolvedKey {
            table: request.table.shown(),
            constraint: Some(request.constraint()),
            is_there: found
                .as_ref()
                .is_ok_and(|keys| keys.iter().all(|key| key.there.is_some())),
            obstacle: found.err().map(|error| error.root_cause().to_string()),
        }
    });
    Ok(keys.collect())
}

/// What the archives hold of the migration.
fn archived(transaction: &mut Transaction, schema: &Schema, version: i64) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for archive in archive::all(schema) {
        let number = archive::count(transaction, &archive, Some(version))?;
        if number > 0 {
            let name = schema.shown(&archive.table.name);
            told.push(format!(
                "{name} still holds {} that left by it",
                rows(number)
            ));
        }
    }
    Ok(told)
}
