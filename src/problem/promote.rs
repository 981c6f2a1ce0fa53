//! Numbers of a problem made variables, so that derivatives with respect to them are derivatives of the problem.
//!
//! [`expose`] turns bounds and sides that depend on chosen numbers into rows, so that only functions depend on them;
//! [`promote`] then lets every leaf that reads the numbers read new variables, fixed at the numbers, which stand at the
//! end of the vector. Families stay families: a parameter becomes a shift of index maps, a computed array the copy of
//! a range of variables. Rows and variables of the problem keep their places.

use super::index::Axes;
use super::values::depends_on;
use super::{Constraint, Data, Param, Problem, Variable};
use crate::diag::Span;
use crate::expr::eval::{self, Inputs};
use crate::expr::family::{Family, IndexMap, Leaf, ParamId, Source, Stage, StageId, Term};
use std::sync::Arc;

/// Which sides of a row or a bound a new row states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    Lower,
    Upper,
    /// An equation.
    Both,
}

/// What a new row was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A row of the problem.
    Row(usize),
    /// A bound of a variable.
    Variable(usize),
}

/// Rows `first .. first + count` that state sides of consecutive rows or variables from `owner` on.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposed {
    pub first: usize,
    pub count: usize,
    pub owner: Owner,
    pub sides: Sides,
}

/// The same problem with each side `g >= l` that depends on `sources` stated as a row `g - l >= 0` at the end; the
/// place where it stood is free.
pub fn expose(problem: &Problem, sources: &[Source]) -> (Problem, Vec<Exposed>) {
    let depends = depends_on(problem, |source| sources.contains(&source));
    let moves = |data: &Data| match data {
        Data::Constant(_) => false,
        Data::Read(leaf) => match leaf.source {
            Source::Stage(id) => sources.contains(&leaf.source) || depends[id.0 as usize],
            Source::Param(_) | Source::Variables | Source::After(_) => sources.contains(&leaf.source),
        },
    };
    let mut out = problem.clone();
    let mut exposed = vec![];
    let starts = problem.row_starts();
    for (k, constraint) in problem.constraints.iter().enumerate().filter(|(_, c)| !c.dropped) {
        let body = Leaf { source: Source::Stage(constraint.stage), map: IndexMap::IDENTITY };
        for (sides, data) in which(&constraint.lower, &constraint.upper, moves) {
            out.constraints[k].free(sides);
            let owner = Owner::Row(starts[k]);
            let count = constraint.rows as usize;
            exposed.push(Exposed { first: out.row_count(), count, owner, sides });
            out.state(&constraint.label, &body, data, &constraint.axes, count as u32, sides, constraint.span);
        }
    }
    for (k, variable) in problem.variables.iter().enumerate() {
        let body =
            Leaf { source: Source::Variables, map: IndexMap::Affine { start: variable.offset as i64, stride: 1 } };
        for (sides, data) in which(&variable.lower, &variable.upper, moves) {
            out.variables[k].free(sides);
            let (owner, count) = (Owner::Variable(variable.offset as usize), variable.axes.len());
            exposed.push(Exposed { first: out.row_count(), count, owner, sides });
            out.state(&variable.name, &body, data, &variable.axes, count as u32, sides, variable.span);
        }
    }
    (out, exposed)
}

/// The sides that move; equal ones move together.
fn which<'d>(lower: &'d Data, upper: &'d Data, moves: impl Fn(&Data) -> bool) -> Vec<(Sides, &'d Data)> {
    if lower == upper && moves(lower) {
        return vec![(Sides::Both, lower)];
    }
    let sides = [(Sides::Lower, lower), (Sides::Upper, upper)];
    sides.into_iter().filter(|(_, data)| moves(data)).collect()
}

impl Sides {
    fn lower(self) -> bool {
        matches!(self, Sides::Lower | Sides::Both)
    }

    fn upper(self) -> bool {
        matches!(self, Sides::Upper | Sides::Both)
    }
}

const BELOW: Data = Data::Constant(f64::NEG_INFINITY);
const ABOVE: Data = Data::Constant(f64::INFINITY);
const ZERO: Data = Data::Constant(0.0);

impl Constraint {
    fn free(&mut self, sides: Sides) {
        if sides.lower() {
            self.lower = BELOW;
        }
        if sides.upper() {
            self.upper = ABOVE;
        }
    }
}

impl Variable {
    fn free(&mut self, sides: Sides) {
        if sides.lower() {
            self.lower = BELOW;
        }
        if sides.upper() {
            self.upper = ABOVE;
        }
    }
}

impl Problem {
    /// Adds the rows `body - data`, `>= 0`, `<= 0` or `== 0`.
    #[allow(clippy::too_many_arguments)] // the parts of a constraint
    fn state(&mut self, label: &str, body: &Leaf, data: &Data, axes: &Axes, rows: u32, sides: Sides, span: Span) {
        let Data::Read(side) = data else { return };
        let (a, b) = (self.graph.leaf(0), self.graph.leaf(1));
        let family = Family { instances: rows, leaves: vec![body.clone(), side.clone()], body: self.graph.sub(a, b) };
        let origin = (span.source.0, span.start, span.end);
        let term = Term { family, target: IndexMap::IDENTITY, level: 0, origin };
        let stage = StageId(self.stages.len() as u32);
        self.stages.push(Stage::sum(label, rows, vec![term]));
        self.constraints.push(Constraint::new(
            label,
            axes.clone(),
            rows,
            stage,
            (if sides.lower() { ZERO } else { BELOW }, if sides.upper() { ZERO } else { ABOVE }),
            span,
        ));
    }

    /// Adds rows without sides that compute a stage.
    pub fn watch(&mut self, stage: StageId, span: Span) {
        let rows = self.stage(stage).rows;
        self.constraints.push(Constraint::new(
            self.stage(stage).name.clone(),
            Axes::scalar(),
            rows,
            stage,
            (BELOW, ABOVE),
            span,
        ));
    }

    /// The numbers that a source without variables holds now; `after` are those known after a solve.
    pub fn numbers_of(&self, source: Source, after: &[Vec<f64>]) -> Vec<f64> {
        match source {
            Source::Param(id) => self.param(id).values.to_vec(),
            Source::After(k) => after[k as usize].clone(),
            Source::Stage(id) => {
                let params = self.params.iter().map(|param| param.values.as_slice()).collect();
                let inputs = Inputs { variables: &[], params, after };
                let needed = eval::needed(&self.stages, &[id]);
                eval::stages(&self.graph, &self.stages, &needed, &inputs).swap_remove(id.0 as usize)
            }
            Source::Variables => vec![],
        }
    }

    /// A buffer without a name that holds `values`.
    pub fn store(&mut self, values: Vec<f64>) -> ParamId {
        let id = ParamId(self.params.len() as u32);
        let (axes, span) = (Axes::scalar(), Span::default());
        self.params.push(Param { name: String::new(), axes, values: Arc::new(values), structural: false, span });
        id
    }

    /// Gives other numbers to a parameter, or to a stage without variables whatever it computes.
    pub fn replace(&mut self, source: Source, values: Vec<f64>) {
        match source {
            Source::Param(id) => self.params[id.0 as usize].values = Arc::new(values),
            Source::Stage(id) => {
                let from = Source::Param(self.store(values));
                self.copy(id, Leaf { source: from, map: IndexMap::IDENTITY });
            }
            Source::Variables | Source::After(_) => {}
        }
    }

    /// Lets a stage copy what `leaf` reads.
    fn copy(&mut self, id: StageId, leaf: Leaf) {
        let body = self.graph.leaf(0);
        let stage = &mut self.stages[id.0 as usize];
        let of_matrix = stage.matrix.take().map_or((0, 0, 0), |matrix| matrix.origin);
        let origin = stage.terms.first().map_or(of_matrix, |term| term.origin);
        let family = Family { instances: stage.rows, leaves: vec![leaf], body };
        stage.terms = vec![Term { family, target: IndexMap::IDENTITY, level: 0, origin }];
    }
}

/// Makes the numbers that `source` holds variables, fixed at `values`. Returns the position of the first.
///
/// Bounds and starts that read them go on reading numbers: [`expose`] first those that matter.
pub fn promote(problem: &mut Problem, source: Source, values: Vec<f64>, name: &str) -> usize {
    let offset = problem.dimension;
    let count = values.len();
    let held = Data::Read(Leaf { source: Source::Param(problem.store(values)), map: IndexMap::IDENTITY });
    problem.variables.push(Variable {
        lower: held.clone(),
        upper: held,
        ..Variable::new(name, Axes::product(vec![super::index::Set::range(1.0, 1.0, count)]), offset, Span::default())
    });
    problem.dimension += count as u32;
    match source {
        Source::Stage(id) => {
            let map = IndexMap::Affine { start: offset as i64, stride: 1 };
            problem.copy(id, Leaf { source: Source::Variables, map });
        }
        Source::Param(_) | Source::After(_) => {
            for leaf in problem.stages.iter_mut().flat_map(|s| &mut s.terms).flat_map(|t| &mut t.family.leaves) {
                if leaf.source == source {
                    *leaf = Leaf { source: Source::Variables, map: leaf.map.shifted(offset) };
                }
            }
        }
        Source::Variables => {}
    }
    offset as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ad::Evaluator;
    use crate::session::Model;

    fn built(text: &str) -> Problem {
        Model::from_str(text).unwrap().build().unwrap().problem
    }

    fn param(problem: &Problem, name: &str) -> Source {
        let at = problem.params.iter().position(|p| p.name == name).unwrap();
        Source::Param(ParamId(at as u32))
    }

    #[test]
    fn parameters_become_variables_with_all_mixed_derivatives() {
        let mut problem = built("param c[1..2] = [2, 3]\nvar x[1..2]\nminimize sum(i in 1..2: c[i]^2 * x[i]^2)");
        let source = param(&problem, "c");
        let at = promote(&mut problem, source, vec![2.0, 3.0], "c");
        assert_eq!((at, problem.dimension), (2, 4));
        let mut evaluator = Evaluator::new(&problem);
        let mut gradient = vec![0.0; 4];
        evaluator.gradient(&[1.0, -1.0, 2.0, 3.0], &mut gradient);
        assert_eq!(gradient, [8.0, -18.0, 4.0, 6.0]);
        let mut product = vec![0.0; 4];
        evaluator.hessian_product(&[1.0, -1.0, 2.0, 3.0], 1.0, &[], &[0.0, 0.0, 1.0, 0.0], &mut product);
        assert_eq!(product, [8.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn sides_that_depend_become_rows() {
        let problem = built(
            "param r = 2\nparam b[1..2] = 1\nvar x[1..2] in [-r, 5]\nminimize sum(x)\n\
             subject to { a[i in 1..2]: x[i] + x[1] >= b[i]\n fix: x[1] == r^2 }",
        );
        let (exposed, moved) = expose(&problem, &[param(&problem, "r")]);
        let said: Vec<_> = moved.iter().map(|m| (m.first, m.count, m.owner, m.sides)).collect();
        assert_eq!(said, [(3, 1, Owner::Row(2), Sides::Both), (4, 2, Owner::Variable(0), Sides::Lower)]);
        assert_eq!(exposed.variables[0].lower, BELOW);
        assert_eq!(exposed.variables[0].upper, Data::Constant(5.0));
        let mut rows = vec![0.0; 6];
        Evaluator::new(&exposed).constraints(&[1.0, 4.0], &mut rows);
        assert_eq!(rows[3..], [-3.0, 3.0, 6.0]);
    }

    #[test]
    fn computed_arrays_are_replaced_and_promoted() {
        let mut problem = built("param c[i in 1..3] = i^2\nvar x[1..3]\nminimize sum(i in 1..3: c[i] * x[i])");
        let stage = problem.stages.iter().position(|s| s.name == "c").unwrap();
        let source = Source::Stage(StageId(stage as u32));
        assert_eq!(problem.numbers_of(source, &[]), [1.0, 4.0, 9.0]);
        problem.replace(source, vec![1.0, 1.0, 2.0]);
        assert_eq!(Evaluator::new(&problem).objective(&[1.0, 1.0, 1.0]), 4.0);
        promote(&mut problem, source, vec![1.0, 4.0, 9.0], "c");
        assert_eq!(Evaluator::new(&problem).objective(&[1.0, 1.0, 1.0, 0.0, 0.0, 5.0]), 5.0);
    }
}
