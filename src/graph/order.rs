//! The order of each layer from top to bottom, so that few lines cross.

use super::nets::{Nets, Port, Strand};
use super::shapes::{at, set};

/// How often all layers are gone through.
const ROUNDS: usize = 24;

/// Orders the layers of `nets`: each by the middle of what its items are connected with, left
/// and right by turns, then by exchanging neighbours. The best order that was met stays.
pub fn order(nets: &mut Nets) {
    let pairs: Vec<_> = nets.gaps.iter().map(|gap| pairs_of(gap)).collect();
    let neighbours = Neighbours::of(nets, &pairs);
    let mut best = (crossings(nets, &pairs), nets.layers.clone());
    for round in 0..ROUNDS {
        let count = nets.layers.len();
        if round % 2 == 0 {
            (1..count).for_each(|layer| sort(nets, &neighbours.left, layer));
        } else {
            (0..count)
                .rev()
                .for_each(|layer| sort(nets, &neighbours.right, layer));
        }
        (0..count).for_each(|layer| exchange(nets, &neighbours, layer));
        let met = crossings(nets, &pairs);
        if met < best.0 {
            best = (met, nets.layers.clone());
        }
        if met == 0 {
            break;
        }
    }
    nets.layers = best.1;
}

/// What is connected across one gap, left with right.
type Pairs = Vec<(Port, Port)>;

fn pairs_of(gap: &[Strand]) -> Pairs {
    let mut pairs = Vec::new();
    for strand in gap {
        for left in &strand.left {
            pairs.extend(strand.right.iter().map(|right| (*left, *right)));
        }
    }
    pairs
}

/// The ports of other layers that each item is connected with, each with the item's own port.
type Connections = Vec<Vec<(Port, Port)>>;

/// The connections of every item, by the side of it.
struct Neighbours {
    left: Connections,
    right: Connections,
}

impl Neighbours {
    fn of(nets: &Nets, pairs: &[Pairs]) -> Self {
        let mut left = vec![Vec::new(); nets.heights.len()];
        let mut right = left.clone();
        for (from, to) in pairs.iter().flatten() {
            if let Some(connections) = right.get_mut(from.item) {
                connections.push((*to, *from));
            }
            if let Some(connections) = left.get_mut(to.item) {
                connections.push((*from, *to));
            }
        }
        Neighbours { left, right }
    }
}

/// Where each item stands in its layer; a port within it counts as a part of one.
struct Ranks<'a> {
    ranks: Vec<f64>,
    heights: &'a [i32],
}

impl<'a> Ranks<'a> {
    #[allow(clippy::cast_precision_loss)] // there are fewer than 2^52 items
    fn of(nets: &'a Nets) -> Self {
        let mut ranks = vec![0.0; nets.heights.len()];
        for layer in &nets.layers {
            for (rank, item) in layer.iter().enumerate() {
                set(&mut ranks, *item, rank as f64);
            }
        }
        Ranks {
            ranks,
            heights: &nets.heights,
        }
    }

    fn of_port(&self, port: Port) -> f64 {
        at(&self.ranks, port.item) + self.within(port)
    }

    /// How far down its item a port is, from 0 to 0.9.
    fn within(&self, port: Port) -> f64 {
        let height = at(self.heights, port.item).max(1);
        (f64::from(port.offset) / f64::from(height)).min(1.0) * 0.9
    }
}

/// Sorts a layer by the mean of the ports that its items are connected with at one side; an
/// item with none stays where it is.
#[allow(clippy::cast_precision_loss)] // there are fewer than 2^52 items
fn sort(nets: &mut Nets, connections: &Connections, layer: usize) {
    let ranks = Ranks::of(nets);
    let mean = |item: usize| {
        let ports = connections.get(item).map(Vec::as_slice).unwrap_or_default();
        if ports.is_empty() {
            return at(&ranks.ranks, item);
        }
        let sum: f64 = ports
            .iter()
            .map(|(other, own)| ranks.of_port(*other) - ranks.within(*own))
            .sum();
        sum / ports.len() as f64
    };
    let Some(items) = nets.layers.get(layer) else {
        return;
    };
    let mut sorted: Vec<_> = items.iter().map(|item| (mean(*item), *item)).collect();
    sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
    let sorted = sorted.into_iter().map(|(_, item)| item).collect();
    set(&mut nets.layers, layer, sorted);
}

/// Exchanges neighbours of a layer while fewer lines cross for it.
fn exchange(nets: &mut Nets, neighbours: &Neighbours, layer: usize) {
    let ranks = Ranks::of(nets);
    let mut items = nets.layers.get(layer).cloned().unwrap_or_default();
    for _ in 0..items.len() {
        let mut exchanged = false;
        for index in 1..items.len() {
            let (upper, lower) = (at(&items, index - 1), at(&items, index));
            let now = crossings_between(&ranks, neighbours, upper, lower);
            let then = crossings_between(&ranks, neighbours, lower, upper);
            if then < now {
                items.swap(index - 1, index);
                exchanged = true;
            }
        }
        if !exchanged {
            break;
        }
    }
    set(&mut nets.layers, layer, items);
}

/// How many lines of two items cross when `upper` stands above `lower`.
fn crossings_between(
    ranks: &Ranks<'_>,
    neighbours: &Neighbours,
    upper: usize,
    lower: usize,
) -> usize {
    let mut crossings = 0;
    for side in [&neighbours.left, &neighbours.right] {
        let (Some(above), Some(below)) = (side.get(upper), side.get(lower)) else {
            continue;
        };
        for (port, _) in above {
            let port = ranks.of_port(*port);
            let crosses = |(other, _): &&(Port, Port)| ranks.of_port(*other) < port;
            crossings += below.iter().filter(crosses).count();
        }
    }
    crossings
}

/// How many lines cross in all gaps.
fn crossings(nets: &Nets, pairs: &[Pairs]) -> usize {
    let ranks = Ranks::of(nets);
    let mut crossings = 0;
    for gap in pairs {
        let ends: Vec<_> = gap
            .iter()
            .map(|(left, right)| (ranks.of_port(*left), ranks.of_port(*right)))
            .collect();
        for (index, one) in ends.iter().enumerate() {
            let crosses = |other: &&(f64, f64)| (one.0 - other.0) * (one.1 - other.1) < 0.0;
            crossings += ends.iter().skip(index + 1).filter(crosses).count();
        }
    }
    crossings
}
