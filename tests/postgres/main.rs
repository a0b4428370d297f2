//! What fkfix promises of PostgreSQL, held against a real server; `server` says which.

// Helpers of tests are tests; clippy's `allow-…-in-tests` sees only functions marked #[test].
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
// The servers are started by a shell and asked through sockets.
#![cfg(unix)]

/// A server for the whole run, a database for each test; servers with passwords and TLS, a
/// standby, a pooler.
mod server;

/// A connection string in any of libpq's forms, with what the environment adds, means what psql
/// would make of it.
mod strings;

/// Passwords come from where libpq takes them, and are never shown.
mod passwords;

/// Each sslmode encrypts and verifies as much as it says.
mod encryption;

/// What can't be connected to is refused in one line with a remedy.
mod refusals;

/// What fkfix promises holds on Citus, where `FKFIX_CITUS_URL` names one.
mod citus;

/// A key or a table that Citus could not keep to is refused by its name.
mod citus_refuses;

/// Servers that only speak as PostgreSQL are told from it, and nothing is tried on them.
mod kin;

/// A step waits for others in short tries, and nothing outlives its transaction.
mod steps;

/// Tables, keys, indexes and triggers are read as the server has them.
mod catalog;

/// A database with migrations beside it, and the binary run on it.
mod site;

/// What fkfix promises, whatever engine keeps the rows, and the database that it is held against
/// here.
#[path = "../promises/mod.rs"]
mod promises;
mod subject;

/// `orphans`, `up`, `status`, `check`, `down` and the scripts do on PostgreSQL what they do on
/// SQLite, in one transaction and in steps, and `down` gives back what was there.
mod verbs;

/// Killed at any instant, with two runs at once and an application at work, nothing is lost,
/// doubled or wrongly archived, in both directions.
mod chaos;

/// Rows leave only while they are orphans, with all that hangs on them, and come back where
/// nothing has taken their place.
mod moved_rows;

/// The index that a child lacks is made with the key and goes with it, also when the run is killed.
mod child_index;

/// A partitioned table is one: its orphans leave for one archive, and every partition has the key.
mod partitioned;

/// A row of a partition is a row of the whole, whichever of them a key is of or refers to.
mod parts;

/// Rows that refer to one another in a circle leave and come back together.
mod circles;

/// Keys of every kind: what an orphan is, of which column, by which collation, and how many.
mod kinds;

/// Whatever ends a run, a server or a step in between, the next run goes on or goes back.
mod interrupted;

/// Triggers, rules and publications keep what they are, and decide nothing in silence.
mod triggers;

/// What can't be a key is refused by name, before anything is written.
mod refused_keys;

/// `check`, `status` and `orphans` say what is, whatever the catalogs say, and write nothing.
mod checked;

/// Beside others: two runs at once, an application that waits, a pooler, names and schemas of any
/// kind.
mod together;

/// An orphan fares as its key says, and what happened to it is undone by `down`, exactly.
mod follow;

/// Which rows stay without their key, in tables of every kind, and which must leave all the same.
mod follow_or_leave;

/// What others do to such a row: before it forgets its key, while it does, and until `down`.
mod follow_later;

/// `show`, `graph` and `new` tell of a server what they tell of a file, on a standby too, and
/// `enforce` has nothing to do.
mod looks;

/// `check --schema` reads what `pg_dump` writes, and `check --snapshot` holds the whole schema against
/// a file.
mod check_schema;

/// `discover` finds on PostgreSQL what it finds on SQLite; of large tables it looks at a sample.
mod discovered;

/// From SQLite to PostgreSQL, as docs/postgres.md tells it.
mod moving;

/// The orphans of declared keys fare as those of new ones, without a migration, and come back where
/// their parents do.
mod cleaned;

/// Archived rows go back where their place is free; what the archives hold is listed, and goes for good
/// when that is confirmed.
mod restored;

/// Two clients of one pooler, each with its transactions alone.
mod pooled;

/// A row is looked at again behind its lock, also where nothing was written to it.
mod second_look;

/// A server that speaks another language is understood all the same.
mod language;

/// The server's disk is full half way: no row is lost, and with room the next run goes on or back.
mod full_disk;

/// Killed at any instant, `up` that sets keys to NULL, `clean` and `restore` go on with the next run.
mod killed;
/// A row that forgets keys in several batches of a run, or forgets one and leaves later, is one row
/// in the report and in the archive.
mod met_again;

/// Beside logical replication: a subscriber sees rows leave and come back, is told of tables that it
/// must have, and its own keys are counted.
mod subscriber;

/// Rows of tables that inherit are under no key of the table that they inherit from.
mod heirs;
