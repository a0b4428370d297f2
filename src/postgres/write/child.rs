//! What a script does with the rows of one child table that break keys: by what they are, and
//! batch by batch where it is to be run in short steps.

use crate::failure::Failure;
use crate::policy::{Manner, OrphanAction, Triggers};
use crate::postgres::catalog::{Table, list, literal, quoted};
use crate::postgres::keys::Key;
use crate::postgres::leave::archive::{self, KEPT};
use crate::postgres::leave::triggers::{Event, aside};
use crate::postgres::orphans::Search;
use crate::postgres::orphans::stays::Assigned;
use crate::postgres::schema::rows::source;

/// A child table, and the keys that its rows may break.
pub struct Child<'a> {
    table: &'a Table,
    /// Each with what people call it, and what its orphans get; none where they leave.
    keys: Vec<(&'a Key, &'a str, Option<&'a [Assigned]>)>,
}

/// The child tables of the keys asked for.
#[must_use]
pub fn children(search: &Search) -> Vec<Child<'_>> {
    let mut tables: Vec<Child<'_>> = Vec::new();
    for (place, (key, label)) in search.asked.iter().zip(&search.labels).enumerate() {
        let at = tables.iter().position(|it| it.table.oid == key.child.oid);
        let at = at.unwrap_or_else(|| {
            tables.push(Child {
                table: &key.child,
                keys: Vec::new(),
            });
            tables.len() - 1
        });
        if let Some(child) = tables.get_mut(at) {
            child.keys.push((key, label, search.instead(place)));
        }
    }
    tables
}

impl Child<'_> {
    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        self.table
    }

    /// Those whose orphans leave.
    fn leave(&self) -> impl Iterator<Item = &Key> {
        let keys = self.keys.iter().filter(|it| it.2.is_none());
        keys.map(|(key, ..)| *key)
    }

    /// Those whose orphans stay, and what these get.
    fn set(&self) -> impl Iterator<Item = (&Key, &[Assigned])> {
        let keys = self.keys.iter();
        keys.filter_map(|(key, _, assigned)| Some((*key, (*assigned)?)))
    }

    /// The condition that the row `c` breaks a key.
    #[must_use]
    pub fn broken(&self) -> String {
        any_of(self.keys.iter().map(|(key, ..)| key.orphaned("c")))
    }

    /// The statements that set triggers aside, and that make them as they were.
    #[must_use]
    pub fn triggers(&self, triggers: Triggers) -> (Vec<String>, Vec<String>) {
        if triggers != Triggers::Skip {
            return (Vec::new(), Vec::new());
        }
        let (mut before, mut after) = aside(self.table, Event::Delete);
        if self.set().next().is_some() {
            let (more, again) = aside(self.table, Event::Update);
            before.extend(
                more.into_iter()
                    .filter(|it| !before.contains(it))
                    .collect::<Vec<_>>(),
            );
            after.extend(
                again
                    .into_iter()
                    .filter(|it| !after.contains(it))
                    .collect::<Vec<_>>(),
            );
        }
        (before, after)
    }

    /// The statements that deal with the rows that break keys, of those that `only` names.
    #[must_use]
    pub fn statements(
        &self,
        version: Option<i64>,
        policy: OrphanAction,
        only: &str,
    ) -> Vec<String> {
        let has_set = self.set().next().is_some();
        let has_leave = self.leave().next().is_some();
        let setting = has_set.then(|| self.setting(version, policy, only));
        let moving = has_leave.then(|| self.moving(version, policy, only));
        setting.into_iter().chain(moving).collect()
    }

    fn reasons(&self, row: &str) -> String {
        let reasons = self.keys.iter().map(|(key, label, _)| {
            format!(
                "CASE WHEN {} THEN {} END",
                key.orphaned(row),
                literal(label)
            )
        });
        reasons.collect::<Vec<_>>().join(", ")
    }

    fn columns(&self) -> String {
        let names: Vec<_> = self
            .table
            .columns
            .iter()
            .map(|it| it.name.clone())
            .collect();
        list(&names)
    }

    /// Has rows that stay forget their keys.
    fn setting(&self, version: Option<i64>, policy: OrphanAction, only: &str) -> String {
        let leaves = any_of(self.leave().map(|key| key.orphaned("c")));
        let stays = if leaves.is_empty() {
            String::new()
        } else {
            format!("NOT ({leaves}) AND ")
        };
        let which = format!(
            "{only}{stays}({})",
            any_of(self.set().map(|(key, _)| key.orphaned("c")))
        );
        let mut names: Vec<&str> = Vec::new();
        for set in self.set().flat_map(|(_, assigned)| assigned) {
            if !names.contains(&set.column.as_str()) {
                names.push(&set.column);
            }
        }
        // NULL wins over a default.
        let cases = |name: &str, value: fn(&Assigned) -> String| {
            let of = self.set().flat_map(|(key, assigned)| {
                let own = assigned.iter().filter(|it| it.column == name);
                own.map(move |it| (key, it))
            });
            let mut of: Vec<_> = of.collect();
            of.sort_by_key(|(_, it)| it.default.is_some());
            let cases = of
                .iter()
                .map(|(key, it)| format!(" WHEN {} THEN {}", key.orphaned("c"), value(it)));
            cases.collect::<String>()
        };
        let from = source(self.table);
        let set = names.iter().map(|name| {
            let column = quoted(name);
            format!(
                "{column} = CASE{} ELSE c.{column} END",
                cases(name, Assigned::value)
            )
        });
        let update = format!(
            "UPDATE {from} AS c SET {} WHERE {which}",
            set.collect::<Vec<_>>().join(", ")
        );
        if !policy.keeps() {
            return update;
        }
        let kept = names.iter().map(|name| {
            format!(
                "{}, CASE{} END",
                literal(name),
                cases(name, Assigned::literal)
            )
        });
        let columns = self.columns();
        format!(
            "WITH kept AS (INSERT INTO {} (fkfix_constraints, fkfix_version, fkfix_archived_at, {KEPT}, {columns}) SELECT concat_ws(', ', {}), {}, jsonb_strip_nulls(jsonb_build_object({})), {columns} FROM {from} AS c WHERE {which})\n{update}",
            archive::name_of(&self.table.name),
            self.reasons("c"),
            mark(version),
            kept.collect::<Vec<_>>().join(", "),
        )
    }

    /// A block that deals with the rows that break keys, batch by batch, until there is none.
    #[must_use]
    pub fn in_batches(
        &self,
        version: Option<i64>,
        policy: OrphanAction,
        manner: &Manner,
    ) -> String {
        let lists = self.keys.iter().map(|(key, ..)| {
            format!(
                "SELECT c.ctid AS place FROM {} AS c WHERE {}",
                source(self.table),
                key.orphaned("c")
            )
        });
        let only = "c.ctid = ANY (batch) AND ";
        let mut statements = vec![format!(
            "PERFORM FROM {} AS c WHERE {only}({}) FOR UPDATE OF c",
            source(self.table),
            self.broken()
        )];
        let (before, after) = self.triggers(manner.triggers);
        statements.extend(before);
        statements.extend(self.statements(version, policy, only));
        statements.extend(after);
        format!(
            "DO $fkfix$ DECLARE places tid[]; batch tid[]; at integer; BEGIN\n  LOOP\n    SELECT array_agg(place) INTO places FROM ({}) AS l;\n    EXIT WHEN places IS NULL;\n    at := 1;\n    WHILE at <= cardinality(places) LOOP\n      batch := places[at : at + {size} - 1];\n      at := at + {size};\n      {};\n      COMMIT;\n    END LOOP;\n  END LOOP;\nEND $fkfix$;\n",
            lists.collect::<Vec<_>>().join(" UNION "),
            statements.join(";\n      "),
            size = manner.batch
        )
    }

    /// Moves the rows that leave.
    fn moving(&self, version: Option<i64>, policy: OrphanAction, only: &str) -> String {
        let from = format!(
            "DELETE FROM {} AS c WHERE {only}({})",
            source(self.table),
            any_of(self.leave().map(|key| key.orphaned("c")))
        );
        if !policy.keeps() {
            return from;
        }
        let columns = self.columns();
        format!(
            "WITH gone AS ({from} RETURNING c.*)\nINSERT INTO {} (fkfix_constraints, fkfix_version, fkfix_archived_at, {columns}) SELECT concat_ws(', ', {}), {}, {columns} FROM gone AS g",
            archive::name_of(&self.table.name),
            self.reasons("g"),
            mark(version)
        )
    }
}

/// The values of an archive's own columns behind the reasons.
fn mark(version: Option<i64>) -> String {
    let version = version.map_or("NULL".to_owned(), |it| it.to_string());
    format!("{version}, date_trunc('second', statement_timestamp())")
}

fn any_of(conditions: impl Iterator<Item = String>) -> String {
    let conditions = conditions.map(|it| format!("({it})"));
    conditions.collect::<Vec<_>>().join(" OR ")
}

/// A script goes by `ctid`, of which there is one in every shard.
pub fn not_for_spread(shown: &str) -> anyhow::Error {
    Failure::impossible(format!(
        "Citus spreads {shown} over servers, and no script is written for that"
    ))
    .hint("fkfix up, down and clean do it themselves; --dry-run tells what they would do")
    .into()
}
