//! A schema held against the file that says how it should be.

use std::path::Path;

use similar::TextDiff;

use crate::model::finding::{Code, Finding};

const HEADER: &str = "\
-- The schema as fkfix check --snapshot compares it.
-- Written by fkfix check --update; do not edit.

";

/// `schema` as it is written to a file.
#[must_use]
pub fn with_header(schema: &str) -> String {
    format!("{HEADER}{}\n", schema.trim_end())
}

/// The finding that `found` is not what `file` holds, with a diff from one to the other.
#[must_use]
pub fn difference(file: &Path, committed: &str, found: &str) -> Option<Finding> {
    let name = file.display().to_string();
    let (committed, found) = (unix_lines(committed), with_header(found));
    if statements(&committed) == statements(&found) {
        return None;
    }
    let diff = TextDiff::from_lines(&committed, &found)
        .unified_diff()
        .context_radius(3)
        .header(&name, "the schema")
        .to_string();
    let message = format!("the schema is not that of {name}");
    let hint = "if it is as it should be, write the snapshot again with --update and commit it";
    let mut finding = Finding::new(Code::SchemaDiffers, name, message).hint(hint);
    finding.diff = Some(diff);
    Some(finding)
}

/// `text` with the line ends that a checkout may have changed.
fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// What stands behind the header, whose words another version of fkfix may have changed.
fn statements(snapshot: &str) -> Vec<&str> {
    let is_header = |line: &&str| line.is_empty() || line.starts_with("--");
    snapshot.lines().skip_while(is_header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "CREATE TABLE a(\n  x\n);\n\nCREATE TABLE b(\n  y\n);\n\n";

    #[test]
    fn a_snapshot_equals_its_schema_whatever_its_line_ends() {
        let file = Path::new("schema.snapshot.sql");
        let written = with_header(SCHEMA);
        assert_eq!(difference(file, &written, SCHEMA), None);
        assert_eq!(
            difference(file, &written.replace('\n', "\r\n"), SCHEMA),
            None
        );
    }

    #[test]
    fn a_difference_is_shown_as_a_diff() {
        let file = Path::new("schema.snapshot.sql");
        let found = SCHEMA.replace("  y\n", "  y,\n  z\n");
        let finding = difference(file, &with_header(SCHEMA), &found).unwrap();
        assert_eq!(
            finding.diff.as_deref(),
            Some(
                "--- schema.snapshot.sql\n+++ the schema\n@@ -6,5 +6,6 @@\n );\n \n CREATE TABLE b(\n-  y\n+  y,\n+  z\n );\n"
            )
        );
    }
}
