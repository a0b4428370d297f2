//! How sure it is that a key was meant: what its name says, corrected by types and values.

use super::names::{How, Match};
use super::values::Look;
use super::{Values, misleading};
use crate::sqlite::schema::{Affinity, Column};
use crate::text::{count, rows};

/// What speaks for and against a key.
pub struct Verdict {
    /// In percent.
    pub confidence: u8,
    /// In words, the strongest first.
    pub evidence: Vec<String>,
}

/// Weighs the evidence for a key of one column.
pub fn weigh(found: &Match<'_>, child: &Column, parent: &Column, look: &Look) -> Verdict {
    let mut evidence = vec![found.evidence.clone()];
    let mut weight = found.weight + by_values(found.how, look);
    evidence.push(in_words(look, &found.parent.table.name));
    if child.affinity == parent.affinity {
        evidence.extend(types_agree(child, parent));
    } else {
        weight -= by_type(child, parent, look);
        evidence.push(format!(
            "types differ: {} and {}",
            type_of(child),
            type_of(parent)
        ));
    }
    if let Some(word) = misleading::elsewhere(&child.name) {
        weight -= 25;
        evidence.push(format!("{word} may mean that the row is elsewhere"));
    }
    Verdict {
        confidence: percent(weight),
        evidence,
    }
}

/// A weight as a percentage; nothing is certain, and nothing impossible.
pub fn percent(weight: i32) -> u8 {
    u8::try_from(weight.clamp(1, 99)).unwrap_or(1)
}

/// What the values add to the weight, or take from it.
pub fn by_values(how: How, look: &Look) -> i32 {
    let values = &look.values;
    let vague = how == How::Vaguely;
    if look.failed {
        return -5;
    }
    let Some(share) = share(values) else {
        // Nothing is held against a name that is plain.
        return if vague { -20 } else { -3 };
    };
    if look.parent_is_empty {
        return if vague { -40 } else { -15 };
    }
    // Small whole numbers fit into every table, so that they fit says little.
    let telling = !look.are_integers;
    match share {
        _ if share >= 0.999 => match values.distinct {
            1..=2 => 2,
            3..=9 if telling => 10,
            3..=9 => 5,
            _ if telling => 14,
            10..=49 => 8,
            _ => 10,
        },
        _ if share >= 0.9 => 3,
        _ if share >= 0.7 => -3,
        _ if share >= 0.4 => -12,
        _ if share >= 0.1 => -30,
        // One or two values may well be the exception.
        _ if values.distinct <= 2 => -30,
        _ => -55,
    }
}

/// The share of distinct keys that have a parent, or that of rows where it is larger: where
/// parents were deleted, a few live ones may have most of the rows.
#[allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows
fn share(values: &Values) -> Option<f64> {
    let rows = values.rows - values.nulls;
    let of_rows = (rows - values.orphans) as f64 / rows as f64;
    values.share().map(|share| share.max(of_rows))
}

/// What differing affinities take from the weight.
fn by_type(child: &Column, parent: &Column, look: &Look) -> i32 {
    let fits = share(&look.values).is_some_and(|share| share >= 0.9);
    let untyped = [child, parent]
        .iter()
        .any(|column| column.affinity == Affinity::Blob);
    match (fits, untyped) {
        (true, true) => 2,
        (true, false) => 8,
        (false, true) => 12,
        (false, false) => 45,
    }
}

fn types_agree(child: &Column, parent: &Column) -> Option<String> {
    let (left, right) = (type_of(child), type_of(parent));
    (child.affinity != Affinity::Blob).then(|| {
        if left == right {
            format!("both are {left}")
        } else {
            format!("types agree: {left} and {right}")
        }
    })
}

fn type_of(column: &Column) -> &str {
    if column.declared_type.is_empty() {
        "without a type"
    } else {
        &column.declared_type
    }
}

/// What was looked at, and what was found.
pub fn in_words(look: &Look, parent: &str) -> String {
    let values = &look.values;
    let distinct = match values.distinct {
        1 => "the one value".to_owned(),
        2 => "both distinct values".to_owned(),
        many => format!("all {} distinct values", count(many)),
    };
    let sample = if values.sampled {
        format!(", in a sample of {}", rows(values.rows))
    } else {
        String::new()
    };
    if look.failed {
        return "the values could not be compared here".to_owned();
    }
    if values.distinct == 0 {
        return if values.rows == 0 {
            "no row to look at".to_owned()
        } else {
            format!("no value in {}", rows(values.rows))
        };
    }
    if look.parent_is_empty {
        return format!(
            "{parent} holds no row, and {} are here",
            count(values.distinct)
        );
    }
    if values.with_parent == values.distinct {
        let have = if values.distinct == 1 { "has" } else { "have" };
        return format!("{distinct} {have} a parent{sample}");
    }
    format!(
        "{} of {} distinct values {} a parent{sample}",
        count(values.with_parent),
        count(values.distinct),
        if values.with_parent == 1 {
            "has"
        } else {
            "have"
        }
    )
}
