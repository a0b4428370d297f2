//! What happens to rows whose parent is missing, whatever engine found them.
//!
//! An orphan is the child of a parent that was deleted while nobody watched, so it fares as the
//! key's ON DELETE says (<https://www.sqlite.org/foreignkeys.html#fk_actions>). Where a row can't
//! stay without its key, it leaves.

use super::OrphanAction;
use crate::model::key::Action;

/// What a key, or the user, says of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// They leave.
    Leave,
    /// Their key becomes NULL.
    ToNull,
    /// Their key becomes its default.
    ToDefault,
    /// They keep the parent from leaving.
    Block,
}

impl Wish {
    /// For rows that break a key with this ON DELETE.
    #[must_use]
    pub fn of_orphans(action: OrphanAction, on_delete: Action) -> Self {
        match (action, on_delete) {
            (OrphanAction::Archive | OrphanAction::Delete, _)
            | (
                OrphanAction::Follow | OrphanAction::Refuse | OrphanAction::Rehearse,
                Action::Cascade | Action::NoAction | Action::Restrict,
            ) => Wish::Leave,
            (OrphanAction::SetNull, _) | (_, Action::SetNull) => Wish::ToNull,
            (_, Action::SetDefault) => Wish::ToDefault,
        }
    }

    /// For rows that refer by a key with this ON DELETE to rows that leave.
    #[must_use]
    pub fn of_dependents(action: OrphanAction, on_delete: Action) -> Self {
        match (action, on_delete) {
            (OrphanAction::SetNull, _) => Wish::ToNull,
            (OrphanAction::Archive, _) | (_, Action::Cascade) => Wish::Leave,
            (_, Action::SetNull) => Wish::ToNull,
            (_, Action::SetDefault) => Wish::ToDefault,
            (_, Action::NoAction | Action::Restrict) => Wish::Block,
        }
    }
}

/// Why rows leave that break a key with this ON DELETE, where it does not say that they do.
#[must_use]
pub fn because(action: OrphanAction, on_delete: Action) -> Option<String> {
    let restricts = matches!(on_delete, Action::NoAction | Action::Restrict);
    (action == OrphanAction::Follow && restricts).then(|| {
        format!(
            "on delete {}: the parent could not have been deleted",
            on_delete.words()
        )
    })
}
