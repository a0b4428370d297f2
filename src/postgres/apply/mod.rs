//! Migrations, applied and reverted: in one transaction, or in short steps that others hardly
//! notice.

pub mod add;
pub mod down;
mod indexes;
mod online;
pub mod order;
pub mod plan;
mod published;
mod up;
