//! Triggers of the user's that do not fire when rows leave or come back: the row is not deleted or
//! inserted for the application, it is moved. What such a trigger keeps in step, a counter or an
//! R*Tree, is then out of step, and only its author can know whether that matters.

use sqlite3_parser::dialect::TokenType;

use crate::sqlite::enforce;
use crate::sqlite::orphans::lists::Removal;
use crate::sqlite::rebuild::full_text::Indexes;
use crate::sqlite::schema::{SchemaObject, Table};
use crate::sqlite::text::ddl::{self, same_name, unquote};

/// More of what a trigger does is not shown.
const MOST_CHARACTERS: usize = 300;

/// A warning for each trigger of the table of `removal` that would fire if its rows were deleted, or
/// forgot their keys, by the application; but for those that do nothing except keep `indexes`, which
/// fkfix does itself.
#[must_use]
pub fn warnings(removal: &Removal, indexes: &Indexes) -> Vec<String> {
    let moved = match removal.rows {
        1 => "1 row leaves".to_owned(),
        rows => format!("{rows} rows leave"),
    };
    let mut warnings = Vec::new();
    if removal.rows > 0 {
        let event = TokenType::TK_DELETE;
        warnings.extend(not_fired(&removal.table, event, &moved, indexes, &[]));
    }
    if removal.kept > 0 {
        let columns = removal.set_columns();
        warnings.extend(when_set(&removal.table, removal.kept, &columns, indexes));
    }
    warnings
}

/// The same for each UPDATE trigger of `table`, in which `columns` of so many rows are set back.
#[must_use]
pub fn when_set_back(table: &Table, rows: i64, columns: &[&str], indexes: &Indexes) -> Vec<String> {
    if rows == 0 {
        return Vec::new();
    }
    when_set(table, rows, columns, indexes)
}

fn when_set(table: &Table, rows: i64, columns: &[&str], indexes: &Indexes) -> Vec<String> {
    let changed = match rows {
        1 => "1 row changes in".to_owned(),
        rows => format!("{rows} rows change in"),
    };
    not_fired(table, TokenType::TK_UPDATE, &changed, indexes, columns)
}

/// The same for each INSERT trigger of `table`, to which `rows` come back.
#[must_use]
pub fn on_the_way_back(table: &Table, rows: i64, indexes: &Indexes) -> Vec<String> {
    let moved = match rows {
        0 => return Vec::new(),
        1 => "1 row comes back to".to_owned(),
        rows => format!("{rows} rows come back to"),
    };
    not_fired(table, TokenType::TK_INSERT, &moved, indexes, &[])
}

fn not_fired(
    table: &Table,
    event: TokenType,
    moved: &str,
    indexes: &Indexes,
    columns: &[&str],
) -> Vec<String> {
    let triggers = table.triggers.iter();
    let warnings = triggers.filter_map(|trigger| {
        let (event, body) = on(event, trigger, indexes, columns)?;
        Some(format!(
            "{moved} {} without its trigger {} ({event}), so what it keeps in step must be looked after by hand; for each row it would run: {body}",
            table.name,
            trigger.name
        ))
    });
    warnings.collect()
}

/// `AFTER DELETE`, and what the trigger does; none where it is not of this kind, or where it is on an
/// UPDATE of other columns.
fn on(
    event: TokenType,
    trigger: &SchemaObject,
    indexes: &Indexes,
    columns: &[&str],
) -> Option<(String, String)> {
    if trigger.name.starts_with(enforce::PREFIX) {
        return None;
    }
    // SQLite stores CREATE TRIGGER, then the name.
    let tokens = ddl::tokens(&trigger.sql).ok()?;
    let after_name = tokens.get(3..)?;
    let events = [
        TokenType::TK_DELETE,
        TokenType::TK_INSERT,
        TokenType::TK_UPDATE,
    ];
    let at = after_name.iter().position(|it| events.contains(&it.kind))?;
    let (time, rest) = after_name.split_at_checked(at)?;
    if rest.first()?.kind != event {
        return None;
    }
    let on = rest.iter().position(|it| it.kind == TokenType::TK_ON)?;
    let of = rest.get(1..on).unwrap_or_default();
    let is_set = |name: &str| columns.iter().any(|it| same_name(it, &unquote(name)));
    if event == TokenType::TK_UPDATE && !of.is_empty() && !of.iter().any(|it| is_set(it.text)) {
        return None;
    }
    let begin = rest.iter().position(|it| it.kind == TokenType::TK_BEGIN)?;
    let (conditions, body) = rest.split_at_checked(begin)?;
    let (_, body) = body.split_first()?;
    let (_, body) = body.split_last()?;
    let targets = body.windows(2).filter_map(|pair| match pair {
        [verb, name]
            if same_name(verb.text, "INTO")
                || same_name(verb.text, "FROM")
                || same_name(verb.text, "UPDATE") =>
        {
            Some(unquote(name.text))
        }
        _ => None,
    });
    let mut targets = targets.peekable();
    if targets.peek().is_some() && targets.all(|name| indexes.has(&name)) {
        return None;
    }
    let words: Vec<_> = time.iter().map(|it| it.text.to_ascii_uppercase()).collect();
    let time = if words.is_empty() {
        "BEFORE".to_owned()
    } else {
        words.join(" ")
    };
    let when = conditions
        .iter()
        .position(|it| it.kind == TokenType::TK_WHEN);
    let from = when
        .and_then(|at| conditions.get(at))
        .or(body.first())?
        .start;
    let text = trigger.sql.get(from..body.last()?.end)?;
    let event = rest.first()?.text.to_ascii_uppercase();
    Some((format!("{time} {event}"), in_one_line(text)))
}

fn in_one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.trim_end_matches(';').to_owned(),
    }
}
