//! AC optimal power flow in polar coordinates as an [`Nlp`] with derivatives by hand: sparse, large, and not convex.

use crate::answer::Evaluations;
use crate::solve::nlp::{Nlp, Pattern, Shape};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A term of a row or of the objective.
#[derive(Clone, Debug)]
enum Term {
    Constant(f64),
    Linear(usize, f64),
    Square(usize, f64),
    /// `v w (b cos(a - c) + d sin(a - c))` for the variables `[v, w, a, c]`.
    Flow([usize; 4], f64, f64),
}

impl Term {
    fn value(&self, x: &[f64]) -> f64 {
        match self {
            Term::Constant(c) => *c,
            Term::Linear(i, c) => c * x[*i],
            Term::Square(i, c) => c * x[*i] * x[*i],
            Term::Flow([v, w, a, c], b, d) => {
                let (sin, cos) = (x[*a] - x[*c]).sin_cos();
                x[*v] * x[*w] * (b * cos + d * sin)
            }
        }
    }

    fn gradient(&self, x: &[f64], add: &mut dyn FnMut(usize, f64)) {
        match self {
            Term::Constant(_) => {}
            Term::Linear(i, c) => add(*i, *c),
            Term::Square(i, c) => add(*i, 2.0 * c * x[*i]),
            Term::Flow([v, w, a, c], b, d) => {
                let (sin, cos) = (x[*a] - x[*c]).sin_cos();
                let (wave, slope) = (b * cos + d * sin, d * cos - b * sin);
                add(*v, x[*w] * wave);
                add(*w, x[*v] * wave);
                add(*a, x[*v] * x[*w] * slope);
                add(*c, -x[*v] * x[*w] * slope);
            }
        }
    }

    /// The lower triangle of the Hessian, in the order of the variables of the term.
    fn hessian(&self, x: &[f64], add: &mut dyn FnMut(usize, usize, f64)) {
        match self {
            Term::Constant(_) | Term::Linear(..) => {}
            Term::Square(i, c) => add(*i, *i, 2.0 * c),
            Term::Flow([v, w, a, c], b, d) => {
                let (sin, cos) = (x[*a] - x[*c]).sin_cos();
                let (wave, slope) = (b * cos + d * sin, d * cos - b * sin);
                let (xv, xw) = (x[*v], x[*w]);
                add(*v, *w, wave);
                add(*v, *a, xw * slope);
                add(*v, *c, -xw * slope);
                add(*w, *a, xv * slope);
                add(*w, *c, -xv * slope);
                add(*a, *a, -xv * xw * wave);
                add(*a, *c, xv * xw * wave);
                add(*c, *c, -xv * xw * wave);
            }
        }
    }
}

/// A problem whose rows are sums of terms.
pub struct Network {
    shape: Shape,
    objective: Vec<Term>,
    rows: Vec<Vec<Term>>,
    /// Where the Hessian entries of the objective and of each row go, in the order of evaluation.
    places: Vec<Vec<usize>>,
    pub start: Vec<f64>,
}

impl Network {
    /// From the JSON of a case: tables `bus`, `gen`, `branch`.
    pub fn from_json(text: &str) -> Network {
        let case: Value = serde_json::from_str(text).unwrap();
        let table = |name: &str| case[name].as_array().unwrap().clone();
        let (buses, generators, branches) = (table("bus"), table("gen"), table("branch"));
        let number = |row: &Value, name: &str| row[name].as_f64().unwrap();
        let bus: BTreeMap<i64, usize> = buses.iter().enumerate().map(|(k, b)| (b["id"].as_i64().unwrap(), k)).collect();
        let (nb, ng, nl) = (buses.len(), generators.len(), branches.len());
        let (vm, pg, qg) = (nb, 2 * nb, 2 * nb + ng);
        let flow = 2 * nb + 2 * ng;
        let n = flow + 4 * nl;
        let mut bounds = vec![(f64::NEG_INFINITY, f64::INFINITY); n];
        let mut start = vec![0.0; n];
        let mut rows: Vec<(Vec<Term>, f64, f64)> = Vec::new();
        let mut balance = [Vec::new(), Vec::new()].map(|_: Vec<Term>| vec![Vec::new(); nb]);
        let mut objective = Vec::new();
        for (k, b) in buses.iter().enumerate() {
            bounds[vm + k] = (number(b, "vmin"), number(b, "vmax"));
            start[vm + k] = 1.0;
            if b["ref"].as_bool().unwrap() {
                rows.push((vec![Term::Linear(k, 1.0)], 0.0, 0.0));
            }
            balance[0][k].extend([Term::Constant(number(b, "pd")), Term::Square(vm + k, number(b, "gs"))]);
            balance[1][k].extend([Term::Constant(number(b, "qd")), Term::Square(vm + k, -number(b, "bs"))]);
        }
        for (k, g) in generators.iter().enumerate() {
            bounds[pg + k] = (number(g, "pmin"), number(g, "pmax"));
            bounds[qg + k] = (number(g, "qmin"), number(g, "qmax"));
            let at = bus[&g["bus"].as_i64().unwrap()];
            balance[0][at].push(Term::Linear(pg + k, -1.0));
            balance[1][at].push(Term::Linear(qg + k, -1.0));
            objective.extend([
                Term::Square(pg + k, number(g, "c2")),
                Term::Linear(pg + k, number(g, "c1")),
                Term::Constant(number(g, "c0")),
            ]);
        }
        for (k, l) in branches.iter().enumerate() {
            let get = |name: &str| number(l, name);
            let (f, t) = (bus[&l["f"].as_i64().unwrap()], bus[&l["t"].as_i64().unwrap()]);
            let rate = get("rate");
            let [pf, qf, pt, qt] = [0, 1, 2, 3].map(|part| flow + part * nl + k);
            for part in [pf, qf, pt, qt] {
                bounds[part] = (-rate, rate);
            }
            balance[0][f].push(Term::Linear(pf, 1.0));
            balance[0][t].push(Term::Linear(pt, 1.0));
            balance[1][f].push(Term::Linear(qf, 1.0));
            balance[1][t].push(Term::Linear(qt, 1.0));
            let (g, b, tr, ti, tm2) = (get("g"), get("b"), get("tr"), get("ti"), get("tm2"));
            let mut ohm = |power: usize, own: usize, other: usize, square: f64, cos: f64, sin: f64| {
                rows.push((
                    vec![
                        Term::Linear(power, 1.0),
                        Term::Square(vm + own, -square),
                        Term::Flow([vm + own, vm + other, own, other], -cos, -sin),
                    ],
                    0.0,
                    0.0,
                ));
            };
            let (u, w) = ((-g * tr + b * ti) / tm2, (-b * tr - g * ti) / tm2);
            ohm(pf, f, t, (g + get("g_f")) / tm2, u, w);
            ohm(qf, f, t, -(b + get("b_f")) / tm2, -w, u);
            let (u, w) = ((-g * tr - b * ti) / tm2, (-b * tr + g * ti) / tm2);
            ohm(pt, t, f, g + get("g_t"), u, w);
            ohm(qt, t, f, -(b + get("b_t")), -w, u);
            rows.push((vec![Term::Linear(f, 1.0), Term::Linear(t, -1.0)], get("angmin"), get("angmax")));
            for (p, q) in [(pf, qf), (pt, qt)] {
                rows.push((vec![Term::Square(p, 1.0), Term::Square(q, 1.0)], f64::NEG_INFINITY, rate * rate));
            }
        }
        rows.extend(balance.into_iter().flatten().map(|terms| (terms, 0.0, 0.0)));
        without_fixed(&mut objective, &mut rows, &mut bounds, &mut start);
        Network::new(objective, bounds, rows, start)
    }

    fn new(
        objective: Vec<Term>,
        bounds: Vec<(f64, f64)>,
        rows: Vec<(Vec<Term>, f64, f64)>,
        start: Vec<f64>,
    ) -> Network {
        let n = bounds.len();
        let ones = vec![1.0; n];
        let mut triangle = vec![BTreeSet::new(); n];
        let all = || std::iter::once(&objective).chain(rows.iter().map(|row| &row.0));
        let mut columns = Vec::new();
        for terms in all() {
            let mut used = Vec::new();
            for term in terms {
                term.gradient(&ones, &mut |i, _| used.push(i as u32));
                term.hessian(&ones, &mut |i, j, _| {
                    triangle[i.max(j)].insert(i.min(j) as u32);
                });
            }
            columns.push(used);
        }
        let triangle: Vec<Vec<u32>> = triangle.into_iter().map(|row| row.into_iter().collect()).collect();
        let hessian = Pattern::from_rows(n, &triangle);
        let places = all()
            .map(|terms| {
                let mut out = Vec::new();
                for term in terms {
                    term.hessian(&ones, &mut |i, j, _| out.push(hessian.position(i.max(j), i.min(j)).unwrap()));
                }
                out
            })
            .collect();
        let shape = Shape {
            definitions: vec![],
            lower: bounds.iter().map(|b| b.0).collect(),
            upper: bounds.iter().map(|b| b.1).collect(),
            row_lower: rows.iter().map(|row| row.1).collect(),
            row_upper: rows.iter().map(|row| row.2).collect(),
            jacobian: Arc::new(Pattern::from_rows(n, &columns[1..])),
            hessian: Arc::new(hessian),
            pairs: vec![],
            curved: vec![true; n],
            scales: None,
        };
        Network { shape, objective, rows: rows.into_iter().map(|row| row.0).collect(), places, start }
    }
}

/// Puts the values of fixed variables into the terms: an [`Nlp`] has none.
fn without_fixed(
    objective: &mut [Term],
    rows: &mut [(Vec<Term>, f64, f64)],
    bounds: &mut Vec<(f64, f64)>,
    start: &mut Vec<f64>,
) {
    let mut free = 0;
    let places: Vec<Result<usize, f64>> = bounds
        .iter()
        .map(|(lower, upper)| {
            if lower == upper {
                return Err(*lower);
            }
            free += 1;
            Ok(free - 1)
        })
        .collect();
    let mut keep = places.iter();
    bounds.retain(|_| keep.next().unwrap().is_ok());
    let mut keep = places.iter();
    start.retain(|_| keep.next().unwrap().is_ok());
    for term in objective.iter_mut().chain(rows.iter_mut().flat_map(|row| row.0.iter_mut())) {
        *term = match term.clone() {
            Term::Constant(c) => Term::Constant(c),
            Term::Linear(i, c) => places[i].map_or_else(|v| Term::Constant(c * v), |i| Term::Linear(i, c)),
            Term::Square(i, c) => places[i].map_or_else(|v| Term::Constant(c * v * v), |i| Term::Square(i, c)),
            Term::Flow(all, b, d) => Term::Flow(all.map(|i| places[i].unwrap()), b, d),
        };
    }
}

impl Nlp for Network {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, x: &[f64]) -> f64 {
        self.objective.iter().map(|term| term.value(x)).sum()
    }

    fn gradient(&mut self, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        self.objective.iter().for_each(|term| term.gradient(x, &mut |i, g| out[i] += g));
    }

    fn constraints(&mut self, x: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(&self.rows).for_each(|(c, row)| *c = row.iter().map(|term| term.value(x)).sum());
    }

    fn jacobian(&mut self, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (r, row) in self.rows.iter().enumerate() {
            for term in row {
                term.gradient(x, &mut |i, g| out[self.shape.jacobian.position(r, i).unwrap()] += g);
            }
        }
    }

    fn hessian(&mut self, x: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        let all = std::iter::once(&self.objective).chain(&self.rows);
        for ((terms, weight), places) in all.zip(std::iter::once(&sigma).chain(weights)).zip(&self.places) {
            let mut places = places.iter();
            for term in terms {
                term.hessian(x, &mut |_, _, h| out[*places.next().unwrap()] += weight * h);
            }
        }
    }

    fn hessian_product(&mut self, x: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        let mut entries = vec![0.0; self.shape.hessian.entries()];
        self.hessian(x, sigma, weights, &mut entries);
        out.fill(0.0);
        crate::linalg::sparse::add_symmetric_product(&self.shape.hessian, &entries, 1.0, v, out);
    }

    fn evaluations(&self) -> Evaluations {
        Evaluations::default()
    }

    fn explain_not_finite(&mut self, _: &[f64]) -> Option<String> {
        None
    }
}
