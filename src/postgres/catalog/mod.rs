//! Tables, their columns, keys, indexes and triggers, as the system catalogs tell them
//! (<https://www.postgresql.org/docs/current/catalogs.html>).
//!
//! Names are as the catalogs spell them. PostgreSQL does not fold what is stored, so two names
//! are one when they are equal.

mod foreign_key;
mod name;
mod read;
mod spread;
mod table;

pub use foreign_key::{Action, ForeignKey, Match};
pub use name::{Name, list, literal, quoted};
pub use read::read;
pub use table::{
    Column, Enabled, Generated, Identity, Index, Kind, Persistence, Placement, ReplicaIdentity,
    Spread, Table, Trigger,
};
