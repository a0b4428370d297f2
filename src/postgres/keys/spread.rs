//! Which keys there can be on Citus. It would refuse most of the others itself, with the names of
//! shards; one of a local table to a distributed one it takes, marks valid whatever its rows say,
//! and does not enforce when parents go (13.2.2).

use crate::failure::Failure;
use crate::postgres::catalog::{Action, ForeignKey, Kind, Placement, Table, quoted};

/// Why `child` can't have `key` to `parent`, or why fkfix does not add it.
#[must_use]
pub fn obstacle(
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
    (child_shown, parent_shown): (&str, &str),
) -> Option<Failure> {
    use Placement::{Distributed, Local, Reference};
    if child.spread.is_none() && parent.spread.is_none() {
        return None;
    }
    for (table, shown) in [(child, child_shown), (parent, parent_shown)] {
        let odd = match table.spread.as_ref().map(|it| &it.placement) {
            Some(Placement::Other) => "spread in a way",
            Some(Distributed { .. }) if table.kind == Kind::Partitioned || table.is_partition => {
                "partitioned and distributed, a way"
            }
            _ => continue,
        };
        return Some(
            Failure::impossible(format!("{shown} is {odd} that fkfix was never run on"))
                .hint("add the key by hand: ALTER TABLE … NOT VALID, then VALIDATE CONSTRAINT"),
        );
    }
    let placement = |table: &Table| table.spread.as_ref().map(|it| it.placement.clone());
    match (placement(child), placement(parent)) {
        (
            Some(Distributed { column, colocation }),
            Some(Distributed {
                column: of_parent,
                colocation: theirs,
            }),
        ) => {
            if colocation != theirs {
                return Some(Failure::impossible(format!(
                    "{child_shown} and {parent_shown} are distributed apart, so Citus can't enforce a key between them"
                ))
                .hint(format!(
                    "SELECT update_distributed_table_colocation('{}', colocate_with => '{}'), or make {parent_shown} a reference table",
                    child.name, parent.name
                )));
            }
            let mut pairs = key.columns.iter().zip(&key.parent_columns);
            if !pairs.any(|(own, other)| *own == column && *other == of_parent) {
                return Some(Failure::impossible(format!(
                    "{child_shown} is distributed by {column} and {parent_shown} by {of_parent}, which the key leaves out; Citus can't enforce it"
                ))
                .hint(format!(
                    "add {column} to the key, or make {parent_shown} a reference table"
                )));
            }
        }
        (Some(Distributed { .. } | Reference | Local), Some(Reference))
        | (Some(Reference | Local), Some(Local))
        // Refused above.
        | (Some(Placement::Other), _)
        | (_, Some(Placement::Other)) => {}
        (Some(Distributed { .. }), None | Some(Local)) => {
            return Some(Failure::impossible(format!(
                "{child_shown} is distributed and {parent_shown} is not, so Citus can't enforce a key between them"
            ))
            .hint(format!("SELECT create_reference_table('{}')", parent.name)));
        }
        (_, Some(Distributed { column, .. })) => {
            return Some(Failure::impossible(format!(
                "{parent_shown} is distributed and {child_shown} is not; Citus takes such a key and does not hold to it"
            ))
            .hint(format!(
                "SELECT create_distributed_table('{}', …, colocate_with => '{}'), with {column} in the key",
                child.name, parent.name
            )));
        }
        (None, _) => return Some(not_added(child, child_shown)),
        (_, None) => return Some(not_added(parent, parent_shown)),
    }
    let has_column = child
        .distribution_column()
        .is_some_and(|column| key.columns.iter().any(|it| it == column));
    let sets = |action| matches!(action, Action::SetNull | Action::SetDefault);
    if has_column
        && (sets(key.on_delete) || sets(key.on_update) || key.on_update == Action::Cascade)
    {
        return Some(Failure::impossible(format!(
            "the key has the distribution column of {child_shown}, which no action may change: Citus takes no ON DELETE SET NULL or SET DEFAULT, and no ON UPDATE of its own"
        ))
        .hint("write ON DELETE CASCADE, RESTRICT or NO ACTION, and leave ON UPDATE out"));
    }
    nameless(child, child_shown)
}

/// Citus would make another table of it under way, and make that undone with the key.
fn not_added(table: &Table, shown: &str) -> Failure {
    Failure::impossible(format!(
        "{shown} is a table of the coordinator alone, of which the key would make another"
    ))
    .hint(format!(
        "SELECT citus_add_local_table_to_metadata('{}') does that beforehand",
        table.name
    ))
}

/// Why rows of `table` can't be told apart, if they can't.
#[must_use]
pub fn nameless(table: &Table, shown: &str) -> Option<Failure> {
    let spread = table.spread.as_ref()?;
    spread.key.is_none().then(|| {
        let column = table.distribution_column().map_or(String::new(), |it| {
            format!(" with {} in it", quoted(it))
        });
        Failure::impossible(format!(
            "rows of {shown} lie on several servers, and it has no PRIMARY KEY of numbers, texts or uuids by which they could be found"
        ))
        .hint(format!("ALTER TABLE {} ADD PRIMARY KEY (…){column}", table.name))
    })
}

/// Whether Citus answers a question about rows of both at all.
#[must_use]
pub fn is_beyond(child: &Table, parent: &Table) -> bool {
    let is_distributed = |it: &Table| it.distribution_column().is_some();
    !is_distributed(child) && is_distributed(parent)
}
