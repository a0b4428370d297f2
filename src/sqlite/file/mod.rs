//! The file on the disk: opened, locked, read as one state, copied.

pub mod backup;
pub mod connection;
pub mod errors;
pub mod flush;
pub mod guard;
pub mod locks;
pub mod paths;
pub mod reading;
