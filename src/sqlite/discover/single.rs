//! Keys of one column: where they may lead, by name and by value, and which of them was meant.

use std::collections::HashMap;

use anyhow::Result;
use rusqlite::Connection;

use super::catalog::{Catalog, Subject};
use super::column::{self, Ending};
use super::judge::{self, Case, Features};
use super::names::{self, How, Index, Match, Prefix};
use super::profile::{Keys, Profile, Profiles};
use super::values::Look;
use super::{Candidate, key_of, misleading, reasons, values};
use crate::sqlite::ddl::same_name;
use crate::sqlite::foreign_key::ForeignKey;
use crate::sqlite::schema::Column;
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
pub fn leads<'a>(connection: &Connection, catalog: &'a Catalog) -> Result<Vec<Lead<'a>>> {
    let index = Index::new(catalog);
    let profiles = Profiles::read(connection, catalog)?;
    let mut found = Vec::new();
    for (table, child) in catalog.subjects.iter().enumerate() {
        for (place, column) in child.table.columns.iter().enumerate() {
            let is_declared = catalog.declared.iter().any(|key| {
                same_name(&key.child, &child.table.name)
                    && matches!(key.columns.as_slice(), [it] if same_name(it, &column.name))
            });
            if is_declared || column.generated {
                continue;
            }
            let none = Profile::default();
            let profile = profiles.of(table, place).unwrap_or(&none);
            let is_measure = misleading::is_no_key_by_type(column);
            let fits = |it: &&Keys| (!is_measure || it.is_measure) && profile.fits(it);
            let fitting: Vec<&Keys> = profiles.keys.iter().filter(fits).collect();
            let of_column = Search {
                connection,
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

/// The likeliest key of each column.
pub fn best(leads: &[Lead<'_>]) -> Vec<Candidate> {
    let mut best: Vec<&Lead<'_>> = Vec::new();
    for lead in leads {
        match best.last_mut().filter(|it| it.is_of(lead)) {
            Some(last) if last.probability >= lead.probability => {}
            Some(last) => *last = lead,
            None => best.push(lead),
        }
    }
    let rival = |lead: &Lead<'_>| {
        leads
            .iter()
            .filter(|it| it.is_of(lead) && it.key.parent != lead.key.parent)
            .filter(|it| it.probability > 0.2)
            .max_by(|a, b| a.probability.total_cmp(&b.probability))
            .map(|it| it.key.parent.clone())
    };
    best.into_iter()
        .map(|lead| Candidate {
            key: lead.key.clone(),
            confidence: judge::percent(lead.probability),
            evidence: reasons::of(lead, rival(lead).as_deref()),
            action_reason: String::new(),
            values: lead.look.values,
            obstacle: None,
        })
        .collect()
}

impl Lead<'_> {
    fn is_of(&self, other: &Lead<'_>) -> bool {
        self.child.table.name == other.child.table.name && self.column.name == other.column.name
    }
}

struct Search<'a, 's> {
    connection: &'s Connection,
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
                let key = it.key.columns.first().and_then(|key| it.parent.table.column(key));
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
                self.connection,
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
        self.profiles
            .keys
            .iter()
            .find(|it| it.place == place && it.key == key)
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
        let is_clear = named.iter().any(|it| it.how <= How::Relative && self.fits(it));
        // A table's own numbers from 1 up fit into all others.
        let is_vague = is_own_key && self.profile.least().is_some_and(|least| least < 100);
        if is_vague || is_clear || self.profile.distinct() < 2 {
            return Vec::new();
        }
        let ending = column::readings(&words::split(&self.column.name))
            .into_iter()
            .next()
            .map_or(Ending::None, |it| it.ending);
        let mut fitting = self.fitting.clone();
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
                && key.columns.iter().any(|it| same_name(it, &self.column.name));
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
        let parent = &found.parent.table;
        let look = values::look(self.connection, &self.child.table, parent, &key, found.key)?;
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
    let name = |lead: &Lead<'_>| lead.column.name.to_ascii_lowercase();
    let mut by_column: HashMap<(String, String), Vec<usize>> = HashMap::new();
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    let mut by_parent: HashMap<String, f64> = HashMap::new();
    for (at, lead) in leads.iter().enumerate() {
        let of_column = (lead.child.table.name.clone(), lead.column.name.clone());
        by_column.entry(of_column).or_default().push(at);
        by_name.entry(name(lead)).or_default().push(at);
        *by_parent.entry(lead.key.parent.clone()).or_default() += lead.probability;
    }
    let mut judged = Vec::new();
    for (at, lead) in leads.iter().enumerate() {
        let of_column = (lead.child.table.name.clone(), lead.column.name.clone());
        let others = |places: Option<&Vec<usize>>| -> Vec<&Lead<'_>> {
            let places = places.into_iter().flatten().filter(|it| **it != at);
            places.filter_map(|it| leads.get(*it)).collect()
        };
        let rivals = others(by_column.get(&of_column));
        let namesakes: Vec<_> = others(by_name.get(&name(lead)))
            .into_iter()
            .filter(|it| it.child.table.name != lead.child.table.name)
            .collect();
        let most = |leads: &mut dyn Iterator<Item = &&Lead<'_>>| leads.map(|it| it.probability).fold(0.0, f64::max);
        let alike = most(&mut namesakes.iter().filter(|it| it.key.parent == lead.key.parent));
        let unlike = most(&mut namesakes.iter().filter(|it| it.key.parent != lead.key.parent && it.key.parent != lead.child.table.name));
        let rival = rivals.iter().map(|it| it.logit.exp()).sum::<f64>();
        let best = rivals.iter().map(|it| it.logit).fold(f64::NEG_INFINITY, f64::max);
        let popular = by_parent.get(&lead.key.parent).map_or(0.0, |all| all - lead.probability);
        let is_unnamed = lead.found.how == How::Nothing;
        let mut features: Features = vec![
            ("always", 1.0),
            ("logit", lead.logit),
            ("popular", popular.max(0.0).ln_1p()),
            ("namesake", alike),
            ("other namesake", unlike),
        ];
        // One column has one parent: what speaks for another speaks against this one.
        features.push(("rival", rival.ln_1p()));
        if best > lead.logit {
            features.push(("behind", (best - lead.logit).min(6.0)));
            features.push(("not the best", 1.0));
        }
        if is_unnamed {
            features.push(("unnamed", 1.0));
            features.push(("unnamed popular", popular.max(0.0).ln_1p()));
            features.push(("unnamed namesake", alike));
        }
        let logit = judge::logit_in_context(&features);
        tracing::trace!(
            "weighed {}",
            serde_json::json!([lead.key.child, lead.key.columns, lead.key.parent, lead.key.parent_columns, format!("{:?}", lead.found.how), lead.features, features, logit])
        );
        judged.push((judge::probability(logit), alike > 0.7));
    }
    for (lead, (probability, has_namesake)) in leads.iter_mut().zip(judged) {
        lead.probability = probability;
        lead.has_namesake = has_namesake;
    }
}
