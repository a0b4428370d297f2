//! A layer for each box, so that parents stand left of their children.

use super::{BETWEEN_BOXES, Node, at, set};

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
    let mut rest: Vec<usize> = (0..count).collect();
    while !rest.is_empty() {
        let within = |(a, b): &&(usize, usize)| a != b && rest.contains(a) && rest.contains(b);
        let inner: Vec<_> = edges.iter().filter(within).collect();
        let out = |node: usize| inner.iter().filter(|(parent, _)| *parent == node).count();
        let into = |node: usize| inner.iter().filter(|(_, child)| *child == node).count();
        let taken = if let Some(sink) = rest.iter().copied().find(|node| out(*node) == 0) {
            right.push(sink);
            sink
        } else {
            let weight = |node: usize| {
                let (out, into) = (out(node), into(node));
                // A source comes before all others.
                if into == 0 {
                    usize::MAX
                } else {
                    count * count + out - into.min(out + count)
                }
            };
            // The first of equals.
            let best = rest.iter().copied().rev().max_by_key(|node| weight(*node));
            let Some(best) = best else { break };
            left.push(best);
            best
        };
        rest.retain(|node| *node != taken);
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
    let (Some(first), Some(last)) = (layers.iter().copied().min(), layers.iter().copied().max())
    else {
        return;
    };
    let most = i32::try_from(boxes.len()).unwrap_or(i32::MAX);
    for layer in first..last + most {
        let is_free = |node: usize, layers: &[i32]| room(node, layers, edges).1.is_none();
        empty(boxes, edges, layers, layer, limit, 1, is_free);
    }
    let last = layers.iter().copied().max().unwrap_or_default();
    for layer in (first - most..=last).rev() {
        let is_free = |node: usize, layers: &[i32]| room(node, layers, edges).0.is_none();
        empty(boxes, edges, layers, layer, limit, -1, is_free);
    }
}

/// Moves boxes from `layer` by `step` while it is higher than `limit`.
fn empty(
    boxes: &[Node],
    edges: &[(usize, usize)],
    layers: &mut [i32],
    layer: i32,
    limit: i32,
    step: i32,
    is_free: impl Fn(usize, &[i32]) -> bool,
) {
    loop {
        let members: Vec<_> = (0..boxes.len())
            .filter(|node| at(layers, *node) == layer)
            .collect();
        let heights = members.iter().filter_map(|node| boxes.get(*node));
        let height: i32 = heights.map(|node| node.height + BETWEEN_BOXES).sum();
        if height <= limit + BETWEEN_BOXES || members.len() < 2 {
            return;
        }
        let degree = |node: usize| {
            let touches = |edge: &&(usize, usize)| edge.0 == node || edge.1 == node;
            edges.iter().filter(touches).count()
        };
        let free = members.into_iter().filter(|node| is_free(*node, layers));
        // The last of those with fewest lines.
        let Some(node) = free.rev().min_by_key(|node| degree(*node)) else {
            return;
        };
        set(layers, node, layer + step);
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
