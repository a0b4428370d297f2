//! A row among its relatives.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::formats::Report;
use super::table::{sample, table};
use crate::model::deletion::Deletion;
use crate::model::relatives::{Children, Parent, Row};
use crate::model::value::Value;
use crate::outcome::show::ShowReport;
use crate::outcome::value;
use crate::text::{Lines, count, listing, one_line, rows};

/// Longest value of the row itself, in characters.
const WIDEST: usize = 200;
/// How many values of a parent are shown to people.
const PARENT_COLUMNS: usize = 5;

impl Row {
    /// `id 4, name Ada`: the first few values that are there.
    fn summary(&self) -> String {
        let values = self.columns.iter().zip(&self.values);
        let told = values.filter(|(_, value)| **value != Value::Null);
        let told: Vec<_> = told
            .map(|(column, value)| format!("{column} {}", value::text(value)))
            .collect();
        match told.split_at_checked(PARENT_COLUMNS) {
            Some((first, more)) if !more.is_empty() => {
                format!("{} and {} more", first.join(", "), more.len())
            }
            _ => told.join(", "),
        }
    }
}

impl Report for ShowReport {
    fn text(&self, width: Option<u16>) -> Lines {
        let mut text = Lines::of(&format!("a row of {}", self.table));
        text.blank();
        let names: Vec<_> = self.row.columns.iter().map(|it| one_line(it)).collect();
        let widest = names.iter().map(|name| name.width()).max();
        let widest = widest.unwrap_or_default();
        for (column, value) in names.iter().zip(&self.row.values) {
            let padding = " ".repeat(widest.saturating_sub(column.width()));
            let value = value::cut(value, WIDEST);
            let _ = writeln!(text, "    {column}{padding}  {value}");
        }
        text.blank();
        text.append(&self.parents_text(width));
        for children in &self.children {
            text.blank();
            text.append(&children.text(width));
        }
        text.blank();
        text.append(&self.deletion.text(width));
        text
    }
}

impl ShowReport {
    fn parents_text(&self, width: Option<u16>) -> Lines {
        if self.parents.is_empty() {
            return Lines::of("it refers to no other row");
        }
        let lines = self.parents.iter().map(|parent| {
            let values: Vec<_> = parent.values.iter().map(value::text).collect();
            let found = match &parent.parent {
                Parent::Row(row) => row.summary(),
                Parent::None => "none: the key is NULL".to_owned(),
                Parent::Missing => "no such row: orphan".to_owned(),
                Parent::Unusable(reason) => reason.clone(),
            };
            vec![
                parent.named.key.columns.join(", "),
                values.join(", "),
                parent.named.key.parent.clone(),
                found,
            ]
        });
        let heading = ["refers by", "", "to", ""];
        table(&heading, &lines.collect::<Vec<_>>(), &[], width)
    }
}

impl Children {
    fn text(&self, width: Option<u16>) -> Lines {
        let (of, refer) = match self.total {
            0 => ("no row".to_owned(), "refers"),
            1 => ("1 row".to_owned(), "refers"),
            total => (rows(total), "refer"),
        };
        let key = &self.named.key;
        let title = format!(
            "{of} of {} {refer} to it by {} on delete {}",
            key.child,
            key.place(),
            key.on_delete.words()
        );
        let Some(first) = self.rows.first() else {
            return Lines::of(&title);
        };
        let shown = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let values: Vec<_> = self.rows.iter().map(|row| row.values.as_slice()).collect();
        let sample = sample(&first.columns, &values, &key.columns, width);
        let rows = (shown < self.total).then(|| format!("the first {}", count(shown)));
        let columns = (sample.columns < first.columns.len())
            .then(|| format!("{} of {} columns", sample.columns, first.columns.len()));
        let left_out: Vec<_> = rows.into_iter().chain(columns).collect();
        let mut text = Lines::of(&if left_out.is_empty() {
            format!("{title}:")
        } else {
            format!("{title}; {}:", left_out.join(", "))
        });
        text.blank();
        text.append(&sample.text);
        text
    }
}

impl Deletion {
    fn text(&self, width: Option<u16>) -> Lines {
        let mut text = Lines::default();
        for refusal in &self.refusals {
            let would = if refusal.is_certain() { "would" } else { "may" };
            let _ = writeln!(text, "deleting it {would} be refused: {}", refusal.words());
        }
        if self.taken.is_empty() && self.changed.is_empty() {
            if self.refusals.is_empty() {
                let _ = writeln!(text, "deleting it would take no other row");
            }
            return text;
        }
        let would = if self.refusals.is_empty() {
            "would"
        } else {
            "would otherwise"
        };
        let _ = writeln!(text, "deleting it {would} take with it");
        text.blank();
        let deleted = self.taken.iter().map(|it| {
            vec![
                it.table.clone(),
                count(it.rows),
                "deleted".to_owned(),
                listing(&it.by),
            ]
        });
        let changed = self.changed.iter().map(|it| {
            let (key, action) = (&it.key, it.key.on_delete.words());
            vec![key.child.clone(), count(it.rows), action, key.place()]
        });
        let heading = ["table", "rows", "", "by"];
        let lines: Vec<_> = deleted.chain(changed).collect();
        text.append(&table(&heading, &lines, &["rows"], width));
        text
    }
}
