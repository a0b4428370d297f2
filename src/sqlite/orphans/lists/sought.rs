//! Rows that are looked for, and what happens to them once they are found.

use crate::model::key::KeyId;
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::literal;

/// What happens to rows that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They leave.
    Leaves,
    /// They are listed to be counted, and nothing becomes of them for this.
    Counted,
    /// They stay and forget the key that has this bit of `forgets`.
    Forgets(i64),
}

/// Rows that are looked for.
#[derive(Clone, Debug)]
pub struct Sought {
    /// The key that they break, or by which they hang.
    pub key: KeyId,
    /// What people call the key: it is written beside each row.
    pub label: String,
    /// The condition that a row `w` of the child is one of them.
    pub condition: String,
    /// The bit that `marks` gets for them, or 0.
    pub mark: i64,
    /// What happens to them.
    pub fate: Fate,
    /// Each row is looked at, and no index, which may be damaged.
    pub by_row: bool,
}

impl Sought {
    /// `table` as it is read for the rows `w`.
    pub(super) fn source(&self, table: &Table) -> String {
        if self.by_row {
            table.scanned("w")
        } else {
            table.source("w")
        }
    }
}

/// The round of rows that are listed and do not leave. Those that leave because they break a key
/// stand in round 0, and those that follow them in the rounds behind it.
pub(super) const COUNTED: i64 = -1;

/// The round of a row with `marks`, which breaks some of `keys`.
fn round_of(keys: &[Sought]) -> String {
    if keys.iter().all(|sought| sought.fate == Fate::Leaves) {
        return "0".to_owned();
    }
    let leave = keys.iter().filter(|sought| sought.fate == Fate::Leaves);
    let leave: i64 = leave.map(|sought| sought.mark).sum();
    format!("CASE WHEN marks & {leave} THEN 0 ELSE {COUNTED} END")
}

/// What is written beside a row that breaks some of several keys: expressions over its `marks`.
pub(super) struct Told {
    pub(super) reasons: String,
    pub(super) breaks: String,
    pub(super) round: String,
    pub(super) forgets: String,
}

impl Told {
    pub(super) fn by_marks(keys: &[Sought]) -> Self {
        let each = |form: fn(&Sought) -> String, joint: &str| {
            keys.iter().map(form).collect::<Vec<_>>().join(joint)
        };
        let reasons = each(
            |it| {
                let reason = literal(&format!(", {}", it.label));
                format!("CASE WHEN marks & {} THEN {reason} ELSE '' END", it.mark)
            },
            " || ",
        );
        let forgets = keys.iter().filter_map(|it| match it.fate {
            Fate::Forgets(bit) => Some(format!(
                "CASE WHEN marks & {} THEN {bit} ELSE 0 END",
                it.mark
            )),
            Fate::Leaves | Fate::Counted => None,
        });
        let forgets = forgets.collect::<Vec<_>>().join(" | ");
        Told {
            reasons: format!("substr({reasons}, 3)"),
            breaks: each(|it| format!("(marks & {} <> 0)", it.mark), " + "),
            round: round_of(keys),
            forgets: if forgets.is_empty() {
                "0".to_owned()
            } else {
                forgets
            },
        }
    }
}
