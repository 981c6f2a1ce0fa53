//! What to do with a problem, and why: class, rewrites, method, and what every other method objected to.
//!
//! [`plan`] is a pure function from a problem and a [`Request`] to a [`Plan`], a plain value; [`mod@execute`] carries it
//! out. Facts carry the place in the model that they are about; [`explain`] puts them into words with line numbers.

mod choice;
mod class;
pub mod execute;
pub mod explain;
pub mod inside;
pub mod nest;
pub mod refusal;
pub mod request;
pub mod restarts;
pub mod rewrites;
mod search;
mod second;
pub mod start;
#[cfg(test)]
mod tests;

pub use execute::{Warm, execute};
pub use request::Request;

use crate::diag::Diagnostic;
use crate::problem::features::{Fact, Features};
use crate::problem::{Problem, oracles};
use crate::solve::method::{Claim, Method, Objection, Run, Sees};
use crate::solve::options::{OptionRow, Options, Value};
use nest::NestPlan;
use rewrites::presolve::Reduced;
use rewrites::{Lift, Rewritten};
use start::Start;
use std::borrow::Cow;

/// What to do with a problem.
#[derive(Clone, Debug)]
pub struct Plan {
    /// As in "smooth nonlinear program".
    pub class: String,
    /// What proves the class.
    pub facts: Vec<Fact>,
    pub rewrites: Vec<Rewritten>,
    /// A row of [`crate::solve::METHODS`].
    pub method: &'static str,
    /// Why this method.
    pub because: Vec<Fact>,
    /// How many more starts are tried after the first.
    pub restarts: usize,
    /// Checked against the rows of the method.
    pub options: Options,
    pub settings: Vec<Setting>,
    /// Options of a `solve with` whose method was overruled.
    pub unused_options: Vec<String>,
    /// What the other methods objected to, in the order of the table; `None` for those that would do.
    pub others: Vec<(&'static str, Option<Objection>)>,
    pub start: Start,
    /// What the method is shown: the problem after all rewrites but those of the view.
    pub problem: Problem,
    /// In the order of the rewrites; undone from the last.
    pub lifts: Vec<Lift>,
    /// Rows and bounds as they were simplified after that; undone first.
    pub reduced: Option<Reduced>,
    /// Of a problem that contains problems.
    pub nest: Option<NestPlan>,
    /// The objective is only known by asking.
    pub asked: bool,
}

/// An option of the method that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub name: &'static str,
    pub value: Value,
    /// Set by the user, else the default.
    pub set: bool,
}

/// What to do with `problem`, or all reasons why nothing can be done.
pub fn plan(problem: &Problem, request: &Request) -> Result<Plan, Vec<Diagnostic>> {
    refusal::unserved(problem)?;
    let request = request.merged(problem.solve_with.as_ref());
    let flat = problem.with_conditions_as_rows();
    if !flat.blocks.is_empty() {
        return nest::plan(&flat, &request);
    }
    let candidates = Candidates::of(&flat);
    refusal::integers(&flat, &candidates.plain.features)?;
    let chosen = choice::choose(&candidates, &request)?;
    let asked = request.checked_options(chosen.method)?;
    let wrong = request::wrong_names(&flat, &request, chosen.method);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let form = candidates.form(chosen.smooth);
    let (shown, mut rewrites, lifts) = rewrites::show(form, chosen.method);
    let by_asking = candidates.plain.features.asked.is_some();
    let mut options = asked.clone();
    rewrites::norms::settle(chosen.method, &rewrites, &mut options);
    let products = second::decide(&shown, chosen.method, &mut options);
    let presolves = options.flag(request::COMMON, "presolve") && reduces(chosen.method) && !by_asking;
    let reduced = if presolves { rewrites::presolve::apply(&shown) } else { None };
    let reduced = reduced.map(|(reduced, made)| {
        rewrites.extend(made);
        reduced
    });
    let (class, facts, convex) = class::of(&flat, &candidates.plain.features);
    let (restarts, why) = restarts::count(&request, chosen.method, &candidates.plain.features, convex);
    Ok(Plan {
        class,
        facts,
        rewrites,
        method: chosen.method.name,
        because: chosen.because.into_iter().chain(products).chain(why).collect(),
        restarts,
        settings: settings(chosen.method.options, &asked, &options),
        unused_options: request.unused(),
        options,
        others: choice::others(&candidates, chosen.method),
        start: start::of(&flat).solved_in_turn(&flat).extended(&shown, &lifts),
        asked: by_asking,
        problem: shown,
        lifts,
        reduced,
        nest: None,
    })
}

/// Whether a method may be shown fewer rows and other bounds: residuals are rows, and what shows that no point is better
/// names rows and bounds.
fn reduces(method: &Method) -> bool {
    method.sees != Sees::Residuals && method.claim != Claim::Global
}

/// The problem without what is only known by asking.
pub fn known(problem: &Problem) -> Cow<'_, Problem> {
    match oracles::asked(problem).is_empty() {
        true => Cow::Borrowed(problem),
        false => Cow::Owned(oracles::silenced(problem)),
    }
}

impl Plan {
    /// The plan for other numbers of the same parameters.
    pub fn with_numbers(&self, problem: &Problem) -> Plan {
        let mut plan = self.clone();
        if let Some(inside) = plan.nest.as_mut().and_then(|nest| nest.inside.as_mut()) {
            if inside.take_numbers(problem) {
                // Sides of what stands inside were written down as numbers.
                plan.problem = inside.stated.with_blocks_beside_each_other().into_owned();
            }
            return plan;
        }
        let mut changed = false;
        for (planned, now) in plan.problem.params.iter_mut().zip(&problem.params) {
            if planned.name == now.name && planned.values.len() == now.values.len() && planned.values != now.values {
                planned.values = now.values.clone();
                changed = true;
            }
        }
        if changed && self.presolves() {
            plan.reduced = match plan.reduces() {
                true => rewrites::presolve::apply(&plan.problem).map(|(reduced, _)| reduced),
                false => None,
            };
        }
        plan
    }

    /// Whether the method is one that sees rows as they are.
    fn reduces(&self) -> bool {
        crate::solve::by_name(self.method).is_some_and(reduces)
    }

    /// Whether rows and bounds are looked at before the method runs.
    pub fn presolves(&self) -> bool {
        self.options.flag(request::COMMON, "presolve") && !self.asked
    }
}

/// A problem in a form that methods may be asked about.
#[derive(Clone, Debug)]
pub struct Form {
    pub problem: Problem,
    pub features: Features,
    pub rewrites: Vec<Rewritten>,
    pub lifts: Vec<Lift>,
}

impl Form {
    fn rewritten(&self, rewrite: rewrites::Rewrite, (problem, lift, facts): (Problem, Lift, Vec<Fact>)) -> Form {
        let (mut rewrites, mut lifts) = (self.rewrites.clone(), self.lifts.clone());
        rewrites.push(Rewritten { name: rewrite.name, facts });
        lifts.push(lift);
        Form { features: Features::of(&problem), problem, rewrites, lifts }
    }
}

/// The forms of one problem: as it is and, where kinks could be written away, without them.
struct Candidates {
    plain: Form,
    smooth: Option<Form>,
    /// The plain form has norms that may vanish: smooth wherever an iterate will be, but perhaps not at the answer.
    norms: bool,
}

impl Candidates {
    fn of(problem: &Problem) -> Candidates {
        let plain = Form { problem: problem.clone(), features: Features::of(problem), rewrites: vec![], lifts: vec![] };
        let epigraph = match plain.features.kinks.is_empty() {
            true => None,
            false => rewrites::epigraph::apply(problem)
                .map(|made| plain.rewritten(rewrites::epigraph::REWRITE, made))
                .or_else(|| {
                    let made = rewrites::kink_pairs::apply(problem)?;
                    Some(plain.rewritten(rewrites::kink_pairs::REWRITE, made))
                }),
        };
        // Where kinks stay, methods that need no derivatives take the problem as it is.
        let form = epigraph.as_ref().or(plain.features.kinks.is_empty().then_some(&plain));
        let norms = form.and_then(|form| {
            rewrites::norms::apply(&form.problem).map(|made| form.rewritten(rewrites::norms::REWRITE, made))
        });
        Candidates { norms: norms.is_some(), smooth: norms.or(epigraph), plain }
    }

    /// The form without kinks where `smooth` and there is one.
    fn form(&self, smooth: bool) -> &Form {
        self.smooth.as_ref().filter(|_| smooth).unwrap_or(&self.plain)
    }

    /// Whether a method takes the problem, and without its kinks (`true`) or as it is.
    fn asks(&self, method: &Method) -> Result<bool, Objection> {
        choice::sees_enough(&self.plain.features, method)?;
        let plain = method.takes(&self.plain.features);
        let smooth = self.smooth.as_ref().map(|form| method.takes(&form.features));
        match (plain, smooth) {
            // Who compares values needs no distance from kinks, and would be misled by one.
            (Ok(()), Some(Ok(()))) if self.norms && matches!(method.run, Run::Functions(_)) => Ok(true),
            (Ok(()), _) => Ok(false),
            (Err(_), Some(Ok(()))) => Ok(true),
            (Err(objection), _) => Err(objection),
        }
    }
}

/// All options of the method; set are those that were asked for.
fn settings(rows: &'static [OptionRow], asked: &Options, options: &Options) -> Vec<Setting> {
    let setting = |row: &OptionRow| {
        let given = options.set.iter().rev().find(|(name, _)| name == row.name).map(|(_, value)| value.clone());
        let set = asked.set.iter().any(|(name, _)| name == row.name);
        Setting { name: row.name, set, value: given.unwrap_or_else(|| row.default.value()) }
    };
    let common = request::COMMON
        .iter()
        .chain(request::ASKING)
        .filter(|row| options.set.iter().any(|(name, _)| name == row.name));
    rows.iter().chain(common).map(setting).collect()
}
