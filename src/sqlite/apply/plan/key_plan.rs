//! A plan to add keys: what will become of each table, and what must hold afterwards.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::model::key::ForeignKey;
use crate::policy::{Fates, Policy, TableFate};
use crate::sqlite::archive;
use crate::sqlite::keys::NewKey;
use crate::sqlite::orphans::Found;
use crate::sqlite::orphans::lists::{Reason, Removal};
use crate::sqlite::rebuild::Way;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::snapshot::{self, Snapshot};
use crate::sqlite::text::ddl::same_name;

/// A plan to add keys.
#[derive(Debug)]
pub struct KeyPlan {
    /// The child tables, in the order of the script.
    pub tables: Vec<TablePlan>,
    /// The rows that will leave.
    pub found: Found,
    /// What SQLite accepts and what will cost something.
    pub warnings: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The schema as it must be afterwards, archives left out.
    pub(super) schema_after: Snapshot,
    /// What a table is called while it steps aside.
    pub(super) passing_name: String,
    /// The tables that come by new definitions, and those with keys to them.
    pub(super) around: Vec<String>,
    /// Whether it goes, only a run can tell: SQLite finds a full-text index that does not hold the words
    /// of its rows out when these are taken out of it.
    pub must_be_tried: bool,
}

/// What happens to one child table.
#[derive(Clone, Debug)]
pub struct TablePlan {
    /// The table's name.
    pub name: String,
    /// How many rows it has.
    pub rows: i64,
    /// The keys that it gets.
    pub added: Vec<NewKey>,
    /// The keys that it has already.
    pub adopted: Vec<NewKey>,
    /// How it comes by its new definition; none where no key is added.
    pub way: Option<Way>,
    /// Why no way would serve that inserts its rows.
    pub because: Option<String>,
    /// The text of its new definition; none where no key is added.
    pub definition: Option<String>,
}

impl KeyPlan {
    /// The tables of which rows leave or forget keys, in the order in which they were found.
    pub fn touched(&self) -> impl Iterator<Item = &Removal> {
        self.found.touched()
    }

    /// The keys whose orphans leave or forget them: those that are added, and those that are there.
    pub fn keys(&self) -> impl Iterator<Item = &ForeignKey> {
        let keys = self
            .tables
            .iter()
            .flat_map(|it| it.added.iter().chain(&it.adopted));
        keys.map(|it| &it.key)
    }

    /// The removals that have rows, in the order in which they were found.
    pub fn removals(&self) -> impl Iterator<Item = &Removal> {
        self.found.leaving()
    }

    /// Why `policy` does not let this plan be carried out, if it does not.
    pub fn refusal(&self, policy: &Policy) -> Option<Failure> {
        let blocked = self.found.blocked.first();
        policy.refusal(&Fates {
            is_new: self.tables.iter().any(|table| !table.added.is_empty()),
            blocked: blocked.map(|it| (&it.key, it.rows)),
            tables: self.touched().map(|it| fate(&self.found, it)).collect(),
            empty_parent: self.found.empty_parents.first().map(|it| &it.key),
        })
    }

    /// The schema as it must be afterwards; archives may have come.
    pub fn schema_after(&self) -> &Snapshot {
        &self.schema_after
    }

    /// What a table is called while it steps aside.
    pub fn passing_name(&self) -> &str {
        &self.passing_name
    }

    /// The tables that come by new definitions and those with keys to them, each with the text
    /// that it must have afterwards.
    pub fn definitions_around(&self) -> impl Iterator<Item = (&str, &str)> {
        let objects = self.schema_after.iter();
        objects.filter_map(|(kind, name, _, sql)| {
            let is_around = self.around.iter().any(|it| same_name(it, name));
            let sql = sql.as_deref().filter(|_| kind == "table" && is_around)?;
            Some((name.as_str(), sql))
        })
    }

    /// Compares the schema with what the plan promised; archives may have come.
    pub fn verify_schema(&self, connection: &Connection) -> Result<()> {
        let tables: Vec<_> = self.touched().map(|it| it.table.name.as_str()).collect();
        let others = |snapshot: Snapshot| -> Snapshot {
            let kept = snapshot.into_iter();
            kept.filter(|(_, _, table, _)| !archive::is_archive_name(table, &tables))
                .collect()
        };
        let expected = others(self.schema_after.clone());
        let found = others(snapshot::take(connection)?);
        let names = snapshot::differences(&expected, &found);
        if names.is_empty() {
            return Ok(());
        }
        Err(Failure::impossible(format!(
            "the rebuild would have changed more than the keys: {}; everything is rolled back",
            names.join(", ")
        ))
        .hint("please report this with the output of: sqlite3 FILE .schema")
        .into())
    }
}

/// What would happen to the rows of `removal`.
fn fate<'a>(found: &Found, removal: &'a Removal) -> TableFate<'a> {
    let table = &removal.table.name;
    let within = |it: &Reason| {
        let parent = found.key(it.key).map(|key| &key.parent);
        !it.breaks && parent.is_some_and(|parent| same_name(parent, table))
    };
    TableFate {
        table,
        of: removal.of,
        leave: removal.rows,
        kept: removal.kept,
        orphans: removal.orphans,
        follows_itself: removal.reasons.iter().any(within),
    }
}
