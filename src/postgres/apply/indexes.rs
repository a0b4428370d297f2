//! Makes the indexes that children lack: in the transaction of their keys, or while others write.

use std::time::Instant;

use anyhow::{Context as _, Result};
use postgres::Transaction;

use crate::failure::Failure;
use crate::postgres::database::Database;
use crate::postgres::keys::child_index::{self, ChildIndex};
use crate::postgres::leave::preflight;
use crate::postgres::schema::Schema;
use crate::postgres::text::script::Request;
use crate::postgres::{error, keys, session};
use crate::standing::AdoptedKey;

/// Makes the indexes that the children lack, in this transaction.
pub(crate) fn make_indexes(
    transaction: &mut Transaction,
    schema: &Schema,
    requests: &[Request],
) -> Result<Vec<AdoptedKey>> {
    let keys = keys::resolve(transaction, schema, requests)?;
    preflight::may_add(transaction, &keys)?;
    let wanted = child_index::wanted(transaction, schema, &keys)?;
    for index in child_index::all(schema, &wanted) {
        schema
            .run_all(transaction, &[index.create_sql()])
            .with_context(|| format!("could not make {}", index.told()))?;
    }
    Ok(wanted)
}

impl Database {
    /// Makes an index while others write, outside of any transaction. Where another run was
    /// faster, it does nothing.
    pub(crate) fn make_concurrently(&mut self, index: &ChildIndex) -> Result<()> {
        let doing = || format!("could not make {}", index.told());
        let (started, mut tries) = (Instant::now(), 0);
        loop {
            let mut connection = self.beside().with_context(doing)?;
            let made = connection.batch_execute(&index.create_concurrently_sql());
            let Err(error) = made else { return Ok(()) };
            let error = anyhow::Error::new(error);
            let passes = error::code(&error).is_some_and(error::is_passing);
            tries += 1;
            let pause = self.session.wait().pause_after(tries, started.elapsed());
            let Some(pause) = pause.filter(|_| passes) else {
                let told = error::explained(error).context(doing());
                return Err(Failure::impossible(format!("{told:#}"))
                    .hint("fkfix up goes on from here, fkfix down reverts; an unfinished index is dropped by both")
                    .into());
            };
            session::pause(pause)?;
        }
    }
}
