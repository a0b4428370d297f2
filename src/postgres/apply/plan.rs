//! What `up` would do: looked up, and not done.

use anyhow::{Context as _, Result};
use postgres::Transaction;

use crate::failure::Failure;
use crate::migrations::Migration;
use crate::outcome::change::AppliedMigration;
use crate::outcome::migrations::{UpMigration, UpReport};
use crate::policy::{Mode, OrphanAction};
use crate::postgres::apply::add::{children, finish, judge};
use crate::postgres::apply::order::{Order, choose};
use crate::postgres::apply::published;
use crate::postgres::database::own::{HISTORY, Own};
use crate::postgres::database::{Database, applicable};
use crate::postgres::keys::{self, Key, child_index};
use crate::postgres::leave::preflight;
use crate::postgres::leave::tally::Tally;
use crate::postgres::orphans::{Found, Search};
use crate::postgres::schema::Schema;
use crate::postgres::text::parts::{Part, parts, requests};
use crate::postgres::text::script;
use crate::text;

impl Database {
    /// What [`Database::up`] would do.
    pub fn plan_up(&mut self, order: Order<'_>) -> Result<(UpReport, Option<Failure>)> {
        let name = self.name.clone();
        self.look(|transaction, schema, own| {
            let applied = own.history(transaction)?;
            let mut plan = UpReport {
                database: name.clone(),
                to: order.to,
                dry_run: true,
                none_apply: applicable(schema, order.migrations, &applied)?.is_empty(),
                ..UpReport::default()
            };
            let mut refusal = None;
            for version in order.pending(schema, &applied)? {
                let migration = order.get(version)?;
                let (planned, refused) = plan_one(transaction, schema, own, migration, order)
                    .with_context(|| format!("could not apply {}", migration.up))?;
                plan.migrations.push(planned);
                refusal = refusal.or(refused);
            }
            plan.refused = refusal.as_ref().map(ToString::to_string);
            Ok((plan, refusal))
        })
    }
}

fn plan_one(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    migration: &Migration,
    order: Order<'_>,
) -> Result<(UpMigration, Option<Failure>)> {
    let keys = keys::resolve(transaction, schema, &requests(migration)?)?;
    preflight::must_see(transaction, &keys)?;
    preflight::may_add(transaction, &keys)?;
    if own.progress(transaction)?.is_none() {
        keys::must_be_of_the_whole(schema, &keys)?;
    }
    let way = choose(transaction, migration, &keys, order.manner.mode)?;
    let tables = children(transaction, &keys)?;
    let lacking = child_index::wanted(transaction, schema, &keys)?;
    let search = Search::new(transaction, schema, keys, order.policy.orphans)?;
    let mut found = search.orphans(transaction)?;
    search.follow(transaction, &mut found, false)?;
    let refusal = judge(transaction, schema, &search, &found, order)?;
    let mut tally = Tally::default();
    tally.add(&search, &found);
    let mut change = AppliedMigration {
        version: migration.up.version(),
        name: migration.up.name().to_owned(),
        tables: Vec::new(),
        set_null: tally.set_null(order.policy.orphans),
        removed: tally.removed(order.policy.orphans),
    };
    finish(&mut change.tables, &tables, &search.asked, &tally);
    let words = match way.mode {
        Mode::Online => "online, in short steps",
        _ => "in one transaction",
    };
    let mut warnings = migration.lacking(parts(migration)?.is_empty(), |text| {
        script::parse(&migration.down_file(), text).is_ok_and(|it| it.is_empty())
    });
    let children: Vec<_> = tables.iter().map(|it| it.table.clone()).collect();
    warnings.extend(published::warning(transaction, schema, own, &children)?);
    let mut makes = Vec::new();
    if order.manner.child_index {
        warnings.extend(child_index::leftovers(schema, &lacking));
        let how = match way.mode {
            Mode::Online => ", while others write",
            _ => "",
        };
        let indexes = child_index::all(schema, &lacking);
        makes.extend(indexes.iter().map(|it| format!("make {}{how}", it.told())));
    } else {
        warnings.extend(
            search
                .asked
                .iter()
                .filter_map(|key| without_index(schema, key)),
        );
    }
    let planned = UpMigration {
        change,
        warnings,
        ways: vec![format!("{words}: {}", way.because)],
        steps: makes
            .into_iter()
            .chain(steps(schema, migration, &search, &found, own)?)
            .collect(),
    };
    Ok((planned, refusal))
}

/// What a key without an index on the child costs.
fn without_index(schema: &Schema, key: &Key) -> Option<String> {
    (!child_index::serves(schema, &key.child, &key.key.columns)).then(|| {
        format!(
            "no index of {0} starts with ({1}), so each delete in {2} will read all of {0}; --child-index makes one",
            key.child_shown,
            key.key.columns.join(", "),
            key.parent_shown
        )
    })
}

/// The steps by which the rows of `found` leave or forget their keys, for people.
pub fn moving(search: &Search, found: &Found) -> Vec<String> {
    let mut steps = Vec::new();
    for leaving in &found.tables {
        let shown = &leaving.shown;
        for (marks, rows) in leaving.staying() {
            let assigned = search.assigned(leaving.table.oid, marks).into_iter();
            let columns: Vec<_> = assigned.map(|it| it.column).collect();
            let number = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            steps.push(format!(
                "set {} of {} of {shown}",
                text::listing(&columns),
                text::rows(number)
            ));
        }
        let rows = text::rows(leaving.leave());
        match (leaving.leave(), search.action) {
            (0, _) => {}
            (_, OrphanAction::Delete) => steps.push(format!("delete {rows} of {shown}")),
            _ => steps.push(format!("move {rows} of {shown} to {shown}_orphans")),
        }
    }
    steps
}

/// The steps of a plan, for people.
fn steps(
    schema: &Schema,
    migration: &Migration,
    search: &Search,
    found: &Found,
    own: &Own,
) -> Result<Vec<String>> {
    let (mut steps, keys) = (Vec::new(), &search.asked);
    for part in parts(migration)? {
        if let Part::Statement(line, _) = part {
            steps.push(format!("run {}:{line}", migration.file()));
        }
    }
    for key in keys.iter().filter(|key| key.there.is_none()) {
        let whose = if key.is_by_parts(schema) {
            "each partition of "
        } else {
            ""
        };
        steps.push(format!(
            "add {} to {whose}{}, not valid yet",
            key.key.name, key.child_shown
        ));
    }
    steps.extend(moving(search, found));
    for key in keys {
        if !key.there.as_ref().is_some_and(|there| there.is_validated) {
            if key.is_by_parts(schema) {
                steps.push(format!(
                    "validate {} of each partition of {}",
                    key.key.name, key.child_shown
                ));
                steps.push(format!(
                    "add {} to {}, which takes over those of its partitions",
                    key.key.name, key.child_shown
                ));
            } else {
                steps.push(format!("validate {} of {}", key.key.name, key.child_shown));
            }
        }
    }
    steps.push(format!(
        "record V{} in {}",
        migration.up.version(),
        own.table(HISTORY)
    ));
    Ok(steps)
}
