//! How sure it is that a key was meant. What speaks for and against it is put in numbers, each
//! number has a weight that was learnt from databases whose keys are known, and their sum is the
//! logarithm of the odds.

use super::catalog::{Catalog, Subject};
use super::column::{self, Ending};
use super::facts::Look;
use super::how::{How, Match, Prefix};
use super::misleading;
use super::profile::Profile;
use super::table::{Affinity, Column};
use super::weights;
use crate::model::key::same_name;
use crate::words;

/// What speaks for or against a key, by name.
pub type Features = Vec<(&'static str, f64)>;

/// What is judged.
pub struct Case<'a> {
    /// The table.
    pub child: &'a Subject,
    /// Its column.
    pub column: &'a Column,
    /// What the name says.
    pub found: &'a Match<'a>,
    /// What the values say.
    pub look: &'a Look,
    /// What the column holds.
    pub profile: &'a Profile,
    /// How many keys of the parent there are, if that was looked at.
    pub keys: Option<usize>,
    /// How many keys of other tables the values fit into.
    pub crowd: usize,
}

/// What speaks for and against the key taken by itself.
pub fn features(catalog: &Catalog, case: &Case<'_>) -> Features {
    let mut features = Features::new();
    features.push(("always", 1.0));
    by_name(catalog, case, &mut features);
    by_values(case, &mut features);
    by_type(case, &mut features);
    by_place(case, &mut features);
    features
}

/// The logarithm of the odds, from the key taken by itself.
pub fn logit(how: How, features: &Features) -> f64 {
    weighed(
        if how == How::Nothing {
            weights::UNNAMED
        } else {
            weights::NAMED
        },
        features,
    )
}

/// The logarithm of the odds, with the rest of the schema.
pub fn logit_in_context(features: &Features) -> f64 {
    weighed(weights::IN_CONTEXT, features)
}

/// The logarithm of the odds of a key of several columns.
pub fn logit_of_composite(features: &Features) -> f64 {
    weighed(weights::COMPOSITE, features)
}

/// What the values of several columns say.
#[allow(clippy::cast_precision_loss)] // counts of rows
pub fn composite(look: &Look) -> Features {
    let mut features: Features = vec![("always", 1.0)];
    let distinct = look.values.distinct.clamp(1, 1000) as f64;
    let share = share(look);
    let seen = match share {
        _ if look.failed => "failed",
        _ if look.values.distinct == 0 => "no value",
        _ if look.parent_is_empty => "empty parent",
        _ if share >= 0.999 => "all",
        _ if share >= 0.9 => "nearly all",
        _ if share >= 0.4 => "some",
        _ => "few",
    };
    features.push((seen, 1.0));
    if seen == "all" {
        features.push(("all of many", distinct.ln()));
    }
    features
}

fn weighed(weights: &[(&str, f64)], features: &Features) -> f64 {
    let weight = |name: &str| {
        weights
            .iter()
            .find(|it| it.0 == name)
            .map_or(0.0, |it| it.1)
    };
    features
        .iter()
        .map(|(name, value)| value * weight(name))
        .sum()
}

/// The odds as a probability.
pub fn probability(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// A probability in percent; nothing is certain, and nothing impossible.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to 99
pub fn percent(probability: f64) -> u8 {
    (probability * 100.0).round().clamp(1.0, 99.0) as u8
}

/// The natural logarithm of one more than a number.
#[allow(clippy::cast_precision_loss)] // a count of tables or rows
pub fn ln(number: usize) -> f64 {
    (1.0 + number as f64).ln()
}

fn by_name(catalog: &Catalog, case: &Case<'_>, features: &mut Features) {
    let Match {
        parent,
        key,
        how,
        ending,
        misfit,
        is_plain_word,
        alike,
        prefix,
        ..
    } = case.found;
    features.push((how.name(), 1.0));
    match ending {
        Ending::Id(_) => features.push(("id", 1.0)),
        Ending::Code(_) => features.push(("code", 1.0)),
        Ending::None => {}
    }
    let is_bare = *ending == Ending::None;
    let is_table = matches!(how, How::Name | How::Tail | How::LooseTail);
    flag(features, "bare name", is_bare && is_table);
    flag(
        features,
        "bare plain word",
        is_bare && *is_plain_word && *how != How::NamedKey,
    );
    flag(
        features,
        "bare role",
        is_bare
            && matches!(
                how,
                How::Role | How::RoleTail | How::LooseRoleTail | How::OwnRole
            ),
    );
    flag(
        features,
        "bare weak",
        is_bare && *how > How::OwnRole && !is_table,
    );
    features.push(("misfit", *misfit));
    flag(features, "outdone", case.found.is_outdone);
    features.push(("alike", ln(alike.saturating_sub(1))));
    flag(features, "secondary key", !key.is_primary);
    flag(features, "self", parent.table.name == case.child.table.name);
    flag(
        features,
        "elsewhere",
        misleading::elsewhere(&case.column.name).is_some(),
    );
    flag(features, "generic", column::is_generic(&case.column.name));
    let is_loose = matches!(how, How::LooseTail | How::LooseRoleTail);
    flag(features, "behind child", *prefix == Prefix::IsChild);
    flag(
        features,
        "behind shared",
        *prefix == Prefix::Shared && !is_loose,
    );
    flag(features, "behind kin", *prefix == Prefix::Kin);
    flag(features, "sole loose", is_loose && *alike == 1);
    flag(
        features,
        "sole shared key",
        *how == How::SharedKey && *alike == 1,
    );
    flag(
        features,
        "shared id",
        *how == How::SharedKey && matches!(ending, Ending::Id(_)),
    );
    flag(
        features,
        "measure",
        column::is_measure(&words::split(&case.column.name)),
    );
    flag(
        features,
        "kin",
        parent.words.iter().any(|word| {
            case.child.words.iter().any(|it| it.is_like(word))
                && !catalog.is_prefix(std::slice::from_ref(word))
        }),
    );
    if matches!(how, How::Person | How::Agent) {
        flag(
            features,
            "person self",
            parent.table.name == case.child.table.name,
        );
        flag(
            features,
            "other people",
            parent.people_rank != catalog.best_people_rank,
        );
        flag(
            features,
            "people by columns",
            parent.people_rank.is_some_and(|it| it >= 18),
        );
    }
}

fn flag(features: &mut Features, name: &'static str, is_so: bool) {
    if is_so {
        features.push((name, 1.0));
    }
}

#[allow(clippy::cast_precision_loss)] // counts of rows
fn by_values(case: &Case<'_>, features: &mut Features) {
    let look = case.look;
    let values = &look.values;
    let is_weak = case.found.how > How::KeyRole;
    if look.failed {
        return features.push(("failed", 1.0));
    }
    if values.distinct == 0 {
        flag(features, "no value", true);
        return flag(features, "weak, no value", is_weak);
    }
    if look.parent_is_empty {
        flag(features, "empty parent", true);
        return flag(features, "weak, empty parent", is_weak);
    }
    let distinct = values.distinct.min(1000) as f64;
    let share = share(look);
    let is_full = share >= 0.999;
    match share {
        _ if is_full => features.push(("all", 1.0)),
        _ if share >= 0.9 => features.push(("nearly all", 1.0)),
        _ if share >= 0.4 => features.push(("some", 1.0)),
        _ if share >= 0.1 => features.push(("few", 1.0)),
        _ => features.push(("none", 1.0)),
    }
    let is_plain = case.found.how <= How::Role && matches!(case.found.ending, Ending::Id(_));
    flag(features, "plain, not all", is_plain && !is_full);
    flag(features, "plain, few", is_plain && share < 0.4);
    if share < 0.4 {
        features.push(("few of many", distinct.ln()));
    }
    if !is_full {
        return;
    }
    flag(features, "one value", values.distinct == 1);
    flag(features, "weak, all", is_weak);
    let many = if look.are_integers {
        "all of many numbers"
    } else {
        "all of many texts"
    };
    features.push((many, distinct.ln()));
    flag(features, "all texts", !look.are_integers);
    features.push(("crowd", ln(case.crowd)));
    flag(features, "no crowd", case.crowd == 0);
    if let Some(keys) = case.keys {
        let covered = distinct / keys.max(1) as f64;
        features.push(("covered", covered.min(1.0)));
        features.push(("covered of many", covered.min(1.0) * ln(keys.min(1000))));
        features.push(("keys", ln(keys.min(1000))));
        let is_far = case
            .profile
            .least()
            .is_some_and(|least| least > i64::try_from(keys).unwrap_or(i64::MAX));
        flag(features, "far", look.are_integers && is_far);
        flag(features, "small parent", keys <= 3);
    }
}

/// The share of distinct keys that have a parent, or that of rows where it is larger: where
/// parents were deleted, a few live ones may have most of the rows.
#[allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows
fn share(look: &Look) -> f64 {
    let values = &look.values;
    let rows = (values.rows - values.nulls).max(1);
    let of_rows = (rows - values.orphans) as f64 / rows as f64;
    values.share().unwrap_or(0.0).max(of_rows)
}

fn by_type(case: &Case<'_>, features: &mut Features) {
    let child = case.column;
    let parent = case.found.key.columns.first();
    let Some(parent) = parent.and_then(|name| case.found.parent.table.column(name)) else {
        return;
    };
    let is_untyped = [child, parent]
        .iter()
        .any(|it| it.affinity == Affinity::Blob);
    if child.affinity != parent.affinity {
        features.push((
            if is_untyped {
                "untyped"
            } else {
                "types differ"
            },
            1.0,
        ));
    } else if !child
        .declared_type
        .eq_ignore_ascii_case(&parent.declared_type)
    {
        features.push(("types alike", 1.0));
    }
    flag(features, "text", parent.affinity == Affinity::Text);
}

fn by_place(case: &Case<'_>, features: &mut Features) {
    let name = &case.column.name;
    let child = case.child;
    let is_own_key = child.is_single_key(name);
    let is_in_key = child
        .keys
        .iter()
        .any(|key| key.columns.iter().any(|it| same_name(it, name)));
    flag(features, "own key", is_own_key);
    flag(features, "in own key", is_in_key && !is_own_key);
    flag(
        features,
        "own key before parent",
        is_own_key
            && child.keys.first().is_some_and(|key| {
                key.is_primary
                    && key.columns.len() == 1
                    && key.columns.iter().all(|it| same_name(it, name))
            }),
    );
}
