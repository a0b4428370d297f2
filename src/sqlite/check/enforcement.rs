//! Whether the triggers of `fkfix enforce` are those that the declared keys ask for.

use anyhow::Result;
use rusqlite::Connection;

use crate::model::finding::{Code, Finding};
use crate::sqlite::enforce;

const HINT: &str = "run fkfix enforce, or fkfix enforce --remove to do without";

/// Compares the triggers with the keys; a database without such triggers is as it should be.
pub fn check(connection: &Connection) -> Result<Vec<Finding>> {
    let Some(found) = enforce::differences(connection)? else {
        return Ok(Vec::new());
    };
    let mut findings = Vec::new();
    for key in &found.missing {
        let message = format!(
            "no trigger carries out the key {key} of {} on every connection, as others do for other keys",
            key.child
        );
        findings.push(Finding::of_key(Code::EnforcementMissing, key, message).hint(HINT));
    }
    for trigger in found.stale {
        let message = format!(
            "{} on {} is not what a declared key asks for",
            trigger.name, trigger.table
        );
        findings
            .push(Finding::of_table(Code::EnforcementStale, &trigger.table, message).hint(HINT));
    }
    for overtaken in found.overtaken {
        let message = format!(
            "trigger {} is newer than {} and so fires first, and its RAISE(IGNORE) keeps that one from firing",
            overtaken.by, overtaken.trigger.name
        );
        let table = overtaken.trigger.table;
        findings.push(Finding::new(Code::EnforcementStale, table, message).hint(HINT));
    }
    Ok(findings)
}
