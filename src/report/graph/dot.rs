//! A graph for Graphviz: `dot -Tsvg` and the like (<https://graphviz.org/doc/info/shapes.html#html>).

use std::fmt::Write as _;

use super::boxes::{BoxRow, TableBox, boxes};
use super::words::{beside, markup};
use crate::model::diagram::{Diagram, Relation, State};

const HEAD: &str = r##"digraph tables {
    graph [rankdir=LR, nodesep=0.35, ranksep=0.9]
    node [shape=plain, fontname="monospace", fontsize=11]
    edge [dir=both, arrowtail=tee, fontname="monospace", fontsize=9, color="#57606a"]
"##;

const LEGEND: &str = r#"    subgraph cluster_legend {
        label="" pencolor=none
        legend [label=<<table border="0" cellborder="0" cellspacing="2"><tr><td align="left">solid: declared</td></tr><tr><td align="left">dashed: pending, a migration asks for it</td></tr><tr><td align="left">dotted: discovered, not declared</td></tr></table>>]
    }
"#;

/// `diagram` for Graphviz.
#[must_use]
pub fn dot(diagram: &Diagram) -> String {
    let (boxes, ends) = boxes(diagram);
    let mut text = HEAD.to_owned();
    for (at, table) in boxes.iter().enumerate() {
        let _ = writeln!(text, "    t{at} [label=<{}>]", table_label(table));
    }
    for (relation, ends) in diagram.relations.iter().zip(ends) {
        let _ = writeln!(
            text,
            "    t{}:r{} -> t{}:r{} [{}]",
            relation.parent,
            ends.parent,
            relation.child,
            ends.child,
            style(relation)
        );
    }
    let is_declared = |it: &Relation| it.state == State::Declared;
    if !diagram.relations.iter().all(is_declared) {
        text.push_str(LEGEND);
    }
    text.push_str("}\n");
    text
}

fn style(relation: &Relation) -> String {
    let head = if relation.unique { "tee" } else { "crow" };
    let mut style = format!("arrowhead={head}");
    style.push_str(match relation.state {
        State::Declared => "",
        State::Pending => ", style=dashed",
        State::Discovered(_) => ", style=dotted",
    });
    let label = beside(relation);
    if !label.is_empty() {
        let _ = write!(style, ", label=\"{label}\"");
    }
    style
}

fn table_label(table: &TableBox) -> String {
    let border = if table.exists {
        ""
    } else {
        " style=\"dashed\""
    };
    let mut label = format!(
        "<table border=\"0\" cellborder=\"1\" cellspacing=\"0\" cellpadding=\"4\"{border}><tr><td bgcolor=\"#eaeef2\"><b>{}</b></td></tr>",
        filled(&table.name)
    );
    for (at, row) in table.rows.iter().enumerate() {
        let _ = write!(
            label,
            "<tr><td port=\"r{at}\" align=\"left\">{}</td></tr>",
            row_label(row)
        );
    }
    if let Some(rest) = &table.rest {
        let _ = write!(
            label,
            "<tr><td align=\"left\"><i>{}</i></td></tr>",
            markup(rest)
        );
    }
    label + "</table>"
}

fn row_label(row: &BoxRow) -> String {
    let columns = filled(&row.columns.join(", "));
    if row.mark.is_empty() {
        return columns;
    }
    format!("<font color=\"#57606a\">{}</font> {columns}", row.mark)
}

/// Text for a cell; Graphviz takes no empty `<b>`.
fn filled(text: &str) -> String {
    if text.trim().is_empty() {
        return "&#160;".to_owned();
    }
    markup(text)
}
