//! What the name of a column says: `billing_address_id` is the id of a billing address.

use crate::words::{self, Word};

/// What a row is told by, where a name ends with one of these.
const IDS: [&str; 10] = [
    "id", "uuid", "guid", "ulid", "fk", "pk", "uid", "oid", "sk", "rowid",
];

/// As [`IDS`], where the name may as well tell something else.
const CODES: [&str; 12] = [
    "code", "key", "no", "nr", "num", "number", "ref", "slug", "sku", "symbol", "iso", "abbr",
];

/// What some put before the name of a column to tell its type or its use.
const COLUMN_MARKS: [&str; 14] = [
    "fk", "id", "lng", "int", "str", "txt", "num", "ref", "uid", "gid", "n", "l", "i", "s",
];

/// How a name says that it tells a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With `id` or the like.
    Id(String),
    /// With `code` or the like.
    Code(String),
    /// Not at all.
    None,
}

/// What a name can be read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the row is of.
    pub base: Vec<Word>,
    /// How the name says that it tells a row.
    pub ending: Ending,
}

/// Whether the name says no more than that it tells its row.
#[must_use]
pub fn is_generic(column: &str) -> bool {
    const WORDS: [&str; 24] = [
        "name", "title", "email", "value", "type", "date", "url", "path", "token", "username",
        "version", "position", "hash", "login", "phone", "label", "rank", "sort", "order", "year",
        "level", "state", "status", "priority",
    ];
    const BEFORE_ID: [&str; 5] = ["external", "public", "object", "record", "row"];
    let words = words::split(column);
    let is_id = |word: &Word| {
        // A SKU is one of an article, wherever it stands.
        let is_code = CODES.contains(&word.as_str()) && *word != "sku";
        is_code || IDS.contains(&word.as_str())
    };
    match words.as_slice() {
        [word] => WORDS.contains(&word.as_str()) || is_id(word),
        [first, rest @ ..] => {
            (BEFORE_ID.contains(&first.as_str()) || is_id(first)) && rest.iter().all(is_id)
        }
        [] => true,
    }
}

/// Whether `word` tells a number that counts or ranks, even where a table is called by it.
#[must_use]
pub fn is_number(word: &str) -> bool {
    [
        "version", "position", "order", "sort", "rank", "year", "priority", "number",
    ]
    .contains(&word)
}

/// Whether a name says that its column counts or measures something.
#[must_use]
pub fn is_measure(words: &[Word]) -> bool {
    const MEASURES: [&str; 36] = [
        "count",
        "number",
        "num",
        "total",
        "sum",
        "min",
        "max",
        "minimum",
        "maximum",
        "average",
        "avg",
        "rate",
        "amount",
        "quantity",
        "qty",
        "percent",
        "percentage",
        "size",
        "length",
        "width",
        "height",
        "weight",
        "age",
        "days",
        "hours",
        "minutes",
        "seconds",
        "limit",
        "score",
        "price",
        "cost",
        "base",
        "ratio",
        "duration",
        "interval",
        "capacity",
    ];
    let ends_otherwise = words.last().is_some_and(|it| IDS.contains(&it.as_str()));
    !ends_otherwise && words.iter().any(|it| MEASURES.contains(&it.as_str()))
}

/// Whether `word` is a plural by its form: a column called `posts` counts them.
#[must_use]
pub fn is_plural(word: &str) -> bool {
    const SINGULAR: [&str; 3] = ["series", "news", "species"];
    word.ends_with('s')
        && !["ss", "us", "is", "as"]
            .iter()
            .any(|ending| word.ends_with(ending))
        && !SINGULAR.contains(&word)
}

/// Every way to read a column of this name, the plainest first.
#[must_use]
pub fn readings(all: &[Word]) -> Vec<Reading> {
    let mut found = Vec::new();
    read(all, &mut found);
    if all == ["uid"] {
        push(
            &[Word::new("user".to_owned())],
            &Ending::Id("uid".to_owned()),
            &mut found,
        );
    }
    if let [first, rest @ ..] = all
        && !rest.is_empty()
        && COLUMN_MARKS.contains(&first.as_str())
    {
        read(rest, &mut found);
        if let ("id" | "fk", Some(Ending::None)) =
            (first.as_str(), found.last().map(|reading| &reading.ending))
        {
            push(rest, &Ending::Id(first.to_string()), &mut found);
        }
    }
    found
}

fn read(words: &[Word], found: &mut Vec<Reading>) {
    let [base @ .., last] = words else { return };
    let word = last.as_str();
    // `address_id_2` is the id of a second address.
    if !base.is_empty() && word.chars().all(|letter| letter.is_ascii_digit()) {
        read(base, found);
    } else if IDS.contains(&word) {
        match base {
            [inner @ .., id] if IDS.contains(&id.as_str()) && !inner.is_empty() => {
                push(inner, &Ending::Id(id.to_string()), found);
            }
            _ => push(base, &Ending::Id(last.to_string()), found),
        }
    } else if CODES.contains(&word) {
        push(base, &Ending::Code(last.to_string()), found);
    } else {
        push(words, &Ending::None, found);
        // `customerid`, without a gap.
        for id in ["uuid", "id", "key", "code", "nr", "no"] {
            if let Some(head) = word.strip_suffix(id)
                && head.len() > if id.ends_with("id") { 1 } else { 2 }
            {
                let mut base = base.to_vec();
                base.push(Word::new(head.to_owned()));
                let ending = if id.ends_with("id") {
                    Ending::Id(id.to_owned())
                } else {
                    Ending::Code(id.to_owned())
                };
                push(&base, &ending, found);
                break;
            }
        }
    }
}

/// Notes a reading, and what it is without what tells it from another of its kind at the end:
/// `address2` is an address, `issue_from` an issue.
fn push(base: &[Word], ending: &Ending, found: &mut Vec<Reading>) {
    if base.is_empty() {
        return;
    }
    let mut bases = vec![base.to_vec()];
    if let [head @ .., last] = base {
        let word = last.trim_end_matches(|letter: char| letter.is_ascii_digit());
        if *ending != Ending::None && ["from", "to"].contains(&word) {
            bases.push(head.to_vec());
        } else if word.len() > 2 && word.len() < last.len() {
            let mut base = head.to_vec();
            base.push(Word::new(word.to_owned()));
            bases.push(base);
        }
    }
    found.extend(bases.into_iter().map(|base| Reading {
        base,
        ending: ending.clone(),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(column: &str) -> Vec<String> {
        readings(&words::split(column))
            .into_iter()
            .map(|reading| match reading.ending {
                Ending::Id(_) => format!("id of {}", reading.base.join(" ")),
                Ending::Code(code) => format!("{code} of {}", reading.base.join(" ")),
                Ending::None => reading.base.join(" "),
            })
            .collect()
    }

    #[test]
    fn a_column_reads_as_what_it_tells() {
        assert_eq!(read("alert_rule_id"), ["id of alert rule"]);
        assert_eq!(read("CustomerID"), ["id of customer"]);
        assert_eq!(read("customerid"), ["customerid", "id of customer"]);
        assert_eq!(read("userUuid"), ["id of user"]);
        assert_eq!(read("country_code"), ["code of country"]);
        assert_eq!(read("address2_id"), ["id of address2", "id of address"]);
        assert_eq!(read("address_id_2"), ["id of address"]);
        assert_eq!(read("issue_from_id"), ["id of issue from", "id of issue"]);
        assert_eq!(
            read("lngCustomerID"),
            ["id of lng customer", "id of customer"]
        );
        assert_eq!(
            read("fk_customer"),
            ["fk customer", "customer", "id of customer"]
        );
        assert_eq!(
            read("id_customer"),
            ["id customer", "customer", "id of customer"]
        );
        assert_eq!(read("customer_fk_id"), ["id of customer"]);
        assert_eq!(read("id"), [""; 0]);
        assert_eq!(read("reports_to"), ["reports to"]);
    }

    #[test]
    fn a_generic_name_says_nothing_of_a_table() {
        for name in [
            "id",
            "ID",
            "uuid",
            "code",
            "name",
            "external_id",
            "objectId",
        ] {
            assert!(is_generic(name), "{name}");
        }
        for name in [
            "customer_id",
            "iso_country",
            "isbn",
            "order_id",
            "status_id",
            "CustomerTypeID",
        ] {
            assert!(!is_generic(name), "{name}");
        }
    }
}
