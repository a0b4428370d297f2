//! `fkfix enforce`: triggers that carry out the declared keys on every connection.

use std::path::PathBuf;

use anyhow::Result;
use rusqlite::Connection;

use super::Database;
use crate::outcome::enforce::{EnforceReport, EnforcedKey, TriggerName};
use crate::sqlite::enforce::{self, KeyTriggers, Plan, Trigger};
use crate::sqlite::file::connection::{self, pages};
use crate::sqlite::file::reading;
use crate::sqlite::rebuild::steps;
use crate::sqlite::schema::child_index;
use crate::sqlite::write::shell;

/// What is to be done about the triggers.
#[derive(Clone, Copy, Debug)]
pub struct Enforcement<'a> {
    /// They go.
    pub remove: bool,
    /// A child without a parent is refused too.
    pub strict: bool,
    /// Where to take a copy first.
    pub backup: Option<&'a PathBuf>,
}

impl Database {
    /// What [`enforce`](Self::enforce) would do, with the script for it.
    pub fn plan_enforce(&self, wanted: Enforcement<'_>) -> Result<(EnforceReport, Option<String>)> {
        let (plan, warnings) = reading::read(&self.location, self.lock_timeout, |database| {
            let plan = plan(database, wanted)?;
            if !plan.is_empty() {
                pages::must_be_free(database, &self.location)?;
            }
            let enforced = plan.keys.iter().filter(|it| !it.triggers.is_empty());
            let scanned = enforced.map(|it| child_index::why_scanned(database, &it.key));
            let scanned = scanned.collect::<Result<Vec<_>>>()?;
            Ok((plan, scanned.into_iter().flatten().collect()))
        })?;
        let script = (!plan.is_empty()).then(|| shell::enforce(&plan.steps));
        let report = EnforceReport {
            warnings,
            ..self.told(&plan, wanted, true)
        };
        Ok((report, script.transpose()?))
    }

    /// Makes or removes the triggers, in one transaction.
    pub fn enforce(&self, wanted: Enforcement<'_>) -> Result<EnforceReport> {
        let location = &self.location;
        let mut database = connection::open(location, self.lock_timeout)?;
        let without_lock = plan(&database, wanted)?;
        if without_lock.is_empty() {
            return Ok(self.told(&without_lock, wanted, false));
        }
        let transaction = connection::begin(&mut database, location)?;
        // Another run may have been faster than the lock.
        let plan = plan(&transaction, wanted)?;
        let mut report = self.told(&plan, wanted, false);
        if !plan.is_empty() {
            report.backup = self.back_up(wanted.backup)?;
            steps::carry_out(&transaction, &plan.steps)?;
            plan.verify_schema(&transaction)?;
        }
        connection::commit(transaction, location)?;
        Ok(report)
    }

    fn told(&self, plan: &Plan, wanted: Enforcement<'_>, dry_run: bool) -> EnforceReport {
        EnforceReport {
            database: self.name(),
            dry_run,
            remove: wanted.remove,
            strict: plan.strict,
            backup: None,
            keys: plan.keys.iter().map(EnforcedKey::new).collect(),
            created: plan.created.iter().map(TriggerName::new).collect(),
            dropped: plan.dropped.iter().map(TriggerName::new).collect(),
            triggers: plan.left,
            warnings: Vec::new(),
        }
    }
}

fn plan(database: &Connection, wanted: Enforcement<'_>) -> Result<Plan> {
    if wanted.remove {
        enforce::removal(database)
    } else {
        enforce::plan(database, wanted.strict)
    }
}

impl TriggerName {
    /// The name of `trigger`.
    #[must_use]
    pub fn new(trigger: &Trigger) -> Self {
        TriggerName {
            trigger: trigger.name.clone(),
            table: trigger.table.clone(),
        }
    }
}

impl EnforcedKey {
    fn new(made: &KeyTriggers) -> Self {
        EnforcedKey {
            key: made.key.clone(),
            triggers: made.triggers.iter().map(|it| it.name.clone()).collect(),
            limits: made.limits.clone(),
        }
    }
}
