//! Cases drawn at random.

use proptest::prelude::*;

use super::case::{Case, KINDS, Key, Row, Statement, Table};

/// Cases of up to four tables.
pub fn cases() -> impl Strategy<Value = Case> {
    let key = (
        any::<[u8; 2]>(),
        0..4_usize,
        0..8_usize,
        0..8_usize,
        prop::bool::weighted(0.15),
    )
        .prop_map(|(columns, parent, on_delete, on_update, unique)| Key {
            columns: columns.map(usize::from),
            parent,
            on_delete,
            on_update,
            unique,
        });
    let default = || prop::option::weighted(0.4, 0..6_usize);
    let table = (
        0..6_usize,
        prop::array::uniform5(default()),
        prop::option::weighted(0.3, 1..5_usize),
        prop::option::weighted(0.15, (1..5_usize, 0..6_usize)),
        prop::collection::vec(key, 0..4),
    )
        .prop_map(|(shape, defaults, not_null, check, keys)| Table {
            shape,
            defaults,
            not_null,
            check,
            keys,
        });
    let row = (
        0..4_usize,
        prop::array::uniform5(0..6_usize),
        prop::option::weighted(0.3, (0..5_usize, 0..6_usize)),
    )
        .prop_map(|(table, values, update)| Row {
            table,
            values,
            update,
        });
    let statement = (
        0..4_usize,
        0..18_usize,
        0..5_usize,
        prop::option::weighted(0.2, 0..5_usize),
        prop::array::uniform10(0..6_usize),
        0..8_usize,
    )
        .prop_map(
            |(table, what, column, second, values, condition)| Statement {
                table,
                what,
                column,
                second,
                values,
                condition,
            },
        );
    (
        0..8_usize,
        prop::bool::weighted(0.3),
        prop::collection::vec(table, 1..5),
        prop::collection::vec(row, 4..40),
        prop::collection::vec(statement, 1..7),
    )
        .prop_map(|(kind, mixed, tables, rows, statements)| Case {
            kind: if kind < KINDS.len() { kind } else { 0 },
            mixed,
            tables,
            rows,
            statements,
        })
}
