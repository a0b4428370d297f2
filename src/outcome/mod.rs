//! What a verb did, would do, or found: the values that engines fill, serialised where they are
//! born. `report` has how they read to people.

pub mod archived;
pub mod change;
pub mod clean;
pub mod discover;
pub mod enforce;
pub mod key;
pub mod migrations;
pub mod orphans;
pub mod redo;
pub mod resolve;
pub mod show;
pub mod status;
pub mod value;
