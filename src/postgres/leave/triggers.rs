//! The triggers that fire when rows leave, change or come back, set aside where the user says so.

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::failure::Failure;
use crate::policy::Triggers;
use crate::postgres::catalog::{Enabled, Table, Trigger, quoted};
use crate::postgres::orphans::Leaving;
use crate::postgres::schema::rows::{self, source};
use crate::postgres::session::Again;
use crate::text;

/// What happens to a row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It leaves.
    Delete,
    /// It comes back.
    Insert,
    /// Its key is set.
    Update,
}

impl Event {
    /// As SQL has it.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Event::Delete => "DELETE",
            Event::Insert => "INSERT",
            Event::Update => "UPDATE",
        }
    }
}

/// The triggers of `table` that fire when rows leave, come back or change.
pub fn triggers(table: &Table, event: Event) -> impl Iterator<Item = &Trigger> {
    let triggers = table.triggers.iter().chain(&table.triggers_of_parts);
    triggers.filter(move |trigger| {
        let fires = match event {
            Event::Delete => trigger.on_delete,
            Event::Insert => trigger.on_insert,
            Event::Update => trigger.on_update,
        };
        fires && matches!(trigger.enabled, Enabled::Origin | Enabled::Always)
    })
}

/// The statements that set triggers aside, and those that make them as they were: `ENABLE TRIGGER
/// USER` would make a plain one of what was ENABLE ALWAYS.
#[must_use]
pub fn aside(table: &Table, event: Event) -> (Vec<String>, Vec<String>) {
    let alter = |trigger: &Trigger, how: &str| {
        format!(
            "ALTER TABLE {} {how} TRIGGER {}",
            table.name,
            quoted(&trigger.name)
        )
    };
    triggers(table, event)
        .map(|trigger| {
            let enable = match trigger.enabled {
                Enabled::Always => "ENABLE ALWAYS",
                _ => "ENABLE",
            };
            (alter(trigger, "DISABLE"), alter(trigger, enable))
        })
        .unzip()
}

/// Runs `work` with the triggers of `tables` set aside, where that is asked for.
pub fn without_triggers<T>(
    transaction: &mut Transaction,
    tables: &[(&Table, Event)],
    policy: Triggers,
    work: impl FnOnce(&mut Transaction) -> Result<T>,
) -> Result<T> {
    let (mut before, mut after): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    if policy == Triggers::Skip {
        for (table, event) in tables {
            let (disable, enable) = aside(table, *event);
            // One that fires on two events is set aside once.
            before.extend(
                disable
                    .into_iter()
                    .filter(|it| !before.contains(it))
                    .collect::<Vec<_>>(),
            );
            after.extend(
                enable
                    .into_iter()
                    .filter(|it| !after.contains(it))
                    .collect::<Vec<_>>(),
            );
        }
    }
    for statement in &before {
        transaction.batch_execute(statement)?;
    }
    let value = work(transaction)?;
    for statement in &after {
        transaction.batch_execute(statement)?;
    }
    Ok(value)
}

/// Rows that were locked are gone only when somebody swallowed the DELETE.
pub(super) fn kept_back(
    transaction: &mut Transaction,
    leaving: &Leaving,
    moved: i64,
) -> Result<anyhow::Error> {
    let places = rows::texts(leaving.leaving());
    let query = format!(
        "SELECT count(*) FROM {} AS c WHERE {}",
        source(&leaving.table),
        rows::are(&leaving.table, "c", 1)
    );
    let stay = rows::count(transaction, &query, &[(&places, Type::TEXT_ARRAY)])?;
    if stay == 0 {
        return Ok(Again.into());
    }
    Ok(Failure::impossible(format!(
        "{} of {} should have left, and {} did: a trigger keeps rows back; everything is rolled back",
        text::rows(leaving.leave()),
        leaving.shown,
        text::count(moved)
    ))
    .hint("--triggers skip sets the triggers aside for each batch")
    .into())
}
