//! `clean`: the orphans of keys that are declared already.

use std::path::PathBuf;

use anyhow::Result;

use super::Database;
use super::up::discard_after_refusal;
use crate::policy::Policy;
use crate::report::change::{ForgottenKeys, RemovedRows};
use crate::report::clean::{CleanReport, Cleaned};
use crate::report::orphans::UnusableKey;
use crate::sqlite::apply::clean::{self, Cleaning};
use crate::sqlite::file::{connection, reading};
use crate::sqlite::write::shell;

impl Database {
    /// Cleans the declared keys, of `only` this child table where it is given, in one transaction; a
    /// copy goes to `backup` first.
    pub fn clean(
        &self,
        only: Option<&str>,
        policy: &Policy,
        backup: Option<&PathBuf>,
    ) -> Result<Cleaned> {
        let location = &self.location;
        let mut database = connection::open(location, self.lock_timeout)?;
        let transaction = connection::begin(&mut database, location)?;
        let cleaning = clean::plan(&transaction, only, policy)?;
        if let Some(refusal) = cleaning.plan.refusal(policy) {
            return Err(refusal.into());
        }
        let mut cleaned = self.cleaned(&cleaning, policy, false);
        if !cleaning.plan.steps.is_empty() {
            cleaned.report.backup = self.back_up(backup)?;
            clean::carry_out(&transaction, &cleaning)
                .inspect_err(|error| discard_after_refusal(error, backup))?;
            connection::commit(transaction, location)?;
        }
        Ok(cleaned)
    }

    /// What [`clean`](Self::clean) would do; `with_script` in another SQLite too.
    pub fn plan_clean(
        &self,
        only: Option<&str>,
        policy: &Policy,
        with_script: bool,
    ) -> Result<Cleaned> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            let cleaning = clean::plan(connection, only, policy)?;
            let mut cleaned = self.cleaned(&cleaning, policy, true);
            cleaned.refusal = cleaning.plan.refusal(policy);
            cleaned.report.refused = cleaned.refusal.as_ref().map(ToString::to_string);
            let changes = cleaned.refusal.is_none() && !cleaning.plan.steps.is_empty();
            if with_script && changes {
                cleaned.script = Some(shell::clean(&cleaning.plan)?);
            }
            Ok(cleaned)
        })
    }

    fn cleaned(&self, cleaning: &Cleaning, policy: &Policy, dry_run: bool) -> Cleaned {
        let unusable = cleaning.unusable.iter();
        let unusable =
            unusable.map(|(key, why)| format!("{} was not looked at: {why}", key.place()));
        Cleaned {
            report: CleanReport::new(self.name(), cleaning, policy, dry_run),
            warnings: unusable
                .chain(cleaning.plan.warnings.iter().cloned())
                .collect(),
            refusal: None,
            script: None,
        }
    }
}

impl CleanReport {
    /// What `cleaning` does under `policy`.
    pub fn new(database: String, cleaning: &Cleaning, policy: &Policy, dry_run: bool) -> Self {
        let plan = &cleaning.plan;
        let removed = plan.removals();
        let kept = plan.touched().filter(|it| it.kept > 0);
        CleanReport {
            database,
            dry_run,
            backup: None,
            keys: cleaning.keys,
            removed: removed
                .map(|it| RemovedRows::new(&plan.found, it, policy))
                .collect(),
            set_null: kept
                .map(|it| ForgottenKeys::new(&plan.found, it, policy))
                .collect(),
            validated: Vec::new(),
            ways: Vec::new(),
            unusable: cleaning.unusable.iter().map(UnusableKey::new).collect(),
            warnings: plan.warnings.clone(),
            refused: None,
            steps: plan
                .steps
                .iter()
                .map(crate::sqlite::rebuild::steps::Step::title)
                .collect(),
        }
    }
}
