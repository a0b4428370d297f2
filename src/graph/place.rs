//! A height for each item, so that lines are as straight as the order allows.

use super::nets::{Nets, Port};
use super::shapes::{BETWEEN_BOXES, ROW, at, set};

/// How often all layers are gone through.
const ROUNDS: usize = 16;

/// The top of each item of `nets`, on the grid of [`ROW`].
pub fn place(nets: &Nets) -> Vec<i32> {
    let pulls = pulls(nets);
    let mut tops = start(nets);
    for round in 0..ROUNDS {
        let count = nets.layers.len();
        // In the last rounds both sides pull.
        let both = round + 4 >= ROUNDS;
        let layers: Vec<_> = if round % 2 == 0 {
            (0..count).collect()
        } else {
            (0..count).rev().collect()
        };
        for layer in layers {
            let side = (!both).then_some(round % 2 == 0);
            settle(nets, &pulls, layer, side, &mut tops);
        }
    }
    let mut tops: Vec<i32> = tops.iter().map(|top| on_grid(*top)).collect();
    for _ in 0..ROUNDS {
        straighten(nets, &pulls, &mut tops);
    }
    let least = tops.iter().copied().min().unwrap_or_default();
    tops.iter().map(|top| top - least).collect()
}

/// What pulls an item: another item that would have it at the same height.
#[derive(Clone, Copy, Debug)]
struct Pull {
    own: i32,
    other: Port,
    /// The other stands in the layer before.
    left: bool,
    weight: f64,
}

#[allow(clippy::cast_precision_loss)] // there are fewer than 2^52 items
fn pulls(nets: &Nets) -> Vec<Vec<Pull>> {
    let mut pulls = vec![Vec::new(); nets.heights.len()];
    for strand in nets.gaps.iter().flatten() {
        // A trunk with many ends is held by all of them, and none of them by it alone.
        let share = strand.left.len().max(strand.right.len()) as f64;
        for left in &strand.left {
            for right in &strand.right {
                let is_trunk = |port: &Port| at(&nets.heights, port.item) == 0;
                let weight = match (is_trunk(left), is_trunk(right)) {
                    (true, true) => 8.0,
                    (false, false) => 1.0,
                    _ => 2.0,
                } / share;
                for (own, other, other_is_left) in [(left, right, false), (right, left, true)] {
                    if let Some(pulls) = pulls.get_mut(own.item) {
                        pulls.push(Pull {
                            own: own.offset,
                            other: *other,
                            left: other_is_left,
                            weight,
                        });
                    }
                }
            }
        }
    }
    pulls
}

/// The least distance from the top of an item to the top of the next below it.
fn step(nets: &Nets, upper: usize, lower: usize) -> i32 {
    let height = at(&nets.heights, upper);
    let gap = match (height, at(&nets.heights, lower)) {
        (0, _) => ROW,
        (_, 0) => ROW / 2,
        _ => BETWEEN_BOXES,
    };
    let rows = (height + gap + ROW - 1) / ROW;
    rows * ROW
}

/// One item below the other.
fn start(nets: &Nets) -> Vec<f64> {
    let mut tops = vec![0.0; nets.heights.len()];
    for layer in &nets.layers {
        let mut top = 0;
        for (index, item) in layer.iter().enumerate() {
            if index > 0 {
                top += step(nets, at(layer, index - 1), *item);
            }
            set(&mut tops, *item, f64::from(top));
        }
    }
    tops
}

/// Some items that stand as close as they may, and where they would have their common place.
struct Block {
    items: usize,
    wanted: f64,
    weight: f64,
}

/// Moves the items of a layer to where they are pulled, by the least sum of squares that keeps
/// their order and distance (the algorithm that pools adjacent violators).
fn settle(nets: &Nets, pulls: &[Vec<Pull>], layer: usize, side: Option<bool>, tops: &mut [f64]) {
    let Some(items) = nets.layers.get(layer) else {
        return;
    };
    // Distances are taken out first, so that items only have to stay in order.
    let mut offsets = Vec::new();
    let mut offset = 0;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            offset += step(nets, at(items, index - 1), *item);
        }
        offsets.push(offset);
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (item, offset) in items.iter().zip(&offsets) {
        let (wanted, weight) = wanted(pulls, *item, side, tops);
        blocks.push(Block {
            items: 1,
            wanted: wanted - f64::from(*offset),
            weight,
        });
        while let [.., upper, lower] = blocks.as_mut_slice() {
            if upper.wanted <= lower.wanted {
                break;
            }
            let weight = upper.weight + lower.weight;
            upper.wanted = (upper.wanted * upper.weight + lower.wanted * lower.weight) / weight;
            upper.weight = weight;
            upper.items += lower.items;
            blocks.pop();
        }
    }
    let places = blocks
        .iter()
        .flat_map(|block| std::iter::repeat_n(block.wanted, block.items));
    for ((item, offset), place) in items.iter().zip(&offsets).zip(places) {
        set(tops, *item, place + f64::from(*offset));
    }
}

/// Where an item is pulled from one side or from both, and how hard.
fn wanted(pulls: &[Vec<Pull>], item: usize, side: Option<bool>, tops: &[f64]) -> (f64, f64) {
    let pulls = pulls.get(item).into_iter().flatten();
    let pulls = pulls.filter(|pull| side.is_none_or(|left| pull.left == left));
    let (mut sum, mut weight) = (0.0, 0.0);
    for pull in pulls {
        let top = at(tops, pull.other.item) + f64::from(pull.other.offset - pull.own);
        sum += top * pull.weight;
        weight += pull.weight;
    }
    if weight > 0.0 {
        (sum / weight, weight)
    } else {
        // Nothing pulls: it stays, and gives way.
        (at(tops, item), 0.01)
    }
}

#[allow(clippy::cast_possible_truncation)] // a picture has fewer than 2^31 pixels
fn on_grid(top: f64) -> i32 {
    (top / f64::from(ROW)).round() as i32 * ROW
}

/// Moves each item to the height at which its lines are shortest, as far as its neighbours let
/// it.
fn straighten(nets: &Nets, pulls: &[Vec<Pull>], tops: &mut [i32]) {
    for layer in &nets.layers {
        for (index, item) in layer.iter().enumerate() {
            let above = index.checked_sub(1).map(|above| at(layer, above));
            let least = above.map(|above| at(tops, above) + step(nets, above, *item));
            let below = layer.get(index + 1);
            let most = below.map(|below| at(tops, *below) - step(nets, *item, *below));
            let pulls = pulls.get(*item).map(Vec::as_slice).unwrap_or_default();
            let bends = |top: i32| -> f64 {
                let bend = |pull: &Pull| {
                    let other = at(tops, pull.other.item) + pull.other.offset;
                    f64::from((top + pull.own - other).abs()) * pull.weight
                };
                pulls.iter().map(bend).sum()
            };
            let now = at(tops, *item);
            let wanted = pulls
                .iter()
                .map(|pull| at(tops, pull.other.item) + pull.other.offset - pull.own);
            let wanted = wanted.map(|top| {
                let top = least.map_or(top, |least| top.max(least));
                most.map_or(top, |most| top.min(most))
            });
            let best = wanted.min_by(|one, other| bends(*one).total_cmp(&bends(*other)));
            if let Some(best) = best.filter(|best| bends(*best) < bends(now)) {
                set(tops, *item, best);
            }
        }
    }
}
