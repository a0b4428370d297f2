//! Tables, and what each is made of.

use super::foreign_key::ForeignKey;
use super::name::Name;

/// `pg_class.relkind`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plain table, a partition among them.
    Table,
    /// The root, or an inner node, of partitions.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A table of another server.
    Foreign,
}

/// `pg_class.relpersistence`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It outlives a crash.
    Permanent,
    /// It is emptied by a crash.
    Unlogged,
    /// It goes with its session.
    Temporary,
}

/// By what a subscriber finds a deleted row: `pg_class.relreplident`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// By the primary key, if there is one.
    PrimaryKey,
    /// By nothing: a published table refuses DELETE.
    Nothing,
    /// By the whole row.
    Full,
    /// By an index that was named.
    Index,
}

/// A table, or what looks like one.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// `pg_class.oid`
    pub oid: u32,
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// How long it lasts.
    pub persistence: Persistence,
    /// The role that owns it.
    pub owner: String,
    /// Whether it is a partition of another.
    pub is_partition: bool,
    /// The tables that it inherits from, or is a partition of.
    pub inherits: Vec<Name>,
    /// The tables that inherit from it, or are partitions of it.
    pub inherited_by: Vec<Name>,
    /// The rows as of the last ANALYZE; none where there was none.
    pub estimated_rows: Option<f32>,
    /// Whether policies apply to other roles than the owner …
    pub row_security: bool,
    /// … and to the owner too.
    pub force_row_security: bool,
    /// By what a subscriber finds a row.
    pub replica_identity: ReplicaIdentity,
    /// The publications that publish its deletes or updates.
    pub published_by: Vec<String>,
    /// Its columns, in their order, without dropped ones.
    pub columns: Vec<Column>,
    /// Its indexes, by name.
    pub indexes: Vec<Index>,
    /// The keys of which it is the child, by name.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its triggers, by name, without those of keys.
    pub triggers: Vec<Trigger>,
    /// Those of its partitions, its own among them.
    pub triggers_of_parts: Vec<Trigger>,
    /// Its partitions that are published and whose rows a subscriber could not find.
    pub unidentified_parts: Vec<Name>,
    /// How Citus keeps it, where the server has Citus and it knows the table.
    pub spread: Option<Spread>,
    /// Its rules, by name; of a view, without the one that makes it a view.
    pub rules: Vec<String>,
}

impl Table {
    /// The indexes that make their columns a parent key.
    pub fn parent_keys(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(|index| index.is_parent_key())
    }

    /// Whether the first columns of a whole index, by which one row can be found, are these, in
    /// whatever order.
    #[must_use]
    pub fn has_index_on(&self, columns: &[String]) -> bool {
        self.indexes.iter().any(|index| {
            let lead = index.columns.iter().take(columns.len()).flatten();
            let lead: Vec<_> = lead.collect();
            index.is_valid
                && !index.is_partial
                && ["btree", "hash"].contains(&index.method.as_str())
                && lead.len() == columns.len()
                && columns.iter().all(|it| lead.contains(&it))
        })
    }

    /// The columns by which one of its rows is found again: of the primary key, or of another key
    /// that every row has.
    #[must_use]
    pub fn identity(&self) -> Option<Vec<String>> {
        let is_filled = |name: &String| {
            let mut columns = self.columns.iter();
            columns.any(|it| it.name == *name && it.not_null)
        };
        let mut keys: Vec<_> = self.parent_keys().collect();
        keys.sort_by_key(|index| !index.is_primary);
        let names = keys
            .iter()
            .map(|index| index.columns.iter().flatten().cloned().collect());
        let mut names = names.filter(|names: &Vec<String>| names.iter().all(is_filled));
        names.next()
    }

    /// Whether a DELETE or an UPDATE fails because a subscriber could not find the row
    /// (<https://www.postgresql.org/docs/current/logical-replication-publication.html>).
    #[must_use]
    pub fn refuses_deletes(&self) -> bool {
        !self.published_by.is_empty() && !self.has_identity()
    }

    /// Whether a subscriber finds a row.
    #[must_use]
    pub fn has_identity(&self) -> bool {
        match self.replica_identity {
            ReplicaIdentity::PrimaryKey => self.indexes.iter().any(|index| index.is_primary),
            ReplicaIdentity::Nothing => false,
            ReplicaIdentity::Full | ReplicaIdentity::Index => true,
        }
    }
}

/// How Citus keeps a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Where its rows lie.
    pub placement: Placement,
    /// The columns by which one row is found again: a `ctid` is one of each shard. None where no
    /// key serves.
    pub key: Option<Vec<String>>,
}

/// Where rows lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In shards, by the hash of `column`; tables of the same `colocation` lie side by side.
    Distributed {
        /// The distribution column.
        column: String,
        /// `pg_dist_partition.colocationid`
        colocation: i64,
    },
    /// All of them on every server.
    Reference,
    /// On the coordinator, known to Citus.
    Local,
    /// In another way.
    Other,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as SQL writes it: `character varying(20)`, `app.verdict`.
    pub type_name: String,
    /// Its collation as SQL writes it, where it is not that of the type.
    pub collation: Option<String>,
    /// Whether it takes no NULL.
    pub not_null: bool,
    /// Its default, or the expression that it is generated from.
    pub default: Option<String>,
    /// Whether its values come from a sequence of its own.
    pub identity: Option<Identity>,
    /// Whether its values are computed.
    pub generated: Option<Generated>,
}

/// `pg_attribute.attidentity`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// An INSERT may give a value only with OVERRIDING SYSTEM VALUE.
    Always,
    /// An INSERT may give a value.
    ByDefault,
}

/// `pg_attribute.attgenerated`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// Computed when the row is written.
    Stored,
    /// Computed when it is read; since PostgreSQL 18.
    Virtual,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "so pg_index has them")]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The access method: `btree`, `gin`.
    pub method: String,
    /// The columns that it is ordered by; none for an expression.
    pub columns: Vec<Option<String>>,
    /// The constraint that it is of, where it is of one.
    pub constraint: Option<String>,
    /// Whether it is of the primary key.
    pub is_primary: bool,
    /// Whether it takes no value twice.
    pub is_unique: bool,
    /// Whether it is complete; not so after a CREATE INDEX CONCURRENTLY that failed.
    pub is_valid: bool,
    /// Whether it has a WHERE.
    pub is_partial: bool,
    /// Whether the constraint that it is of is DEFERRABLE.
    pub is_deferrable: bool,
}

impl Index {
    /// Whether PostgreSQL takes its columns as a parent key: a unique index, with a constraint
    /// or without, that has all rows, has them by columns, and is looked at at once
    /// (transformFkeyCheckAttrs in tablecmds.c).
    #[must_use]
    pub fn is_parent_key(&self) -> bool {
        let plain = self.columns.iter().all(Option::is_some);
        self.is_unique && self.is_valid && plain && !self.is_partial && !self.is_deferrable
    }
}

/// When a trigger fires: `pg_trigger.tgenabled`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enabled {
    /// In sessions that do not replicate; the default.
    Origin,
    /// Never.
    Disabled,
    /// In sessions that replicate.
    Replica,
    /// Always.
    Always,
}

/// A trigger of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a trigger may fire on any of them"
)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// When it fires.
    pub enabled: Enabled,
    /// Whether it fires for each row; else for each statement.
    pub for_each_row: bool,
    /// Whether it fires on INSERT.
    pub on_insert: bool,
    /// Whether it fires on UPDATE.
    pub on_update: bool,
    /// Whether it fires on DELETE.
    pub on_delete: bool,
    /// Whether it fires on TRUNCATE.
    pub on_truncate: bool,
}
