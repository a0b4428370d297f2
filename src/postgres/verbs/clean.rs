//! `clean`: the orphans of keys that are declared already, valid or not, and the keys that are NOT
//! VALID because of them.
//!
//! PostgreSQL calls keys valid that rows break: those that were loaded around them, or that a policy
//! hid; VALIDATE does nothing about these. So the rows are counted, whatever it says.

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::types::Type;

use crate::failure::Failure;
use crate::model::key::ForeignKey;
use crate::outcome::clean::{CleanReport, Cleaned, ValidatedKey};
use crate::outcome::orphans::UnusableKey;
use crate::policy::{Manner, Mode, Policy};
use crate::postgres::apply::{add, plan};
use crate::postgres::database::Database;
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::mover::Mover;
use crate::postgres::leave::preflight;
use crate::postgres::leave::tally::Tally;
use crate::postgres::orphans::{Found, Search};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, SMALL};
use crate::postgres::session::{go_on_unless_interrupted, pause};
use crate::postgres::verbs::door::must_not_be_under_way;
use crate::postgres::write::script;
use crate::text::{count, listing};

/// What is to be cleaned, and how.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// This child table alone.
    pub only: Option<&'a str>,
    /// What may become of orphans.
    pub policy: &'a Policy,
    /// In one transaction or in steps.
    pub manner: &'a Manner,
}

/// What was found.
struct Cleaning {
    search: Search,
    found: Found,
    /// Keys that are NOT VALID, and are to be validated.
    validate: Vec<Key>,
    unusable: Vec<(ForeignKey, String)>,
    warnings: Vec<String>,
    refusal: Option<Failure>,
    mode: Mode,
    because: String,
}

impl Cleaning {
    /// Searches; writes nothing.
    fn plan(transaction: &mut Transaction, schema: &Schema, order: Order<'_>) -> Result<Self> {
        let only = order.only.map(|it| schema.named(it)).transpose()?;
        let (mut asked, mut unusable) = (Vec::new(), Vec::new());
        for child in &schema.tables {
            if only.is_some_and(|only| only.oid != child.oid) {
                continue;
            }
            for key in child.foreign_keys.iter().filter(|it| !it.is_inherited) {
                let found = if key.is_enforced {
                    keys::usable(transaction, schema, child, key)?
                } else {
                    Err("it is NOT ENFORCED".to_owned())
                };
                match found {
                    Ok(key) => asked.push(key),
                    Err(why) => unusable.push((keys::told(schema, child, key), why)),
                }
            }
        }
        preflight::must_see(transaction, &asked)?;
        let (mut validate, mut warnings) = (Vec::new(), Vec::new());
        for key in asked.iter().filter(|it| !it.key.is_validated) {
            match owner_of(transaction, key)? {
                None => validate.push(key.clone()),
                Some(owner) => warnings.push(format!(
                    "{} of {} stays NOT VALID: only its owner {owner} can validate it",
                    key.key.name, key.child_shown
                )),
            }
        }
        let search = Search::new(transaction, schema, asked, order.policy.orphans)?;
        let mut found = search.orphans(transaction)?;
        search.follow(transaction, &mut found, false)?;
        let refusal = preflight::refusal(transaction, &search, &found, order.policy)?;
        if refusal.is_none() {
            let (orphans, triggers) = (order.policy.orphans, order.manner.triggers);
            preflight::may_leave(schema, &found, orphans, triggers)?;
        }
        let (mode, because) = choose(transaction, &found, &validate, order.manner.mode)?;
        Ok(Cleaning {
            search,
            found,
            validate,
            unusable,
            warnings,
            refusal,
            mode,
            because,
        })
    }

    fn steps(&self) -> Vec<String> {
        let mut steps = plan::moving(&self.search, &self.found);
        let validate = self.validate.iter();
        steps.extend(
            validate.map(|key| format!("validate {} of {}", key.key.name, key.child_shown)),
        );
        steps
    }

    fn cleaned(&self, database: String, tally: &Tally, order: Order<'_>, dry_run: bool) -> Cleaned {
        let unusable = self.unusable.iter();
        let unusable =
            unusable.map(|(key, why)| format!("{} was not looked at: {why}", key.place()));
        let validated = self.validate.iter().map(|key| ValidatedKey {
            table: key.child_shown.clone(),
            constraint: key.key.name.clone(),
        });
        let policy = order.policy.orphans;
        let words = match self.mode {
            Mode::Online => "online, in short steps",
            _ => "in one transaction",
        };
        Cleaned {
            warnings: unusable.chain(self.warnings.iter().cloned()).collect(),
            refusal: None,
            script: None,
            report: CleanReport {
                database,
                dry_run,
                backup: None,
                keys: self.search.asked.len(),
                removed: tally.removed(policy),
                set_null: tally.set_null(policy),
                validated: validated.collect(),
                unusable: self.unusable.iter().map(UnusableKey::new).collect(),
                ways: vec![format!("{words}: {}", self.because)],
                warnings: self.warnings.clone(),
                refused: None,
                steps: self.steps(),
            },
        }
    }
}

/// The owner of the child, where it is not this role.
fn owner_of(transaction: &mut Transaction, key: &Key) -> Result<Option<String>> {
    let row = transaction.query_typed_one(
        "SELECT CASE WHEN NOT pg_has_role(relowner, 'USAGE') THEN pg_get_userbyid(relowner)::text END FROM pg_class WHERE oid = $1",
        &[(&key.child.oid, Type::OID)],
    )?;
    Ok(row.try_get(0)?)
}

/// The way, and why: writers wait for rows that move, and for no table; but what is moved in one
/// transaction is held until its end.
fn choose(
    transaction: &mut Transaction,
    found: &Found,
    validate: &[Key],
    wanted: Mode,
) -> Result<(Mode, String)> {
    if wanted != Mode::Auto {
        return Ok((wanted, "asked for".to_owned()));
    }
    let tables = found.tables.iter().map(|it| (&it.table, &it.shown));
    let validate = validate.iter().map(|it| (&it.child, &it.child_shown));
    let mut sizes: Vec<String> = Vec::new();
    for (table, shown) in tables.chain(validate) {
        let rows = rows::estimate(transaction, table)?;
        let size = format!("{shown} has about {} rows", count(rows));
        if rows >= SMALL {
            return Ok((Mode::Online, size));
        }
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    Ok((Mode::Transaction, listing(&sizes)))
}

impl Database {
    /// Cleans the declared keys.
    pub fn clean(&mut self, order: Order<'_>) -> Result<Cleaned> {
        let name = self.name.clone();
        let cleaning = self.look(|transaction, schema, own| {
            must_not_be_under_way(transaction, own)?;
            Cleaning::plan(transaction, schema, order)
        })?;
        if let Some(refusal) = cleaning.refusal {
            return Err(refusal.into());
        }
        if cleaning.steps().is_empty() {
            return Ok(cleaning.cleaned(name, &Tally::default(), order, false));
        }
        let doing = "could not clean the declared keys";
        let (cleaning, tally) = match cleaning.mode {
            Mode::Online => self.clean_online(cleaning, order).context(doing)?,
            _ => self.clean_at_once(&cleaning, order).context(doing)?,
        };
        Ok(cleaning.cleaned(name, &tally, order, false))
    }

    fn clean_at_once(
        &mut self,
        cleaning: &Cleaning,
        order: Order<'_>,
    ) -> Result<(Cleaning, Tally)> {
        let tables = tables(cleaning);
        self.change(&tables, |transaction, schema, own| {
            must_not_be_under_way(transaction, own)?;
            let mut cleaning = Cleaning::plan(transaction, schema, order)?;
            if let Some(refusal) = cleaning.refusal.take() {
                return Err(refusal.into());
            }
            let mut mover = Mover::new(None, order.manner);
            mover.move_all(transaction, schema, &cleaning.search)?;
            for key in &cleaning.validate {
                add::validate(transaction, schema, key)?;
            }
            Ok((cleaning, mover.tally))
        })
    }

    /// Batch by batch, each a transaction: killed at any instant, the next run goes on.
    fn clean_online(&mut self, cleaning: Cleaning, order: Order<'_>) -> Result<(Cleaning, Tally)> {
        let mut mover = Mover::new(None, order.manner);
        loop {
            let search = &cleaning.search;
            let listed = self.look(|transaction, _, _| search.orphans(transaction))?;
            if listed.tables.is_empty() {
                break;
            }
            for batch in listed.batches(order.manner.batch) {
                go_on_unless_interrupted()?;
                let tables = [batch.0.name.to_string()];
                let batch = std::slice::from_ref(&batch);
                let mover_now = &mut mover;
                let gone = self.change(&tables, |transaction, schema, own| {
                    must_not_be_under_way(transaction, own)?;
                    mover_now.move_rows(transaction, schema, search, batch)
                })?;
                mover.done(search, &gone);
                pause(order.manner.pause)?;
            }
        }
        for key in &cleaning.validate {
            go_on_unless_interrupted()?;
            let tables = [key.child.name.to_string()];
            self.change(&tables, |transaction, schema, own| {
                must_not_be_under_way(transaction, own)?;
                add::validate(transaction, schema, key)
            })?;
        }
        Ok((cleaning, mover.tally))
    }

    /// What [`clean`](Self::clean) would do; `with_script` for psql too.
    pub fn plan_clean(&mut self, order: Order<'_>, with_script: bool) -> Result<Cleaned> {
        let name = self.name.clone();
        self.look(|transaction, schema, own| {
            must_not_be_under_way(transaction, own)?;
            let mut cleaning = Cleaning::plan(transaction, schema, order)?;
            let mut tally = Tally::default();
            tally.add(&cleaning.search, &cleaning.found);
            let mut cleaned = cleaning.cleaned(name.clone(), &tally, order, true);
            cleaned.refusal = cleaning.refusal.take();
            cleaned.report.refused = cleaned.refusal.as_ref().map(ToString::to_string);
            let changes = cleaned.refusal.is_none() && !cleaned.report.steps.is_empty();
            if with_script && changes {
                let Cleaning {
                    search,
                    found,
                    validate,
                    mode,
                    ..
                } = &cleaning;
                let is_online = *mode == Mode::Online;
                let script = script::clean(
                    schema,
                    search,
                    found,
                    validate,
                    order.policy.orphans,
                    order.manner,
                    is_online,
                );
                cleaned.script = Some(script?);
            }
            Ok(cleaned)
        })
    }
}

fn tables(cleaning: &Cleaning) -> Vec<String> {
    let tables = cleaning.found.tables.iter();
    let tables = tables.map(|it| it.table.name.to_string());
    let validate = cleaning.validate.iter();
    let mut tables: Vec<_> = tables
        .chain(validate.map(|it| it.child.name.to_string()))
        .collect();
    tables.sort();
    tables.dedup();
    tables
}
