//! Points on kinks: where `abs`, `min` or `max` has two slopes, any mixture of them is a generalised derivative; where a
//! norm vanishes, any `g` with `‖g‖ <= 1` is one, `‖u‖ >= g'u`.
//!
//! At a tie the partial derivatives are `share` times those of one side and `1 - share` times those of the other. Shares
//! and slopes of norms are witnesses: those are looked for that make the gradient of the Lagrangian vanish, by least
//! squares within their sets. Found, they show that 0 lies in the sum of the generalised gradients: stationarity in the
//! sense of Clarke, which in a convex problem is a subgradient and proves as much as a gradient does. Nested ties make
//! the residual a product of shares, so the least squares are repeated from where the last ones led.

use super::lanes::{Block, Chosen, Tape};
use super::linearise::{LANES, Linearised};
use super::program::Program;
use super::residuals::Duals;
use super::shares::{Group, nearest, size};
use crate::expr::family::{Source, StageId, Term};
use crate::expr::ops::Op;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

/// Sides within this of each other, relative to `max(1, |side|)`, tie. What mixing them loses counts in the gap.
const TIE: f64 = 1e-6;
/// More unknowns than this are left as they are.
pub const MOST: usize = 300;
/// Rounds of least squares for nested ties.
const ROUNDS: usize = 30;

/// An instance of a term, by stage, term and instance.
type Site = (usize, usize, usize);

/// What stands at a step instead of the partial derivatives of its function.
#[derive(Clone, Copy)]
enum Choice {
    /// Unknown `k` is the share of the first side.
    Share(usize),
    FirstSide,
    /// Of a norm `‖u‖ = √(Σ w u²)`: 1 at the root ...
    Root,
    /// ... and unknown `k` over `√w` at the square.
    Part(usize, f64),
}

/// All that is chosen at a point, and the unknowns in groups.
#[derive(Default)]
struct Kinks {
    sites: BTreeMap<Site, BTreeMap<usize, Choice>>,
    groups: Vec<Group>,
    unknowns: Vec<f64>,
    norms: Vec<Norm>,
    /// Kinks that point up.
    upwards: usize,
}

/// A norm that vanishes: where its root is, and its squares with their unknowns.
struct Norm {
    root: (Site, usize),
    parts: Vec<Part>,
    first: usize,
}

/// A square in a norm with its weight.
struct Part {
    site: Site,
    step: usize,
    weight: f64,
}

/// What was found at a point.
pub struct Ties {
    /// How many there are; if there are too many to choose, not all are counted.
    pub count: usize,
    pub too_many: bool,
    /// How far the Lagrangian of the mixtures may lie below that of the problem at the point: sides that tie only
    /// nearly are mixed as if they were equal.
    pub slack: f64,
}

/// Chooses slopes at ties such that the gradient of the Lagrangian is as small as it can be.
pub fn choose(program: &mut Program, duals: &Duals) -> Ties {
    let kinks = find(program, duals);
    let count = kinks.groups.len() + kinks.upwards;
    let too_many = kinks.unknowns.len() > MOST;
    if count == 0 || too_many {
        return Ties { count, too_many, slack: 0.0 };
    }
    let mut unknowns = kinks.unknowns.clone();
    let mut residual = residual_at(program, duals, &kinks, &unknowns);
    for _ in 0..ROUNDS {
        let before = size(&residual);
        let columns: Vec<Vec<(usize, f64)>> = (0..unknowns.len())
            .map(|k| {
                let mut at = |value: f64| {
                    let mut moved = unknowns.clone();
                    moved[k] = value;
                    residual_at(program, duals, &kinks, &moved)
                };
                let (low, high) = (at(0.0), at(1.0));
                let change = high.iter().zip(&low).map(|(h, l)| h - l).enumerate();
                change.filter(|(_, c)| *c != 0.0).collect()
            })
            .collect();
        // Only what some unknown moves matters.
        let rows: BTreeSet<usize> = columns.iter().flatten().map(|(j, _)| *j).collect();
        let place: BTreeMap<usize, usize> = rows.iter().enumerate().map(|(place, j)| (*j, place)).collect();
        let dense = |column: &Vec<(usize, f64)>| {
            let mut dense = vec![0.0; rows.len()];
            column.iter().for_each(|(j, c)| dense[place[j]] = *c);
            dense
        };
        let columns: Vec<Vec<f64>> = columns.iter().map(dense).collect();
        let moved: Vec<f64> = rows.iter().map(|j| residual[*j]).collect();
        let target = nearest(&kinks.groups, &columns, &moved, &unknowns);
        let mut step = 1.0;
        let improved = loop {
            let trial: Vec<f64> = unknowns.iter().zip(&target).map(|(s, t)| s + step * (t - s)).collect();
            let there = residual_at(program, duals, &kinks, &trial);
            if size(&there) < before {
                unknowns = trial;
                residual = there;
                break true;
            }
            step *= 0.5;
            if step < 1e-3 {
                break false;
            }
        };
        if !improved || size(&residual) > 0.999 * before {
            break;
        }
    }
    residual_at(program, duals, &kinks, &unknowns);
    Ties { count, too_many, slack: slack(program, duals, &kinks, &unknowns) }
}

/// `Σ |weight of the row| |body - body of the mixture|`, and for norms `Σ |weight| (‖u‖ - g'u)`.
fn slack(program: &Program, duals: &Duals, kinks: &Kinks, unknowns: &[f64]) -> f64 {
    let here = &program.here;
    let (_, weights) = program.lagrangian_sweep(here, 1.0, &duals.rows);
    let weight = |(k, t, p): Site| weights[k][term_of(here, (k, t, p)).target.at(p)].abs();
    let mut slack = 0.0;
    for (site, choices) in &kinks.sites {
        if choices.values().any(|choice| matches!(choice, Choice::Share(_) | Choice::FirstSide)) {
            let chosen = chosen(here, *site, choices, unknowns);
            let value = |chosen: &[Chosen]| evaluate(here, *site, chosen, |_, block| block.body_value());
            slack += weight(*site) * (value(&[]) - value(&chosen)).abs();
        }
    }
    for norm in &kinks.norms {
        let (site, root) = norm.root;
        let chosen = chosen(here, site, &kinks.sites[&site], unknowns);
        let (length, slope) = evaluate(here, site, &chosen, |_, block| (block.value(root)[0], block.slope(root)[0]));
        let product = norm.parts.iter().zip(&unknowns[norm.first..]).map(|(part, g)| {
            let inner =
                |tape: &Tape, block: &Block<1>| tape.varying_call(part.step).map(|(_, [u, ..])| block.value(u)[0]);
            g * part.weight.sqrt() * evaluate(here, part.site, &[], inner).unwrap_or(f64::NAN)
        });
        slack += (weight(site) * slope).abs() * (length - product.sum::<f64>());
    }
    slack
}

/// `∇L - z` with the given unknowns, which stay set.
fn residual_at(program: &mut Program, duals: &Duals, kinks: &Kinks, unknowns: &[f64]) -> Vec<f64> {
    for (site, choices) in &kinks.sites {
        let chosen = chosen(&program.here, *site, choices, unknowns);
        let slopes: Vec<(u32, f64)> = evaluate(&program.here, *site, &chosen, |tape, block| {
            tape.leaves.iter().map(|(leaf, step)| (*leaf, block.slope(*step)[0])).collect()
        });
        let (k, t, p) = *site;
        for (leaf, column) in program.here.slopes_mut(k, t) {
            column[p] = slopes.iter().find(|(read, _)| read == leaf).map_or(0.0, |(_, slope)| *slope);
        }
    }
    let mut gradient = program.lagrangian_gradient(&program.here, 1.0, &duals.rows);
    for (j, g) in gradient.iter_mut().enumerate() {
        *g -= duals.lower[j] + duals.upper[j];
    }
    gradient
}

fn term_of<'p>(here: &Linearised<'p>, (k, t, _): Site) -> &'p Term {
    &here.problem.stages[k].terms[t]
}

/// The partial derivatives that the unknowns stand for.
fn chosen(here: &Linearised, site: Site, choices: &BTreeMap<usize, Choice>, unknowns: &[f64]) -> Vec<Chosen> {
    let tape = here.tape(term_of(here, site));
    let partials = |(step, choice): (&usize, &Choice)| {
        let partials = match choice {
            Choice::Share(k) if matches!(tape.varying_call(*step), Some((Op::Abs, _))) => {
                [2.0 * unknowns[*k] - 1.0, 0.0]
            }
            Choice::Share(k) => [unknowns[*k], 1.0 - unknowns[*k]],
            Choice::FirstSide => [1.0, 0.0],
            Choice::Root => [1.0, 0.0],
            Choice::Part(k, weight) => [unknowns[*k] / weight.sqrt(), 0.0],
        };
        (*step, partials)
    };
    choices.iter().map(partials).collect()
}

/// Evaluates and differentiates one instance.
fn evaluate<T>(here: &Linearised, site: Site, chosen: &[Chosen], see: impl FnOnce(&Tape, &Block<1>) -> T) -> T {
    let (term, p) = (term_of(here, site), site.2);
    let tape = here.tape(term);
    let mut block: Block<1> = Block::choosing(&tape, chosen);
    block.evaluate(|leaf, row| here.fill(&term.family.leaves[leaf as usize], p..p + 1, row));
    block.differentiate();
    see(&tape, &block)
}

/// All ties that slopes of the functions of the program depend on, unless there are too many.
fn find(program: &Program, duals: &Duals) -> Kinks {
    let here = &program.here;
    // Most points lie on no kink.
    let weights = LazyCell::new(|| program.lagrangian_sweep(here, 1.0, &duals.rows).1);
    let mut kinks = Kinks::default();
    for (k, stage) in here.problem.stages.iter().enumerate().filter(|(k, _)| here.needed[*k]) {
        for (t, term) in stage.terms.iter().enumerate() {
            if here.slopes[k].get(t).is_none_or(Vec::is_empty) {
                continue;
            }
            for p in candidates(here, term) {
                add(program, (k, t, p), weights[k][term.target.at(p)], &mut kinks);
                if kinks.unknowns.len() > MOST {
                    return kinks;
                }
            }
        }
    }
    kinks
}

/// The instances of a term in which something ties.
fn candidates(here: &Linearised, term: &Term) -> Vec<usize> {
    let tape = here.tape(term);
    let kinked: Vec<usize> =
        (0..tape.len()).filter(|step| tape.varying_call(*step).is_some_and(|(op, _)| ties(op))).collect();
    let mut found = vec![];
    if kinked.is_empty() {
        return found;
    }
    let mut block: Block<LANES> = Block::new(&tape);
    let instances = term.family.instances as usize;
    for first in (0..instances).step_by(LANES) {
        let lanes = first..(first + LANES).min(instances);
        block.evaluate(|leaf, row| here.fill(&term.family.leaves[leaf as usize], lanes.clone(), row));
        let tied = |lane: usize| kinked.iter().any(|step| is_tie(&tape, &block, *step, lane));
        found.extend(lanes.clone().filter(|p| tied(p - first)));
    }
    found
}

fn ties(op: Op) -> bool {
    matches!(op, Op::Abs | Op::Min | Op::Max | Op::Sqrt)
}

fn is_tie<const L: usize>(tape: &Tape, block: &Block<L>, step: usize, lane: usize) -> bool {
    let Some((op, [a, b, _])) = tape.varying_call(step) else { return false };
    let (a, b) = (block.value(a)[lane], block.value(b)[lane]);
    match op {
        Op::Abs => a.abs() <= TIE,
        Op::Min | Op::Max => (a - b).abs() <= TIE * a.abs().max(b.abs()).max(1.0),
        Op::Sqrt => (0.0..=TIE * TIE).contains(&a),
        _ => false,
    }
}

/// Adds the ties of an instance on which its slopes depend: those in branches that are not taken have no say. Where a
/// kink points up in the Lagrangian, as in `-abs(x)`, no mixture makes a minimum: it has the slope of one side.
fn add(program: &Program, site: Site, weight: f64, kinks: &mut Kinks) {
    let here = &program.here;
    let tape = here.tape(term_of(here, site));
    let tied: Vec<usize> =
        evaluate(here, site, &[], |tape, block| (0..tape.len()).filter(|step| is_tie(tape, block, *step, 0)).collect());
    let watched = |step: &usize| match tape.varying_call(*step) {
        Some((Op::Min | Op::Max, _)) => (*step, [0.5, 0.5]),
        _ => (*step, [1.0, 0.0]),
    };
    let chosen: Vec<Chosen> = tied.iter().map(watched).collect();
    let slopes: Vec<f64> =
        evaluate(here, site, &chosen, |_, block| tied.iter().map(|step| block.slope(*step)[0]).collect());
    for (step, slope) in tied.iter().zip(slopes).filter(|(_, slope)| *slope != 0.0) {
        let Some((op, [operand, ..])) = tape.varying_call(*step) else { continue };
        let unknown = kinks.unknowns.len();
        if (op == Op::Min && weight * slope > 0.0) || (op != Op::Min && weight * slope < 0.0) {
            if op != Op::Sqrt {
                kinks.sites.entry(site).or_default().insert(*step, Choice::FirstSide);
            }
            kinks.upwards += 1;
            continue;
        }
        if op != Op::Sqrt {
            kinks.sites.entry(site).or_default().insert(*step, Choice::Share(unknown));
            kinks.groups.push(Group::Share);
            kinks.unknowns.push(0.5);
            continue;
        }
        // A root that is no norm has an infinite slope at 0, and keeps it.
        let Some(parts) = squares(program, site, operand, 1.0) else { continue };
        kinks.sites.entry(site).or_default().insert(*step, Choice::Root);
        for (k, part) in parts.iter().enumerate() {
            kinks.sites.entry(part.site).or_default().insert(part.step, Choice::Part(unknown + k, part.weight));
        }
        kinks.groups.push(Group::Ball(parts.len()));
        kinks.unknowns.extend(vec![0.0; parts.len()]);
        kinks.norms.push(Norm { root: (site, *step), parts, first: unknown });
    }
}

/// The squares with positive weights whose sum stands at a step, also through stages; nothing if it is no such sum, or
/// something else reads a part of it.
fn squares(program: &Program, site: Site, step: usize, weight: f64) -> Option<Vec<Part>> {
    let here = &program.here;
    let (tape, term) = (here.tape(term_of(here, site)), term_of(here, site));
    if !tape.varies(step) {
        let value = evaluate(here, site, &[], |_, block| block.value(step)[0]);
        return (value >= 0.0).then(Vec::new);
    }
    if tape.uses(step) > 1 {
        return None;
    }
    if let Some(leaf) = tape.leaf(step) {
        let leaf = &term.family.leaves[leaf as usize];
        let Source::Stage(id) = leaf.source else { return None };
        let row = leaf.map.at(site.2);
        if program.functions().contains(&id) || reads(here, id, row) != 1 {
            return None;
        }
        let mut parts = vec![];
        for (t, inner) in here.problem.stage(id).terms.iter().enumerate() {
            let root = here.tape(inner).len() - 1;
            for p in (0..inner.family.instances as usize).filter(|p| inner.target.at(*p) == row) {
                parts.extend(squares(program, (id.0 as usize, t, p), root, weight)?);
            }
        }
        return Some(parts);
    }
    match tape.varying_call(step)? {
        (Op::Square, _) => Some(vec![Part { site, step, weight }]),
        (Op::Add, [a, b, _]) => {
            let mut parts = squares(program, site, a, weight)?;
            parts.extend(squares(program, site, b, weight)?);
            Some(parts)
        }
        (Op::Mul, [a, b, _]) if tape.varies(a) != tape.varies(b) => {
            let (factor, square) = if tape.varies(a) { (b, a) } else { (a, b) };
            let factor = evaluate(here, site, &[], |_, block| block.value(factor)[0]);
            match factor {
                0.0 => Some(vec![]),
                f if f > 0.0 => squares(program, site, square, weight * f),
                _ => None,
            }
        }
        _ => None,
    }
}

/// How often a row of a stage is read.
fn reads(here: &Linearised, id: StageId, row: usize) -> usize {
    let stages = here.problem.stages.iter().zip(&here.needed).filter(|(_, needed)| **needed);
    let terms = stages.flat_map(|(stage, _)| &stage.terms);
    let leaves = terms.flat_map(|term| term.family.leaves.iter().map(|leaf| (leaf, term.family.instances as usize)));
    let of = leaves.filter(|(leaf, _)| leaf.source == Source::Stage(id));
    of.map(|(leaf, instances)| (0..instances).filter(|p| leaf.map.at(*p) == row).count()).sum()
}
