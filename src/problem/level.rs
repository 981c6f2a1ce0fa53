//! One instance of a block as a problem by itself: what others decide has become a parameter.
//!
//! So all that is known of problems (facts, methods, the judge) serves followers unchanged. Only the rows that the
//! instance needs are kept, of each stage and of each family; bodies are shared with the whole problem.

use super::index::Axes;
use super::{Block, Constraint, Data, Objective, Param, Problem, Supplied, SuppliedBy, Variable};
use crate::expr::family::{Family, IndexMap, Leaf, MatrixStage, ParamId, Source, Stage, StageId, Term};
use crate::expr::graph::Graph;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// A block's problem for one instance.
#[derive(Clone, Debug)]
pub struct Level {
    /// Its parameters are those of the whole problem, by the same numbers, and one more: [`Level::outside`].
    pub problem: Problem,
    /// The position in the whole vector of each scalar variable of `problem`.
    pub own: Vec<u32>,
    /// The position in the whole vector of each number of the parameter `outside`, ascending.
    pub reads: Vec<u32>,
    pub outside: ParamId,
    /// The rows of `problem`, in order: the constraint of the block and which of its rows.
    pub rows: Vec<(u32, u32)>,
}

impl Problem {
    /// Instance number `instance` of a block, what others decide taken from `whole`, a point of all variables.
    ///
    /// Variables: those that the block decides, then all of the blocks inside it, which stay blocks.
    pub fn level(&self, block: u32, instance: u32, whole: &[f64]) -> Level {
        Cut::new(self, block, instance).level(whole, &[], 0..0).0
    }

    /// The same with the stages `keep`, whole, and all of the variables at positions `read` as parameters, whether or not
    /// the level reads them. Also returns the new numbers of the stages.
    pub fn level_keeping(
        &self,
        block: u32,
        instance: u32,
        whole: &[f64],
        keep: &[StageId],
        read: Range<u32>,
    ) -> (Level, Vec<StageId>) {
        Cut::new(self, block, instance).level(whole, keep, read)
    }
}

impl Level {
    /// Takes over what others decide from a point of all variables. No rebuild is needed.
    pub fn set_outside(&mut self, whole: &[f64]) {
        self.problem.params[self.outside.0 as usize].values = Arc::new(self.outside(whole));
    }

    pub fn outside(&self, whole: &[f64]) -> Vec<f64> {
        self.reads.iter().map(|&k| whole[k as usize]).collect()
    }

    /// The part of a point of all variables that the level decides.
    pub fn part(&self, whole: &[f64]) -> Vec<f64> {
        self.own.iter().map(|&k| whole[k as usize]).collect()
    }

    /// Writes what the level decides into a point of all variables.
    pub fn put(&self, own: &[f64], whole: &mut [f64]) {
        for (&k, &value) in self.own.iter().zip(own) {
            whole[k as usize] = value;
        }
    }

    /// The same functions with what was `outside` as variables again, behind the level's own, free and without an owner.
    pub fn with_outside_as_variables(&self) -> Problem {
        let mut problem = self.problem.clone();
        let offset = problem.dimension;
        for leaf in problem.stages.iter_mut().flat_map(|s| &mut s.terms).flat_map(|t| &mut t.family.leaves) {
            if leaf.source == Source::Param(self.outside) {
                *leaf = Leaf { source: Source::Variables, map: leaf.map.shifted(offset) };
            }
        }
        let range = super::index::Set::range(1.0, 1.0, self.reads.len());
        problem.variables.push(Variable::new("outside", Axes::product(vec![range]), offset, Default::default()));
        problem.dimension += self.reads.len() as u32;
        problem
    }
}

/// Rows `p length .. (p + 1) length`.
fn block(p: u32, length: u32) -> std::ops::Range<u32> {
    p * length..(p + 1) * length
}

/// What becomes of a scalar variable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A variable of the level.
    Own(u32),
    /// A number of `outside`; which one is known once all are.
    Outside,
}

/// The rows of a constraint, a variable or an objective that belong to the instance.
struct Kept {
    elements: Vec<u32>,
    axes: Axes,
}

struct Cut<'p> {
    whole: &'p Problem,
    block: u32,
    instance: u32,
    /// The blocks inside, ascending.
    inside: Vec<u32>,
    outside: ParamId,
    /// For each stage which of its rows are needed; empty: none.
    needed: Vec<Vec<bool>>,
    /// New numbers of stages, and of the rows of each.
    stages: Vec<Option<StageId>>,
    rows: Vec<Vec<u32>>,
    made: Vec<Stage>,
    graph: Graph,
    places: Vec<Place>,
    own: Vec<u32>,
    /// Numbers of `outside` by position in the whole vector.
    reads: BTreeMap<u32, u32>,
}

impl<'p> Cut<'p> {
    fn new(whole: &'p Problem, block: u32, instance: u32) -> Cut<'p> {
        let all = 0..whole.blocks.len() as u32;
        let inside: Vec<u32> = all.filter(|b| *b != block && whole.is_within(*b, block)).collect();
        let count = whole.stages.len();
        Cut {
            whole,
            block,
            instance,
            inside,
            outside: ParamId(whole.params.len() as u32),
            needed: vec![vec![]; count],
            stages: vec![None; count],
            rows: vec![vec![]; count],
            made: vec![],
            graph: whole.graph.clone(),
            places: vec![Place::Outside; whole.dimension as usize],
            own: vec![],
            reads: BTreeMap::new(),
        }
    }

    fn level(mut self, whole: &[f64], keep: &[StageId], read: Range<u32>) -> (Level, Vec<StageId>) {
        let variables = self.decided();
        keep.iter().for_each(|id| {
            self.mark(*id, 0..self.whole.stage(*id).rows);
        });
        self.need();
        self.reads.extend(read.filter(|k| self.places[*k as usize] == Place::Outside).map(|k| (k, 0)));
        self.made = self.stages_that_are_needed();
        let numbers: Vec<u32> = variables.iter().map(|&(old, _)| old).collect();
        let variables: Vec<Variable> = variables.iter().map(|(old, kept)| self.variable(*old, kept)).collect();
        let here = &self.whole.blocks[self.block as usize];
        let objectives = here.objectives.iter().map(|o| self.objective(o, &here.axes)).collect();
        let (mut constraints, mut rows) = (vec![], vec![]);
        for (k, c) in here.constraints.iter().enumerate() {
            let kept = self.kept(&c.axes);
            rows.extend(kept.elements.iter().map(|&r| (k as u32, r)));
            let mut cut = self.constraint(c, &kept);
            cut.domain_of = c.domain_of.and_then(|v| numbers.iter().position(|n| *n == v)).map(|v| v as u32);
            constraints.push(cut);
        }
        let blocks = self.inside.clone().iter().map(|&b| self.inner(b, &numbers)).collect();
        let kept = keep.iter().map(|id| self.stage(*id)).collect();
        let reads: Vec<u32> = self.reads.keys().copied().collect();
        let mut params = self.whole.params.clone();
        params.push(Param {
            name: String::new(),
            axes: Axes::product(vec![super::index::Set::range(1.0, 1.0, reads.len())]),
            values: Arc::new(reads.iter().map(|&k| whole[k as usize]).collect()),
            structural: false,
            span: here.span,
        });
        let problem = Problem {
            graph: self.graph,
            params,
            stages: self.made,
            variables,
            dimension: self.own.len() as u32,
            objectives,
            constraints,
            blocks,
            ..Problem::default()
        };
        (Level { problem, own: self.own, reads, outside: self.outside, rows }, kept)
    }

    /// Elements of the instance among those of something that the block, or one inside it, owns.
    fn kept(&self, axes: &Axes) -> Kept {
        let around = &self.whole.blocks[self.block as usize].axes;
        let instances = axes.instances(around);
        let elements: Vec<u32> =
            (0..instances.len() as u32).filter(|&p| instances[p as usize] == self.instance).collect();
        Kept { axes: axes.tail(around.sets.len(), &elements), elements }
    }

    /// Gives places to the variables of the level: its own, then those of the blocks inside.
    fn decided(&mut self) -> Vec<(u32, Kept)> {
        let whole = self.whole;
        let mut numbers = whole.blocks[self.block as usize].variables.clone();
        for &b in &self.inside {
            let block = &whole.blocks[b as usize];
            numbers.extend(block.variables.iter().copied().chain(block.supplied.iter().map(|s| s.variable)));
        }
        let mut out = vec![];
        for number in numbers {
            let variable = &whole.variables[number as usize];
            let kept = self.kept(&variable.axes);
            for &p in &kept.elements {
                let position = variable.offset + p;
                self.places[position as usize] = Place::Own(self.own.len() as u32);
                self.own.push(position);
            }
            out.push((number, kept));
        }
        out
    }

    /// Marks the rows that the level's functions and numbers read, from the last stage to the first.
    fn need(&mut self) {
        let whole = self.whole;
        let blocks = std::iter::once(self.block).chain(self.inside.iter().copied()).collect::<Vec<u32>>();
        for b in blocks {
            let block = &whole.blocks[b as usize];
            for o in &block.objectives {
                let rows = self.kept(&block.axes).elements;
                self.mark(o.stage, rows.into_iter());
            }
            for c in &block.constraints {
                let rows = self.kept(&c.axes).elements;
                self.mark(c.stage, rows.iter().copied());
                [&c.lower, &c.upper].into_iter().for_each(|data| self.mark_data(data, &rows));
            }
            let inner = b != self.block;
            let supplied = block.supplied.iter().filter(|_| inner).map(|s| s.variable);
            for v in block.variables.iter().copied().chain(supplied) {
                let v = &whole.variables[v as usize];
                let rows = self.kept(&v.axes).elements;
                let data = [Some(&v.lower), Some(&v.upper), v.start.as_ref()];
                data.into_iter().flatten().for_each(|data| self.mark_data(data, &rows));
            }
        }
        for id in (0..whole.stages.len()).rev() {
            if !self.needed[id].is_empty() {
                self.need_what_is_read(id);
            }
        }
    }

    fn mark(&mut self, stage: StageId, rows: impl Iterator<Item = u32>) -> bool {
        let needed = &mut self.needed[stage.0 as usize];
        if needed.is_empty() {
            needed.resize(self.whole.stage(stage).rows as usize, false);
        }
        let mut new = false;
        for r in rows {
            new |= !std::mem::replace(&mut needed[r as usize], true);
        }
        new
    }

    fn mark_data(&mut self, data: &Data, rows: &[u32]) {
        if let Data::Read(Leaf { source: Source::Stage(id), map }) = data {
            self.mark(*id, rows.iter().map(|&r| map.at(r as usize) as u32));
        }
    }

    /// A stage that reads its own rows is gone through until no row is new.
    fn need_what_is_read(&mut self, id: usize) {
        let whole = self.whole;
        if let Some(matrix) = whole.stages[id].matrix {
            for p in self.matrices(id, &matrix) {
                self.mark(StageId(id as u32), block(p, matrix.outputs()));
                self.mark(matrix.of, block(p, matrix.n * matrix.n));
            }
            return;
        }
        loop {
            let mut again = false;
            for term in &whole.stages[id].terms {
                let instances = self.instances(id, term);
                for leaf in &term.family.leaves {
                    if let Source::Stage(read) = leaf.source {
                        let new = self.mark(read, instances.iter().map(|&p| leaf.map.at(p as usize) as u32));
                        again |= new && read.0 as usize == id;
                    }
                }
            }
            if !again {
                return;
            }
        }
    }

    /// The matrices of which some value is needed.
    fn matrices(&self, stage: usize, matrix: &MatrixStage) -> Vec<u32> {
        let of_each = self.needed[stage].chunks(matrix.outputs() as usize).enumerate();
        of_each.filter(|(_, needed)| needed.contains(&true)).map(|(p, _)| p as u32).collect()
    }

    /// The instances of a term that add into rows that are needed.
    fn instances(&self, stage: usize, term: &Term) -> Vec<u32> {
        term.target.instances_within(&self.needed[stage], term.family.instances)
    }

    fn stages_that_are_needed(&mut self) -> Vec<Stage> {
        let whole = self.whole;
        let mut out: Vec<Stage> = vec![];
        for (id, stage) in whole.stages.iter().enumerate() {
            if self.needed[id].is_empty() {
                continue;
            }
            if stage.matrix.is_some() {
                // Its entries side by side: of theirs others may be needed too.
                out.push(Stage::sum(&*stage.name, 0, vec![]));
            }
            self.stages[id] = Some(StageId(out.len() as u32));
            let mut next = 0;
            self.rows[id] = self.needed[id]
                .iter()
                .map(|&needed| {
                    next += u32::from(needed);
                    if needed { next - 1 } else { u32::MAX }
                })
                .collect();
            self.note_reads(id);
            out.push(Stage { matrix: stage.matrix, ..Stage::sum(&*stage.name, next, vec![]) });
        }
        // Only now it is known which variables are read from outside, and so where each stands.
        for (number, (_, place)) in self.reads.iter_mut().enumerate() {
            // Ascending positions get ascending numbers.
            *place = number as u32;
        }
        for (id, stage) in whole.stages.iter().enumerate() {
            let Some(new) = self.stages[id] else { continue };
            if let Some(matrix) = &stage.matrix {
                let entries = StageId(new.0 - 1);
                out[entries.0 as usize] = self.entries(id, matrix);
                out[new.0 as usize].matrix = Some(MatrixStage { of: entries, ..*matrix });
            }
            let terms = stage.terms.iter().flat_map(|term| self.terms(id, term)).collect();
            out[new.0 as usize].terms = terms;
        }
        out
    }

    /// The entries of the matrices that are needed, copied from the stage that holds them.
    fn entries(&mut self, stage: usize, matrix: &MatrixStage) -> Stage {
        let of = matrix.of.0 as usize;
        let blocks = self.matrices(stage, matrix).into_iter().flat_map(|p| block(p, matrix.n * matrix.n));
        let rows: Vec<u32> = blocks.map(|e| self.rows[of][e as usize]).collect();
        let instances = rows.len() as u32;
        let leaf = Leaf { source: Source::Stage(self.stage(matrix.of)), map: IndexMap::from_positions(rows) };
        let family = Family { instances, leaves: vec![leaf], body: self.graph.leaf(0) };
        let term = Term { family, target: IndexMap::IDENTITY, level: 0, origin: matrix.origin };
        Stage::sum(&*self.whole.stages[of].name, instances, vec![term])
    }

    fn note_reads(&mut self, stage: usize) {
        let whole = self.whole;
        for term in &whole.stages[stage].terms {
            let instances = self.instances(stage, term);
            for leaf in term.family.leaves.iter().filter(|leaf| leaf.source == Source::Variables) {
                for &p in &instances {
                    let position = leaf.map.at(p as usize) as u32;
                    if self.places[position as usize] == Place::Outside {
                        self.reads.insert(position, 0);
                    }
                }
            }
        }
    }

    /// A term of the level. Instances that differ in which of their leaves are outside become terms of their own.
    fn terms(&self, stage: usize, term: &Term) -> Vec<Term> {
        let mut by_pattern: BTreeMap<Vec<bool>, Vec<u32>> = BTreeMap::new();
        // Neighbours are mostly alike: they are entered together.
        let alike = |p: &u32, q: &u32| self.pattern(term, *p).eq(self.pattern(term, *q));
        for run in self.instances(stage, term).chunk_by(alike) {
            by_pattern.entry(self.pattern(term, run[0]).collect()).or_default().extend(run);
        }
        let part = |(pattern, instances): (Vec<bool>, Vec<u32>)| {
            let leaves = term.family.leaves.iter().zip(&pattern);
            let leaves = leaves.map(|(leaf, &outside)| self.leaf(leaf, &instances, outside)).collect();
            let target = instances.iter().map(|&p| self.rows[stage][term.target.at(p as usize)]).collect();
            Term {
                family: Family { instances: instances.len() as u32, leaves, body: term.family.body },
                target: IndexMap::from_positions(target),
                level: term.level,
                origin: term.origin,
            }
        };
        by_pattern.into_iter().map(part).collect()
    }

    /// Which leaves read a variable from outside.
    fn pattern<'t>(&'t self, term: &'t Term, instance: u32) -> impl Iterator<Item = bool> + 't {
        let outside = move |leaf: &Leaf| {
            leaf.source == Source::Variables && self.places[leaf.map.at(instance as usize)] == Place::Outside
        };
        term.family.leaves.iter().map(outside)
    }

    fn leaf(&self, leaf: &Leaf, instances: &[u32], outside: bool) -> Leaf {
        let positions = instances.iter().map(|&p| leaf.map.at(p as usize) as u32);
        let (source, positions): (Source, Vec<u32>) = match leaf.source {
            Source::Variables if outside => (Source::Param(self.outside), positions.map(|k| self.reads[&k]).collect()),
            Source::Variables => {
                let place = |k: u32| match self.places[k as usize] {
                    Place::Own(k) => k,
                    Place::Outside => unreachable!("instances that read from outside stand apart"),
                };
                (Source::Variables, positions.map(place).collect())
            }
            Source::Stage(id) => {
                let rows = &self.rows[id.0 as usize];
                (self.renumbered(leaf.source), positions.map(|r| rows[r as usize]).collect())
            }
            Source::Param(_) | Source::After(_) => (leaf.source, positions.collect()),
        };
        Leaf { source, map: IndexMap::from_positions(positions) }
    }

    fn renumbered(&self, source: Source) -> Source {
        match source {
            Source::Stage(id) => Source::Stage(self.stage(id)),
            Source::Variables | Source::Param(_) | Source::After(_) => source,
        }
    }

    fn stage(&self, id: StageId) -> StageId {
        self.stages[id.0 as usize].expect("what a level reads was marked")
    }

    fn data(&self, data: &Data, kept: &Kept) -> Data {
        match data {
            Data::Constant(_) => data.clone(),
            Data::Read(leaf) => Data::Read(self.leaf(leaf, &kept.elements, false)),
        }
    }

    fn variable(&self, number: u32, kept: &Kept) -> Variable {
        let old = &self.whole.variables[number as usize];
        let position = kept.elements.first().map(|&p| self.places[(old.offset + p) as usize]);
        let offset = match position {
            Some(Place::Own(k)) => k,
            // Without elements it may stand anywhere.
            Some(Place::Outside) | None => 0,
        };
        Variable {
            axes: kept.axes.clone(),
            offset,
            lower: self.data(&old.lower, kept),
            upper: self.data(&old.upper, kept),
            start: old.start.as_ref().map(|start| self.data(start, kept)),
            ..old.clone()
        }
    }

    /// A stage of exactly the rows `elements` of an old one: others may have been needed too.
    fn stage_of(&mut self, old: StageId, elements: &[u32]) -> StageId {
        let id = self.stage(old);
        if self.made[id.0 as usize].rows as usize == elements.len() {
            return id;
        }
        let rows = elements.iter().map(|&r| self.rows[old.0 as usize][r as usize]).collect();
        let leaf = Leaf { source: Source::Stage(id), map: IndexMap::from_positions(rows) };
        let family = Family { instances: elements.len() as u32, leaves: vec![leaf], body: self.graph.leaf(0) };
        let term = Term { family, target: IndexMap::IDENTITY, level: 0, origin: (0, 0, 0) };
        let name = self.made[id.0 as usize].name.clone();
        self.made.push(Stage::sum(name, elements.len() as u32, vec![term]));
        StageId(self.made.len() as u32 - 1)
    }

    fn objective(&mut self, objective: &Objective, axes: &Axes) -> Objective {
        let elements = self.kept(axes).elements;
        Objective { stage: self.stage_of(objective.stage, &elements), ..objective.clone() }
    }

    fn constraint(&mut self, constraint: &Constraint, kept: &Kept) -> Constraint {
        Constraint {
            axes: kept.axes.clone(),
            rows: kept.elements.len() as u32,
            stage: self.stage_of(constraint.stage, &kept.elements),
            lower: self.data(&constraint.lower, kept),
            upper: self.data(&constraint.upper, kept),
            ..constraint.clone()
        }
    }

    /// A block inside, with new numbers.
    fn inner(&mut self, block: u32, numbers: &[u32]) -> Block {
        let old = &self.whole.blocks[block as usize];
        let number = |v: u32| numbers.iter().position(|n| *n == v).expect("a variable of the level") as u32;
        let by = |by: SuppliedBy| match by {
            SuppliedBy::Row(k) => SuppliedBy::Row(k),
            SuppliedBy::Lower(v) => SuppliedBy::Lower(number(v)),
            SuppliedBy::Upper(v) => SuppliedBy::Upper(number(v)),
            SuppliedBy::ReducedCost(v) => SuppliedBy::ReducedCost(number(v)),
        };
        let mut constraints = vec![];
        for c in &old.constraints {
            let kept = self.kept(&c.axes);
            constraints.push(Constraint { domain_of: c.domain_of.map(number), ..self.constraint(c, &kept) });
        }
        Block {
            parent: old.parent.and_then(|p| self.inside.iter().position(|b| *b == p)).map(|p| p as u32),
            axes: self.kept(&old.axes).axes,
            variables: old.variables.iter().map(|&v| number(v)).collect(),
            supplied: old.supplied.iter().map(|s| Supplied { variable: number(s.variable), by: by(s.by) }).collect(),
            objectives: old.objectives.iter().map(|o| self.objective(o, &old.axes)).collect(),
            constraints,
            name: old.name.clone(),
            kind: old.kind,
            span: old.span,
        }
    }
}

/// Some instances of a family.
pub(super) fn kept(family: &Family, instances: &[u32]) -> Family {
    let leaf = |leaf: &Leaf| {
        let positions = instances.iter().map(|&p| leaf.map.at(p as usize) as u32).collect();
        Leaf { source: leaf.source, map: IndexMap::from_positions(positions) }
    };
    Family { instances: instances.len() as u32, leaves: family.leaves.iter().map(leaf).collect(), body: family.body }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::expr::eval::{self, Inputs};

    pub fn whole(text: &str) -> Problem {
        let mut sources = crate::diag::Sources::default();
        let source = sources.add("test.opt", text);
        let (file, wrong) = crate::syntax::parse(source, text);
        assert!(wrong.is_empty(), "{wrong:?}");
        let host = crate::host::Memory::default();
        let (problem, said) = crate::sema::elaborate(&file, &mut sources, &host, &Default::default());
        problem.unwrap_or_else(|| panic!("{said:?}"))
    }

    /// The objective and the rows of a problem at a point.
    fn functions(problem: &Problem, x: &[f64]) -> Vec<f64> {
        let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).collect();
        let roots = [roots, problem.constraints.iter().map(|c| c.stage).collect()].concat();
        let needed = eval::needed(&problem.stages, &roots);
        let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
        let stages =
            eval::stages(&problem.graph, &problem.stages, &needed, &Inputs { variables: x, params, after: &[] });
        roots.iter().flat_map(|id| stages[id.0 as usize].clone()).collect()
    }

    #[test]
    fn a_level_has_the_functions_of_its_instance() {
        let problem = whole(
            "param a[1..3] = [5; 6; 7]\nvar x[1..3]\nlet mix[i in 1..3] = x[i] * t[i].y + a[i]\n\
             lower t[k in 1..3] {\n  var y >= 0\n  var z[1..2] in [0, 9]\n  let s = sum(i in 1..2: z[i]^2)\n  \
             minimize s * x[k] + y + mix[k]\n  subject to cap[i in 1..2]: z[i] + y + x[1] <= a[k] * i\n}\n\
             minimize sum(k in 1..3: t[k].objective * t[k].z[2]) + sum(x)",
        );
        let position = |name: &str| {
            let v = problem.variables.iter().find(|v| v.name == name).expect("the variable is there");
            v.offset as usize
        };
        let (x, y, z) = (position("x"), position("t.y"), position("t.z"));
        let point: Vec<f64> = (0..problem.dimension).map(|k| 1.0 + f64::from(k) * 0.37).collect();
        let mut level = problem.level(0, 1, &point);
        assert_eq!(level.own, [y + 1, z + 2, z + 3].map(|k| k as u32));
        assert_eq!(level.reads, [x, x + 1].map(|k| k as u32));
        let check = |level: &Level, point: &[f64]| {
            let (y, z1, z2) = (point[y + 1], point[z + 2], point[z + 3]);
            let (x1, x2) = (point[x], point[x + 1]);
            let objective = (z1 * z1 + z2 * z2) * x2 + y + (x2 * y + 6.0);
            let expected = [objective, z1 + y + x1, z2 + y + x1];
            for (found, expected) in functions(&level.problem, &[y, z1, z2]).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
            let joint = level.with_outside_as_variables();
            let at = [level.part(point), level.outside(point)].concat();
            assert_eq!(functions(&joint, &at), functions(&level.problem, &level.part(point)));
        };
        check(&level, &point);
        let other: Vec<f64> = point.iter().map(|v| v * v - 2.0).collect();
        level.set_outside(&other);
        check(&level, &other);
        assert_eq!(level.rows, [(0, 2), (0, 3)]);
        let numbers = crate::problem::values::Numbers::of(&level.problem);
        let bounds = crate::problem::values::Bounds::of(&level.problem, &numbers);
        assert_eq!(bounds.row_upper, [6.0, 12.0]);
        assert_eq!((bounds.lower, bounds.upper), (vec![0.0; 3], vec![f64::INFINITY, 9.0, 9.0]));
    }

    #[test]
    fn a_family_over_levels_falls_into_terms() {
        // One family reads x[1], which is outside, and y, which is not.
        let problem = whole(
            "var x[1..2]\nlower f {\n  var y\n  let v = [x[1], y, x[2]]\n  minimize sum(i in 1..3: (v[i] - i)^2)\n}\n\
             minimize f.y + sum(x)",
        );
        let level = problem.level(0, 0, &[4.0, 5.0, 6.0]);
        let y = 6.0;
        assert_eq!(functions(&level.problem, &[y]), vec![(4.0 - 1.0f64).powi(2) + 16.0 + 4.0]);
    }

    #[test]
    fn blocks_inside_stay_blocks() {
        let problem = whole(
            "var x\nlower f[k in 1..2] {\n  var y\n  lower g[j in 1..3] {\n    var z\n    minimize (z - y)^2 * j + k * x\n    \
             subject to most: z <= y\n  }\n  minimize (y - x)^2 + sum(j in 1..3: g[j].z * g[j].most.dual)\n}\n\
             minimize f[1].g[2].z + f[2].y",
        );
        let point: Vec<f64> = (0..problem.dimension).map(|k| 1.0 + f64::from(k)).collect();
        let level = problem.level(0, 1, &point);
        assert_eq!(level.problem.dimension, 1 + 3 + 3);
        let inner = &level.problem.blocks[0];
        assert_eq!((inner.name.as_str(), inner.parent, inner.axes.len()), ("f.g", None, 3));
        let inmost = level.problem.level(0, 2, &level.part(&point));
        assert_eq!(inmost.problem.dimension, 1);
        // (z - y)^2 * 3 + 2 x
        let (y, z) = (level.part(&point)[0], inmost.part(&level.part(&point))[0]);
        assert_eq!(functions(&inmost.problem, &[z])[0], (z - y).powi(2) * 3.0 + 2.0 * point[0]);
    }
}
