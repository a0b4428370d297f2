//! Why a key seems to be meant, in words; the strongest reason first.

use super::facts::Look;
use super::how::How;
use super::lead::Lead;
use super::misleading;
use super::table::{Affinity, Column};
use crate::text::{count, rows};

/// The reasons for and against the key of `lead`, where `rival` is another table that the column
/// may refer to.
pub fn of(lead: &Lead<'_>, rival: Option<&str>) -> Vec<String> {
    let parent = &lead.found.parent.table;
    let mut reasons = Vec::new();
    if lead.found.how != How::Nothing {
        reasons.push(lead.found.evidence.clone());
    }
    reasons.push(in_words(&lead.look, &parent.name));
    let parent_column = lead.found.key.columns.first();
    if let Some(parent_column) = parent_column.and_then(|name| parent.column(name)) {
        reasons.extend(types(lead.column, parent_column));
    }
    if lead.has_namesake {
        let column = &lead.column.name;
        reasons.push(format!(
            "{column} of other tables refers to {} too",
            parent.name
        ));
    }
    if let Some(rival) = rival {
        reasons.push(format!("it may refer to {rival} instead"));
    }
    if let Some(word) = misleading::elsewhere(&lead.column.name) {
        reasons.push(format!("{word} may mean that the row is elsewhere"));
    }
    reasons
}

fn types(child: &Column, parent: &Column) -> Option<String> {
    let (left, right) = (type_of(child), type_of(parent));
    if child.affinity != parent.affinity {
        return Some(format!("types differ: {left} and {right}"));
    }
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
