//! Is the schema as it should be? Everything that `fkfix check` looks at, read-only.
//!
//! Expected are the keys that the migrations ask for. What their presence costs (an index that
//! is missing, affinities that differ) is said of every key that the database declares.

pub mod abroad;
mod enforcement;
pub mod expected;
mod indexes;
pub mod integrity;
mod keys;
mod renamed;
pub mod rows;
mod tables;

use anyhow::Result;
use rusqlite::Connection;

use crate::model::finding::Finding;
use crate::standing::{self, findings};

use crate::migrations::Migrations;
use crate::sqlite::apply::history;
use crate::sqlite::schema::dump::Dump;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use expected::Expected;
use keys::Wanted;

/// Looks at a database: its history, its schema and its rows.
pub fn database(connection: &Connection, migrations: &Migrations) -> Result<Vec<Finding>> {
    let states = standing::states(migrations, &history::read(connection)?);
    let expected = expected::read(&states)?;
    let schema = Schema::read(connection, &expected)?;
    let mut findings = findings::check(&states);
    findings.extend(schema.check(connection)?);
    let Schema {
        declared, wanted, ..
    } = &schema;
    findings.extend(rows::orphans(connection, declared, wanted, &states)?);
    findings.extend(rows::archives(connection)?);
    Ok(findings)
}

/// Looks at a dump, which holds a schema and nothing else: whether a migration was applied it
/// does not tell, so every key that one asks for must be there.
pub fn dump(dump: &Dump, migrations: &Migrations) -> Result<Vec<Finding>> {
    let expected = expected::of_all(migrations)?;
    let mut findings = findings::without_way_back(migrations.iter());
    findings.extend(Schema::read(&dump.connection, &expected)?.check(&dump.connection)?);
    for finding in &mut findings {
        let table = finding.table.as_deref();
        finding.line = table.and_then(|table| dump.line_of(table));
    }
    Ok(findings)
}

/// What PostgreSQL would refuse of the keys that the database has, or that `migrations` ask for.
pub fn for_postgres(connection: &Connection, migrations: &Migrations) -> Result<Vec<Finding>> {
    let expected = expected::of_all(migrations)?;
    let (wanted, _) = keys::resolve(connection, &expected)?;
    let wanted: Vec<_> = wanted.into_iter().map(|it| it.key).collect();
    abroad::check(connection, &wanted)
}

/// What there is and what there should be.
struct Schema<'a> {
    /// The keys that the migrations ask for.
    wanted: Vec<Wanted<'a>>,
    /// Why some of them can't be.
    impossible: Vec<Finding>,
    /// The keys of tables that are there to stay.
    declared: Vec<ForeignKey>,
    /// The tables that are not.
    leftovers: Vec<Finding>,
}

impl<'a> Schema<'a> {
    fn read(connection: &Connection, expected: &'a [Expected]) -> Result<Self> {
        let (wanted, impossible) = keys::resolve(connection, expected)?;
        let leftovers = tables::leftovers(connection)?;
        let mut declared = foreign_key::declared_keys(connection)?;
        let is_leftover = |table: &String| {
            let mut leftovers = leftovers.iter();
            leftovers.any(|finding| finding.table.as_ref() == Some(table))
        };
        declared.retain(|key| !is_leftover(&key.child));
        Ok(Schema {
            wanted,
            impossible,
            declared,
            leftovers,
        })
    }

    fn check(&self, connection: &Connection) -> Result<Vec<Finding>> {
        let declared: Vec<_> = self.declared.iter().collect();
        let wanted = self.wanted.iter().map(|wanted| &wanted.key);
        let all: Vec<_> = declared.iter().copied().chain(wanted).collect();
        let mut findings = self.impossible.clone();
        findings.extend(keys::presence(&declared, &self.wanted));
        findings.extend(keys::soundness(connection, &all)?);
        findings.extend(self.leftovers.iter().cloned());
        findings.extend(tables::holds(connection)?);
        findings.extend(enforcement::check(connection)?);
        Ok(findings)
    }
}
