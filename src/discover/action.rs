//! Which `ON DELETE` action to suggest. A wrong CASCADE destroys rows, so that it is suggested
//! only where the child is plainly a part of its parent; in doubt NO ACTION keeps everything.

use super::catalog::{Catalog, Subject};
use super::found::Candidate;
use crate::model::asked::DEFAULT_CONFIDENCE;
use crate::model::column_values::ColumnValues;
use crate::model::key::{Action, ForeignKey, same_name};
use crate::text::rows;
use crate::words::{Word, same};

/// What outlives that which it tells of.
const KEPT: [&str; 16] = [
    "audit",
    "history",
    "invoice",
    "payment",
    "transaction",
    "ledger",
    "receipt",
    "order",
    "archive",
    "contract",
    "bill",
    "refund",
    "journal",
    "statement",
    "charge",
    "payout",
];

/// Sets the action of each candidate and the reason for it.
pub fn suggest(catalog: &Catalog, candidates: &mut [Candidate]) {
    let sure = candidates
        .iter()
        .filter(|it| it.confidence >= DEFAULT_CONFIDENCE);
    let keys: Vec<ForeignKey> = sure
        .map(|it| it.key.clone())
        .chain(catalog.declared.iter().cloned())
        .collect();
    for candidate in candidates {
        let child = catalog.subject(&candidate.key.child);
        let parent = catalog.subject(&candidate.key.parent);
        if let (Some(child), Some(parent)) = (child, parent) {
            let (action, reason) = for_key(child, parent, &candidate.key, &keys, &candidate.values);
            candidate.key.on_delete = action;
            candidate.action_reason = reason;
        }
    }
}

fn for_key(
    child: &Subject,
    parent: &Subject,
    key: &ForeignKey,
    keys: &[ForeignKey],
    values: &ColumnValues,
) -> (Action, String) {
    let name = &child.table.name;
    let required = key.columns.iter().find(|column| child.is_required(column));
    let Some(required) = required else {
        return optional(values);
    };
    if !is_kept(child) {
        if is_link(child, key, keys) {
            return (
                Action::Cascade,
                format!("a row of {name} only links others"),
            );
        }
        if is_part(child, parent) {
            return (
                Action::Cascade,
                format!("{name} is a part of {} by name", parent.table.name),
            );
        }
    }
    let reason = format!("{required} can't be NULL, and rows of {name} may be worth keeping");
    (Action::NoAction, reason)
}

fn optional(values: &ColumnValues) -> (Action, String) {
    if values.nulls > 0 {
        let have = if values.nulls == 1 { "has" } else { "have" };
        let sample = if values.sampled { " of the sample" } else { "" };
        let nulls = rows(values.nulls);
        return (
            Action::SetNull,
            format!("{nulls}{sample} {have} NULL there already"),
        );
    }
    let reason = if values.rows == 0 {
        "it may be NULL, but no row tells whether that is meant"
    } else {
        "it may be NULL, but is in no row"
    };
    (Action::NoAction, reason.to_owned())
}

/// Whether the table's key is made of foreign keys, this one among them, as in `post_tags`.
fn is_link(child: &Subject, key: &ForeignKey, keys: &[ForeignKey]) -> bool {
    let refers = |column: &String| {
        keys.iter().any(|key| {
            same_name(&key.child, &child.table.name)
                && key.columns.iter().any(|it| same_name(it, column))
        })
    };
    child.keys.iter().any(|own| {
        own.columns.len() > 1
            && own.columns.iter().all(refers)
            && key
                .columns
                .iter()
                .all(|column| own.columns.iter().any(|it| same_name(it, column)))
    })
}

/// Whether the child is called after the parent, as `order_items` after `orders`.
fn is_part(child: &Subject, parent: &Subject) -> bool {
    let begins = child.words.get(..parent.words.len());
    child.words.len() > parent.words.len() && begins.is_some_and(|it| same(it, &parent.words))
}

fn is_kept(child: &Subject) -> bool {
    let is_kept = |word: &Word| KEPT.iter().any(|kept| word.is(kept));
    child.words.last().is_some_and(is_kept) || child.words.first().is_some_and(|it| *it == "audit")
}
