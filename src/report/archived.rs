//! What the archives hold.

use super::formats::Report;
use super::table::table;
use crate::outcome::archived::{ArchivedReport, ArchivedRows};
use crate::outcome::value;
use crate::text::{Lines, count};

impl ArchivedRows {
    fn cells(&self) -> [String; 6] {
        let by = self
            .version
            .map_or("clean".to_owned(), |version| format!("V{version}"));
        let what = if self.stayed { "key set" } else { "moved" };
        [
            self.archive.clone(),
            self.keys.clone(),
            by,
            self.archived_at.clone(),
            what.to_owned(),
            count(self.rows),
        ]
    }
}

impl Report for ArchivedReport {
    fn text(&self, width: Option<u16>) -> Lines {
        if self.archived.is_empty() {
            return Lines::of("no archived rows");
        }
        let lines = self.archived.iter().map(|it| it.cells().to_vec());
        let heading = ["archive", "key", "by", "at", "what", "rows"];
        table(&heading, &lines.collect::<Vec<_>>(), &["rows"], width)
    }
}

impl ArchivedReport {
    /// The same as CSV.
    #[must_use]
    pub fn csv(&self) -> Vec<u8> {
        let heading = [
            "table",
            "archive",
            "keys",
            "version",
            "archived_at",
            "stayed",
            "rows",
        ];
        let field = |text: &str| value::csv_text(text.as_bytes());
        let mut csv = value::csv_line(&heading.map(field));
        for it in &self.archived {
            let version = it.version.map(|it| it.to_string()).unwrap_or_default();
            let (stayed, rows) = (it.stayed.to_string(), it.rows.to_string());
            let fields = [
                it.table.as_str(),
                &it.archive,
                &it.keys,
                &version,
                &it.archived_at,
                &stayed,
                &rows,
            ];
            csv.extend(value::csv_line(&fields.map(field)));
        }
        csv
    }
}
