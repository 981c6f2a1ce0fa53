//! What is known of the blocks of a problem, for methods to accept or refuse it by.

use crate::expr::family::{Source, StageId};
use crate::problem::conditions::Form;
use crate::problem::curvature::Forms;
use crate::problem::features::{Fact, Features};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{BlockKind, Choice, Problem};
use crate::solve::complementarity::branching;
use crate::solve::convexity::{quadratic_is_convex, quadratic_is_strongly_convex};

/// Facts of all blocks and of the outermost level.
#[derive(Clone, Debug)]
pub struct Nest {
    pub blocks: Vec<BlockFacts>,
    /// Functions of the outermost level without a derivative somewhere.
    pub kinks: Vec<Fact>,
    /// The first row of the outermost level that reads what a block decides.
    pub coupled: Option<Fact>,
    /// Complementary pairs of the outermost level.
    pub pairs: Option<Fact>,
    /// With the followers' conditions as pairs, and those left out, the problem is convex and its pairs are linear: the
    /// number of pairs. Else why it is not.
    pub branches: Result<usize, Fact>,
    /// Where the outermost level reads multipliers of blocks.
    pub duals: Option<Fact>,
    /// The first multiplier of a block that the model gives bounds.
    pub bounded_dual: Option<Fact>,
    /// The first block that reads what another one decides.
    pub chained: Option<Fact>,
}

#[derive(Clone, Debug)]
pub struct BlockFacts {
    pub name: String,
    pub kind: BlockKind,
    pub instances: usize,
    /// Names of the families that it decides and reads.
    pub decides: Vec<String>,
    pub reads: Vec<String>,
    /// Of one instance.
    pub variables: usize,
    pub rows: usize,
    /// In what it decides, wherever the others are within their bounds; else why it is not shown.
    pub convex: Result<Fact, Fact>,
    /// Its objective is strongly convex, so that it has one answer at most.
    pub strongly: bool,
    /// All rows are linear in what it decides.
    pub linear_rows: bool,
    /// The objective is a polynomial of this degree in what it decides.
    pub degree: Option<u32>,
    pub kinks: Vec<Fact>,
    pub bounded: Option<Fact>,
    pub integer: Option<Fact>,
    /// It holds complementary pairs: the conditions of a block inside it that has rows or bounds.
    pub pairs: Option<Fact>,
    /// Its pairs may be branched on: the rest of it is convex and linear enough.
    pub branches: bool,
    /// It is pessimistic, and this is not known of it, so that its worst answer may differ from its best.
    pub worst: Option<Fact>,
}

impl Nest {
    /// `start` is a point of all variables, at which what is not proved for all of them is looked at.
    pub fn of(problem: &Problem, start: &[f64]) -> Nest {
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        let owners = problem.owners();
        let features = Features::of(&Problem { blocks: vec![], ..problem.clone() });
        let blocks: Vec<BlockFacts> =
            (0..problem.blocks.len() as u32).map(|b| of_block(problem, b, &bounds, start)).collect();
        Nest {
            branches: branches(problem, &blocks),
            blocks,
            kinks: features.kinks,
            pairs: features.complementarity,
            coupled: {
                let owned: Vec<bool> = owners.iter().map(Option::is_some).collect();
                row_that_reads(problem, &owned, "what a block decides")
            },
            duals: reads_duals(problem),
            bounded_dual: problem.bounded_multipliers().first().map(|v| {
                let variable = &problem.variables[*v as usize];
                Fact::at(format!("`{}` has bounds, which it would not keep", variable.name), variable.span)
            }),
            chained: chained(problem, &owners, start),
        }
    }

    pub fn needs_smoothness(&self) -> Result<(), Fact> {
        let kinks = self.kinks.iter().chain(self.blocks.iter().flat_map(|b| &b.kinks));
        kinks.into_iter().next().cloned().map_or(Ok(()), Err)
    }

    pub fn needs_no_pairs_in_blocks(&self) -> Result<(), Fact> {
        self.blocks.iter().find_map(|b| b.pairs.clone()).map_or(Ok(()), Err)
    }

    pub fn needs_no_pairs(&self) -> Result<(), Fact> {
        self.pairs.clone().map_or(Ok(()), Err)
    }

    pub fn needs_convex_blocks(&self) -> Result<(), Fact> {
        self.blocks.iter().find_map(|b| b.convex.clone().err()).map_or(Ok(()), Err)
    }

    pub fn needs_no_duals(&self) -> Result<(), Fact> {
        self.duals.clone().map_or(Ok(()), Err)
    }

    /// Multipliers as large as they are.
    pub fn needs_free_multipliers(&self) -> Result<(), Fact> {
        self.bounded_dual.clone().map_or(Ok(()), Err)
    }

    /// Blocks that can be seen as one: none reads what another one decides.
    pub fn needs_blocks_apart(&self) -> Result<(), Fact> {
        self.chained.clone().map_or(Ok(()), Err)
    }

    /// Only `lower` blocks, and none whose worst answer may differ from its best.
    pub fn needs_optimistic_lower_blocks(&self, problem_word: &str) -> Result<(), Fact> {
        for block in &self.blocks {
            match block.kind {
                BlockKind::Lower(_) if block.worst.is_none() => {}
                BlockKind::Lower(_) => {
                    return Err(Fact::new(format!(
                        "`lower {}` is pessimistic, and {problem_word} is optimistic",
                        block.name
                    )));
                }
                BlockKind::Optimality | BlockKind::Player => {
                    return Err(Fact::new(format!("`{} {}` is no lower level", block.kind.word(), block.name)));
                }
            }
        }
        Ok(())
    }
}

impl BlockFacts {
    /// Sentences about what was shown of one instance, and what was not.
    pub fn proved(&self) -> Vec<Fact> {
        let mut facts = vec![];
        match &self.convex {
            Ok(fact) => facts.push(fact.clone()),
            Err(why) => {
                let sentence = format!("not shown to be convex in what it decides: {}", why.sentence);
                facts.push(Fact { sentence, span: why.span });
            }
        }
        facts.push(Fact::new(match (self.strongly, self.convex.is_ok()) {
            (true, true) => "its objective is strongly convex: it has one answer",
            (true, false) => "its objective is strongly convex, its rows are not shown to bound a convex set",
            (false, _) => "that it has only one answer is not shown",
        }));
        if self.kind == BlockKind::Lower(Choice::Pessimistic) && self.worst.is_none() {
            facts.push(Fact::new("pessimistic: the worst of its answers is the best, as there is one"));
        }
        facts.push(Fact::new(match (self.rows, self.linear_rows) {
            (0, _) => "it has no rows, so multipliers exist at its answers",
            (_, true) => "its rows are linear, so multipliers exist at its answers",
            (_, false) => "no constraint qualification is shown of its rows: multipliers may not exist",
        }));
        facts
    }
}

/// Facts of a block that holds no other; `bounds` are those of all variables.
pub fn of_block(problem: &Problem, b: u32, bounds: &Bounds, start: &[f64]) -> BlockFacts {
    let here = &problem.blocks[b as usize];
    let names = |positions: &[u32]| {
        let mut names: Vec<String> = vec![];
        for v in &problem.variables {
            let mine = v.offset..v.offset + v.axes.len() as u32;
            if positions.iter().any(|k| mine.contains(k)) {
                names.push(v.name.clone());
            }
        }
        names
    };
    if here.axes.is_empty() {
        return BlockFacts {
            name: here.name.clone(),
            kind: here.kind,
            instances: 0,
            decides: vec![],
            reads: vec![],
            variables: 0,
            rows: 0,
            convex: Ok(Fact::new("it has no instances")),
            strongly: true,
            linear_rows: true,
            degree: Some(0),
            kinks: vec![],
            bounded: None,
            integer: None,
            pairs: None,
            branches: false,
            worst: None,
        };
    }
    let level = problem.level(b, 0, start);
    let features = Features::of(&level.problem);
    let joint = level.with_outside_as_variables();
    let free = level.problem.dimension as usize;
    let numbers = Numbers::of(&joint);
    let mut within = Bounds::of(&joint, &numbers);
    for (k, &position) in level.reads.iter().enumerate() {
        within.lower[free + k] = bounds.lower[position as usize];
        within.upper[free + k] = bounds.upper[position as usize];
    }
    let forms = Forms::given(&joint, &numbers, &within, free);
    let all = Forms::of(&joint, &numbers, &within);
    let linear_rows = forms.linear_rows(&joint);
    let degree = forms.objective.as_ref().map_or(Some(0), |form| form.degree);
    // Then second derivatives do not depend on anything.
    let quadratic = all.objective.as_ref().is_some_and(|form| form.degree.is_some_and(|degree| degree <= 2));
    let strongly = quadratic && quadratic_is_strongly_convex(&level.problem) == Some(true);
    let pairs = level.problem.pairs().len();
    let pairs = (pairs > 0).then(|| Fact::at(held(&here.name, pairs), here.span));
    let convex = match pairs.clone().map_or_else(|| forms.convex(&joint, &within), Err) {
        Ok(()) => Ok(Fact::at("convex in what it decides, by the rules of composition", here.span)),
        Err(_) if pairs.is_none() && quadratic && linear_rows && quadratic_is_convex(&level.problem) == Some(true) => {
            Ok(Fact::at(
                "convex in what it decides: no eigenvalue of its Hessian is negative, by computation",
                here.span,
            ))
        }
        Err(why) => Err(why),
    };
    let branches = pairs.is_some() && branches_on_pairs(&level.problem, &features, quadratic);
    let worst = worst(problem, b, start, convex.is_ok() && quadratic);
    BlockFacts {
        name: here.name.clone(),
        kind: here.kind,
        instances: here.axes.len(),
        decides: here.variables.iter().map(|&v| problem.variables[v as usize].name.clone()).collect(),
        reads: names(&level.reads),
        variables: features.variables,
        rows: features.rows,
        convex,
        strongly,
        linear_rows,
        degree,
        kinks: features.kinks,
        bounded: features.bounded,
        integer: features.integer,
        branches,
        pairs,
        worst,
    }
}

fn held(name: &str, pairs: usize) -> String {
    format!(
        "`{name}` holds {}",
        if pairs == 1 { "a complementary pair".into() } else { format!("{pairs} complementary pairs") }
    )
}

/// Whether branching on the pairs of a problem of one level proves its answer.
fn branches_on_pairs(problem: &Problem, features: &Features, quadratic: bool) -> bool {
    let convex = features.forms.objective.as_ref().is_some_and(|form| match features.sense {
        Some(crate::problem::Sense::Maximize) => form.curvature.is_concave(),
        Some(crate::problem::Sense::Minimize) | None => form.curvature.is_convex(),
    });
    branching::METHOD.takes(features).is_ok() && (convex || (quadratic && quadratic_is_convex(problem) == Some(true)))
}

/// See [`BlockFacts::worst`]. `quadratic`: convex, with second derivatives that do not depend on anything.
fn worst(problem: &Problem, b: u32, start: &[f64], quadratic: bool) -> Option<Fact> {
    let here = &problem.blocks[b as usize];
    if here.kind != BlockKind::Lower(Choice::Pessimistic) {
        return None;
    }
    let strongly = |k: u32| quadratic_is_strongly_convex(&problem.level(b, k, start).problem) == Some(true);
    let missing = match quadratic && (0..here.axes.len() as u32).all(strongly) {
        true => problem.choice_left(b)?,
        false => {
            "that it has only one answer is not shown: its objective is not shown to be a strongly convex quadratic \
                  function over a convex set"
        }
    };
    Some(Fact::at(missing, here.span))
}

/// Pairs beyond this are not gone through, whatever is asked for.
const MOST_PAIRS: usize = 1000;

/// See [`Nest::branches`].
fn branches(problem: &Problem, blocks: &[BlockFacts]) -> Result<usize, Fact> {
    for block in blocks {
        if let Some(pairs) = &block.pairs {
            return Err(pairs.clone());
        }
        let lower = matches!(block.kind, BlockKind::Lower(_)) && block.worst.is_none();
        if !lower || !block.linear_rows || block.convex.is_err() {
            return Err(Fact::new(format!("`{}` is not shown to be convex with linear rows", block.name)));
        }
    }
    let rows: usize = blocks.iter().map(|b| b.instances * (b.rows + b.variables)).sum();
    if rows > 4 * MOST_PAIRS {
        return Err(Fact::new(format!("there are {rows} rows and variables of followers, too many to branch on")));
    }
    let conditions = problem.conditions(Form::Kkt).problem;
    let numbers = Numbers::of(&conditions);
    let within = Bounds::of(&conditions, &numbers);
    let forms = Forms::of(&conditions, &numbers, &within);
    for pair in conditions.complementarities() {
        for k in [pair.bounded, pair.force] {
            if forms.rows[k].degree.is_none_or(|degree| degree > 1) {
                let row = &conditions.constraints[k];
                return Err(Fact::at(format!("`{}` is complementary and not linear", row.label), row.span));
            }
        }
    }
    if let Err(why) = forms.convex(&conditions, &within) {
        let rows_only = Problem { objectives: vec![], ..conditions.clone() };
        Forms::of(&rows_only, &numbers, &within).convex(&rows_only, &within)?;
        let quadratic = forms.objective.as_ref().is_some_and(|form| form.degree.is_some_and(|degree| degree <= 2));
        if !quadratic || quadratic_is_convex(&conditions) != Some(true) {
            return Err(why);
        }
    }
    match conditions.pairs().len() {
        pairs if pairs > MOST_PAIRS => {
            Err(Fact::new(format!("there are {pairs} complementary pairs, too many to branch on")))
        }
        pairs => Ok(pairs),
    }
}

/// The first row of the outermost level that reads a variable of `those`.
fn row_that_reads(problem: &Problem, those: &[bool], what: &str) -> Option<Fact> {
    let row = problem.constraints.iter().find(|c| !c.dropped && reads(problem, c.stage, those))?;
    Some(Fact::at(format!("row `{}` reads {what}", row.label), row.span))
}

/// Where the outermost level reads multipliers of blocks.
fn reads_duals(problem: &Problem) -> Option<Fact> {
    let mut duals = vec![false; problem.dimension as usize];
    for supplied in problem.blocks.iter().flat_map(|b| &b.supplied) {
        let variable = &problem.variables[supplied.variable as usize];
        duals[variable.offset as usize..][..variable.axes.len()].fill(true);
    }
    let objective = problem.objectives.iter().find(|o| reads(problem, o.stage, &duals));
    let fact = objective.map(|o| Fact::at("the objective reads a multiplier of a block", o.span));
    fact.or_else(|| row_that_reads(problem, &duals, "a multiplier of a block"))
}

/// The first block that reads what blocks, itself or others, decide elsewhere.
fn chained(problem: &Problem, owners: &[Option<u32>], start: &[f64]) -> Option<Fact> {
    problem.blocks.iter().enumerate().filter(|(_, block)| !block.axes.is_empty()).find_map(|(b, block)| {
        let owner = problem.level(b as u32, 0, start).reads.iter().find_map(|k| owners[*k as usize])?;
        let other = &problem.blocks[owner as usize].name;
        Some(Fact::at(format!("`{}` reads what `{other}` decides", block.name), block.span))
    })
}

/// Whether a stage reads a variable of `those`.
fn reads(problem: &Problem, stage: StageId, those: &[bool]) -> bool {
    let needed = crate::expr::eval::needed(&problem.stages, &[stage]);
    let stages = problem.stages.iter().zip(needed).filter(|(_, needed)| *needed);
    let mut families = stages.flat_map(|(stage, _)| &stage.terms).map(|t| &t.family);
    families.any(|family| {
        let mut variables = family.leaves.iter().filter(|l| l.source == Source::Variables);
        variables.any(|l| (0..family.instances as usize).any(|p| those[l.map.at(p)]))
    })
}
