//! Foreign keys, as `pg_constraint` has them.

use super::name::Name;

/// What a key does to its children: `pg_constraint.confdeltype`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// NO ACTION
    NoAction,
    /// RESTRICT
    Restrict,
    /// CASCADE
    Cascade,
    /// SET NULL
    SetNull,
    /// SET DEFAULT
    SetDefault,
}

/// `pg_constraint.confmatchtype`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// A NULL in the key makes it none.
    Simple,
    /// All or none of it is NULL.
    Full,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "so pg_constraint has them")]
pub struct ForeignKey {
    /// The constraint.
    pub name: String,
    /// The child's columns.
    pub columns: Vec<String>,
    /// The parent.
    pub parent: Name,
    /// The parent's columns, in the order of the child's.
    pub parent_columns: Vec<String>,
    /// What happens to children of a deleted parent.
    pub on_delete: Action,
    /// The columns that SET NULL or SET DEFAULT is for; empty for all. Since PostgreSQL 15.
    pub on_delete_columns: Vec<String>,
    /// What happens to children of a parent whose key changes.
    pub on_update: Action,
    /// What a NULL in the key means.
    pub matches: Match,
    /// Whether it may be looked at at COMMIT …
    pub is_deferrable: bool,
    /// … and is, unless told otherwise.
    pub is_deferred: bool,
    /// Whether all rows were checked. Rows may break it all the same: those that were loaded
    /// around it, or were hidden by a policy.
    pub is_validated: bool,
    /// Whether it is checked at all. Always so before PostgreSQL 18.
    pub is_enforced: bool,
    /// Whether it is on periods (`PERIOD`). Since PostgreSQL 18.
    pub is_temporal: bool,
    /// Whether it came from the key of a partitioned table.
    pub is_inherited: bool,
    /// Whether a trigger that makes it work was disabled.
    pub is_silenced: bool,
}

impl ForeignKey {
    /// One that nobody declared, to compare `columns` with `parent_columns` of `parent` by.
    #[must_use]
    pub fn to_compare(columns: &[String], parent: &Name, parent_columns: &[String]) -> Self {
        ForeignKey {
            name: String::new(),
            columns: columns.to_vec(),
            parent: parent.clone(),
            parent_columns: parent_columns.to_vec(),
            on_delete: Action::NoAction,
            on_delete_columns: Vec::new(),
            on_update: Action::NoAction,
            matches: Match::Simple,
            is_deferrable: false,
            is_deferred: false,
            is_validated: false,
            is_enforced: true,
            is_temporal: false,
            is_inherited: false,
            is_silenced: false,
        }
    }
}
