//! `fkfix check`: is the schema as it should be?

use anyhow::Result;

use super::{Applicable, Database};
use crate::migrations::Migrations;
use crate::model::finding::Finding;
use crate::sqlite::apply::history;
use crate::sqlite::check::{self, integrity};
use crate::sqlite::file::reading;
use crate::sqlite::schema::dump::Dump;
use crate::sqlite::schema::normal;

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// The whole schema in normal form, where it is asked for.
    pub schema: Option<String>,
}

/// What is looked at beside the keys.
#[derive(Clone, Copy, Debug)]
pub struct CheckOrder {
    /// The whole schema.
    pub schema: bool,
    /// Whether the file is sound.
    pub integrity: bool,
}

impl Database {
    /// Holds the database against `migrations`, and gives what else is `wanted`.
    pub fn check(
        &self,
        migrations: &Migrations,
        wanted: CheckOrder,
    ) -> Result<Applicable<Checked>> {
        self.read(migrations, |connection, applicable| {
            if wanted.integrity {
                let findings = integrity::check(connection)?;
                // What the rest would say of a damaged file is not to be relied on.
                if !findings.is_empty() {
                    let schema = None;
                    return Ok(Checked { findings, schema });
                }
            }
            let own = history::own_tables(connection)?;
            Ok(Checked {
                findings: check::database(connection, applicable)?,
                schema: wanted
                    .schema
                    .then(|| normal::schema(connection, &own))
                    .transpose()?,
            })
        })
    }

    /// What PostgreSQL would refuse of it.
    pub fn check_for_postgres(&self, migrations: &Migrations) -> Result<Vec<Finding>> {
        let found = self.read(migrations, check::for_postgres)?;
        Ok(found.value)
    }

    /// The whole schema in normal form.
    pub fn schema(&self) -> Result<String> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            normal::schema(connection, &history::own_tables(connection)?)
        })
    }
}

/// Holds a dump, the `text` of which is called `name`, against `migrations`, without its rows.
pub fn check_dump(
    name: &str,
    text: &str,
    migrations: &Migrations,
    with_schema: bool,
) -> Result<Applicable<Checked>> {
    let dump = Dump::load(name, text)?;
    let applicable = history::applicable(&dump.connection, migrations)?;
    let own = history::own_tables(&dump.connection)?;
    let schema = with_schema.then(|| normal::schema(&dump.connection, &own));
    Ok(Applicable {
        none_applies: applicable.is_empty(),
        value: Checked {
            findings: check::dump(&dump, applicable)?,
            schema: schema.transpose()?,
        },
    })
}

/// The whole schema of a dump in normal form.
pub fn schema_of_dump(name: &str, text: &str) -> Result<String> {
    let dump = Dump::load(name, text)?;
    normal::schema(&dump.connection, &history::own_tables(&dump.connection)?)
}

/// What PostgreSQL would refuse of a dump.
pub fn check_dump_for_postgres(
    name: &str,
    text: &str,
    migrations: &Migrations,
) -> Result<Vec<Finding>> {
    let dump = Dump::load(name, text)?;
    let applicable = history::applicable(&dump.connection, migrations)?;
    check::for_postgres(&dump.connection, applicable)
}
