//! Who holds a lock that can't be had.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use postgres::Client;
use postgres::types::Type;

/// A session that holds a lock on a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process on the server.
    pub process: i32,
    /// What the application calls itself; empty where it does not say, or where it is another
    /// role's.
    pub application: String,
    /// `idle in transaction`, `active`; empty where it is another role's.
    pub state: String,
    /// How long its transaction has lasted.
    pub lasted: Duration,
}

/// What waits is fkfix, so it is not only `pg_blocking_pids` that counts: at the time of the
/// question nobody is blocked any more. Readers come last, since they rarely stand in the way.
const HOLDERS: &str = "
    SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.state, ''),
           coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::bigint
    FROM (
        SELECT pid, pg_catalog.bool_and(mode OPERATOR(pg_catalog.=) 'AccessShareLock') AS reads
        FROM pg_catalog.pg_locks
        WHERE granted AND locktype OPERATOR(pg_catalog.=) 'relation'
          AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
          AND relation OPERATOR(pg_catalog.=) ANY (
              SELECT pg_catalog.to_regclass(name) FROM pg_catalog.unnest($1::text[]) AS name)
        GROUP BY pid
    ) AS l
    LEFT JOIN pg_catalog.pg_stat_activity AS a USING (pid)
    ORDER BY l.reads, a.xact_start
    LIMIT 5";

/// Those who hold locks on `tables`, the likeliest to stand in the way first. Names are as SQL
/// writes them; one that is no table is left out.
pub fn holders(client: &mut Client, tables: &[String]) -> Result<Vec<Holder>> {
    let rows = client.query_typed(HOLDERS, &[(&tables, Type::TEXT_ARRAY)])?;
    let holder = |row: &postgres::Row| -> Result<Holder> {
        let seconds: i64 = row.try_get(3)?;
        Ok(Holder {
            process: row.try_get(0)?,
            application: row.try_get(1)?,
            state: row.try_get(2)?,
            lasted: Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
        })
    };
    rows.iter().map(holder).collect()
}

/// The tables that not even a reader gets, nor who waits for one behind it: somebody has or wants
/// each for itself alone.
const CLOSED: &str = "
    SELECT DISTINCT relation::pg_catalog.regclass::text
    FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) l.relation
    WHERE l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock'
      AND l.database OPERATOR(pg_catalog.=) (
          SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
      AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() AND c.relkind IN ('r', 'p')
    ORDER BY 1";

/// What a step that only reads waits for, whose tables nobody has named: as SQL writes them.
pub fn closed_to_readers(client: &mut Client) -> Result<Vec<String>> {
    let rows = client.query_typed(CLOSED, &[])?;
    let name = |row: &postgres::Row| Ok(row.try_get(0)?);
    rows.iter().map(name).collect()
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.process)?;
        let known: Vec<&str> = [self.application.as_str(), self.state.as_str()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        let lasted = humantime::format_duration(self.lasted);
        match known.as_slice() {
            [] => write!(f, " (its transaction is {lasted} old)"),
            known => write!(f, " ({}, for {lasted})", known.join(", ")),
        }
    }
}
