//! The orphans of keys that are declared already: the same cure as for a key that is added,
//! without a migration.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::plan::{self, KeyPlan};
use crate::policy::Policy;
use crate::sqlite::file::backup;
use crate::sqlite::file::connection::pages::Walk;
use crate::sqlite::keys::{NewKey, TableKeys};
use crate::sqlite::rebuild::steps::{self, Step};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::text::ddl::{literal, same_name};

/// What is to be done about the orphans of declared keys.
#[derive(Debug)]
pub struct Cleaning {
    /// The plan; it has no step where there is no orphan.
    pub plan: KeyPlan,
    /// How many keys were looked at.
    pub keys: usize,
    /// Keys that could not be looked at, and why.
    pub unusable: Vec<(ForeignKey, String)>,
}

/// The keys that are declared, those of them that can be looked at, by child table, and the others,
/// with why.
pub struct Declared {
    /// All.
    pub all: Vec<NamedKey>,
    /// Those to clean.
    pub targets: Vec<TableKeys>,
    /// See [`Cleaning::unusable`].
    pub unusable: Vec<(ForeignKey, String)>,
}

/// Reads them, of `only` this child table where it is given.
pub fn declared(connection: &Connection, only: Option<&str>) -> Result<Declared> {
    let only = only.map(|name| Table::read(connection, name)).transpose()?;
    let declared = foreign_key::declared(connection)?;
    let (mut targets, mut unusable) = (Vec::<TableKeys>::new(), Vec::new());
    for there in foreign_key::distinct(declared.iter().cloned()) {
        let key = &there.key;
        if only
            .as_ref()
            .is_some_and(|only| !same_name(&only.name, &key.child))
        {
            continue;
        }
        let parent = match Table::read(connection, &key.parent) {
            Ok(parent) => parent,
            Err(error) => {
                unusable.push((key.clone(), crate::sqlite::file::errors::message(&error)));
                continue;
            }
        };
        if !scratch::has_parent_key(&parent, key) {
            let columns = key.parent_columns.join(", ");
            let why = format!(
                "{} ({columns}) is neither PRIMARY KEY nor UNIQUE",
                parent.name
            );
            unusable.push((key.clone(), why));
            continue;
        }
        let new = NewKey::declared(&there);
        let of_table = |keys: &&mut TableKeys| same_name(&keys.table.name, &key.child);
        if let Some(keys) = targets.iter_mut().find(of_table) {
            keys.adopted.push(new);
        } else {
            let mut keys = TableKeys::none_of(Table::read(connection, &key.child)?);
            keys.adopted.push(new);
            targets.push(keys);
        }
    }
    Ok(Declared {
        all: declared,
        targets,
        unusable,
    })
}

/// Plans to clean the declared keys, of `only` this child table where it is given.
///
/// Reads the database; writes only temporary lists. The `walk` through its pages is over at the end.
pub fn plan(
    connection: &Connection,
    only: Option<&str>,
    policy: &Policy,
    walk: Option<Walk>,
) -> Result<Cleaning> {
    let Declared {
        all: declared,
        targets,
        unusable,
    } = declared(connection, only)?;
    let mut plan = plan::plan(connection, &targets, &declared, None, policy, walk)?;
    if plan.touched().next().is_none() {
        plan.found.drop_lists(connection)?;
        plan.steps.clear();
    } else {
        let is_sound = |keys: &&TableKeys| {
            !unusable
                .iter()
                .any(|(key, _)| same_name(&key.child, &keys.table.name))
        };
        plan.steps
            .extend(targets.iter().filter(is_sound).map(|keys| {
                let name = &keys.table.name;
                Step::Expect {
                    what: format!("foreign_key_check finds nothing in {name}"),
                    query: format!(
                        "SELECT count(*) FROM pragma_foreign_key_check({})",
                        literal(name)
                    ),
                    value: 0,
                    by_row: None,
                }
            }));
    }
    Ok(Cleaning {
        keys: targets.iter().map(|keys| keys.searched().count()).sum(),
        plan,
        unusable,
    })
}

/// Fails as [`carry_out`] would, where only a run can tell: it runs on a copy in the temporary folder.
pub fn rehearse(connection: &Connection, only: Option<&str>, policy: &Policy) -> Result<()> {
    let copy = backup::temporary(connection)?;
    let cleaning = plan(&copy.connection, only, policy, None)?;
    carry_out(&copy.connection, &cleaning)
}

/// Carries `cleaning` out; the caller commits or rolls back.
pub fn carry_out(transaction: &Connection, cleaning: &Cleaning) -> Result<()> {
    steps::carry_out(transaction, &cleaning.plan.steps)
        .context("could not clean the declared keys")?;
    cleaning.plan.verify_schema(transaction)
}
