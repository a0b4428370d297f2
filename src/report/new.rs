//! Which files a new migration is in.

use std::path::Path;

use serde::Serialize;

use super::formats::Report;
use crate::text::Lines;

/// What `fkfix new` has written.
#[derive(Debug, Serialize)]
pub struct NewReport {
    /// The file that applies it.
    pub up: String,
    /// The file that takes it back.
    pub down: String,
}

impl NewReport {
    /// Reports both paths.
    #[must_use]
    pub fn new(up: &Path, down: &Path) -> Self {
        NewReport {
            up: up.display().to_string(),
            down: down.display().to_string(),
        }
    }
}

impl Report for NewReport {
    fn text(&self, _: Option<u16>) -> Lines {
        let mut text = Lines::of(&self.up);
        text.append(&Lines::of(&self.down));
        text
    }
}
