//! Migrations: planned, applied, reverted, remembered.

pub mod clean;
pub mod down;
mod driver;
pub mod history;
pub mod parts;
pub mod plan;
pub mod promised;
pub mod requested;
pub mod space;
pub mod timing;
pub mod unfired;
pub mod unnamed;
pub mod up;

#[cfg(test)]
mod work_tests;
