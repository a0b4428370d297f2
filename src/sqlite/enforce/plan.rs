//! What installing or removing the triggers will do, as data.

use anyhow::Result;
use rusqlite::Connection;

use super::installed::{installed, overtaken};
use super::triggers::{KeyTriggers, Trigger, wanted};
use crate::failure::Failure;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::snapshot::{self, Snapshot};
use crate::sqlite::text::ddl::{quote, same_name};

/// A plan for the triggers of a database.
#[derive(Debug)]
pub struct Plan {
    /// The declared keys; none where the triggers are removed.
    pub keys: Vec<KeyTriggers>,
    /// A child without a parent is refused.
    pub strict: bool,
    /// Triggers that go.
    pub dropped: Vec<Trigger>,
    /// Triggers that come.
    pub created: Vec<Trigger>,
    /// How many there are afterwards.
    pub left: usize,
    /// The steps, in order.
    pub steps: Vec<Step>,
    schema_after: Snapshot,
}

/// Plans to give the database the triggers that its declared keys ask for, and none else of
/// fkfix. Once it has those of `--strict`, it keeps them.
pub fn plan(connection: &Connection, strict: bool) -> Result<Plan> {
    let there = installed(connection)?;
    let strict = strict || there.iter().any(Trigger::is_strict);
    Plan::to(connection, there, wanted(connection, strict)?, strict)
}

/// Plans to remove all triggers of fkfix.
pub fn removal(connection: &Connection) -> Result<Plan> {
    Plan::to(connection, installed(connection)?, Vec::new(), false)
}

impl Plan {
    fn to(
        connection: &Connection,
        there: Vec<Trigger>,
        keys: Vec<KeyTriggers>,
        strict: bool,
    ) -> Result<Plan> {
        let mut schema_after = snapshot::take(connection)?;
        let wanted: Vec<_> = keys.iter().flat_map(|key| &key.triggers).cloned().collect();
        let overtaken = overtaken(connection)?;
        let (kept, dropped): (Vec<_>, Vec<_>) = there.into_iter().partition(|trigger| {
            wanted.contains(trigger) && !overtaken.iter().any(|it| it.trigger == *trigger)
        });
        let left = wanted.len();
        let mut created = wanted;
        created.retain(|trigger| !kept.contains(trigger));
        schema_after.retain(|(kind, name, ..)| {
            kind != "trigger" || !dropped.iter().any(|trigger| trigger.name == *name)
        });
        for Trigger { name, table, sql } in &created {
            must_be_free(&schema_after, name)?;
            let row = ("trigger", name.clone(), table.clone(), Some(sql.clone()));
            schema_after.push((row.0.to_owned(), row.1, row.2, row.3));
        }
        let drop = dropped.iter().map(|trigger| {
            let sql = format!("DROP TRIGGER main.{}", quote(&trigger.name));
            Step::run(format!("drop trigger {}", trigger.name), sql)
        });
        let create = created
            .iter()
            .map(|trigger| Step::run(format!("create trigger {}", trigger.name), &trigger.sql));
        Ok(Plan {
            steps: drop.chain(create).collect(),
            keys,
            strict,
            dropped,
            created,
            left,
            schema_after,
        })
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Compares the schema with what the plan promised.
    pub fn verify_schema(&self, connection: &Connection) -> Result<()> {
        let names = snapshot::differences(&self.schema_after, &snapshot::take(connection)?);
        if names.is_empty() {
            return Ok(());
        }
        Err(Failure::impossible(format!(
            "more than the triggers of fkfix would have changed: {}; everything is rolled back",
            names.join(", ")
        ))
        .hint("please report this with the output of: sqlite3 FILE .schema")
        .into())
    }
}

fn must_be_free(schema: &Snapshot, name: &str) -> Result<()> {
    let taken = schema
        .iter()
        .any(|(kind, other, ..)| kind == "trigger" && same_name(other, name));
    if !taken {
        return Ok(());
    }
    Err(Failure::impossible(format!(
        "there is a trigger {name} that fkfix has not made, and it needs that name"
    ))
    .hint(format!(
        "see what it does, then: DROP TRIGGER {}",
        quote(name)
    ))
    .into())
}
