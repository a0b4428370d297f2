//! A picture that stands by itself: no script, no font, light or dark as the reader has it.

mod elements;
mod legend;
mod lines;

use std::fmt::Write as _;

use elements::{MARGIN, NARROW, WIDE, label, width};

use super::boxes::{BoxRow, Ends, TableBox, boxes};
use crate::graph::{self, End, Layout, Line, Node, ROW};
use crate::model::diagram::{Diagram, Relation, State};
use crate::text::one_line;

/// The height of a box's head.
const HEAD: i32 = 30;
/// Below the last row of a box.
const FOOT: i32 = 6;
/// Beside the text in a box.
const PADDING: i32 = 10;
/// Between the columns of a row and its note.
const BEFORE_NOTE: i32 = 18;
/// The longest name that is written out, in characters.
const LONGEST: usize = 40;

const STYLE: &str = "
    text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, \"DejaVu Sans Mono\", monospace; white-space: pre; fill: #1f2328 }
    .name { font-weight: bold }
    .note { font-size: 11px; fill: #656d76 }
    .page { fill: #ffffff }
    .box { fill: #ffffff; stroke: #afb8c1 }
    .head { fill: #eaeef2 }
    .absent { stroke-dasharray: 4 3 }
    .line { fill: none; stroke-width: 1.5 }
    .declared { stroke: #57606a }
    .pending { stroke: #0969da; stroke-dasharray: 7 4 }
    .discovered { stroke: #bc4c00; stroke-dasharray: 1.5 4; stroke-linecap: round; stroke-width: 2 }
    .mark { stroke-dasharray: none; stroke-width: 1.5 }
    .key { fill: none; stroke-dasharray: none; stroke-width: 9; stroke-linecap: round; stroke-linejoin: round; stroke-opacity: 0; pointer-events: stroke }
    .key:hover { stroke-opacity: .4 }
    .of-pending { fill: #0969da }
    .of-discovered { fill: #bc4c00 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .note { fill: #8b949e }
      .page { fill: #0d1117 }
      .box { fill: #161b22; stroke: #444c56 }
      .head { fill: #262c36 }
      .declared { stroke: #8b949e }
      .pending { stroke: #58a6ff }
      .discovered { stroke: #f0883e }
      .of-pending { fill: #58a6ff }
      .of-discovered { fill: #f0883e }
    }
  ";

/// `diagram` as a picture.
#[must_use]
pub fn svg(diagram: &Diagram) -> String {
    let (boxes, ends) = boxes(diagram);
    let nodes: Vec<_> = boxes.iter().map(size).collect();
    let lines = diagram.relations.iter().zip(&ends);
    let lines: Vec<_> = lines
        .map(|(relation, ends)| line(relation, *ends))
        .collect();
    let layout = within_margin(graph::lay_out(&nodes, &lines));
    let mut height = layout.height + 2 * MARGIN;
    let mut body = lines::svg(diagram, &lines, &layout.paths);
    body.push_str(&boxes_svg(&boxes, &nodes, &layout));
    let legend = legend::svg(diagram, layout.width, height);
    body.push_str(&legend.text);
    if legend.height > 0 {
        height += legend.height + MARGIN - ROW / 2;
    }
    let width = layout.width.max(legend.width).max(ROW) + 2 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title\">\n  <title id=\"title\">Tables and their foreign keys</title>\n  <style>{STYLE}</style>\n  <rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>\n{body}</svg>\n"
    )
}

/// `layout` moved right and down by the margin.
fn within_margin(mut layout: Layout) -> Layout {
    let points = layout.paths.iter_mut().flatten();
    for (x, y) in layout.corners.iter_mut().chain(points) {
        *x += MARGIN;
        *y += MARGIN;
    }
    layout
}

/// `text` in one line, cut where it is long.
fn short(text: &str) -> String {
    let line = one_line(text);
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// The width of what stands before the columns of a row.
fn mark_width(table: &TableBox) -> i32 {
    let marks = table.rows.iter().map(|row| width(&row.mark, NARROW));
    match marks.max() {
        None | Some(0) => 0,
        Some(width) => width + 8,
    }
}

fn size(table: &TableBox) -> Node {
    let mark = mark_width(table);
    let of_row = |row: &BoxRow| {
        let note = match width(&row.note, NARROW) {
            0 => 0,
            note => note + BEFORE_NOTE,
        };
        mark + width(&short(&row.columns.join(", ")), WIDE) + note
    };
    let rows = table.rows.iter().map(of_row);
    let rest = table.rest.iter().map(|rest| mark + width(rest, NARROW));
    let name = width(&short(&table.name), WIDE);
    let inner = rows.chain(rest).chain([name]).max().unwrap_or_default();
    let lines = table.rows.len() + usize::from(table.rest.is_some());
    Node {
        width: inner + 2 * PADDING,
        height: HEAD + ROW * i32::try_from(lines).unwrap_or_default() + FOOT,
    }
}

fn line(relation: &Relation, ends: Ends) -> Line {
    let end = |node: usize, row: usize| End {
        node,
        offset: HEAD + ROW / 2 + ROW * i32::try_from(row).unwrap_or_default(),
    };
    Line {
        parent: end(relation.parent, ends.parent),
        child: end(relation.child, ends.child),
        kind: match relation.state {
            State::Declared => 0,
            State::Pending => 1,
            State::Discovered(_) => 2,
        },
    }
}

fn boxes_svg(boxes: &[TableBox], nodes: &[Node], layout: &Layout) -> String {
    let mut text = String::new();
    for ((table, node), (left, top)) in boxes.iter().zip(nodes).zip(&layout.corners) {
        let absent = if table.exists { "" } else { " absent" };
        let (right, below) = (node.width, HEAD);
        let _ = writeln!(
            text,
            "  <g transform=\"translate({left} {top})\">\n    <rect class=\"box{absent}\" width=\"{right}\" height=\"{}\" rx=\"6\"/>\n    <path class=\"head\" d=\"M.5 {below}V6.5A6 6 0 0 1 6.5 .5H{}A6 6 0 0 1 {} 6.5V{below}Z\"/>",
            node.height,
            f64::from(right) - 6.5,
            f64::from(right) - 0.5,
        );
        text.push_str(&box_text(table, *node));
        text.push_str("  </g>\n");
    }
    text
}

fn box_text(table: &TableBox, node: Node) -> String {
    let mut text = format!(
        "    {}\n",
        label("name", &short(&table.name), PADDING, 20, WIDE)
    );
    let column = PADDING + mark_width(table);
    let mut y = HEAD + 14;
    for row in &table.rows {
        let kind = match row.state {
            Some(State::Pending) => "note of-pending",
            Some(State::Discovered(_)) => "note of-discovered",
            Some(State::Declared) | None => "note",
        };
        if !row.mark.is_empty() {
            let _ = writeln!(text, "    {}", label(kind, &row.mark, PADDING, y, NARROW));
        }
        let columns = short(&row.columns.join(", "));
        let _ = writeln!(text, "    {}", label("", &columns, column, y, WIDE));
        if !row.note.is_empty() {
            let x = node.width - PADDING - width(&row.note, NARROW);
            let _ = writeln!(text, "    {}", label(kind, &row.note, x, y, NARROW));
        }
        y += ROW;
    }
    if let Some(rest) = &table.rest {
        let _ = writeln!(text, "    {}", label("note", rest, column, y, NARROW));
    }
    text
}
