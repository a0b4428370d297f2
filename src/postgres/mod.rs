//! All that knows PostgreSQL. Each room asks only those above it in this list.
//!
//! No state is kept in a session of the server between two transactions, so that a pooler or a
//! standby may stand in the way.

pub mod error;

pub mod catalog;
pub mod connect;
pub mod session;

pub mod text;

pub mod schema;

pub mod database;
pub mod keys;

pub mod orphans;

pub mod leave;

pub mod restore;

pub mod apply;

pub mod check;
pub mod discover;
pub mod write;

pub mod look;
pub mod verbs;

pub use database::Database;
