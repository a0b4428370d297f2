//! What the files of a migration lack.

use super::Migration;

impl Migration {
    /// What a reader of the plan must know of the files, of which the one that goes up
    /// `is_empty`; `has_no_statement` tells that of a text.
    #[must_use]
    pub fn lacking(&self, is_empty: bool, has_no_statement: impl Fn(&str) -> bool) -> Vec<String> {
        let (file, down) = (self.file(), self.down_file());
        let mut lacking = Vec::new();
        if is_empty {
            lacking.push(format!(
                "{file} has no statement: it changes nothing, and counts as applied"
            ));
        }
        let in_vain = "fkfix down can't revert what it does";
        match &self.down {
            None => lacking.push(format!("{file} has no down script {down}: {in_vain}")),
            Some(text) if !is_empty && has_no_statement(text) => {
                lacking.push(format!("{down} has no statement: {in_vain}"));
            }
            Some(_) => {}
        }
        lacking
    }
}
