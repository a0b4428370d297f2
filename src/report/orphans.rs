//! The orphans of a database, for the one who decides what happens to them.

use std::fmt::Write as _;

use super::formats::Report;
use super::table::{fits, sample, table};
use crate::model::value::Value;
use crate::outcome::orphans::{DeadParent, KeyOrphans, OrphansReport, Span, TableOrphans};
use crate::outcome::value;
use crate::text::{Lines, Mark, count, plural, rows};

/// Of so many rows it tells something that most refer to one parent.
const MANY: i64 = 10;

impl DeadParent {
    /// Whether the key looks like a mark for no parent: 0, -1, the empty string, a UUID of zeros.
    fn is_mark(&self) -> bool {
        let is_mark = |value: &Value| match value::text(value).trim_matches('\'') {
            "0" | "-1" | "" => true,
            text => text.len() >= 32 && text.chars().all(|it| it == '0' || it == '-'),
        };
        self.key.iter().all(is_mark)
    }
}

impl KeyOrphans {
    fn cells(&self) -> Vec<String> {
        let time =
            |pick: fn(&Span) -> &Value| self.span.as_ref().map(|span| value::text(pick(span)));
        vec![
            self.label.clone(),
            if self.pending { "pending" } else { "declared" }.to_owned(),
            count(self.rows),
            count(self.dead_parents),
            time(|span| &span.oldest).unwrap_or_default(),
            time(|span| &span.newest).unwrap_or_default(),
        ]
    }
}

impl Report for OrphansReport {
    fn text(&self, width: Option<u16>) -> Lines {
        let mut text = Lines::default();
        if self.orphans == 0 {
            let number = i64::try_from(self.keys.len()).unwrap_or(i64::MAX);
            let keys = plural(number, "key");
            let _ = writeln!(text, "no orphans ({keys} checked)");
            return text;
        }
        for of in &self.tables {
            let number = format!("{} of {}", count(of.orphans), rows(of.rows));
            let have = if of.orphans == 1 { "has" } else { "have" };
            let share = percent(of.orphans, of.rows);
            let what = format!(" in {} {have} no parent ({share})", of.table);
            text.marked("", Mark::Warning, &number, &what);
            if of.break_several > 0 {
                let several = rows(of.break_several);
                let breaks = match of.break_several {
                    1 => "breaks more than one key and counts",
                    _ => "break more than one key and count",
                };
                let _ = writeln!(text, "{several} of them {breaks} for each below");
            }
            text.blank();
            text.append(&self.keys_text(of, width));
            text.append(&self.parents_text(of, width));
            text.append(&self.hints_text(of));
            text.append(&of.sample_text(width));
        }
        text.append(&self.dependents_text(width));
        text
    }
}

impl OrphansReport {
    fn keys_of<'a>(&'a self, of: &'a TableOrphans) -> impl Iterator<Item = &'a KeyOrphans> {
        self.keys
            .iter()
            .filter(|key| key.place == of.place && key.rows > 0)
    }

    fn keys_text(&self, of: &TableOrphans, width: Option<u16>) -> Lines {
        let lines: Vec<_> = self.keys_of(of).map(KeyOrphans::cells).collect();
        let heading = ["key", "", "rows", "missing parents", "oldest", "newest"];
        let numbers = ["rows", "missing parents"];
        if fits(&heading, &lines, width) {
            return paragraph(table(&heading, &lines, &numbers, width));
        }
        // A narrow terminal does without the times.
        let lines: Vec<_> = lines
            .into_iter()
            .map(|line| line.into_iter().take(4).collect())
            .collect();
        let heading: Vec<_> = heading.into_iter().take(4).collect();
        paragraph(table(&heading, &lines, &numbers, width))
    }

    fn parents_text(&self, of: &TableOrphans, width: Option<u16>) -> Lines {
        let lines = self.keys_of(of).flat_map(|key| {
            key.most_frequent.iter().map(|parent| {
                let values: Vec<_> = parent.key.iter().map(value::text).collect();
                vec![
                    key.named.key.parent.clone(),
                    values.join(", "),
                    count(parent.rows),
                ]
            })
        });
        let heading = ["missing parent", "", "rows"];
        let lines: Vec<_> = lines.collect();
        paragraph(table(&heading, &lines, &["rows"], width))
    }

    /// What the orphans mostly are, where that can be seen.
    fn hints_text(&self, of: &TableOrphans) -> Lines {
        let mut text = Lines::default();
        for key in self.keys_of(of) {
            let parent = &key.named.key.parent;
            if let Some(most) = key.most_frequent.first()
                && (most.is_mark() || key.rows >= MANY)
                && most.rows > key.rows / 2
            {
                let many = if most.rows == key.rows {
                    format!("all {}", count(key.rows))
                } else {
                    format!("{} of {}", count(most.rows), count(key.rows))
                };
                let values: Vec<_> = most.key.iter().map(value::text).collect();
                let mark = if most.is_mark() {
                    ": a mark for none? --orphans set-null keeps the rows"
                } else {
                    ": one missing parent makes most of them"
                };
                let values = values.join(", ");
                let _ = writeln!(
                    text,
                    "{}: {many} refer to {parent} {values}{mark}",
                    key.label
                );
            }
            if key.other_spelling > 0 {
                let have = if key.other_spelling == 1 {
                    "has"
                } else {
                    "have"
                };
                let _ = writeln!(
                    text,
                    "{}: {} {have} a parent in another spelling (case, blanks, hyphens): repair the values first",
                    key.label,
                    rows(key.other_spelling)
                );
            }
        }
        if !text.as_str().is_empty() {
            text.blank();
        }
        text
    }

    fn dependents_text(&self, width: Option<u16>) -> Lines {
        if self.dependents.is_empty() {
            return Lines::default();
        }
        let lines = self.dependents.iter().map(|it| {
            let fate = match (it.go_along, it.rows) {
                (true, 1) => "goes along",
                (true, _) => "go along",
                (false, 1) => "keeps them from going",
                (false, _) => "keep them from going",
            };
            vec![
                it.table.clone(),
                it.key.clone(),
                count(it.rows),
                fate.to_owned(),
            ]
        });
        let heading = ["depends on orphans", "by", "rows", ""];
        let lines: Vec<_> = lines.collect();
        paragraph(table(&heading, &lines, &["rows"], width))
    }
}

impl TableOrphans {
    fn sample_text(&self, width: Option<u16>) -> Lines {
        if self.sample.is_empty() {
            return Lines::default();
        }
        let rows: Vec<_> = self
            .sample
            .iter()
            .map(|row| row.values.as_slice())
            .collect();
        let sample = sample(&self.columns, &rows, &self.telling, width);
        let note = match self.columns.len() - sample.columns {
            0 => String::new(),
            _ => format!(", {} of {} columns", sample.columns, self.columns.len()),
        };
        let mut text = Lines::of(&format!(
            "the first {} of {}{note}:",
            count(i64::try_from(rows.len()).unwrap_or(i64::MAX)),
            crate::text::rows(self.orphans)
        ));
        text.blank();
        text.append(&sample.text);
        paragraph(text)
    }
}

fn paragraph(mut text: Lines) -> Lines {
    text.blank();
    text
}

#[allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows
fn percent(part: i64, of: i64) -> String {
    let share = part as f64 * 100.0 / (of.max(1)) as f64;
    if share < 0.1 {
        return "less than 0.1%".to_owned();
    }
    format!("{share:.1}%")
}
