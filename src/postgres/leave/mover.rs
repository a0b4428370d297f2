//! Moves orphans batch by batch, each batch locked and looked at again.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;

use crate::policy::Manner;
use crate::postgres::catalog::Table;
use crate::postgres::leave::archive::{self, Mark};
use crate::postgres::leave::carry;
use crate::postgres::leave::met::Met;
use crate::postgres::leave::preflight;
use crate::postgres::leave::tally::Tally;
use crate::postgres::orphans::{Found, Search};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::RowId;

/// Moves orphans, and what hangs on them, or has them forget their keys.
pub struct Mover<'a> {
    version: Option<i64>,
    manner: &'a Manner,
    prepared: Vec<u32>,
    mark: Option<Mark>,
    met: Met,
    /// What has been done.
    pub tally: Tally,
}

impl<'a> Mover<'a> {
    /// For the migration `version`, if it is for one.
    #[must_use]
    pub fn new(version: Option<i64>, manner: &'a Manner) -> Self {
        Mover {
            version,
            manner,
            prepared: Vec::new(),
            mark: None,
            met: Met::default(),
            tally: Tally::default(),
        }
    }

    /// Locks the rows of `tables`, looks at them again, and deals with those that still break a key
    /// and all that hangs on them. Gives what was done; it counts once the transaction is committed.
    pub fn move_rows(
        &mut self,
        transaction: &mut Transaction,
        schema: &Schema,
        search: &Search,
        tables: &[(Rc<Table>, Vec<RowId>)],
    ) -> Result<Found> {
        let mut found = Found::default();
        for (table, rows) in tables {
            search.lock(transaction, &mut found, table, rows)?;
        }
        search.follow(transaction, &mut found, true)?;
        preflight::may_leave(schema, &found, search.action, self.manner.triggers)?;
        preflight::must_not_be_blocked(transaction, search, &found)?;
        if search.action.keeps() {
            for leaving in &found.tables {
                if self.prepared.contains(&leaving.table.oid) {
                    continue;
                }
                let statements = archive::prepare(schema, &leaving.table)?;
                schema.run_all(transaction, &statements)?;
            }
        }
        self.met.look(transaction, search, &mut found)?;
        let mark = match &self.mark {
            Some(mark) => mark.clone(),
            None => Mark::new(transaction, self.version)?,
        };
        let triggers = self.manner.triggers;
        schema.as_the_user(transaction, |transaction| {
            carry::carry_out(transaction, search, &found, &mark, triggers)
        })?;
        if search.action.keeps() {
            self.met.fold(transaction, search, &found, &mark)?;
        }
        self.mark = Some(mark);
        Ok(found)
    }

    /// Notes what was done by a transaction that is committed, or ends with all the others.
    pub fn done(&mut self, search: &Search, found: &Found) {
        let tables = found.tables.iter().map(|it| it.table.oid);
        self.prepared.extend(tables);
        self.tally.add(search, found);
        self.met.done(search, found, &mut self.tally);
    }

    /// Deals with all orphans in this one transaction, until none is left: where no key was added
    /// the table is not locked, and a row may change between the list and its lock.
    pub fn move_all(
        &mut self,
        transaction: &mut Transaction,
        schema: &Schema,
        search: &Search,
    ) -> Result<()> {
        loop {
            let listed = search.orphans(transaction)?;
            if listed.tables.is_empty() {
                return Ok(());
            }
            let tables = listed.tables.iter();
            let tables: Vec<_> = tables
                .map(|it| (Rc::clone(&it.table), it.rows.keys().cloned().collect()))
                .collect();
            // Archives may have come since.
            schema.leave(transaction)?;
            let schema = Schema::read(transaction, schema.version)?;
            let found = self.move_rows(transaction, &schema, search, &tables)?;
            self.done(search, &found);
        }
    }
}
