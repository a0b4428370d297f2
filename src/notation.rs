//! A foreign key in one line, as fkfix prints it and `fkfix new --add` takes it:
//! `orders.customer_id -> customers.id on delete cascade`.

use std::fmt::Write as _;

use crate::model::key::{Action, ForeignKey};

/// Writes `key` so that it can be read back.
#[must_use]
pub fn write(key: &ForeignKey) -> String {
    let mut text = format!(
        "{} -> {}",
        side(&key.child, &key.columns),
        side(&key.parent, &key.parent_columns)
    );
    for (event, action) in [("delete", key.on_delete), ("update", key.on_update)] {
        if action != Action::NoAction {
            let _ = write!(text, " on {event} {}", action.words());
        }
    }
    text
}

fn side(table: &str, columns: &[String]) -> String {
    match columns {
        [column] => format!("{}.{}", name(table), name(column)),
        columns => {
            let columns: Vec<_> = columns.iter().map(|column| name(column)).collect();
            format!("{}({})", name(table), columns.join(", "))
        }
    }
}

/// `name` in quotes where it would not be one word.
fn name(name: &str) -> String {
    let is_word = !name.starts_with(|letter: char| letter.is_ascii_digit())
        && !name.is_empty()
        && name
            .chars()
            .all(|letter| letter == '_' || letter.is_ascii_alphanumeric());
    if is_word {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
