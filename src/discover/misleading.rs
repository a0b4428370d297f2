//! Columns that look like keys and are none, or are less likely to be.

use anyhow::Result;

use super::catalog::{Catalog, Subject};
use super::facts::Rows;
use super::table::Column;
use crate::model::key::same_name;
use crate::words::{self, Word, same};

/// Systems whose ids are not those of a table here, and words for what is gone or elsewhere.
const ELSEWHERE: [&str; 47] = [
    "stripe",
    "paypal",
    "braintree",
    "github",
    "gitlab",
    "bitbucket",
    "google",
    "facebook",
    "twitter",
    "linkedin",
    "apple",
    "microsoft",
    "azure",
    "aws",
    "gcp",
    "slack",
    "discord",
    "telegram",
    "whatsapp",
    "shopify",
    "salesforce",
    "hubspot",
    "zendesk",
    "intercom",
    "jira",
    "xero",
    "quickbooks",
    "twilio",
    "mailchimp",
    "sendgrid",
    "okta",
    "auth0",
    "firebase",
    "amazon",
    "ebay",
    "steam",
    "spotify",
    "youtube",
    "instagram",
    "external",
    "ext",
    "legacy",
    "tmp",
    "temp",
    "import",
    "imported",
    "upstream",
];

/// The word in the name of `column` that speaks of something outside the database.
pub fn elsewhere(column: &str) -> Option<String> {
    let words = words::split(column);
    let mut words = words.iter().map(|word| word.to_string());
    words.find(|word| ELSEWHERE.contains(&word.as_str()))
}

/// Whether the type of `column` is one that no key has: a time, a truth, a measure.
pub fn is_no_key_by_type(column: &Column) -> bool {
    let declared = column.declared_type.to_ascii_uppercase();
    [
        "DATE", "TIME", "BOOL", "REAL", "FLOA", "DOUB", "DECIMAL", "JSON", "MONEY",
    ]
    .iter()
    .any(|word| declared.contains(word))
}

/// Which rows `column` refers to depends on another column, as with `commentable_id` and
/// `commentable_type`: it refers to several tables, and no foreign key can say that.
pub fn is_polymorphic(
    rows: &dyn Rows,
    catalog: &Catalog,
    child: &Subject,
    column: &Column,
    parent: &Subject,
) -> Result<bool> {
    let Some(kind) = kind_beside(child, column) else {
        return Ok(false);
    };
    let Some(kinds) = rows.texts(child, kind)? else {
        return Ok(true);
    };
    // Nothing tells what the kinds are; only a column that plainly names its table is taken.
    if kinds.is_empty() {
        let base = words::split(&column.name);
        return Ok(!matches!(base.as_slice(), [base @ .., _] if same(base, &parent.words)));
    }
    let names_table = |kind: &String| {
        let last = kind.rsplit(['.', ':', '\\', '/']).next().unwrap_or(kind);
        let kind = words::split(last);
        catalog.subjects.iter().any(|subject| {
            let tail = subject.words.len().saturating_sub(kind.len());
            same(&subject.words, &kind)
                || subject
                    .words
                    .get(tail..)
                    .is_some_and(|tail| same(tail, &kind))
        })
    };
    Ok(kinds.iter().any(names_table))
}

/// `commentable_type` beside `commentable_id`, `content_type_id` beside `object_id`.
fn kind_beside<'a>(child: &'a Subject, column: &Column) -> Option<&'a Column> {
    let base = words::split(&column.name);
    let (last, base) = base.split_last()?;
    if !["id", "uuid", "key", "pk", "guid"].contains(&last.as_str()) || base.is_empty() {
        return None;
    }
    child.table.columns.iter().find(|other| {
        let other_words = words::split(&other.name);
        let (Some((kind, head)), false) = (
            other_words.split_last(),
            same_name(&other.name, &column.name),
        ) else {
            return false;
        };
        let is_kind = ["type", "kind", "class", "table", "model"].contains(&kind.as_str());
        let of_object = base == ["object"]
            && other_words.starts_with(&[Word::new("content".into()), Word::new("type".into())]);
        (is_kind && head == base) || of_object
    })
}
