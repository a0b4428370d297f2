//! Transactions on Citus.

use std::time::Duration;

use anyhow::Result;
use postgres::Transaction;

use crate::failure::Failure;
use crate::postgres::schema::Schema;

/// Has the settings of `transaction` hold on all servers, and its changes of the schema go after
/// its changes of rows: shard by shard, or Citus refuses them in one transaction.
pub fn begin(transaction: &mut Transaction, schema: &Schema, lock_timeout: Duration) -> Result<()> {
    if schema.tables.iter().all(|it| it.spread.is_none()) {
        return Ok(());
    }
    let lock_timeout = lock_timeout.as_millis().max(1);
    Ok(transaction.batch_execute(&format!(
        "SET LOCAL citus.multi_shard_modify_mode = 'sequential';
         SET LOCAL citus.propagate_set_commands = 'local';
         SET LOCAL lock_timeout = '{lock_timeout}ms';
         SET LOCAL statement_timeout = 0;
         SET LOCAL idle_in_transaction_session_timeout = 0;
         SET LOCAL row_security = off"
    ))?)
}

/// The schema is changed on the coordinator.
pub fn must_be_coordinator(transaction: &mut Transaction, schema: &Schema) -> Result<()> {
    if schema.tables.iter().all(|it| it.spread.is_none()) {
        return Ok(());
    }
    let row = transaction.query_typed_one(
        "SELECT pg_catalog.citus_is_coordinator(), (SELECT nodename || ':' || nodeport FROM pg_catalog.pg_dist_node WHERE groupid = 0 LIMIT 1)",
        &[],
    )?;
    if row.try_get(0)? {
        return Ok(());
    }
    let coordinator: Option<String> = row.try_get(1)?;
    Err(Failure::impossible(
        "this server is a worker of Citus, and keys are changed on the coordinator",
    )
    .hint(format!(
        "connect to {}",
        coordinator.as_deref().unwrap_or("the coordinator")
    ))
    .into())
}
