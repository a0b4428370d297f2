//! A table that a column may refer to, and how likely that is in the light of the others.

use std::collections::HashMap;

use super::catalog::Subject;
use super::facts::Look;
use super::how::{How, Match};
use super::judge::{self, Features};
use super::table::Column;
use crate::model::key::ForeignKey;

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
    pub(super) features: Features,
    /// The logarithm of the odds, taken by itself.
    pub(super) logit: f64,
    /// How likely it is that the key was meant.
    pub probability: f64,
    /// Another column of the same name surely refers to the same table.
    pub has_namesake: bool,
}

impl Lead<'_> {
    /// Whether both are of one column.
    pub fn is_of(&self, other: &Lead<'_>) -> bool {
        self.child.table.name == other.child.table.name && self.column.name == other.column.name
    }
}

/// Judges each lead anew, in the light of the others.
pub fn in_context(leads: &mut [Lead<'_>]) {
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
