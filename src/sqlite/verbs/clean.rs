//! `clean`: the orphans of keys that are declared already.

use std::path::PathBuf;

use anyhow::Result;

use super::Database;
use super::up::discard_after_refusal;
use crate::outcome::change::{ForgottenKeys, RemovedRows};
use crate::outcome::clean::{CleanReport, Cleaned};
use crate::outcome::orphans::UnusableKey;
use crate::policy::Policy;
use crate::sqlite::apply::clean::{self, Cleaning};
use crate::sqlite::file::connection::{self, pages::Walk};
use crate::sqlite::file::reading;
use crate::sqlite::orphans::confirm;
use crate::sqlite::schema::dump::Dump;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::write::portable;
use crate::sqlite::write::shell;
use crate::target::Target;

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
        let (transaction, walk) = connection::begin_to_search(&mut database, location)?;
        let cleaning = clean::plan(&transaction, only, policy, Some(walk))?;
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

    /// What [`clean`](Self::clean) would do; with the script that does the same for `target`.
    pub fn plan_clean(
        &self,
        only: Option<&str>,
        policy: &Policy,
        target: Option<Target>,
    ) -> Result<Cleaned> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            let walk = Walk::begin(connection, &self.location)?;
            let cleaning = clean::plan(connection, only, policy, Some(walk))?;
            let mut cleaned = self.cleaned(&cleaning, policy, true);
            cleaned.refusal = cleaning.plan.refusal(policy);
            if cleaned.refusal.is_none() && cleaning.plan.must_be_tried {
                clean::rehearse(connection, only, policy)?;
            }
            cleaned.report.refused = cleaned.refusal.as_ref().map(ToString::to_string);
            let changes = cleaned.refusal.is_none() && !cleaning.plan.steps.is_empty();
            cleaned.script = match target.filter(|_| cleaned.refusal.is_none()) {
                Some(Target::Shell) if changes => {
                    confirm::confirm_indexes(connection, cleaning.plan.keys())?;
                    Some(shell::clean(&cleaning.plan)?)
                }
                None | Some(Target::Shell) => None,
                // Another copy of the database may have orphans where this one has none.
                Some(target) => {
                    let schema = portable::schema_of(connection)?;
                    portable::clean(&schema, only, policy, target)?.script
                }
            };
            Ok(cleaned)
        })
    }

    fn cleaned(&self, cleaning: &Cleaning, policy: &Policy, dry_run: bool) -> Cleaned {
        let unusable = cleaning.unusable.iter();
        let unusable = unusable.map(not_looked_at);
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

/// The script for `target` that cleans a database with the schema of the dump `text`, if it declares
/// any key, and what is not looked at; `name` is the dump's in messages.
pub fn clean_of_dump(
    name: &str,
    text: &str,
    only: Option<&str>,
    policy: &Policy,
    target: Target,
) -> Result<(Option<String>, Vec<String>)> {
    let dump = Dump::load(name, text)?;
    let cleaning = portable::clean(&dump.connection, only, policy, target)?;
    let unusable = cleaning.unusable.iter().map(not_looked_at);
    Ok((cleaning.script, unusable.collect()))
}

fn not_looked_at((key, why): &(ForeignKey, String)) -> String {
    format!("{} was not looked at: {why}", key.place())
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
