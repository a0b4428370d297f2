//! All that knows PostgreSQL.
//!
//! `connect` reads what libpq's users write and opens the connection; `catalog` has the tables
//! and their keys as the server tells them; `session` carries one
//! short transaction out after another, with no state of the session between them, so that a
//! pooler or a standby may stand in the way; `error` has the server's own words and codes.

pub mod catalog;
pub mod connect;
pub mod error;
pub mod session;
