//! Migrations, applied and reverted: in one transaction, or in short steps that others hardly
//! notice.

pub mod add;
pub mod down;
mod down_online;
pub mod down_script;
mod indexes;
pub mod online;
mod online_end;
pub mod plan;
mod published;
pub mod up;
