//! All that knows PostgreSQL.
//!
//! `connect` reads what libpq's users write and opens the connection; `catalog` has the tables
//! and their keys as the server tells them; `session` carries one
//! short transaction out after another, with no state of the session between them, so that a
//! pooler or a standby may stand in the way; `error` has the server's own words and codes.

pub mod archive;
pub mod carry;
pub mod catalog;
pub mod check;
pub mod child;
mod child_index;
pub mod clean;
mod compare;
pub mod connect;
pub mod database;
pub mod door;
pub mod down;
pub mod dump;
pub mod error;
pub mod expected;
pub mod forgotten;
pub mod keys;
mod leaf;
mod look;
pub mod normal;
pub mod online;
pub mod own;
pub mod plan;
pub mod preflight;
mod resolve;
pub mod restore;
pub mod rows;
pub mod schema;
pub mod script;
pub mod search;
pub mod session;
pub mod status;
pub mod stays;
pub mod survey;
pub mod text;
pub mod up;

pub use database::Database;
