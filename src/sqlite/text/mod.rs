//! Text in, text out: no connection anywhere in it.

pub mod alter_table;
pub mod constraints;
pub mod ddl;
pub mod notation;
pub mod script;
pub mod statement;
