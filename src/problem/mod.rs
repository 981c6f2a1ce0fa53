//! What is to be solved, with no trace of how, and no knowledge that there was text except through spans.
//!
//! Invariants: stages are in topological order; every map of a leaf stays inside its source; `Variable::offset`s tile
//! `0..Problem::dimension`; a constraint's stage has `rows` rows. Objectives and rows keep the sense and the sides of
//! the statement; see [`Constraint::dual_sign`].

pub mod adjoint;
pub mod blocks;
pub mod chain;
pub mod complementarity;
pub mod conditions;
pub mod curvature;
pub mod epigraph;
pub mod features;
pub mod fixed_point;
pub mod index;
pub mod kinks;
pub mod level;
pub mod linear;
pub mod multipliers;
pub mod oracles;
pub mod owners;
pub mod pieces;
pub mod pressure;
pub mod promote;
pub mod propagate;
pub mod quick;
pub mod ranges;
pub mod rivals;
pub mod second;
pub mod settle;
pub mod squares;
pub mod values;

use crate::diag::Span;
use crate::expr::family::{Leaf, ParamId, Source, Stage, StageId};
use crate::expr::graph::Graph;
pub use blocks::{Block, BlockKind, Choice, Supplied, SuppliedBy};
use index::Axes;

#[derive(Clone, Debug, Default)]
pub struct Problem {
    pub graph: Graph,
    pub params: Vec<Param>,
    pub stages: Vec<Stage>,
    pub variables: Vec<Variable>,
    /// Number of scalar variables.
    pub dimension: u32,
    pub objectives: Vec<Objective>,
    pub constraints: Vec<Constraint>,
    /// Problems inside the problem, outer ones first. Their variables stand among `variables`, their objectives and rows
    /// with them: `objectives` and `constraints` above are those of the outermost level alone.
    pub blocks: Vec<Block>,
    /// What can only be asked, and the places that ask.
    pub oracles: Vec<oracles::Oracle>,
    pub calls: Vec<oracles::Call>,
    /// Statements that were understood and checked, but whose methods are not in this build; the planner refuses.
    pub unsupported: Vec<Unsupported>,
    /// What `Source::After(k)` reads.
    pub after_solve: Vec<AfterSolve>,
    pub shows: Vec<Show>,
    pub ensures: Vec<Ensure>,
    /// Derivatives of the answer that are asked for.
    pub sensitivities: Vec<Sensitivity>,
    /// Named expressions (`let`, and the labels of objectives), for `answer.value(name)`.
    pub named: Vec<Named>,
    /// Parameters that the model computes from other data.
    pub computed: Vec<Computed>,
    pub solve_with: Option<Directive>,
    /// Typical sizes, as far as the model states any.
    pub scales: Vec<Scale>,
    /// Where multipliers of the outermost level begin, as far as the model says.
    pub dual_starts: Vec<DualStart>,
}

/// A start of the multipliers of a row or a bound, as stated; one for each element.
#[derive(Clone, Debug, PartialEq)]
pub struct DualStart {
    pub by: SuppliedBy,
    pub values: Data,
}

/// Of what size something typically is: positive numbers, one for each element.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    pub of: Scaled,
    pub values: Data,
}

/// By its number in the list of the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scaled {
    Variable(u32),
    Row(u32),
    Objective(u32),
}

/// A buffer of numbers that may change without a rebuild, unless it is structural.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// `ridge`, `train.label`, or empty for numbers that have no name (index values, literals).
    pub name: String,
    pub axes: Axes,
    pub values: std::sync::Arc<Vec<f64>>,
    /// It decided a set, a shape or a branch, or was copied into other numbers: changing it needs a rebuild.
    pub structural: bool,
    pub span: Span,
}

/// A family of variables, at `offset .. offset + axes.len()` of the vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    pub name: String,
    pub axes: Axes,
    pub offset: u32,
    pub lower: Data,
    pub upper: Data,
    /// `None`: not given.
    pub start: Option<Data>,
    pub kind: Kind,
    /// A named domain of the whole array; the rows and bounds that state it are in the problem too.
    pub domain: Option<Domain>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Real,
    Integer,
    Binary,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    Simplex,
    Ball,
    SecondOrderCone,
    SemidefiniteCone,
    Permutation,
    Subset,
}

/// Numbers that do not depend on variables, one for each element of an owner (`Leaf::map` from element number).
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Constant(f64),
    /// Reads a parameter or a stage without variables.
    Read(Leaf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    Minimize,
    Maximize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// The label, or `objective`.
    pub label: String,
    pub sense: Sense,
    /// A stage of one row.
    pub stage: StageId,
    pub span: Span,
}

/// Rows `lower <= stage <= upper`.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// The label, or `c@12`.
    pub label: String,
    pub labelled: bool,
    pub axes: Axes,
    pub rows: u32,
    pub stage: StageId,
    pub lower: Data,
    pub upper: Data,
    /// Dual of the row as written = `dual_sign` times d(objective)/d(bound): -1 where the data stood on the left
    /// (`25 <= prod(x)`), since there ε on the right side lowers the bound.
    pub dual_sign: f64,
    /// Taken out by `drop`.
    pub dropped: bool,
    /// States a named domain of this variable (index into `variables`), not a written row.
    pub domain_of: Option<u32>,
    /// Its rows complement those of the constraint before it; see [`complementarity`].
    pub complements: bool,
    pub span: Span,
}

impl Variable {
    /// Real, without bounds and start.
    pub fn new(name: impl Into<String>, axes: Axes, offset: u32, span: Span) -> Variable {
        let (lower, upper) = (Data::Constant(f64::NEG_INFINITY), Data::Constant(f64::INFINITY));
        Variable { name: name.into(), axes, offset, lower, upper, start: None, kind: Kind::Real, domain: None, span }
    }
}

impl Constraint {
    /// As no statement wrote it: `lower <= stage <= upper`, each row with the sign of its multiplier as it is.
    pub fn new(
        label: impl Into<String>,
        axes: Axes,
        rows: u32,
        stage: StageId,
        (lower, upper): (Data, Data),
        span: Span,
    ) -> Constraint {
        Constraint {
            label: label.into(),
            labelled: false,
            axes,
            rows,
            stage,
            lower,
            upper,
            dual_sign: 1.0,
            dropped: false,
            domain_of: None,
            complements: false,
            span,
        }
    }
}

/// A construct whose method is not in this build.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsupported {
    /// `lower`, `player`, `oracle`, ...
    pub construct: &'static str,
    /// One clear sentence for the user.
    pub sentence: String,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AfterSolve {
    /// `row.dual`, `row.slack` for constraint k.
    Dual(u32),
    Slack(u32),
    /// Of variable k.
    LowerDual(u32),
    UpperDual(u32),
    ReducedCost(u32),
    /// The slack of a row of a block: the block and its constraint.
    BlockSlack(u32, u32),
    /// Of `Problem::sensitivities`, number k.
    Sensitivity(u32),
    /// What an oracle answers to the questions of a call.
    Answer(u32),
    /// What oracle k is asked about, as its simulated judge reads it.
    Argument(u32),
    /// A value that no method of this build gives; the problem is refused, so it is never read.
    Unsupported,
}

/// `show EXPR`: an array over `axes`, computed by `stage`.
#[derive(Clone, Debug, PartialEq)]
pub struct Show {
    pub text: String,
    pub axes: Axes,
    pub stage: StageId,
    pub span: Span,
}

/// `ensure CONDITION`: every row of `stage` must be 1. For a message, the two sides of a relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensure {
    pub text: String,
    pub stage: StageId,
    pub sides: Option<(StageId, String, StageId)>,
    pub span: Span,
}

/// `sensitivity OF to TO`: the derivative of each element of `of` by each element of `to`, the latter running fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// `w to ridge`
    pub text: String,
    pub of: StageId,
    pub of_axes: Axes,
    pub to: Place,
    pub to_axes: Axes,
    /// A statement, or a value in `show` or `ensure`.
    pub stated: bool,
    pub span: Span,
}

/// Numbers `offset .. offset + count` of a parameter or of a stage without variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub source: Source,
    pub offset: u32,
    pub count: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub name: String,
    pub axes: Axes,
    pub stage: StageId,
}

/// A parameter that is no number of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Computed {
    pub name: String,
    pub axes: Axes,
    /// Where its numbers are; `None` where what reads it has its expression instead.
    pub stage: Option<StageId>,
}

/// `solve with METHOD { option = value }`
#[derive(Clone, Debug, PartialEq)]
pub struct Directive {
    pub method: String,
    pub method_span: Span,
    pub options: Vec<(String, OptionValue, Span)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    Number(f64),
    Text(String),
    Bool(bool),
}

impl Problem {
    pub fn stage(&self, id: StageId) -> &Stage {
        &self.stages[id.0 as usize]
    }

    pub fn param(&self, id: ParamId) -> &Param {
        &self.params[id.0 as usize]
    }

    /// Visits the number of each stage that the problem names.
    pub fn for_each_stage(&mut self, f: &mut dyn FnMut(&mut StageId)) {
        for data in self.variables.iter_mut().flat_map(|v| [Some(&mut v.lower), Some(&mut v.upper), v.start.as_mut()]) {
            data.into_iter().for_each(|data| data.for_each_stage(f));
        }
        let inner = self.blocks.iter_mut().map(|block| (&mut block.objectives, &mut block.constraints));
        for (objectives, constraints) in std::iter::once((&mut self.objectives, &mut self.constraints)).chain(inner) {
            objectives.iter_mut().for_each(|o| f(&mut o.stage));
            for c in constraints {
                f(&mut c.stage);
                c.lower.for_each_stage(f);
                c.upper.for_each_stage(f);
            }
        }
        self.scales.iter_mut().for_each(|scale| scale.values.for_each_stage(f));
        self.dual_starts.iter_mut().for_each(|start| start.values.for_each_stage(f));
        self.shows.iter_mut().for_each(|s| f(&mut s.stage));
        self.named.iter_mut().for_each(|n| f(&mut n.stage));
        self.computed.iter_mut().filter_map(|c| c.stage.as_mut()).for_each(&mut *f);
        for sensitivity in &mut self.sensitivities {
            f(&mut sensitivity.of);
            if let Source::Stage(id) = &mut sensitivity.to.source {
                f(id);
            }
        }
        self.calls.iter_mut().for_each(|c| f(&mut c.arguments));
        for oracle in &mut self.oracles {
            if let oracles::Answerer::Simulated(stage) = &mut oracle.source {
                f(stage);
            }
        }
        for ensure in &mut self.ensures {
            f(&mut ensure.stage);
            if let Some((left, _, right)) = &mut ensure.sides {
                f(left);
                f(right);
            }
        }
    }

    /// Number of scalar rows, dropped ones included.
    pub fn row_count(&self) -> usize {
        self.constraints.iter().map(|c| c.rows as usize).sum()
    }
}

impl Data {
    fn for_each_stage(&mut self, f: &mut dyn FnMut(&mut StageId)) {
        if let Data::Read(Leaf { source: Source::Stage(id), .. }) = self {
            f(id);
        }
    }
}
