//! Keys of one column: where they may lead, by name and by value, and which of them was meant.

use std::collections::HashMap;

use anyhow::Result;

use super::catalog::{Catalog, Subject};
use super::column::{self, Ending};
use super::facts::{Column, Look, Rows};
use super::how::{How, Match, Prefix};
use super::index::Index;
use super::judge::{self, Case, Features};
use super::profile::{Keys, Profile, Profiles};
use super::{Candidate, key_of, misleading, names, reasons};
use crate::model::key::{ForeignKey, same_name};
use crate::words;

/// How many tables that the name of a column speaks of are looked at...
const MOST_NAMED: usize = 6;
/// ...and how many that only its values fit into.
const MOST_UNNAMED: usize = 3;

/// A table that a column may refer to.
pub struct Lead<'a> {
    /// The table of the column.
    pub child: &'a Subject,
    /// The column.
    pub column: &'a Column,
    /// What its name says.
    pub found: Match<'a>,
    /// The key.
    pub key: ForeignKey,
    /// What its values say.
    pub look: Look,
    features: Features,
    /// The logarithm of the odds, taken by itself.
    logit: f64,
    /// How likely it is that the key was meant.
    pub probability: f64,
    /// Another column of the same name surely refers to the same table.
    pub has_namesake: bool,
}

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

impl Lead<'_> {
    fn is_of(&self, other: &Lead<'_>) -> bool {
        self.child.table.name == other.child.table.name && self.column.name == other.column.name
    }
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
        let key = key_of(self.child, &[self.column], found.parent, found.key);
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

/// Judges each lead anew, in the light of the others.
fn in_context(leads: &mut [Lead<'_>]) {
    let others = Others::of(leads);
    let mut judged = Vec::new();
    for of_column in leads.chunk_by(|a, b| a.is_of(b)) {
        let odds: f64 = of_column.iter().map(|it| it.logit.exp()).sum();
        let best = of_column
            .iter()
            .map(|it| it.logit)
            .fold(f64::NEG_INFINITY, f64::max);
        for lead in of_column {
            let namesake = others.namesake(lead);
            let popular = (others.popularity(lead) - lead.probability)
                .max(0.0)
                .ln_1p();
            let mut features: Features = vec![
                ("always", 1.0),
                ("logit", lead.logit),
                ("popular", popular),
                ("namesake", namesake),
                // One column has one parent: what speaks for another speaks against this one.
                ("rival", (odds - lead.logit.exp()).max(0.0).ln_1p()),
            ];
            if best > lead.logit {
                features.push(("behind", (best - lead.logit).min(6.0)));
                features.push(("not the best", 1.0));
            }
            if lead.found.how == How::Nothing {
                features.push(("unnamed", 1.0));
                features.push(("unnamed popular", popular));
                features.push(("unnamed namesake", namesake));
            }
            let logit = judge::logit_in_context(&features);
            tracing::trace!(
                "weighed {}",
                serde_json::json!([
                    lead.key.child,
                    lead.key.columns,
                    lead.key.parent,
                    lead.key.parent_columns,
                    format!("{:?}", lead.found.how),
                    lead.features,
                    features,
                    logit
                ])
            );
            judged.push((judge::probability(logit), namesake > 0.7));
        }
    }
    for (lead, (probability, has_namesake)) in leads.iter_mut().zip(judged) {
        lead.probability = probability;
        lead.has_namesake = has_namesake;
    }
}

/// What all leads say together.
#[derive(Default)]
struct Others {
    /// How many keys lead to a table, by its name.
    popularity: HashMap<String, f64>,
    /// The two likeliest keys from columns of one name to one table, each with its child.
    namesakes: HashMap<(String, String), Vec<(String, f64)>>,
}

impl Others {
    fn of(leads: &[Lead<'_>]) -> Self {
        let mut others = Others::default();
        for lead in leads {
            let (child, parent) = (&lead.key.child, &lead.key.parent);
            *others.popularity.entry(parent.clone()).or_default() += lead.probability;
            let of_name = others.namesakes.entry(Self::name(lead)).or_default();
            match of_name.iter_mut().find(|(it, _)| it == child) {
                Some((_, probability)) => *probability = probability.max(lead.probability),
                None => of_name.push((child.clone(), lead.probability)),
            }
            of_name.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            of_name.truncate(2);
        }
        others
    }

    fn name(lead: &Lead<'_>) -> (String, String) {
        (
            lead.column.name.to_ascii_lowercase(),
            lead.key.parent.clone(),
        )
    }

    fn popularity(&self, lead: &Lead<'_>) -> f64 {
        self.popularity
            .get(&lead.key.parent)
            .copied()
            .unwrap_or(0.0)
    }

    /// How likely a column of the same name in another table refers to the same table.
    fn namesake(&self, lead: &Lead<'_>) -> f64 {
        let of_name = self.namesakes.get(&Self::name(lead));
        let mut others = of_name.into_iter().flatten();
        others
            .find(|(child, _)| *child != lead.key.child)
            .map_or(0.0, |(_, probability)| *probability)
    }
}
