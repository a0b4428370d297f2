//! What reverting a migration and applying it again did, or would do.

use serde::Serialize;

use crate::outcome::migrations::{DownReport, UpReport};

/// What `fkfix redo` did, or would do.
#[derive(Debug, Default, Serialize)]
pub struct RedoReport {
    /// The way back.
    pub down: DownReport,
    /// And up again.
    pub up: UpReport,
}
