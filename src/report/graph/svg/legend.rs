//! What the strokes mean.

use std::fmt::Write as _;

use super::elements::{MARGIN, NARROW, class, label, width};
use crate::graph::ROW;
use crate::model::diagram::{Diagram, State};

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
        let length = SAMPLE + BESIDE + width(words, NARROW);
        if x > 0 && x + length > wide.max(NARROWEST) {
            (x, y) = (0, y + ROW);
        }
        let _ = writeln!(
            legend.text,
            "  <path class=\"line {}\" d=\"M{} {y}h{SAMPLE}\"/>",
            class(state),
            MARGIN + x
        );
        let label = label("note", words, MARGIN + x + SAMPLE + BESIDE, y + 4, NARROW);
        let _ = writeln!(legend.text, "  {label}");
        legend.width = legend.width.max(x + length);
        legend.height = y + ROW / 2 - top;
        x += length + MARGIN;
    }
    legend
}

/// What there is to tell: nothing where all are solid.
fn entries(diagram: &Diagram) -> Vec<(State, &'static str)> {
    let is = |wanted: &str| {
        let mut relations = diagram.relations.iter();
        relations.any(|it| class(it.state) == wanted)
    };
    let strokes = [
        (State::Declared, "declared"),
        (State::Pending, "pending: a migration asks for it"),
        (State::Discovered(0), "discovered: meant, never declared"),
    ];
    if !is("pending") && !is("discovered") {
        return Vec::new();
    }
    let there = strokes.into_iter().filter(|(state, _)| is(class(*state)));
    there.collect()
}
