//! Keys of one column: where they may lead, by name and by value, and which of them was meant.

use anyhow::Result;

use super::catalog::{Catalog, Subject};
use super::column::{self, Ending};
use super::facts::Rows;
use super::found::Candidate;
use super::how::{How, Match, Prefix};
use super::index::Index;
use super::judge::{self, Case};
use super::lead::{Lead, in_context};
use super::profile::{Keys, Profile, Profiles};
use super::table::Column;
use super::{misleading, names, reasons};
use crate::model::key::same_name;
use crate::words;

/// How many tables that the name of a column speaks of are looked at...
const MOST_NAMED: usize = 6;
/// ...and how many that only its values fit into.
const MOST_UNNAMED: usize = 3;

/// Every table that a column may refer to, each with how likely it is, the columns in order.
pub fn leads<'a>(rows: &dyn Rows, catalog: &'a Catalog) -> Result<Vec<Lead<'a>>> {
    let index = Index::new(catalog);
    let profiles = Profiles::read(rows, catalog)?;
    let mut found = Vec::new();
    for (table, child) in catalog.subjects.iter().enumerate() {
        for (place, column) in child.table.columns.iter().enumerate() {
            let is_declared = catalog.declared.iter().any(|key| {
                same_name(&key.child, &child.table.name)
                    && matches!(key.columns.as_slice(), [it] if same_name(it, &column.name))
            });
            if is_declared || column.is_no_key {
                continue;
            }
            let none = Profile::default();
            let profile = profiles.of(table, place).unwrap_or(&none);
            let is_measure = misleading::is_no_key_by_type(column);
            let fits = |it: &&Keys| (!is_measure || it.is_measure) && profile.fits(it);
            let fitting: Vec<&Keys> = profiles.keys.iter().filter(fits).collect();
            let of_column = Search {
                rows,
                catalog,
                child,
                column,
                profile,
                profiles: &profiles,
                fitting,
            };
            found.extend(of_column.leads(&index)?);
        }
    }
    in_context(&mut found);
    Ok(found)
}

/// The likeliest key of each column; the leads of a column stand together.
pub fn best(leads: &[Lead<'_>]) -> Vec<Candidate> {
    let of_columns = leads.chunk_by(|a, b| a.is_of(b));
    let by_probability = |a: &&Lead<'_>, b: &&Lead<'_>| a.probability.total_cmp(&b.probability);
    let best = of_columns.filter_map(|leads| {
        let best = leads.iter().max_by(by_probability)?;
        let rivals = leads
            .iter()
            .filter(|it| it.key.parent != best.key.parent && it.probability > 0.2);
        let rival = rivals
            .max_by(by_probability)
            .map(|it| it.key.parent.as_str());
        Some(Candidate {
            key: best.key.clone(),
            confidence: judge::percent(best.probability),
            evidence: reasons::of(best, rival),
            action_reason: String::new(),
            values: best.look.values,
            obstacle: None,
            replaces: Vec::new(),
        })
    });
    best.collect()
}

struct Search<'a, 's> {
    rows: &'s dyn Rows,
    catalog: &'a Catalog,
    child: &'a Subject,
    column: &'a Column,
    profile: &'s Profile,
    profiles: &'s Profiles,
    /// The keys that its values fit into.
    fitting: Vec<&'s Keys>,
}

impl<'a> Search<'a, '_> {
    fn leads(&self, index: &Index) -> Result<Vec<Lead<'a>>> {
        let mut named = names::matches(self.catalog, index, self.child, self.column);
        if misleading::is_no_key_by_type(self.column) {
            named.retain(|it| {
                let key = it
                    .key
                    .columns
                    .first()
                    .and_then(|key| it.parent.table.column(key));
                key.is_some_and(misleading::is_no_key_by_type)
            });
        }
        if named.len() > MOST_NAMED {
            named.sort_by_key(|it| (it.how, !self.fits(it)));
            named.truncate(MOST_NAMED);
        }
        // `contest_type_id` speaks of `contest_types` more than of `types`.
        let plainest = named
            .iter()
            .filter(|it| it.how <= How::Tail && (self.profile.distinct() == 0 || self.fits(it)))
            .map(|it| it.how)
            .min();
        let unnamed = self.unnamed(&named);
        let mut leads = Vec::new();
        for mut found in named.into_iter().chain(unnamed) {
            found.is_outdone = plainest.is_some_and(|it| it < found.how);
            let polymorphic = misleading::is_polymorphic(
                self.rows,
                self.catalog,
                self.child,
                self.column,
                found.parent,
            )?;
            if !polymorphic {
                leads.push(self.lead(found)?);
            }
        }
        Ok(leads)
    }

    fn keys(&self, found: &Match<'_>) -> Option<&Keys> {
        let place = self.catalog.place(&found.parent.table.name)?;
        let key = found.parent.keys.iter().position(|it| it == found.key)?;
        self.profiles.keys_of(place, key)
    }

    fn fits(&self, found: &Match<'_>) -> bool {
        self.keys(found).is_some_and(|keys| {
            self.fitting
                .iter()
                .any(|it| it.place == keys.place && it.key == keys.key)
        })
    }

    /// The tables that only the values speak of, those with the fewest keys first.
    fn unnamed(&self, named: &[Match<'_>]) -> Vec<Match<'a>> {
        let is_own_key = self.child.is_single_key(&self.column.name);
        let is_clear = named
            .iter()
            .any(|it| it.how <= How::Relative && self.fits(it));
        // A table's own numbers from 1 up fit into all others.
        let is_vague = is_own_key && self.profile.least().is_some_and(|least| least < 100);
        if is_vague || is_clear || self.profile.distinct() < 2 {
            return Vec::new();
        }
        let ending = column::readings(&words::split(&self.column.name))
            .into_iter()
            .next()
            .map_or(Ending::None, |it| it.ending);
        // Small whole numbers fit into every table: without a name that tells a row they say
        // nothing, unless they begin where other tables have ended.
        let is_id = matches!(ending, Ending::Id(_));
        let own = self.catalog.place(&self.child.table.name);
        let may_be_chance = |keys: &Keys| {
            let is_vague = self.profile.are_integers && !self.profile.begins_behind(keys);
            is_vague && (!is_id || own == Some(keys.place))
        };
        let mut fitting = self.fitting.clone();
        fitting.retain(|it| !may_be_chance(it));
        fitting.sort_by_key(|it| it.len());
        let matches = fitting.iter().filter_map(|keys| {
            let parent = self.catalog.subjects.get(keys.place)?;
            let key = parent.keys.get(keys.key)?;
            let is_named = named
                .iter()
                .any(|it| it.parent.table.name == parent.table.name && it.key == key);
            if is_named || parent.table.name == self.child.table.name && is_own_key {
                return None;
            }
            let is_itself = parent.table.name == self.child.table.name
                && key
                    .columns
                    .iter()
                    .any(|it| same_name(it, &self.column.name));
            (!is_itself).then(|| Match {
                parent,
                key,
                how: How::Nothing,
                ending: ending.clone(),
                misfit: 0.0,
                is_plain_word: false,
                alike: 1,
                prefix: Prefix::Other,
                is_outdone: false,
                evidence: String::new(),
            })
        });
        matches.take(MOST_UNNAMED).collect()
    }

    fn lead(&self, found: Match<'a>) -> Result<Lead<'a>> {
        let key = self.child.key_to(&[self.column], found.parent, found.key);
        let look = self.rows.look(self.child, found.parent, &key, found.key)?;
        let fits = self.fits(&found);
        let case = Case {
            child: self.child,
            column: self.column,
            found: &found,
            look: &look,
            profile: self.profile,
            keys: self.keys(&found).map(Keys::len),
            crowd: self.fitting.len() - usize::from(fits),
        };
        let features = judge::features(self.catalog, &case);
        let logit = judge::logit(found.how, &features);
        Ok(Lead {
            child: self.child,
            column: self.column,
            key,
            look,
            features,
            logit,
            probability: judge::probability(logit),
            has_namesake: false,
            found,
        })
    }
}
