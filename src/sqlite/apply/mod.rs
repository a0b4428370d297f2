//! Migrations: planned, applied, reverted, remembered.

pub mod asked;
pub mod clean;
pub mod down;
pub mod estimate;
pub mod history;
pub mod plan;
pub mod unfired;
pub mod up;

#[cfg(test)]
mod work_tests;
