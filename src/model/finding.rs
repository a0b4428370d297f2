//! What a check may find: a closed list of codes, each with its severity, so that a pipeline
//! can rely on them.

// The comments of the codes are shown by --help, so they hold no Markdown.
#![allow(clippy::doc_markdown)]

use clap::ValueEnum;
use serde::Serialize;

use crate::model::key::ForeignKey;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a migration, a table, or `table (columns)` for a key.
    pub object: String,
    /// One sentence, without a full stop.
    pub message: String,
    /// What the user can do about it.
    pub hint: String,
    /// The table that it is about, if it is about one.
    #[serde(skip)]
    pub table: Option<String>,
    /// The line of the dump in which the object's table is made; none in a database.
    pub line: Option<usize>,
    /// How the schema differs from its snapshot, as a unified diff; none for other findings.
    pub diff: Option<String>,
}

impl Finding {
    /// A finding of the severity that `code` has.
    pub fn new(code: Code, object: impl Into<String>, message: impl Into<String>) -> Self {
        Finding {
            code,
            severity: code.severity(),
            object: object.into(),
            message: message.into(),
            hint: String::new(),
            table: None,
            line: None,
            diff: None,
        }
    }

    /// A finding about the table `name`.
    pub fn of_table(code: Code, name: &str, message: impl Into<String>) -> Self {
        Finding {
            table: Some(name.to_owned()),
            ..Finding::new(code, name, message)
        }
    }

    /// A finding about `key`, which stands in the definition of its child.
    pub fn of_key(code: Code, key: &ForeignKey, message: impl Into<String>) -> Self {
        let object = format!("{} ({})", key.child, key.columns.join(", "));
        Finding {
            table: Some(key.child.clone()),
            ..Finding::new(code, object, message)
        }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The schema or the rows are not what the migrations promise.
    Error,
    /// It works, and it costs something or asks for a look.
    Warning,
}

/// The kinds of findings. Their names are stable: a code may come, none changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Error: a migration is not applied yet
    MigrationPending,
    /// Error: the file of a migration has changed since it was applied
    MigrationChanged,
    /// Error: a migration was applied that is not known here
    MigrationUnknown,
    /// Warning: a migration can't be reverted, as it has no down script
    DownScriptMissing,
    /// Error: the child table of a key is not there, or is not an ordinary table
    TableMissing,
    /// Error: SQLite would not accept a key that a migration asks for
    KeyImpossible,
    /// Error: a key that an applied migration asks for is not there
    KeyMissing,
    /// Error: a key is declared more than once
    KeyTwice,
    /// Error: the columns have a key with another parent or another action
    KeyDiffers,
    /// Error: the parent table of a key, or a column of it, is not there
    ParentMissing,
    /// Error: the parent key is neither PRIMARY KEY nor UNIQUE
    ParentKeyNotUnique,
    /// Warning: child and parent column have different affinities
    AffinityDiffers,
    /// Warning: child and parent column have different collations
    CollationDiffers,
    /// Warning: no index of the child starts with the key, so deleting a parent scans the child
    NoChildIndex,
    /// Error: rows break a key that a migration asks for
    Orphans,
    /// Warning: rows break a key that no migration asks for
    OrphansElsewhere,
    /// Warning: a table that a broken run of another tool seems to have left
    LeftoverTable,
    /// Error: a trigger that a broken script of fkfix has left keeps rows from being deleted or changed
    LeftoverTrigger,
    /// Warning: an archive still holds rows
    ArchiveNotEmpty,
    /// Error: triggers carry out other keys, but not this declared one
    EnforcementMissing,
    /// Error: a trigger of fkfix enforce is not as the declared keys ask for
    EnforcementStale,
    /// Error: the schema is not that of the snapshot
    SchemaDiffers,
    /// Error: the file is damaged, or a row breaks a NOT NULL or a type; looked for on request
    Integrity,
    /// Error: a key is NOT VALID, so nobody has looked at the rows that were there before it
    NotValid,
    /// Error: a key is NOT ENFORCED
    NotEnforced,
    /// Error: a migration was begun and has not ended
    HalfDone,
    /// Error: a trigger that carries out a key is disabled
    KeySilenced,
    /// Warning: an index is not valid, since CREATE INDEX CONCURRENTLY failed
    InvalidIndex,
    /// Warning: PostgreSQL can't compare the columns of a key; told on request, for postgres
    PostgresTypes,
    /// Warning: PostgreSQL folds or cuts names; told on request, for postgres
    PostgresNames,
}

impl Code {
    /// How bad findings of this kind are.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Code::DownScriptMissing
            | Code::AffinityDiffers
            | Code::CollationDiffers
            | Code::NoChildIndex
            | Code::OrphansElsewhere
            | Code::LeftoverTable
            | Code::InvalidIndex
            | Code::PostgresTypes
            | Code::PostgresNames
            | Code::ArchiveNotEmpty => Severity::Warning,
            Code::MigrationPending
            | Code::MigrationChanged
            | Code::MigrationUnknown
            | Code::TableMissing
            | Code::KeyImpossible
            | Code::KeyMissing
            | Code::KeyTwice
            | Code::KeyDiffers
            | Code::ParentMissing
            | Code::ParentKeyNotUnique
            | Code::Orphans
            | Code::LeftoverTrigger
            | Code::EnforcementMissing
            | Code::EnforcementStale
            | Code::Integrity
            | Code::NotValid
            | Code::NotEnforced
            | Code::HalfDone
            | Code::KeySilenced
            | Code::SchemaDiffers => Severity::Error,
        }
    }

    /// Its name, as `--ignore` takes it: `key-missing`.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_a_code_tells_its_severity_and_json_its_name() {
        for code in Code::value_variants() {
            let value = code.to_possible_value().unwrap();
            let help = value.get_help().unwrap().to_string();
            let severity = format!("{:?}: ", code.severity());
            assert!(help.starts_with(&severity), "{help}");
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.name());
        }
    }
}
