//! The keys that were perhaps meant, for the one who decides which are added.

use std::fmt::Write as _;

use serde::Serialize;

use super::formats::Report;
use super::new::NewReport;
use crate::outcome::discover::DiscoveredKey;
use crate::text::{Lines, count, plural, rows};

/// What `fkfix discover` found.
#[derive(Debug, Serialize)]
pub struct DiscoverReport {
    /// The file.
    pub database: String,
    /// How sure a key had to be to be shown, in percent.
    pub min_confidence: u8,
    /// The keys.
    pub keys: Vec<DiscoveredKey>,
    /// How many less sure ones are not shown.
    pub less_sure: usize,
    /// How many are not shown because migrations ask for them already.
    pub in_migrations: usize,
    /// The migration that was written.
    pub written: Option<NewReport>,
}

impl DiscoveredKey {
    fn text(&self) -> Lines {
        let mut text = Lines::of(&format!("{:3}%  {}", self.confidence, self.add));
        for line in &self.evidence {
            let _ = writeln!(text, "      {line}");
        }
        if self.values.orphans > 0 {
            let sample = if self.values.sampled {
                "a sample of "
            } else {
                ""
            };
            let _ = writeln!(
                text,
                "      {} in {sample}{}",
                plural(self.values.orphans, "orphan"),
                rows(self.values.rows)
            );
        }
        let action = self.on_delete.words();
        let _ = writeln!(text, "      {action}: {}", self.action_reason);
        for key in &self.replaces {
            let _ = writeln!(text, "      replaces {key}");
        }
        if let Some(obstacle) = &self.obstacle {
            let _ = writeln!(text, "      but {obstacle}");
        }
        text
    }
}

impl Report for DiscoverReport {
    fn text(&self, _: Option<u16>) -> Lines {
        let mut text = Lines::default();
        for key in &self.keys {
            text.append(&key.text());
            text.blank();
        }
        let number = |keys: usize| i64::try_from(keys).unwrap_or(i64::MAX);
        if !self.keys.is_empty() {
            let less_sure = match self.less_sure {
                0 => String::new(),
                keys => format!(", {} less sure", count(number(keys))),
            };
            let _ = writeln!(
                text,
                "{} at {}% confidence or more{less_sure}",
                plural(number(self.keys.len()), "key"),
                self.min_confidence
            );
        }
        if let Some(written) = &self.written {
            text.append(&written.text(None));
        }
        text
    }
}
