//! Migrations: planned, applied, reverted, remembered.

pub mod asked;
pub mod clean;
pub mod down;
mod driver;
pub mod estimate;
pub mod history;
pub mod plan;
pub mod promised;
pub mod unfired;
pub mod up;

#[cfg(test)]
mod work_tests;
