//! Columns that line up, sized to the terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};

/// Columns under a heading, two spaces apart, each line indented by four. Columns named in
/// `numbers` are aligned to the right. Wider than `width` characters, it wraps within cells.
pub fn table(
    heading: &[&str],
    rows: &[Vec<String>],
    numbers: &[&str],
    width: Option<u16>,
) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(heading);
    table.add_rows(rows);
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
    let lines = table.lines().map(|line| format!("   {}", line.trim_end()));
    lines
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

/// Whether [`table`] would need no wrapping within `width` characters.
pub fn fits(heading: &[&str], rows: &[Vec<String>], width: Option<u16>) -> bool {
    let widest = |at: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(at))
            .map(String::as_str);
        let name = heading.get(at).copied();
        cells
            .chain(name)
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let natural: usize = (0..heading.len()).map(|at| 2 + widest(at)).sum();
    width.is_none_or(|width| natural + 2 <= usize::from(width))
}
