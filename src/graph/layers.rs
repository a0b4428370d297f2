//! A layer for each box, so that parents stand left of their children.

use super::shapes::{BETWEEN_BOXES, Node, at, set};

/// The width that a layer takes beside its boxes, roughly.
const GAP: i32 = 90;
/// How much wider than high a picture should be.
const ASPECT: f64 = 1.5;

/// The layer of each of `boxes`, from 0; `edges` lead from parents to children.
pub fn assign(boxes: &[Node], edges: &[(usize, usize)]) -> Vec<usize> {
    let count = boxes.len();
    let edges = open(count, edges);
    let mut layers = longest_path(count, &edges);
    tighten(&mut layers, &edges);
    spread(boxes, &edges, &mut layers);
    let least = layers.iter().copied().min().unwrap_or_default();
    let layers = layers.iter().map(|layer| layer - least);
    compact(&layers.collect::<Vec<_>>())
}

/// `edges` without those from a box to itself, each once and turned round where it closes a
/// cycle; sorted so that an edge into a box comes before those out of it.
///
/// By the heuristic of Eades, Lin and Smyth (1993): take boxes away by turns from the ends, and
/// where there is no end, the one with most more children than parents.
fn open(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut left: Vec<usize> = Vec::new();
    let mut right: Vec<usize> = Vec::new();
    let mut taken = vec![false; count];
    for _ in 0..count {
        let (mut out, mut into) = (vec![0_i32; count], vec![0_i32; count]);
        let rest = |node: usize| !at(&taken, node);
        for &(parent, child) in edges {
            if parent != child && rest(parent) && rest(child) {
                let (more_out, more_into) = (at(&out, parent) + 1, at(&into, child) + 1);
                set(&mut out, parent, more_out);
                set(&mut into, child, more_into);
            }
        }
        let nodes = (0..count).filter(|node| rest(*node));
        let sink = nodes.clone().find(|node| at(&out, *node) == 0);
        let source = nodes.clone().find(|node| at(&into, *node) == 0);
        let node = match (sink, source) {
            (Some(sink), _) => {
                right.push(sink);
                sink
            }
            (None, Some(source)) => {
                left.push(source);
                source
            }
            (None, None) => {
                // The first of equals.
                let surplus = |node: &usize| at(&into, *node) - at(&out, *node);
                let Some(most) = nodes.min_by_key(surplus) else {
                    break;
                };
                left.push(most);
                most
            }
        };
        set(&mut taken, node, true);
    }
    left.extend(right.into_iter().rev());
    let mut place = vec![0; count];
    for (index, node) in left.into_iter().enumerate() {
        set(&mut place, node, index);
    }
    let mut opened: Vec<_> = edges
        .iter()
        .filter(|(parent, child)| parent != child)
        .map(|&(a, b)| {
            if at(&place, a) < at(&place, b) {
                (a, b)
            } else {
                (b, a)
            }
        })
        .collect();
    opened.sort_by_key(|&(parent, child)| (at(&place, parent), at(&place, child)));
    opened.dedup();
    opened
}

fn longest_path(count: usize, edges: &[(usize, usize)]) -> Vec<i32> {
    let mut layers = vec![0; count];
    for &(parent, child) in edges {
        let layer = at(&layers, child).max(at(&layers, parent) + 1);
        set(&mut layers, child, layer);
    }
    layers
}

/// The layers between which a box may stand, by its parents and its children.
fn room(node: usize, layers: &[i32], edges: &[(usize, usize)]) -> (Option<i32>, Option<i32>) {
    let parents = edges.iter().filter(|(_, child)| *child == node);
    let children = edges.iter().filter(|(parent, _)| *parent == node);
    (
        parents.map(|(parent, _)| at(layers, *parent) + 1).max(),
        children.map(|(_, child)| at(layers, *child) - 1).min(),
    )
}

/// Moves boxes nearer to those that they are connected with, until nothing gets shorter.
fn tighten(layers: &mut [i32], edges: &[(usize, usize)]) {
    for _ in 0..layers.len() {
        let mut moved = false;
        for node in 0..layers.len() {
            let parents = edges.iter().filter(|(_, child)| *child == node).count();
            let children = edges.iter().filter(|(parent, _)| *parent == node).count();
            let (least, most) = room(node, layers, edges);
            let best = if children > parents { most } else { least };
            if let Some(best) = best.filter(|best| *best != at(layers, node)) {
                set(layers, node, best);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
}

/// Moves boxes out of layers that are too high: those without children to the right, those
/// without parents to the left. A line that is longer for it costs little, since lines to the
/// same parent share a trunk.
#[allow(clippy::cast_possible_truncation)] // a picture has fewer than 2^31 pixels
fn spread(boxes: &[Node], edges: &[(usize, usize)], layers: &mut [i32]) {
    let area = |node: &Node| f64::from(node.height + BETWEEN_BOXES) * f64::from(node.width + GAP);
    let area: f64 = boxes.iter().map(area).sum();
    let tallest = boxes.iter().map(|node| node.height).max();
    let limit = tallest
        .unwrap_or_default()
        .max((area / ASPECT).sqrt() as i32);
    let lines = |node: usize| {
        let touches = |edge: &&(usize, usize)| edge.0 == node || edge.1 == node;
        edges.iter().filter(touches).count()
    };
    let crowd = Crowd {
        boxes,
        lines: (0..boxes.len()).map(lines).collect(),
        limit,
    };
    let most = i32::try_from(boxes.len()).unwrap_or(i32::MAX);
    let is_leaf = |node: usize| !edges.iter().any(|(parent, _)| *parent == node);
    let first = layers.iter().copied().min().unwrap_or_default();
    for layer in first..first + 2 * most {
        crowd.thin(layers, layer, 1, is_leaf);
    }
    let is_root = |node: usize| !edges.iter().any(|(_, child)| *child == node);
    let last = layers.iter().copied().max().unwrap_or_default();
    for layer in (last - 2 * most..=last).rev() {
        crowd.thin(layers, layer, -1, is_root);
    }
}

/// What decides whether a layer is too high, and who goes.
struct Crowd<'a> {
    boxes: &'a [Node],
    /// How many lines each box has.
    lines: Vec<usize>,
    /// The height that a layer should not exceed.
    limit: i32,
}

impl Crowd<'_> {
    /// Moves boxes that are `free` to go from `layer` by `step`, while it is too high: the last of
    /// those with fewest lines.
    fn thin(&self, layers: &mut [i32], layer: i32, step: i32, free: impl Fn(usize) -> bool) {
        loop {
            let members = (0..self.boxes.len()).filter(|node| at(layers, *node) == layer);
            let members: Vec<_> = members.collect();
            let heights = members.iter().filter_map(|node| self.boxes.get(*node));
            let height: i32 = heights.map(|node| node.height + BETWEEN_BOXES).sum();
            if height <= self.limit + BETWEEN_BOXES || members.len() < 2 {
                return;
            }
            let free = members.into_iter().filter(|node| free(*node)).rev();
            let Some(node) = free.min_by_key(|node| at(&self.lines, *node)) else {
                return;
            };
            set(layers, node, layer + step);
        }
    }
}

/// The same layers without empty ones between them.
fn compact(layers: &[i32]) -> Vec<usize> {
    let mut used = layers.to_vec();
    used.sort_unstable();
    used.dedup();
    let place = |layer: &i32| used.binary_search(layer).unwrap_or_default();
    layers.iter().map(place).collect()
}
