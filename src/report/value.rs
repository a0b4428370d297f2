//! Values from rows, in each format.

use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::text::one_line;
use crate::sqlite::value::Value;

/// Longest text shown in a table for people, in characters.
const WIDEST: usize = 40;

/// For people: text as it is, in one line, cut where it is long; a blob as `x'00ff'`.
pub fn text(value: &Value) -> String {
    cut(value, WIDEST)
}

/// The same, cut behind `widest` characters.
pub fn cut(value: &Value, widest: usize) -> String {
    let whole = match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(bytes) => one_line(&String::from_utf8_lossy(bytes)),
        Value::Blob(bytes) => format!("x'{}'", hex(bytes.iter().take(widest))),
    };
    if whole.chars().count() <= widest {
        return whole;
    }
    let start: String = whole.chars().take(widest - 1).collect();
    start + "…"
}

/// For a CSV file: text in quotes always and nothing else ever, so that the empty string is
/// `""` and NULL is empty, and the number 5 can be told from the text `"5"`. A blob is
/// `x'00ff'`. (A library for CSV quotes by what a field holds, not by what it was.)
pub fn csv(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::Integer(number) => number.to_string().into_bytes(),
        Value::Real(number) => format!("{number:?}").into_bytes(),
        Value::Text(bytes) => csv_text(bytes),
        Value::Blob(bytes) => format!("x'{}'", hex(bytes.iter())).into_bytes(),
    }
}

/// Text in quotes, those in it doubled (RFC 4180).
pub fn csv_text(bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![b'"'];
    for byte in bytes {
        if *byte == b'"' {
            field.push(b'"');
        }
        field.push(*byte);
    }
    field.push(b'"');
    field
}

/// A line of fields.
pub fn csv_line(fields: &[Vec<u8>]) -> Vec<u8> {
    let mut line = fields.join(&b',');
    line.push(b'\n');
    line
}

fn hex<'a>(bytes: impl Iterator<Item = &'a u8>) -> String {
    bytes.fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// For JSON: a number, a string, null, or `{"blob": "00ff"}`; text that is not UTF-8 has its
/// faulty bytes replaced by U+FFFD.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_none(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Real(number) => serializer.serialize_f64(*number),
            Value::Text(bytes) => serializer.serialize_str(&String::from_utf8_lossy(bytes)),
            Value::Blob(bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("blob", &hex(bytes.iter()))?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_storage_class_has_a_form_of_its_own() {
        let values = [
            Value::Null,
            Value::Text(Vec::new()),
            Value::Integer(5),
            Value::Text(b"5".to_vec()),
            Value::Real(5.0),
            Value::Text(b"a\"b,\nc".to_vec()),
            Value::Blob(vec![0, 255]),
        ];
        let fields = values
            .each_ref()
            .map(|value| String::from_utf8(csv(value)).unwrap());
        assert_eq!(
            fields,
            ["", "\"\"", "5", "\"5\"", "5.0", "\"a\"\"b,\nc\"", "x'00ff'"]
        );
        let json = serde_json::to_string(&values.as_slice()).unwrap();
        assert_eq!(json, r#"[null,"",5,"5",5.0,"a\"b,\nc",{"blob":"00ff"}]"#);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let shown = text(&Value::Text("ü".repeat(100).into_bytes()));
        assert_eq!(shown.chars().count(), WIDEST);
        assert!(shown.ends_with("ü…"));
        assert_eq!(text(&Value::Text(b"a\nb\xff".to_vec())), "a b\u{fffd}");
    }
}
