//! A database on a server, one method a verb: values in, values out.

pub mod own;
pub mod progress;
pub mod record;
mod spread;

use anyhow::Result;
use postgres::{Client, Transaction};

use crate::failure::Failure;
use crate::migrations::{Migrations, Origin};
use crate::postgres::connect::{self, Environment, Target};
use crate::postgres::schema::Schema;
use crate::postgres::session::{Session, Step, Wait};
use crate::standing::Applied;
use own::Own;

/// A connection to a database.
pub struct Database {
    pub(crate) session: Session,
    /// What people call it; never with a password.
    pub(crate) name: String,
    /// The server, for a second connection.
    target: Target,
    /// The schema of fkfix's own tables, where the user names one.
    own_schema: Option<String>,
    warnings: Vec<String>,
}

impl Database {
    /// Connects to what `text` and the environment name.
    pub fn open(text: &str, wait: Wait, own_schema: Option<&str>) -> Result<Self> {
        let connection = connect::open(text, &Environment::of_process())?;
        Ok(Database {
            name: connection.target.to_string(),
            target: connection.target.clone(),
            warnings: connection.target.warnings().to_vec(),
            session: Session::new(connection, wait),
            own_schema: own_schema.map(str::to_owned),
        })
    }

    /// What people call it; never with a password.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the user should know about the way in.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// A connection of its own for what no transaction takes. Its waits hinder nobody, so they may
    /// last as long as fkfix is to keep trying.
    pub(crate) fn beside(&self) -> Result<Client> {
        let wait = self.session.wait().lock_wait.as_millis().max(1);
        let mut settings = vec![
            ("lock_timeout", wait.to_string()),
            ("statement_timeout", "0".to_owned()),
            ("default_transaction_read_only", "off".to_owned()),
        ];
        if self.session.version() >= 140_000 {
            // A statement whose client was killed stops.
            settings.push(("client_connection_check_interval", "500".to_owned()));
        }
        if self.session.version() >= 170_000 {
            settings.push(("transaction_timeout", "0".to_owned()));
        }
        connect::beside(&self.target, &settings)
    }

    /// Hands one moment of the database to `look`, which only reads.
    pub(crate) fn look<T>(
        &mut self,
        mut look: impl FnMut(&mut Transaction, &Schema, &Own) -> Result<T>,
    ) -> Result<T> {
        let version = self.session.version();
        let own_schema = self.own_schema.clone();
        let step = Step::look().with_the_users_names();
        let lock_timeout = self.session.wait().lock_timeout;
        self.session.run(&step, |transaction| {
            let schema = Schema::read(transaction, version)?;
            spread::begin(transaction, &schema, lock_timeout)?;
            let own = Own::find(transaction, &schema, own_schema.as_deref())?;
            look(transaction, &schema, &own)
        })
    }

    /// The same for what changes the definition of `tables`, and so can't be while they are
    /// vacuumed.
    pub(crate) fn alter<T>(
        &mut self,
        tables: &[String],
        mut change: impl FnMut(&mut Transaction, &Schema, &Own) -> Result<T>,
    ) -> Result<T> {
        let lock_timeout = self.session.wait().lock_timeout;
        self.change(tables, |transaction, schema, own| {
            own::have_vacuum_yield(transaction, tables, lock_timeout)?;
            change(transaction, schema, own)
        })
    }

    /// The same for what locks children and then their `parents`, in this mode. An application that
    /// writes a parent and then its child, without a pause, would never leave both: so every second
    /// try has the parents first.
    pub(crate) fn alter_both<T>(
        &mut self,
        tables: &[String],
        parents: &[String],
        mode: &str,
        mut change: impl FnMut(&mut Transaction, &Schema, &Own) -> Result<T>,
    ) -> Result<T> {
        let mut tries = 0;
        self.alter(tables, |transaction, schema, own| {
            tries += 1;
            if tries % 2 == 0 {
                own::lock_first(transaction, parents, mode)?;
            }
            change(transaction, schema, own)
        })
    }

    /// Has `change` work in one transaction, while no other run of fkfix changes anything.
    /// `tables` are named when no lock on them can be had.
    pub(crate) fn change<T>(
        &mut self,
        tables: &[String],
        mut change: impl FnMut(&mut Transaction, &Schema, &Own) -> Result<T>,
    ) -> Result<T> {
        let version = self.session.version();
        let own_schema = self.own_schema.clone();
        let tables: Vec<_> = tables.iter().map(String::as_str).collect();
        let step = Step::change(&tables).with_the_users_names();
        let lock_timeout = self.session.wait().lock_timeout;
        self.session.run(&step, |transaction| {
            own::take_turn(transaction)?;
            let schema = Schema::read(transaction, version)?;
            spread::must_be_coordinator(transaction, &schema)?;
            spread::begin(transaction, &schema, lock_timeout)?;
            let own = Own::find(transaction, &schema, own_schema.as_deref())?;
            change(transaction, &schema, &own)
        })
    }
}

/// What adding a key locks both of its tables in.
pub(crate) const ADDS: &str = "SHARE ROW EXCLUSIVE";

/// What dropping one does.
pub(crate) const DROPS: &str = "ACCESS EXCLUSIVE";

/// The histories of tools that name migrations as fkfix does, by tool.
const OTHERS: [(&str, &str); 2] = [
    ("refinery", "refinery_schema_history"),
    ("Flyway", "flyway_schema_history"),
];

/// Those of `migrations` that are any business of the database, where it has had none before.
pub fn applicable<'m>(
    schema: &Schema,
    migrations: &'m Migrations,
    applied: &[Applied],
) -> Result<&'m Migrations> {
    if migrations.origin() == Origin::Named || !applied.is_empty() {
        return Ok(migrations);
    }
    let has = |table: &str| schema.named(table).is_ok();
    if migrations.origin() == Origin::Default {
        if let Some((tool, table)) = OTHERS.iter().find(|(_, table)| has(table)) {
            return Err(Failure::impossible(format!("the migrations in ./migrations may be those of {tool}, of which the database has the table {table}"))
                .hint("name the folder of fkfix's own with --migrations, even if it is this one")
                .into());
        }
        return Ok(migrations);
    }
    for migration in migrations.iter() {
        for request in crate::postgres::text::parts::requests(migration)? {
            if schema.find(&request.table).is_some() {
                return Ok(migrations);
            }
        }
    }
    Ok(Migrations::none())
}
