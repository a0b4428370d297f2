//! Rows for a schema, made so that its keys hold: whole numbers are small, so that they fit
//! into other tables too.

use std::collections::HashMap;

use fastrand::Rng;
use fkfix::sqlite::schema::foreign_key::ForeignKey;
use rusqlite::Connection;
use rusqlite::types::Value;

/// What a comment before a table may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// How many rows.
    pub rows: usize,
    /// How many in a hundred of its keys have no parent.
    pub orphans: u8,
}

type Row = HashMap<String, Value>;

struct Column {
    name: String,
    declared: String,
    required: bool,
    key_place: u32,
}

/// Fills every table that `truth` and `wanted` know of.
pub fn fill(connection: &Connection, truth: &[ForeignKey], wanted: &[(String, Option<Wanted>)]) {
    let mut rng = Rng::with_seed(7);
    let mut filled: HashMap<String, Vec<Row>> = HashMap::new();
    let mut waiting: Vec<_> = wanted.iter().collect();
    while !waiting.is_empty() {
        let is_ready = |table: &str| {
            truth
                .iter()
                .filter(|key| key.child == table && key.parent != table)
                .all(|key| filled.contains_key(&key.parent))
        };
        let ready = waiting.iter().position(|(table, _)| is_ready(table));
        // Of tables that refer to each other, the first begins.
        let (table, asked) = waiting.remove(ready.unwrap_or(0));
        let keys: Vec<_> = truth.iter().filter(|key| key.child == *table).collect();
        let usual = Wanted {
            rows: if keys.is_empty() { 40 } else { 200 },
            orphans: 0,
        };
        let rows = table_rows(
            connection,
            &mut rng,
            table,
            &keys,
            &filled,
            asked.unwrap_or(usual),
        );
        filled.insert(table.clone(), rows);
    }
}

fn columns(connection: &Connection, table: &str) -> Vec<Column> {
    let mut statement = connection
        .prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1)")
        .unwrap();
    let columns = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared: row.get::<_, String>(1)?.to_uppercase(),
            required: row.get(2)?,
            key_place: row.get(3)?,
        })
    });
    columns.unwrap().map(Result::unwrap).collect()
}

fn table_rows(
    connection: &Connection,
    rng: &mut Rng,
    table: &str,
    keys: &[&ForeignKey],
    filled: &HashMap<String, Vec<Row>>,
    wanted: Wanted,
) -> Vec<Row> {
    let columns = columns(connection, table);
    let names: Vec<_> = columns
        .iter()
        .map(|it| format!("\"{}\"", it.name))
        .collect();
    let places = vec!["?"; columns.len()].join(", ");
    let insert = format!(
        "INSERT OR IGNORE INTO \"{table}\" ({}) VALUES ({places})",
        names.join(", ")
    );
    let mut statement = connection.prepare(&insert).unwrap();
    let mut rows: Vec<Row> = Vec::new();
    for number in 1..=wanted.rows {
        let mut row = Row::new();
        for column in &columns {
            row.insert(
                column.name.clone(),
                own_value(rng, column, &columns, number),
            );
        }
        for key in keys {
            let parents = if key.parent == table {
                Some(&rows)
            } else {
                filled.get(&key.parent)
            };
            refer(
                rng,
                &mut row,
                key,
                &columns,
                parents.map_or(&[][..], Vec::as_slice),
                wanted,
            );
        }
        let values = columns.iter().map(|column| row[&column.name].clone());
        if statement
            .execute(rusqlite::params_from_iter(values))
            .unwrap()
            == 1
        {
            rows.push(row);
        }
    }
    rows
}

/// Sets the columns of `key` to those of some parent, to NULL, or to a parent that is not there.
fn refer(
    rng: &mut Rng,
    row: &mut Row,
    key: &ForeignKey,
    columns: &[Column],
    parents: &[Row],
    wanted: Wanted,
) {
    let of = |name: &str| columns.iter().find(|it| it.name == name).unwrap();
    let optional = key
        .columns
        .iter()
        .all(|name| !of(name).required && of(name).key_place == 0);
    let parent = (!parents.is_empty()).then(|| &parents[rng.usize(..parents.len())]);
    let is_null = optional && (parent.is_none() || rng.u8(..100) < 15);
    let is_orphan = rng.u8(..100) < wanted.orphans;
    for (column, parent_column) in key.pairs() {
        let value = match parent.map(|parent| parent[parent_column].clone()) {
            _ if is_null => Value::Null,
            Some(Value::Integer(_)) if is_orphan => Value::Integer(rng.i64(900_000..901_000)),
            Some(Value::Text(_)) if is_orphan => Value::Text(uuid(rng)),
            Some(value) => value,
            None => continue,
        };
        row.insert(column.to_owned(), value);
    }
}

fn own_value(rng: &mut Rng, column: &Column, columns: &[Column], number: usize) -> Value {
    let keys = columns.iter().filter(|it| it.key_place > 0).count();
    let number = i64::try_from(number).unwrap();
    let declared = column.declared.as_str();
    let is_key = column.key_place > 0;
    let name = column.name.to_lowercase();
    if declared.contains("INT") || declared == "NUMERIC" {
        let value = if is_key && keys == 1 {
            number
        } else {
            rng.i64(1..=30)
        };
        return Value::Integer(value);
    }
    if declared.contains("DATE") || declared.contains("TIME") {
        return Value::Text(format!("2026-01-{:02}", rng.u8(1..29)));
    }
    if declared.contains("BOOL") {
        return Value::Integer(i64::from(rng.bool()));
    }
    if declared.contains("REAL") || declared.contains("DOUBLE") || declared.contains("DECIMAL") {
        return Value::Real(f64::from(rng.u16(..)) / 8.0);
    }
    if is_key || name == "id" || name == "uuid" {
        let is_code = declared.contains("CHAR(5)")
            || ["code", "iso", "no", "isbn"]
                .iter()
                .any(|it| name.ends_with(it));
        return Value::Text(if is_code { code(rng) } else { uuid(rng) });
    }
    Value::Text(format!("{name} {}", rng.u8(..50)))
}

fn code(rng: &mut Rng) -> String {
    (0..4).map(|_| char::from(rng.u8(b'A'..=b'Z'))).collect()
}

fn uuid(rng: &mut Rng) -> String {
    let (a, b) = (rng.u64(..), rng.u64(..));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}
