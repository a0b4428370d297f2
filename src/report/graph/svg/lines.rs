//! The lines: one element for all that share a trunk, and over it one for each key, which the pointer
//! finds.

use std::fmt::Write as _;

use super::elements::class;
use crate::graph::{End, Line, Point};
use crate::model::diagram::Diagram;
use crate::report::graph::words::{in_words, markup};

/// The radius of a line's corners.
const RADIUS: i32 = 7;

/// Lines with round corners, each with a bar at the parent and a crow's foot at the child.
///
/// Lines that share a trunk are one element: drawn one over the other they would look bold.
pub fn svg(diagram: &Diagram, lines: &[Line], paths: &[Vec<Point>]) -> String {
    let mut trunks: Vec<Trunk> = Vec::new();
    let mut keys = String::new();
    for ((relation, line), path) in diagram.relations.iter().zip(lines).zip(paths) {
        let back = line.parent.node == line.child.node;
        let same = |it: &Trunk| it.parent == line.parent && it.kind == line.kind && it.back == back;
        let at = trunks.iter().position(same).unwrap_or_else(|| {
            trunks.push(Trunk {
                parent: line.parent,
                kind: line.kind,
                back,
                class: class(relation.state),
                ..Trunk::default()
            });
            trunks.len() - 1
        });
        if let Some(trunk) = trunks.get_mut(at) {
            trunk.add(path, relation.unique);
        }
        let _ = writeln!(
            keys,
            "  <path class=\"key {}\" d=\"{}\"><title>{}: {}</title></path>",
            class(relation.state),
            rounded(path),
            markup(&relation.named.key.child),
            markup(&in_words(relation))
        );
    }
    // What is sure lies above what is not, where they leave a parent together.
    trunks.sort_by_key(|trunk| std::cmp::Reverse(trunk.kind));
    let lines: String = trunks.iter().map(Trunk::svg).collect();
    lines + &keys
}

/// The lines of one kind that begin at one place.
#[derive(Default)]
struct Trunk {
    parent: End,
    kind: u8,
    /// They go back to the parent's own box.
    back: bool,
    class: &'static str,
    ways: Vec<String>,
    marks: Vec<String>,
}

impl Trunk {
    fn add(&mut self, path: &[Point], one_child: bool) {
        let (Some(first), Some(second), Some(last)) = (path.first(), path.get(1), path.last())
        else {
            return;
        };
        let before = path.get(path.len().saturating_sub(2)).unwrap_or(last);
        let way = |from: &Point, to: &Point| (to.0 - from.0).signum();
        let bar = |end: &Point, way: i32| format!("M{} {}v10", end.0 + 7 * way, end.1 - 5);
        let outwards = way(last, before);
        let (x, y) = (last.0, last.1);
        let foot = format!("M{x} {}L{} {y}L{x} {}", y - 6, x + 12 * outwards, y + 6);
        let marks = [
            bar(first, way(first, second)),
            if one_child { bar(last, outwards) } else { foot },
        ];
        let way = rounded(path);
        if !self.ways.contains(&way) {
            self.ways.push(way);
        }
        for mark in marks {
            if !self.marks.contains(&mark) {
                self.marks.push(mark);
            }
        }
    }

    fn svg(&self) -> String {
        format!(
            "  <path class=\"line {0}\" d=\"{1}\"/>\n  <path class=\"line {0} mark\" d=\"{2}\"/>\n",
            self.class,
            self.ways.concat(),
            self.marks.concat()
        )
    }
}

/// `path` with its corners cut by a curve.
fn rounded(path: &[Point]) -> String {
    let mut data = String::new();
    for (at, point) in path.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| path.get(before));
        match (before, path.get(at + 1)) {
            (None, _) => {
                let _ = write!(data, "M{} {}", point.0, point.1);
            }
            (Some(_), None) => {
                let _ = write!(data, "L{} {}", point.0, point.1);
            }
            (Some(before), Some(after)) => {
                let radius = RADIUS
                    .min(length(*before, *point) / 2)
                    .min(length(*point, *after) / 2);
                let (from, to) = (
                    towards(*point, *before, radius),
                    towards(*point, *after, radius),
                );
                let _ = write!(
                    data,
                    "L{} {}Q{} {} {} {}",
                    from.0, from.1, point.0, point.1, to.0, to.1
                );
            }
        }
    }
    data
}

fn length(from: Point, to: Point) -> i32 {
    (to.0 - from.0).abs() + (to.1 - from.1).abs()
}

/// The point `distance` from `from` on the way to `to`, level or upright.
fn towards(from: Point, to: Point, distance: i32) -> Point {
    let step = |from: i32, to: i32| from + (to - from).signum() * distance;
    (step(from.0, to.0), step(from.1, to.1))
}
