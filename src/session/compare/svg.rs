//! The comparison as a picture: how far the objective was from the best, against evaluations and against time.

use super::Comparison;
use crate::answer::LogLine;
use crate::answer::plot::{Axis, Chart, Curve, Panel, render};

/// Closer than this to the best, relative to it, all are drawn alike: a logarithmic axis has no 0.
const CLOSEST: f64 = 1e-16;

impl Comparison {
    /// An SVG document; a curve for each run, a colour for each method.
    pub fn svg(&self, title: &str) -> String {
        let mut legend: Vec<String> = vec![];
        let best = self.best().unwrap_or(f64::NAN);
        let gap = |objective: f64| (objective - best).abs().max(CLOSEST * best.abs().max(1.0));
        let mut panel = |label: &str, x: fn(&LogLine) -> f64| {
            let curves = self.runs.iter().map(|run| {
                let entry = legend.iter().position(|name| *name == run.method).unwrap_or_else(|| {
                    legend.push(run.method.clone());
                    legend.len() - 1
                });
                Curve { entry, points: run.progress.iter().map(|line| (x(line), gap(line.objective))).collect() }
            });
            Panel {
                curves: curves.collect(),
                x: Axis { label: label.to_string(), logarithmic: false, from_zero: true },
                y: Axis { label: "|objective - best|".to_string(), logarithmic: true, from_zero: false },
            }
        };
        let panels = vec![panel("evaluations", |line| line.evaluations as f64), panel("seconds", |line| line.seconds)];
        render(&Chart { title: title.to_string(), panels, legend })
    }
}
