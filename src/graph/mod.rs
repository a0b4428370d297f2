//! A layout of boxes in layers, parents left and children right, with lines that run between
//! them: plain data in, plain data out.
//!
//! It goes the way of Sugiyama, Tagawa and Toda (1981): turn cycles open, give each box a layer,
//! order the layers so that few lines cross, give each box a height, and lead the lines through
//! the gaps between layers. Two things are its own: a line begins and ends at a row of a box,
//! and all lines to the same parent share a trunk, because a hub with thirty children would be
//! thirty lines otherwise.
//!
//! Heights are whole multiples of [`ROW`], so that what can be straight is. Every choice between
//! equals goes by the order in which boxes and lines are given: the same input, the same picture.

mod layers;
mod nets;
mod order;
mod pack;
mod place;
mod route;

use nets::Nets;

/// The height of a row, and the grid on which boxes and lines stand, in pixels.
pub const ROW: i32 = 20;
/// Free height between two boxes of a layer.
const BETWEEN_BOXES: i32 = 24;
/// Free width beside a parent, before the first line may turn.
const STUB_OF_PARENT: i32 = 22;
/// Free width beside a child, where the mark at the end of the line stands.
const STUB_OF_CHILD: i32 = 28;
/// Between two lines that run side by side.
const TRACK: i32 = 12;

/// A box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its width.
    pub width: i32,
    /// Its height.
    pub height: i32,
}

/// A place at the side of a box where a line ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Which box.
    pub node: usize,
    /// How far below the top of the box; a multiple of [`ROW`].
    pub offset: i32,
}

/// A line from a parent to a child, which may be the same box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it begins.
    pub parent: End,
    /// Where it ends.
    pub child: End,
    /// Lines of one kind to the same end of a parent share a trunk.
    pub kind: u8,
}

/// A point, from the top left.
pub type Point = (i32, i32);

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The width of all of it.
    pub width: i32,
    /// The height of all of it.
    pub height: i32,
    /// The top left corner of each box.
    pub corners: Vec<Point>,
    /// The corners of each line, from its parent to its child; every part is upright or level.
    pub paths: Vec<Vec<Point>>,
}

/// Lays out `nodes` and `lines`; a line with an end at no node has an empty path.
///
/// Boxes that hang together stand together, the largest group first; boxes without a line stand
/// in rows at the bottom.
#[must_use]
pub fn lay_out(nodes: &[Node], lines: &[Line]) -> Layout {
    let groups = pack::groups(nodes.len(), lines);
    let mut parts = Vec::new();
    let mut alone = Vec::new();
    for group in groups {
        match group.as_slice() {
            [node] if !lines.iter().any(|line| line.parent.node == *node) => alone.push(*node),
            _ => parts.push(part(nodes, lines, group)),
        }
    }
    pack::pack(nodes, lines.len(), parts, &alone)
}

/// Boxes that hang together, laid out by themselves.
struct Part {
    nodes: Vec<usize>,
    lines: Vec<usize>,
    layout: Layout,
}

/// Lays out the boxes of `members` and the lines between them.
fn part(nodes: &[Node], lines: &[Line], members: Vec<usize>) -> Part {
    let local = |node: usize| members.iter().position(|member| *member == node);
    let mut own = Vec::new();
    let mut ids = Vec::new();
    for (id, line) in lines.iter().enumerate() {
        if let (Some(parent), Some(child)) = (local(line.parent.node), local(line.child.node)) {
            own.push(Line {
                parent: End {
                    node: parent,
                    ..line.parent
                },
                child: End {
                    node: child,
                    ..line.child
                },
                ..*line
            });
            ids.push(id);
        }
    }
    let boxes: Vec<_> = members
        .iter()
        .filter_map(|id| nodes.get(*id))
        .copied()
        .collect();
    Part {
        layout: lay_out_part(&boxes, &own),
        nodes: members,
        lines: ids,
    }
}

fn lay_out_part(boxes: &[Node], lines: &[Line]) -> Layout {
    let edges: Vec<_> = lines
        .iter()
        .map(|line| (line.parent.node, line.child.node))
        .collect();
    let layers = layers::assign(boxes, &edges);
    let mut nets = Nets::new(boxes, lines, &layers);
    order::order(&mut nets);
    let heights = place::place(&nets);
    route::route(&nets, boxes, lines, heights)
}

/// The value at `index`; nothing is ever out of bounds here, and where it were, the picture
/// would be off and the program would go on.
fn at<T: Copy + Default>(values: &[T], index: usize) -> T {
    values.get(index).copied().unwrap_or_default()
}

/// Sets the value at `index`.
fn set<T>(values: &mut [T], index: usize, value: T) {
    if let Some(place) = values.get_mut(index) {
        *place = value;
    }
}

#[cfg(test)]
mod tests;
