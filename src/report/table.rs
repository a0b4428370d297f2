//! Columns that line up, sized to the terminal.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};
use unicode_width::UnicodeWidthStr as _;

use super::value;
use crate::model::value::Value;
use crate::text::{Lines, one_line};

/// Columns shown of a sample of rows.
const SAMPLE_COLUMNS: usize = 7;

/// Columns under a heading, two spaces apart, each line indented by four. Columns named in
/// `numbers` are aligned to the right. Wider than `width` columns of a terminal, it wraps within
/// cells.
pub fn table(
    heading: &[&str],
    rows: &[Vec<String>],
    numbers: &[&str],
    width: Option<u16>,
) -> Lines {
    let mut table = Table::new();
    let head = heading.iter().map(|name| one_line(name));
    table.load_style(TableStyle::new()).set_header(head);
    table.add_rows(rows.iter().map(|row| row.iter().map(|cell| one_line(cell))));
    match width {
        Some(width) => {
            let arrangement = ContentArrangement::Dynamic;
            table
                .set_content_arrangement(arrangement)
                .set_width(width.saturating_sub(3).max(20));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((1, 1));
        if heading.get(at).is_some_and(|name| numbers.contains(name)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = Lines::default();
    for line in table.lines() {
        let _ = writeln!(lines, "{}", format!("   {line}").trim_end());
    }
    lines
}

/// Whether [`table`] would need no wrapping on a terminal of `width` columns.
pub fn fits(heading: &[&str], rows: &[Vec<String>], width: Option<u16>) -> bool {
    let widest = |at: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(at))
            .map(String::as_str);
        let name = heading.get(at).copied();
        cells
            .chain(name)
            .map(|cell| one_line(cell).width())
            .max()
            .unwrap_or_default()
    };
    let natural: usize = (0..heading.len()).map(|at| 2 + widest(at)).sum();
    width.is_none_or(|width| natural + 2 <= usize::from(width))
}

/// Some rows of a table, in as many columns as people can take in.
pub struct Sample {
    /// The rows under the names of the columns.
    pub text: Lines,
    /// How many columns are shown.
    pub columns: usize,
}

/// A sample of `rows` with the names `columns`: those that are `telling` are shown first, and
/// fewer where they don't fit into `width`.
pub fn sample(
    columns: &[String],
    rows: &[&[Value]],
    telling: &[String],
    width: Option<u16>,
) -> Sample {
    let mut places: Vec<usize> = Vec::new();
    let at = |name: &String| columns.iter().position(|it| it == name);
    let telling = telling.iter().filter_map(at);
    for at in telling.chain(0..columns.len()) {
        if places.len() < SAMPLE_COLUMNS && !places.contains(&at) {
            places.push(at);
        }
    }
    let (mut heading, mut lines) = pick(columns, rows, &places);
    while places.len() > 2 && !fits(&heading, &lines, width) {
        places.pop();
        (heading, lines) = pick(columns, rows, &places);
    }
    Sample {
        columns: heading.len(),
        text: table(&heading, &lines, &[], width),
    }
}

/// The names and the values of the columns at `places`, in the table's order.
fn pick<'a>(
    columns: &'a [String],
    rows: &[&[Value]],
    places: &[usize],
) -> (Vec<&'a str>, Vec<Vec<String>>) {
    let mut places = places.to_vec();
    places.sort_unstable();
    let names = places.iter().filter_map(|at| columns.get(*at));
    let values = |row: &&[Value]| {
        let values = places.iter().filter_map(|at| row.get(*at));
        values.map(value::text).collect()
    };
    (
        names.map(String::as_str).collect(),
        rows.iter().map(values).collect(),
    )
}
