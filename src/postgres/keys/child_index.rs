//! `--child-index`: the index on the child's columns that PostgreSQL does not make by itself, and
//! without which each delete of a parent reads all children.
//!
//! In one transaction it is a plain CREATE INDEX. In steps it is CREATE INDEX CONCURRENTLY, which
//! stops no writer, runs in no transaction, and leaves an invalid index behind where it fails
//! (<https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>).
//! So names are chosen and written down before anything is made: what is found under them later is
//! this run's.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::failure::Failure;
use crate::postgres::catalog::{Index, Kind, Name, Table, list, quoted};
use crate::postgres::keys::Key;
use crate::postgres::schema::Schema;
use crate::standing::{AdoptedKey, MadeIndex};

/// The most bytes of a name.
const LONGEST: usize = 63;

/// An index that the history says is the migration's.
#[derive(Clone, Debug)]
pub struct ChildIndex {
    table: Rc<Table>,
    shown: String,
    made: MadeIndex,
}

/// How far an index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not there.
    Missing,
    /// It was begun and not ended, or is being made.
    Invalid,
    /// It is there.
    Valid,
}

/// The indexes that `keys` lack, as the history has them, the partitions' before the whole's.
pub fn wanted(
    transaction: &mut Transaction,
    schema: &Schema,
    keys: &[Key],
) -> Result<Vec<AdoptedKey>> {
    let mut wanted: Vec<AdoptedKey> = Vec::new();
    for key in keys {
        let columns = &key.key.columns;
        let lacks = |table: &&Rc<Table>| !table.has_index_on(columns);
        let family = schema.family(&key.child);
        let leaves = family.iter().filter(|it| it.kind != Kind::Partitioned);
        let mut tables: Vec<_> = leaves.clone().filter(lacks).collect();
        // An index of the whole would take over those that partitions have, and drop them with it.
        let is_plain = tables.len() == leaves.count();
        if key.child.kind == Kind::Partitioned && is_plain && lacks(&&key.child) {
            tables.push(&key.child);
        }
        for table in tables {
            let shown = schema.shown(&table.name);
            let serves = |it: &AdoptedKey| {
                let lead = it
                    .index
                    .as_ref()
                    .and_then(|it| it.columns.get(..columns.len()));
                it.table == shown
                    && lead.is_some_and(|lead| columns.iter().all(|it| lead.contains(it)))
            };
            if wanted.iter().any(serves) {
                continue;
            }
            let name = free_name(transaction, table, columns, &wanted)?;
            wanted.push(AdoptedKey {
                index: Some(MadeIndex {
                    name,
                    columns: columns.clone(),
                }),
                ..AdoptedKey::found(shown, None)
            });
        }
    }
    Ok(wanted)
}

/// Whether the children of a key can be found by an index, or its partitions by theirs.
#[must_use]
pub fn serves(schema: &Schema, child: &Rc<Table>, columns: &[String]) -> bool {
    let family = schema.family(child);
    let mut leaves = family.iter().filter(|it| it.kind != Kind::Partitioned);
    child.has_index_on(columns) || leaves.all(|it| it.has_index_on(columns))
}

/// The name that PostgreSQL would give, or the first of its kind that is free.
fn free_name(
    transaction: &mut Transaction,
    table: &Table,
    columns: &[String],
    taken: &[AdoptedKey],
) -> Result<String> {
    let stem = format!("{}_{}", table.name.table, columns.join("_"));
    for number in 0_u32.. {
        let end = match number {
            0 => "_idx".to_owned(),
            number => format!("_idx{number}"),
        };
        let name = format!("{}{end}", cut(&stem, LONGEST - end.len()));
        let is_taken = taken
            .iter()
            .any(|it| it.index.as_ref().is_some_and(|it| it.name == name));
        let there = transaction.query_typed(
            "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
            &[(&table.name.schema, Type::TEXT), (&name, Type::TEXT)],
        )?;
        if !is_taken && there.is_empty() {
            return Ok(name);
        }
    }
    anyhow::bail!("every name of an index is taken")
}

/// As much of `text` as fits into so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The indexes among what the history has of a migration, those whose table is gone left out.
#[must_use]
pub fn all(schema: &Schema, adopted: &[AdoptedKey]) -> Vec<ChildIndex> {
    let found = adopted.iter().filter_map(|it| {
        Some(ChildIndex {
            made: it.index.clone()?,
            table: Rc::clone(schema.named(&it.table).ok()?),
            shown: it.table.clone(),
        })
    });
    found.collect()
}

/// The indexes of other makers that are not valid, where one is wanted.
#[must_use]
pub fn leftovers(schema: &Schema, wanted: &[AdoptedKey]) -> Vec<String> {
    let wanted = all(schema, wanted);
    let told = wanted.iter().flat_map(|index| {
        let is_like = |it: &&Index| {
            !it.is_valid && it.columns.iter().flatten().eq(index.made.columns.iter())
        };
        let like = index.table.indexes.iter().filter(is_like);
        like.map(|it| {
            format!(
                "{} has the index {} already, which is not valid: {} is made beside it; drop the other once nobody is making it",
                index.shown, it.name, index.made.name
            )
        })
    });
    told.collect()
}

impl ChildIndex {
    /// What it is, for people.
    #[must_use]
    pub fn told(&self) -> String {
        format!(
            "the index {} of {} ({})",
            self.made.name,
            self.shown,
            self.made.columns.join(", ")
        )
    }

    /// Whether it has to be made of those of partitions, which is done at once.
    #[must_use]
    pub fn is_of_the_whole(&self) -> bool {
        self.table.kind == Kind::Partitioned
    }

    /// It was made and is not there: IF NOT EXISTS takes anything of that name for it.
    #[must_use]
    pub fn never_comes(&self) -> Failure {
        Failure::impossible(format!(
            "could not make {}: another object has that name, or somebody drops it",
            self.told()
        ))
        .hint("fkfix down reverts the migration; run fkfix up again once the name is free")
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self, schema: &Schema) -> State {
        match self.there(schema) {
            None => State::Missing,
            Some(index) if index.is_valid => State::Valid,
            Some(_) => State::Invalid,
        }
    }

    fn there<'s>(&self, schema: &'s Schema) -> Option<&'s Index> {
        let table = schema.by_oid(self.table.oid)?;
        let mut indexes = table.indexes.iter();
        indexes.find(|it| it.name == self.made.name)
    }

    /// `CREATE INDEX …`
    #[must_use]
    pub fn create_sql(&self) -> String {
        self.create("")
    }

    /// `CREATE INDEX CONCURRENTLY IF NOT EXISTS …`: another run may be making it.
    #[must_use]
    pub fn create_concurrently_sql(&self) -> String {
        self.create("CONCURRENTLY IF NOT EXISTS ")
    }

    fn create(&self, how: &str) -> String {
        format!(
            "CREATE INDEX {how}{} ON {} ({})",
            quoted(&self.made.name),
            self.table.name,
            list(&self.made.columns)
        )
    }

    /// `DROP INDEX …`; none where it is gone, or has become a constraint's.
    #[must_use]
    pub fn drop_sql(&self, schema: &Schema) -> Option<String> {
        let index = self.there(schema)?;
        index.constraint.is_none().then(|| self.dropping())
    }

    /// `DROP INDEX …`, whether it is there or not.
    #[must_use]
    pub fn dropping(&self) -> String {
        format!("DROP INDEX {}", self.name())
    }

    /// Its name as SQL writes it.
    #[must_use]
    pub fn name(&self) -> Name {
        Name {
            schema: self.table.name.schema.clone(),
            table: self.made.name.clone(),
        }
    }

    /// The table as SQL writes it.
    #[must_use]
    pub fn table(&self) -> String {
        self.table.name.to_string()
    }

    /// Keeps out whoever makes an index of the table, and nobody else.
    #[must_use]
    pub fn lock_sql(&self) -> String {
        format!(
            "LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE",
            self.table.name
        )
    }
}
