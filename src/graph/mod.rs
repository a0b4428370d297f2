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
mod shapes;

use nets::Nets;
use pack::Part;
pub use shapes::{End, Layout, Line, Node, Point, ROW};

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

#[cfg(test)]
mod tests;
