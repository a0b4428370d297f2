//! Columns that line up, sized to the terminal.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, TableStyle, Width};
use unicode_width::UnicodeWidthStr;

use crate::model::value::Value;
use crate::outcome::value;
use crate::text::{Lines, one_line};

/// Columns shown of a sample of rows.
const SAMPLE_COLUMNS: usize = 7;

/// Columns under a heading, two spaces apart, each line indented by four. Columns named in
/// `numbers` are aligned to the right.
///
/// Wider than `width` columns of a terminal, it wraps between the words of a cell; where that does
/// not help, each row becomes a paragraph with a line for each cell, as `psql` has it by
/// `\x auto`. Where not even that fits, values are broken.
pub fn table(
    heading: &[&str],
    rows: &[Vec<String>],
    numbers: &[&str],
    width: Option<u16>,
) -> Lines {
    let words: Vec<usize> = (0..heading.len())
        .map(|at| longest_word(heading, rows, at))
        .collect();
    let fits = words_fit(&words, width);
    if !fits && let Some(paragraphs) = paragraphs(heading, rows, width) {
        return paragraphs;
    }
    let mut table = Table::new();
    let head = heading.iter().map(|name| one_line(name));
    table.load_style(TableStyle::new()).set_header(head);
    table.add_rows(rows.iter().map(|row| row.iter().map(|cell| one_line(cell))));
    match width {
        Some(width) => {
            let arrangement = ContentArrangement::Dynamic;
            table
                .set_content_arrangement(arrangement)
                .set_width(width.saturating_sub(2));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((1, 1));
        if let Some(word) = words.get(at).filter(|_| fits) {
            let least = Width::Fixed(u16::try_from(word + 2).unwrap_or(u16::MAX));
            column.set_constraint(ColumnConstraint::LowerBoundary(least));
        }
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

/// The texts of the column `at`, its name first.
fn column<'a>(
    heading: &'a [&str],
    rows: &'a [Vec<String>],
    at: usize,
) -> impl Iterator<Item = String> + 'a {
    let cells = rows.iter().filter_map(move |row| row.get(at));
    let name = heading.get(at).copied();
    name.into_iter()
        .chain(cells.map(String::as_str))
        .map(one_line)
}

/// The width of the longest word of the column `at`.
fn longest_word(heading: &[&str], rows: &[Vec<String>], at: usize) -> usize {
    let width = |text: String| text.split(' ').map(UnicodeWidthStr::width).max();
    column(heading, rows, at)
        .filter_map(width)
        .max()
        .unwrap_or_default()
}

/// Whether columns of these widths fit side by side.
fn words_fit(widths: &[usize], width: Option<u16>) -> bool {
    let together: usize = widths.iter().map(|column| 2 + column).sum();
    width.is_none_or(|width| together + 2 <= usize::from(width))
}

/// A line for each cell, and an empty one between rows; none where a cell is too wide even so.
fn paragraphs(heading: &[&str], rows: &[Vec<String>], width: Option<u16>) -> Option<Lines> {
    let widest = heading.iter().map(|name| one_line(name).width()).max();
    let widest = widest.unwrap_or_default();
    let mut lines = Lines::default();
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            lines.blank();
        }
        for (name, cell) in heading.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            let name = one_line(name);
            let padding = " ".repeat(widest.saturating_sub(name.width()));
            let line = format!("    {name}{padding}  {}", one_line(cell));
            if width.is_some_and(|width| line.width() > usize::from(width)) {
                return None;
            }
            let _ = writeln!(lines, "{line}");
        }
    }
    Some(lines)
}

/// Whether [`table`] would need no wrapping on a terminal of `width` columns.
pub fn fits(heading: &[&str], rows: &[Vec<String>], width: Option<u16>) -> bool {
    let widest = |at: usize| column(heading, rows, at).map(|text| text.width()).max();
    let widths: Vec<_> = (0..heading.len()).filter_map(widest).collect();
    words_fit(&widths, width)
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
