//! Which boxes and trunks stand in which layer, and how they are connected across each gap.

use std::collections::BTreeMap;

use super::shapes::{End, Line, Node, at};

/// A place where a line meets a box or a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// The box, or the trunk where it passes a layer.
    pub item: usize,
    /// How far below its top.
    pub offset: i32,
}

/// One net in one gap: everything that it connects there.
#[derive(Clone, Debug, Default)]
pub struct Strand {
    /// Which net.
    pub net: usize,
    /// What it connects at the gap's left side.
    pub left: Vec<Port>,
    /// What it connects at the right side.
    pub right: Vec<Port>,
}

/// The lines that share a trunk, by what they have in common: the end at the parent, the kind, and
/// where they run, seen from the parent. A line back to its own box shares none with those that go
/// on: it would read as a line between two rows.
type Trunk = (usize, i32, u8, Course);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Right,
    Left,
    Back,
}

/// The layers and the gaps between them.
#[derive(Clone, Debug, Default)]
pub struct Nets {
    /// The items of each layer from top to bottom: boxes, then trunks that pass.
    pub layers: Vec<Vec<usize>>,
    /// The strands of each gap; gap 0 is right of layer 0, and the last is right of the last.
    pub gaps: Vec<Vec<Strand>>,
    /// The height of each item; a trunk has none.
    pub heights: Vec<i32>,
    /// The net of each line.
    pub of_line: Vec<usize>,
    /// The item by which a net passes a layer.
    pub passing: BTreeMap<(usize, usize), usize>,
}

impl Nets {
    /// Puts `boxes` into `layers` and gathers `lines` to nets.
    pub fn new(boxes: &[Node], lines: &[Line], layers: &[usize]) -> Self {
        let count = layers.iter().max().map_or(0, |most| most + 1);
        let mut nets = Nets {
            layers: vec![Vec::new(); count],
            gaps: vec![Vec::new(); count],
            heights: boxes.iter().map(|node| node.height).collect(),
            ..Nets::default()
        };
        for (node, layer) in layers.iter().enumerate() {
            if let Some(layer) = nets.layers.get_mut(*layer) {
                layer.push(node);
            }
        }
        let mut trunks: Vec<Trunk> = Vec::new();
        for line in lines {
            let course = if line.parent.node == line.child.node {
                Course::Back
            } else if at(layers, line.parent.node) > at(layers, line.child.node) {
                Course::Left
            } else {
                Course::Right
            };
            let trunk = (line.parent.node, line.parent.offset, line.kind, course);
            let known = trunks.iter().position(|other| *other == trunk);
            let net = known.unwrap_or_else(|| {
                trunks.push(trunk);
                trunks.len() - 1
            });
            nets.of_line.push(net);
            nets.add(net, line, layers);
        }
        nets
    }

    /// Adds a line to its net.
    fn add(&mut self, net: usize, line: &Line, layers: &[usize]) {
        let (parent, child) = (at(layers, line.parent.node), at(layers, line.child.node));
        let port = |end: End| Port {
            item: end.node,
            offset: end.offset,
        };
        if parent == child {
            self.connect(net, parent, true, port(line.parent));
            self.connect(net, parent, true, port(line.child));
            return;
        }
        let (left, right) = if parent < child {
            (line.parent, line.child)
        } else {
            (line.child, line.parent)
        };
        let (from, to) = (parent.min(child), parent.max(child));
        self.connect(net, from, true, port(left));
        for layer in from + 1..to {
            let item = self.pass(net, layer);
            self.connect(net, layer - 1, false, Port { item, offset: 0 });
            self.connect(net, layer, true, Port { item, offset: 0 });
        }
        self.connect(net, to - 1, false, port(right));
    }

    /// The item by which `net` passes `layer`, made where there is none yet.
    fn pass(&mut self, net: usize, layer: usize) -> usize {
        let fresh = self.heights.len();
        let item = *self.passing.entry((net, layer)).or_insert(fresh);
        if item == fresh {
            self.heights.push(0);
            if let Some(layer) = self.layers.get_mut(layer) {
                layer.push(item);
            }
        }
        item
    }

    /// Notes that `net` meets `port` at a side of `gap`.
    fn connect(&mut self, net: usize, gap: usize, at_left: bool, port: Port) {
        let Some(gap) = self.gaps.get_mut(gap) else {
            return;
        };
        let known = gap.iter().position(|strand| strand.net == net);
        let index = known.unwrap_or_else(|| {
            gap.push(Strand {
                net,
                ..Strand::default()
            });
            gap.len() - 1
        });
        if let Some(strand) = gap.get_mut(index) {
            let side = if at_left {
                &mut strand.left
            } else {
                &mut strand.right
            };
            if !side.contains(&port) {
                side.push(port);
            }
        }
    }
}
