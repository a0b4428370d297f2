//! What the strokes mean, and the words beside the keys.

use std::fmt::Write as _;

use super::{MARGIN, NARROW, ROW, class, label, width};
use crate::model::diagram::{Diagram, Relation, State};
use crate::report::graph::action;

/// The length of a sample of a stroke.
const SAMPLE: i32 = 36;
/// Between a sample and its words.
const BESIDE: i32 = 8;
/// As wide as this it may always be.
const NARROWEST: i32 = 420;

/// A legend.
#[derive(Default)]
pub struct Legend {
    /// Its elements.
    pub text: String,
    /// How far it reaches to the right of the margin.
    pub width: i32,
    /// How far down; nothing where there is nothing to tell.
    pub height: i32,
}

/// The legend of what `diagram` has, in lines of about `wide` pixels, from `top` on.
pub fn svg(diagram: &Diagram, wide: i32, top: i32) -> Legend {
    let mut legend = Legend::default();
    let (mut x, mut y) = (0, top);
    for (state, words) in entries(diagram) {
        let sample = state.map_or(0, |_| SAMPLE + BESIDE);
        let length = sample + width(words, NARROW);
        if x > 0 && x + length > wide.max(NARROWEST) {
            (x, y) = (0, y + ROW);
        }
        if let Some(state) = state {
            let _ = writeln!(
                legend.text,
                "  <path class=\"line {}\" d=\"M{} {y}h{SAMPLE}\"/>",
                class(state),
                MARGIN + x
            );
        }
        let label = label("note", words, MARGIN + x + sample, y + 4, NARROW);
        let _ = writeln!(legend.text, "  {label}");
        legend.width = legend.width.max(x + length);
        legend.height = y + ROW / 2 - top;
        x += length + MARGIN;
    }
    legend
}

/// What there is to tell: nothing of strokes where all are solid.
fn entries(diagram: &Diagram) -> Vec<(Option<State>, &'static str)> {
    let has = |wanted: &dyn Fn(&Relation) -> bool| diagram.relations.iter().any(wanted);
    let is = |class_of: &'static str| has(&|it| class(it.state) == class_of);
    let strokes = [
        (State::Declared, "declared"),
        (State::Pending, "pending: a migration asks for it"),
        (State::Discovered(0), "discovered, and how sure"),
    ];
    let mut entries = Vec::new();
    if is("pending") || is("discovered") {
        let there = strokes.into_iter().filter(|(state, _)| is(class(*state)));
        entries.extend(there.map(|(state, words)| (Some(state), words)));
    }
    if has(&|it| !matches!(it.state, State::Discovered(_)) && !action(it).is_empty()) {
        entries.push((None, "beside a key: what it does on delete"));
    }
    entries
}
