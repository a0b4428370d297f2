//! An entity-relationship diagram for Mermaid, which GitHub draws where a document holds it
//! (<https://mermaid.js.org/syntax/entityRelationshipDiagram.html>).
//!
//! Mermaid has two strokes for relationships, so a dashed one's label says which kind it is.

use std::fmt::Write as _;

use super::words::label;
use crate::model::diagram::{Diagram, Entity, Relation, State};
use crate::model::key::same_name;
use crate::text::{is_invisible, one_line};

/// `diagram` for Mermaid.
#[must_use]
pub fn mermaid(diagram: &Diagram) -> String {
    let mut text = "erDiagram\n".to_owned();
    for (at, entity) in diagram.entities.iter().enumerate() {
        let _ = writeln!(text, "    {} {{", quoted_name(&entity.name));
        for column in &entity.columns {
            let keys = keys(diagram, at, entity, &column.name);
            if !keys.is_empty() {
                let kind = word(&column.declared_type, "any");
                let name = word(&column.name, "column");
                let _ = write!(text, "        {kind} {name} {}", keys.join(", "));
                if name != column.name {
                    let _ = write!(text, " {}", quoted(&column.name));
                }
                text.push('\n');
            }
        }
        text.push_str("    }\n");
    }
    for relation in &diagram.relations {
        text.push_str(&line(diagram, relation));
    }
    text
}

fn line(diagram: &Diagram, relation: &Relation) -> String {
    let name = |at: usize| {
        let entity = diagram.entities.get(at);
        entity
            .map(|entity| quoted_name(&entity.name))
            .unwrap_or_default()
    };
    let one = if relation.optional { "|o" } else { "||" };
    let many = if relation.unique { "o|" } else { "o{" };
    let stroke = if relation.state == State::Declared {
        "--"
    } else {
        ".."
    };
    format!(
        "    {} {one}{stroke}{many} {} : {}\n",
        name(relation.parent),
        name(relation.child),
        quoted(&label(relation))
    )
}

/// What the column is part of: `PK`, `FK`, `UK`.
fn keys(diagram: &Diagram, at: usize, entity: &Entity, column: &str) -> Vec<&'static str> {
    let has = |columns: &[String]| columns.iter().any(|name| same_name(name, column));
    let relations = || diagram.relations.iter();
    let mut keys = Vec::new();
    if has(&entity.primary_key) {
        keys.push("PK");
    }
    if relations().any(|it| it.child == at && has(&it.named.key.columns)) {
        keys.push("FK");
    }
    if keys.is_empty() && relations().any(|it| it.parent == at && has(&it.named.key.parent_columns))
    {
        keys.push("UK");
    }
    keys
}

/// A label in quotes, with entity codes for what Mermaid would read as its own
/// (<https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters>). Two
/// percent signs would begin a comment.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for character in one_line(text).chars() {
        // Its grammar looks for a direction anywhere, and so would find `direction TB` here.
        let after_direction = character.is_whitespace() && quoted.ends_with("direction");
        if after_direction || "\"\\#<>&;`{}~".contains(character) {
            let _ = write!(quoted, "#{};", u32::from(character));
        } else {
            quoted.push(character);
        }
    }
    // An empty name is none to Mermaid.
    if quoted.len() == 1 {
        quoted.push(' ');
    }
    quoted.push('"');
    quoted.replace("%%", "#37;#37;")
}

/// The name of a table in quotes, in which no percent sign may stand. Without quotes it could
/// be a word of the language.
fn quoted_name(name: &str) -> String {
    quoted(name).replace('%', "#37;")
}

/// The name or the type of a column as Mermaid takes one, which has no quotes for them: other
/// characters become `_`, and nothing at all `empty`.
fn word(text: &str, empty: &str) -> String {
    let allowed = |character: char| {
        character.is_ascii_alphanumeric()
            || "-_[]()".contains(character)
            || (('\u{c0}'..='\u{fffd}').contains(&character) && !is_invisible(character))
    };
    let plain = |character: char| if allowed(character) { character } else { '_' };
    let mut word: String = text.chars().map(plain).collect();
    if word.is_empty() {
        return empty.to_owned();
    }
    let begins = |character: char| character.is_ascii_alphabetic() || character >= '\u{c0}';
    if !word.starts_with(|it: char| begins(it) || it == '_') {
        word.insert(0, '_');
    }
    // To Mermaid these are no names.
    if ["PK", "FK", "UK"].contains(&word.as_str()) {
        word.push('_');
    }
    word
}
