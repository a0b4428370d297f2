//! How far a migration is that is under way, in a table of its own.

use anyhow::{Result, anyhow};
use postgres::Transaction;
use postgres::types::Type;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::own::{Own, PROGRESS, adopted};
use crate::standing::AdoptedKey;

/// How far a migration is that is under way.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The migration's number.
    pub version: i64,
    /// Whether its keys are being added, or dropped.
    pub direction: Direction,
    /// Its name …
    pub name: String,
    /// … and refinery's checksum of its text.
    pub checksum: u64,
    /// What is done next.
    pub step: Stage,
    /// When it began, in UTC.
    pub started_on: OffsetDateTime,
    /// The keys that were there before it, which stay.
    pub adopted: Vec<AdoptedKey>,
    /// Rows that it has archived.
    pub archived: i64,
}

/// The way that a migration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `up`
    Up,
    /// `down`
    Down,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Indexes are made that the children lack.
    Indexing,
    /// Keys are added NOT VALID: from then on no row can come to break them.
    Closing,
    /// Rows that break them are moved out.
    Archiving,
    /// The keys are validated.
    Validating,
    /// On the way back: keys are dropped.
    Opening,
    /// Rows come back.
    Restoring,
}

impl Stage {
    const ALL: [(Stage, &'static str); 6] = [
        (Stage::Indexing, "indexing"),
        (Stage::Closing, "closing"),
        (Stage::Archiving, "archiving"),
        (Stage::Validating, "validating"),
        (Stage::Opening, "opening"),
        (Stage::Restoring, "restoring"),
    ];

    /// As the table and `status` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Stage::ALL.iter().find(|(stage, _)| *stage == self);
        found.map_or("", |(_, name)| name)
    }
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

impl Own {
    /// The migration that is under way, if one is.
    pub fn progress(&self, transaction: &mut Transaction) -> Result<Option<Progress>> {
        if !self.is_there(transaction, PROGRESS)? {
            return Ok(None);
        }
        let row = transaction.query_typed_opt(
            &format!(
                "SELECT version::int8, direction, name, checksum, step, started_on, adopted, archived::int8 FROM {}",
                self.table(PROGRESS)
            ),
            &[],
        )?;
        row.map(|row| read_progress(&row)).transpose()
    }

    /// Writes that the migration of `progress` begins.
    pub fn begin(&self, transaction: &mut Transaction, progress: &Progress) -> Result<()> {
        let table = self.table(PROGRESS);
        transaction.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (version BIGINT PRIMARY KEY, direction TEXT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, step TEXT NOT NULL, started_on TEXT NOT NULL, adopted TEXT, archived BIGINT NOT NULL)"
        ))?;
        let adopted = serde_json::to_string(&progress.adopted)?;
        let started = progress.started_on.format(&Rfc3339)?;
        transaction.query_typed(
            &format!("INSERT INTO {table} VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
            &[
                (&progress.version, Type::INT8),
                (&progress.direction.name(), Type::TEXT),
                (&progress.name, Type::TEXT),
                (&progress.checksum.to_string(), Type::TEXT),
                (&progress.step.name(), Type::TEXT),
                (&started, Type::TEXT),
                (&adopted, Type::TEXT),
                (&progress.archived, Type::INT8),
            ],
        )?;
        Ok(())
    }

    /// Writes what is done next, and how many rows more are archived.
    pub fn go_on(
        &self,
        transaction: &mut Transaction,
        direction: Direction,
        step: Stage,
        archived: i64,
    ) -> Result<()> {
        transaction.query_typed(
            &format!(
                "UPDATE {} SET direction = $1, step = $2, archived = archived + $3",
                self.table(PROGRESS)
            ),
            &[
                (&direction.name(), Type::TEXT),
                (&step.name(), Type::TEXT),
                (&archived, Type::INT8),
            ],
        )?;
        Ok(())
    }

    /// Forgets the progress: the migration is applied, or reverted.
    pub fn end(&self, transaction: &mut Transaction) -> Result<()> {
        Ok(transaction.batch_execute(&format!("DROP TABLE {}", self.table(PROGRESS)))?)
    }
}

fn read_progress(row: &postgres::Row) -> Result<Progress> {
    let (direction, checksum, step, at): (String, String, String, String) = (
        row.try_get(1)?,
        row.try_get(3)?,
        row.try_get(4)?,
        row.try_get(5)?,
    );
    let found = Stage::ALL.iter().find(|(_, name)| *name == step);
    let (step, _) = found.ok_or_else(|| anyhow!("{PROGRESS} holds the step {step}"))?;
    Ok(Progress {
        version: row.try_get(0)?,
        direction: if direction == "down" {
            Direction::Down
        } else {
            Direction::Up
        },
        name: row.try_get(2)?,
        checksum: checksum.parse()?,
        step: *step,
        started_on: OffsetDateTime::parse(&at, &Rfc3339)?,
        adopted: adopted(row.try_get(6)?)?,
        archived: row.try_get(7)?,
    })
}
