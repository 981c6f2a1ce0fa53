//! Followers at a point of all levels: is the part of each an answer of its own problem?
//!
//! Each instance of a block is cut out as a problem by itself ([`Problem::level`]) and its part of the point is judged
//! there: feasibility, and how much better another answer is. Convexity proves that none is (by the gap to a bound from its
//! Lagrangian); rivals, points that others found by solving the follower again, can only refute. A follower of which
//! nothing is proved and that no rival was held against is not believed. Nor is one that is pessimistic and is not proved to
//! have one answer: the worst of several for the outer level was not looked for.
//!
//! A follower that holds blocks is a problem of several levels by itself. With the conditions of those as rows it is judged
//! like any other, a tree of branches proves it where they are pairs, and what stands inside it is examined there in the same
//! way. A rival of it is a point of all its levels, and counts only if what stands inside it answers there as it must: so no
//! rival is better than what the follower may have.

use super::bilevel::{Held, Rival};
use super::program::{Block, Program};
use super::{convexity, of_point, residuals};
use crate::answer::branching::Branches;
use crate::answer::certificate::{Certificate, Place, Proved, Residual};
use crate::answer::{Evaluations, Multipliers, Outcome, Stop};
use crate::expr::ops::Smoothness;
use crate::problem::level::Level;
use crate::problem::{BlockKind, Choice, Problem, SuppliedBy};
use crate::threads;

/// Another answer is as good within this, relative to `max(1, |f|)`, and another one if it is farther away than this.
const AS_GOOD: f64 = 1e-5;
const APART: f64 = 1e-3;
/// What rounding of an objective leaves of its digits, divided by the tolerance that is usual.
const ROUNDING: f64 = 1e-7;

/// What is found of all followers at `x`, a point of `problem`, which is `stated` with its blocks beside each other.
pub fn examined(stated: &Problem, problem: &Problem, x: &[f64], rivals: &[&Rival], tolerance: f64) -> Followers {
    let mut seen = Followers {
        worst: vec![],
        unproved: vec![],
        without_multipliers: None,
        tie: None,
        rivals: 0,
        lower: vec![0.0; x.len()],
        upper: vec![0.0; x.len()],
    };
    // By its number among those beside each other, by that among those stated, and by its instance.
    let outer = (0..stated.blocks.len() as u32).filter(|b| stated.blocks[*b as usize].parent.is_none());
    let instances = |(b, number): (u32, u32)| {
        (0..problem.blocks[b as usize].axes.len() as u32).map(move |instance| (b, number, instance))
    };
    let all: Vec<(u32, u32, u32)> = (0..).zip(outer).flat_map(instances).collect();
    let found = threads::each(all.clone(), threads::count(), |(b, number, instance)| {
        let level = problem.level(b, instance, x);
        let mine: Vec<&Rival> =
            rivals.iter().copied().filter(|r| (r.block, r.instance) == (number, instance)).collect();
        let (held, against) = match stated.holds_blocks(number) {
            false => (None, Against::of(&level, &level.part(x), &mine, tolerance)),
            true => {
                let alone = stated.level(number, instance, x);
                let held = inside(&alone.problem, &level, x, &mine, tolerance);
                (Some(held), Against::of_levels(&alone.problem, &level, x, &mine, tolerance))
            }
        };
        let found = follower(problem, b, &level, x, &against, tolerance);
        (level.own, held, found)
    });
    for ((b, _, instance), (own, held, found)) in all.into_iter().zip(found) {
        held.into_iter().for_each(|held| seen.add_inside(held));
        seen.add(problem, b, instance, &own, found);
    }
    seen
}

/// What is found inside a follower; `alone`: its problem as stated.
fn inside(alone: &Problem, level: &Level, x: &[f64], rivals: &[&Rival], tolerance: f64) -> Followers {
    let beside = alone.with_blocks_beside_each_other();
    let here = beside.by_name(&level.problem, &level.part(x));
    let inner = rivals.iter().filter_map(|rival| match &rival.held {
        Held::Inside(rival) => Some(&**rival),
        Held::Point(_) | Held::Tree(_) => None,
    });
    examined(alone, &beside, &here, &inner.collect::<Vec<_>>(), tolerance)
}

/// What is held against the answer of one instance.
struct Against<'r> {
    /// The least objective, turned so that it is minimised, of rivals that the follower might have; infinite without any.
    least: f64,
    /// Of each of those rivals, its objective, and how far what is decided there is from what is decided here.
    rivals: Vec<(f64, f64)>,
    tree: Option<&'r Branches>,
}

impl<'r> Against<'r> {
    fn new(valued: Vec<(f64, f64)>, rivals: &[&'r Rival]) -> Against<'r> {
        let tree = rivals.iter().find_map(|rival| match &rival.held {
            Held::Tree(tree) => Some(tree),
            Held::Point(_) | Held::Inside(_) => None,
        });
        let least = valued.iter().fold(f64::INFINITY, |least, (value, _)| least.min(*value));
        Against { least, rivals: valued, tree }
    }

    fn of(level: &Level, here: &[f64], rivals: &[&'r Rival], tolerance: f64) -> Against<'r> {
        let mine = Program::at(&level.problem, here).objective_value();
        let fits = points(rivals).filter(|own| own.len() == level.own.len());
        let valued = fits.filter_map(|own| {
            let there = value(&level.problem, own, tolerance)?;
            let better = there < mine - ROUNDING * tolerance * mine.abs();
            let there = if better { within(&level.problem, here, own)? } else { there };
            Some((there, 0.0))
        });
        Against::new(valued.collect(), rivals)
    }

    /// Of a follower that holds blocks, `alone` its problem as stated.
    fn of_levels(alone: &Problem, level: &Level, x: &[f64], rivals: &[&'r Rival], tolerance: f64) -> Against<'r> {
        let here = alone.by_name(&level.problem, &level.part(x));
        let decided = decided(alone);
        let apart = |own: &[f64]| decided.iter().fold(0.0f64, |most, &k| most.max((own[k] - here[k]).abs()));
        let beside = alone.with_blocks_beside_each_other();
        let valued = points(rivals).filter(|own| own.len() == beside.dimension as usize).filter_map(|own| {
            let value = value(alone, &own[..alone.dimension as usize], tolerance)?;
            let seen = examined(alone, &beside, own, &[], tolerance);
            let holds = seen.worst.iter().all(|figure| figure.value <= figure.tolerance);
            holds.then(|| (value, apart(own)))
        });
        Against::new(valued.collect(), rivals)
    }
}

/// Positions of what blocks and the level around them decide: all but what multipliers supply.
fn decided(problem: &Problem) -> Vec<usize> {
    let supplied: Vec<u32> = problem.blocks.iter().flat_map(|b| &b.supplied).map(|s| s.variable).collect();
    let variables = (0..).zip(&problem.variables).filter(|(v, _)| !supplied.contains(v));
    variables.flat_map(|(_, v)| v.offset as usize..v.offset as usize + v.axes.len()).collect()
}

fn points<'r>(rivals: &[&'r Rival]) -> impl Iterator<Item = &'r [f64]> {
    rivals.iter().filter_map(|rival| match &rival.held {
        Held::Point(own) => Some(own.as_slice()),
        Held::Tree(_) | Held::Inside(_) => None,
    })
}

/// The objective, turned so that it is minimised, at a point that keeps the rows; nothing at any other.
fn value(problem: &Problem, own: &[f64], tolerance: f64) -> Option<f64> {
    let there = Program::at(problem, own);
    let feasible = residuals::primal(&there, tolerance).iter().all(|r| r.value <= r.tolerance);
    let value = there.objective_value();
    (feasible && value.is_finite()).then_some(value)
}

/// The objective of a rival that keeps convex rows not only nearly. Where a follower has a single thing that it may do
/// (`y^2 <= 0`), leaving it by a root of the tolerance breaks a row by the tolerance alone, and is no better answer. So the
/// rival steps back towards `here` until curved rows hold exactly; nothing where they never do.
fn within(problem: &Problem, here: &[f64], rival: &[f64]) -> Option<f64> {
    let there = Program::at(problem, rival);
    let facts = convexity::facts(&there);
    let curved_inequality = |block: &&Block| {
        let facts = &facts[block.stage.0 as usize];
        let none = |sides: &[f64]| sides.iter().all(|side| side.is_infinite());
        let one_sided = (none(&block.lower) && convexity::usable(facts, -1.0))
            || (none(&block.upper) && convexity::usable(facts, 1.0));
        one_sided && facts.facts.degree.is_none_or(|degree| degree > 1)
    };
    let curved: Vec<&Block> = there.blocks.iter().filter(curved_inequality).collect();
    let holds = |point: &Program| {
        let mut rows = curved
            .iter()
            .flat_map(|block| (0..).zip(point.row_values(block)).map(move |(r, c)| block.violation(r, *c)));
        rows.all(|violation| violation == 0.0)
    };
    if holds(&there) {
        return Some(there.objective_value());
    }
    let parts = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.5];
    parts.iter().find_map(|back| {
        let point: Vec<f64> = rival.iter().zip(here).map(|(r, h)| r + back * (h - r)).collect();
        let point = Program::at(problem, &point);
        holds(&point).then(|| point.objective_value())
    })
}

/// Whether a follower that is convex and at its best has no other answer that the outer level would have to fear.
pub fn means_its_best(problem: &Problem, b: u32, program: &Program) -> bool {
    match problem.blocks[b as usize].kind {
        BlockKind::Lower(Choice::Pessimistic) => convexity::strictly(program) && problem.choice_left(b).is_none(),
        BlockKind::Lower(Choice::Optimistic) | BlockKind::Optimality | BlockKind::Player => true,
    }
}

/// What was found of one instance.
struct Found {
    primal: Residual,
    gap: Residual,
    /// No other point is better for it, by more than the gap.
    proved: Result<String, String>,
    /// Whether the multipliers that the point supplies are its multipliers.
    has_multipliers: bool,
    /// What multipliers leave of its slopes, where an answer must have some.
    dual: Option<Residual>,
    rivals: usize,
    /// A rival elsewhere is as good.
    tie: bool,
    /// Multipliers of its bounds.
    lower: Vec<f64>,
    upper: Vec<f64>,
}

fn follower(problem: &Problem, b: u32, level: &Level, x: &[f64], against: &Against, tolerance: f64) -> Found {
    let own = level.part(x);
    let mut program = Program::at(&level.problem, &own);
    let primal = residuals::primal(&program, tolerance).remove(0);
    let multipliers = supplied(problem, b, level, x, &program);
    let outcome = |multipliers| Outcome {
        x: own.clone(),
        multipliers,
        stop: against.tree.map_or(Stop::Converged, |tree| Stop::Branched(Box::new(tree.clone()))),
        iterations: 0,
        evaluations: Evaluations::default(),
        log: vec![],
    };
    let mut certificate = of_point(&mut program, &outcome(Some(multipliers.clone())), tolerance);
    let has_multipliers = certificate.residuals.iter().filter(|r| is_dual(r)).all(|r| r.value <= r.tolerance);
    if !certificate.holds() {
        // The method may have handed back none that are of use. What pairs hold was written into the program.
        program = Program::at(&level.problem, &own);
        let fitted = of_point(&mut program, &outcome(None), tolerance);
        certificate = if fitted.holds() { fitted } else { certificate };
    }
    let dual = match !has_multipliers && has_some(&program) {
        true => certificate.residuals.iter().find(|r| r.name == "dual" && r.value > r.tolerance).cloned(),
        false => None,
    };
    let value = program.objective_value();
    let better = value - against.least;
    let mut gap = if better.is_finite() { better.max(0.0) } else { 0.0 };
    let compared = against.rivals.len();
    let proved = match &certificate.proved {
        Proved::Optimal { because, .. } if certificate.holds() => Ok(because.clone()),
        _ => Err(why_not(&certificate)),
    };
    let pessimistic = problem.blocks[b as usize].kind == BlockKind::Lower(Choice::Pessimistic);
    let proved = match means_its_best(problem, b, &program) {
        true => proved,
        false => Err("it may have other answers, and the outer level fears the worst".to_string()),
    };
    if proved.is_err() && (compared == 0 || pessimistic) {
        gap = f64::NAN;
    }
    if let Some(bound) = certificate.residuals.iter().find(|r| r.name == "gap").filter(|_| proved.is_ok()) {
        gap = gap.max(bound.unscaled);
    }
    let span = problem.blocks[b as usize].span;
    let place = Some(Place { label: problem.blocks[b as usize].name.clone(), span });
    let dual = dual.map(|dual| Residual { name: "follower dual", place: place.clone(), ..dual });
    let size = value.abs().max(1.0);
    let scale = match gap > 0.0 {
        true => match variation(&level.problem, &program, &own) {
            0.0 => size,
            // Not below what rounding of the value leaves.
            variation => variation.max(ROUNDING * value.abs()).min(size),
        },
        false => size,
    };
    let gap = Residual { name: "follower gap", value: gap / scale, unscaled: gap, tolerance, place };
    let Multipliers { lower, upper, .. } = multipliers;
    let as_good =
        |(there, apart): &(f64, f64)| (there - value).abs() <= AS_GOOD * value.abs().max(1.0) && *apart > APART;
    let holds_pairs = level.problem.complementarities().next().is_some();
    Found {
        primal: Residual { name: "follower primal", ..primal },
        gap,
        proved,
        has_multipliers,
        dual,
        rivals: compared,
        tie: holds_pairs && against.rivals.iter().any(as_good),
        lower,
        upper,
    }
}

/// How much the objective of a follower changes over a part of its box, or over steps of the size of what it decides; 0 where
/// it does not, or has no values there. Neither a constant that is added to an objective nor its unit may decide how near to
/// its best an answer has to be.
fn variation(problem: &Problem, here: &Program, own: &[f64]) -> f64 {
    let step = |j: usize| match here.upper[j] - here.lower[j] {
        width if width.is_finite() => 0.25 * width,
        _ => 0.5 * own[j].abs().max(1.0),
    };
    let value = here.objective_value();
    // Two patterns of signs, each both ways.
    let signs = [|_: usize| 1.0, |j: usize| if (j.wrapping_mul(2_654_435_761) >> 7) & 1 == 0 { 1.0 } else { -1.0 }];
    let mut most = 0.0f64;
    for (sign, way) in signs.iter().flat_map(|sign| [(sign, 1.0), (sign, -1.0)]) {
        let moved = |(j, x): (usize, &f64)| (x + way * sign(j) * step(j)).max(here.lower[j]).min(here.upper[j]);
        let there: Vec<f64> = own.iter().enumerate().map(moved).collect();
        let change = (Program::at(problem, &there).objective_value() - value).abs();
        if change.is_finite() {
            most = most.max(change);
        }
    }
    most
}

/// Whether every answer has multipliers: rows are linear, and no function has a kink.
fn has_some(program: &Program) -> bool {
    let facts = convexity::facts(program);
    let linear = |block: &Block| facts[block.stage.0 as usize].facts.degree.is_some_and(|degree| degree <= 1);
    let smooth = program.objective.is_none_or(|(stage, _)| facts[stage.0 as usize].facts.smooth == Smoothness::Smooth);
    program.blocks.iter().all(linear) && smooth
}

fn is_dual(residual: &Residual) -> bool {
    matches!(residual.name, "dual" | "complementarity" | "sign")
}

fn why_not(certificate: &Certificate) -> String {
    let not_convex = certificate.notes.iter().find(|note| note.starts_with("not shown to be convex"));
    match not_convex {
        Some(note) => note.clone(),
        None => "its multipliers prove no bound".to_string(),
    }
}

/// The multipliers that the point supplies for the rows, and what stationarity leaves for the bounds.
pub fn supplied(problem: &Problem, b: u32, level: &Level, x: &[f64], program: &Program) -> Multipliers {
    let block = &problem.blocks[b as usize];
    let mut rows = vec![0.0; level.rows.len()];
    for s in &block.supplied {
        let SuppliedBy::Row(k) = s.by else { continue };
        let offset = problem.variables[s.variable as usize].offset;
        for (y, &(_, r)) in rows.iter_mut().zip(&level.rows).filter(|(_, (c, _))| *c == k) {
            *y = block.constraints[k as usize].dual_sign * x[(offset + r) as usize];
        }
    }
    let sign = program.objective.map_or(1.0, |(_, sign)| sign);
    let turned: Vec<f64> = rows.iter().map(|y| sign * y).collect();
    let rest = program.lagrangian_gradient(&program.here, 1.0, &turned);
    // A slope that pushes towards a bound is carried by it if the variable is there.
    let near = |bound: f64, j: usize| (program.x[j] - bound).abs() <= 1e-4 * bound.abs().max(1.0);
    let at = |j: usize, at_lower: bool| {
        let bound = if at_lower { program.lower[j] } else { program.upper[j] };
        let carried = bound.is_finite() && near(bound, j) && (rest[j] >= 0.0) == at_lower;
        if carried { sign * rest[j] } else { 0.0 }
    };
    let n = rest.len();
    Multipliers { rows, lower: (0..n).map(|j| at(j, true)).collect(), upper: (0..n).map(|j| at(j, false)).collect() }
}

/// What was found of all instances, the worst figures kept.
pub struct Followers {
    pub worst: Vec<Residual>,
    pub unproved: Vec<String>,
    pub without_multipliers: Option<String>,
    /// One that holds blocks and has another answer that is as good for it.
    pub tie: Option<String>,
    rivals: usize,
    /// Multipliers of the bounds of all variables.
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

impl Followers {
    fn add(&mut self, problem: &Problem, b: u32, instance: u32, own: &[u32], found: Found) {
        let block = &problem.blocks[b as usize];
        let name = format!("{}{}", block.name, block.axes.label(instance as usize));
        for (j, &k) in own.iter().enumerate() {
            (self.lower[k as usize], self.upper[k as usize]) = (found.lower[j], found.upper[j]);
        }
        self.keep_worst([found.primal, found.gap].into_iter().chain(found.dual));
        self.rivals += found.rivals;
        if let Err(why) = found.proved {
            self.unproved.push(format!("that the answer of `{name}` is its best is not proved: {why}"));
        }
        if found.tie && self.tie.is_none() {
            self.tie = Some(name.clone());
        }
        if !found.has_multipliers && self.without_multipliers.is_none() {
            self.without_multipliers = Some(name);
        }
    }

    /// What was found inside an instance.
    fn add_inside(&mut self, inside: Followers) {
        self.keep_worst(inside.worst);
        self.unproved.extend(inside.unproved);
        self.rivals += inside.rivals;
    }

    fn keep_worst(&mut self, figures: impl IntoIterator<Item = Residual>) {
        for residual in figures {
            match self.worst.iter_mut().find(|r| r.name == residual.name) {
                Some(worst) if residual.value > worst.value || residual.value.is_nan() => *worst = residual,
                Some(_) => {}
                None => self.worst.push(residual),
            }
        }
    }

    /// At most a few followers are named.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.unproved.iter().take(3).cloned().collect();
        if self.unproved.len() > 3 {
            notes.push(format!("nor is that of {} other followers", self.unproved.len() - 3));
        }
        if self.rivals > 0 {
            notes.push(format!("answers of followers, solved again by other methods, were compared: {}", self.rivals));
        }
        notes
    }
}
