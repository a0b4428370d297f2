//! Values from rows, in each format.

use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::model::value::{SHOWN, Value};
use crate::text::{self, one_line};

/// Longest text shown in a table for people, in columns of a terminal.
const WIDEST: usize = 40;

/// For people: text as it is, in one line, cut where it is long; a blob as `x'00ff'`, the empty
/// string as `''`.
pub fn text(value: &Value) -> String {
    cut(value, WIDEST)
}

/// The same, at most `widest` columns wide.
pub fn cut(value: &Value, widest: usize) -> String {
    let whole = match value {
        Value::TooLong => "(too long)".to_owned(),
        Value::Text(bytes) if bytes.is_empty() => "''".to_owned(),
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(bytes) => one_line(&String::from_utf8_lossy(bytes)),
        Value::Blob(bytes) => format!("x'{}'", hex(bytes.iter().take(widest))),
    };
    text::cut(&whole, widest)
}

/// For a CSV file: text in quotes always and nothing else ever, so that the empty string is
/// `""` and NULL is empty, and the number 5 can be told from the text `"5"`. A blob is
/// `x'00ff'`, infinity `Infinity` or `-Infinity`. Text comes as its bytes, whatever they are. (A
/// library for CSV quotes by what a field holds, not by what it was.)
pub fn csv(value: &Value) -> Vec<u8> {
    match value {
        Value::Null | Value::TooLong => Vec::new(),
        Value::Real(number) if !number.is_finite() => infinity(*number).into(),
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

/// `SQLite` stores no other number that JSON lacks: it makes NULL of what is none.
fn infinity(number: f64) -> &'static str {
    if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// For JSON: a number, a string, or null; what JSON has no form for is an object with one member:
///
/// - `{"blob": "00ff"}`, the bytes of a blob
/// - `{"text": "61ff"}`, the bytes of a text that is not UTF-8
/// - `{"real": "Infinity"}` or `{"real": "-Infinity"}`
/// - `{"start": …}`, the first 64 KiB of a longer text or blob in its own form; null where it is
///   computed and so long that it was not read at all
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_none(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Real(number) if number.is_finite() => serializer.serialize_f64(*number),
            Value::Real(number) => object(serializer, "real", infinity(*number)),
            Value::TooLong => object(serializer, "start", None::<()>),
            Value::Text(bytes) if bytes.len() > SHOWN => {
                object(serializer, "start", Value::Text(start_of_text(bytes)))
            }
            Value::Blob(bytes) if bytes.len() > SHOWN => {
                let start = bytes.iter().take(SHOWN).copied().collect();
                object(serializer, "start", Value::Blob(start))
            }
            Value::Text(bytes) => match str::from_utf8(bytes) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => object(serializer, "text", hex(bytes.iter())),
            },
            Value::Blob(bytes) => object(serializer, "blob", hex(bytes.iter())),
        }
    }
}

fn object<S: Serializer>(
    serializer: S,
    member: &str,
    value: impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(member, &value)?;
    map.end()
}

/// The first bytes of a text, without a character that is cut in two.
fn start_of_text(bytes: &[u8]) -> Vec<u8> {
    let mut start: Vec<u8> = bytes.iter().take(SHOWN).copied().collect();
    if let Err(error) = str::from_utf8(&start)
        && error.error_len().is_none()
    {
        start.truncate(error.valid_up_to());
    }
    start
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
            Value::Text(b"a\xff\x1b\0".to_vec()),
            Value::Real(f64::INFINITY),
            Value::Real(f64::NEG_INFINITY),
        ];
        let fields = values
            .each_ref()
            .map(|value| csv(value).escape_ascii().to_string());
        assert_eq!(
            fields,
            [
                "",
                "\\\"\\\"",
                "5",
                "\\\"5\\\"",
                "5.0",
                "\\\"a\\\"\\\"b,\\nc\\\"",
                "x\\'00ff\\'",
                "\\\"a\\xff\\x1b\\x00\\\"",
                "Infinity",
                "-Infinity"
            ]
        );
        let json = serde_json::to_string(&values.as_slice()).unwrap();
        assert_eq!(
            json,
            r#"[null,"",5,"5",5.0,"a\"b,\nc",{"blob":"00ff"},{"text":"61ff1b00"},{"real":"Infinity"},{"real":"-Infinity"}]"#
        );
    }

    #[test]
    fn a_document_holds_the_start_of_a_long_value_and_says_so() {
        let json = |value: Value| serde_json::to_string(&value).unwrap();
        let start = "ü".repeat(SHOWN / 2);
        let whole = Value::Text(start.clone().into_bytes());
        assert_eq!(json(whole), format!("\"{start}\""));
        let odd = Value::Text(format!("a{start}").into_bytes());
        let shown = start.trim_end_matches('ü').to_owned() + &"ü".repeat(SHOWN / 2 - 1);
        assert_eq!(json(odd), format!("{{\"start\":\"a{shown}\"}}"));
        let blob = json(Value::Blob(vec![0; SHOWN + 1]));
        assert_eq!(
            blob,
            format!("{{\"start\":{{\"blob\":\"{}\"}}}}", "00".repeat(SHOWN))
        );
        assert_eq!(json(Value::TooLong), "{\"start\":null}");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let shown = text(&Value::Text("ü".repeat(100).into_bytes()));
        assert_eq!(shown.chars().count(), WIDEST);
        assert!(shown.ends_with("ü…"));
        assert_eq!(text(&Value::Text(b"a\nb\xff".to_vec())), "a b\u{fffd}");
    }
}
