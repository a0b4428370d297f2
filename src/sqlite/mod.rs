//! All that knows SQLite. A second database would stand beside this folder, behind the same
//! migrations.

pub mod apply;
pub mod archive;
pub mod check;
pub mod discover;
pub mod enforce;
pub mod file;
pub mod keys;
pub mod look;
pub mod orphans;
pub mod rebuild;
pub mod schema;
pub mod text;
pub mod verbs;
pub mod write;
