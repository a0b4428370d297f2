//! Migrations, applied and reverted: in one transaction, or in short steps that others hardly notice.

pub mod down;
mod indexes;
pub mod online;
pub mod plan;
pub mod up;
