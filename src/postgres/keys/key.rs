//! A key with both its tables: which rows break it, in SQL, and when two keys say the same.

use std::rc::Rc;

use crate::model::key::{self as model, NamedKey};
use crate::postgres::catalog::{self, ForeignKey, Match, Table, quoted};
use crate::postgres::schema::compare::Pair;
use crate::postgres::schema::rows::source;

/// A key and how its columns compare.
#[derive(Clone, Debug)]
pub struct Key {
    /// The child table.
    pub child: Rc<Table>,
    /// The parent table.
    pub parent: Rc<Table>,
    /// What it says; its name is that of the request, or of the schema.
    pub key: ForeignKey,
    /// Its columns, and how they are compared.
    pub pairs: Vec<Pair>,
    /// The key of the schema that says the same, if one does.
    pub there: Option<ForeignKey>,
    /// What people call the child …
    pub child_shown: String,
    /// … and the parent.
    pub parent_shown: String,
}

impl Key {
    /// The key as reports have it.
    #[must_use]
    pub fn model(&self) -> model::ForeignKey {
        model::ForeignKey {
            child: self.child_shown.clone(),
            columns: self.key.columns.clone(),
            parent: self.parent_shown.clone(),
            parent_columns: self.key.parent_columns.clone(),
            on_delete: action(self.key.on_delete),
            on_update: action(self.key.on_update),
        }
    }

    /// The same with its name.
    #[must_use]
    pub fn named(&self) -> NamedKey {
        let there = self.there.as_ref().map(|there| there.name.clone());
        NamedKey {
            constraint: Some(there.unwrap_or_else(|| self.key.name.clone())),
            key: self.model(),
        }
    }

    /// The condition that the row `child` of the child table breaks the key, by the question that
    /// PostgreSQL's own VALIDATE asks: `ONLY` on both sides, operators qualified.
    #[must_use]
    pub fn orphaned(&self, child: &str) -> String {
        format!(
            "{} AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
            self.refers(child),
            source(&self.parent),
            self.joined(child, "p")
        )
    }

    /// The condition that the row refers to a parent at all.
    #[must_use]
    pub fn refers(&self, child: &str) -> String {
        let (open, word, close) = match self.key.matches {
            Match::Simple => ("", " AND ", ""),
            Match::Full => ("(", " OR ", ")"),
        };
        let given = self.pairs.iter();
        let given: Vec<_> = given
            .map(|pair| format!("{child}.{} IS NOT NULL", quoted(&pair.child)))
            .collect();
        format!("{open}{}{close}", given.join(word))
    }

    /// The condition that the row `parent` is the parent of the row `child`.
    #[must_use]
    pub fn joined(&self, child: &str, parent: &str) -> String {
        joined(&self.pairs, child, parent)
    }
}

/// The condition that the row `parent` is the parent of the row `child` by these columns.
#[must_use]
pub fn joined(pairs: &[Pair], child: &str, parent: &str) -> String {
    let pairs = pairs.iter().map(|pair| {
        let mut value = format!("{child}.{}", quoted(&pair.child));
        if let Some(cast) = &pair.cast {
            value = format!("{value}::{cast}");
        }
        if let Some(collation) = &pair.collation {
            value = format!("{value} COLLATE {collation}");
        }
        format!(
            "{parent}.{} OPERATOR({}) {value}",
            quoted(&pair.parent),
            pair.operator
        )
    });
    pairs.collect::<Vec<_>>().join(" AND ")
}

/// An action as reports have it.
#[must_use]
pub fn action(action: catalog::Action) -> model::Action {
    match action {
        catalog::Action::NoAction => model::Action::NoAction,
        catalog::Action::Restrict => model::Action::Restrict,
        catalog::Action::Cascade => model::Action::Cascade,
        catalog::Action::SetNull => model::Action::SetNull,
        catalog::Action::SetDefault => model::Action::SetDefault,
    }
}

/// What a key says: columns, parent, parent columns and actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    pairs: Vec<(String, String)>,
    parent: catalog::Name,
    actions: (catalog::Action, catalog::Action),
    set: Vec<String>,
    matches: Match,
}

/// What `key` says, in whatever order its columns are written.
#[must_use]
pub fn saying(key: &ForeignKey) -> Saying {
    let pairs = key
        .columns
        .iter()
        .cloned()
        .zip(key.parent_columns.iter().cloned());
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    Saying {
        pairs,
        parent: key.parent.clone(),
        actions: (key.on_delete, key.on_update),
        set: key.on_delete_columns.clone(),
        matches: key.matches,
    }
}

pub(super) fn same_definition(one: &ForeignKey, other: &ForeignKey) -> bool {
    saying(one) == saying(other)
}

/// Whether both have the same columns of the child, in whatever order.
pub fn same_columns(one: &ForeignKey, other: &ForeignKey) -> bool {
    one.columns.len() == other.columns.len()
        && one.columns.iter().all(|name| other.columns.contains(name))
}
