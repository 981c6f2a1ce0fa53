//! Limits, clock, interrupts, progress and log of a solve, once for all methods.

use crate::answer::{LogLine, Stop};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts values of functions and derivatives, of all kinds together, for the lines of the log. Views add to it.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<AtomicUsize>);

impl Meter {
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a running method reports to and obeys. Methods call [`Monitor::observe`] once an iteration.
pub struct Monitor<'a> {
    pub iteration_limit: usize,
    /// In seconds of `clock`.
    pub deadline: f64,
    pub clock: &'a dyn Fn() -> f64,
    /// True once the user asked to stop.
    pub interrupted: &'a dyn Fn() -> bool,
    /// Called for each line; `Break` ends the solve as an interrupt.
    pub progress: &'a mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    pub keep_log: bool,
    pub log: Vec<LogLine>,
    /// When it began, in seconds of `clock`.
    pub began: f64,
    pub meter: Meter,
}

impl<'a> Monitor<'a> {
    /// Without limits and log.
    pub fn new(
        clock: &'a dyn Fn() -> f64,
        interrupted: &'a dyn Fn() -> bool,
        progress: &'a mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Monitor<'a> {
        let (iteration_limit, deadline) = (usize::MAX, f64::INFINITY);
        let (log, began, meter) = (vec![], clock(), Meter::default());
        Monitor { iteration_limit, deadline, clock, interrupted, progress, keep_log: false, log, began, meter }
    }
}

impl Monitor<'_> {
    /// Records an iteration; `Break` carries why the method must stop now.
    pub fn observe(&mut self, line: LogLine) -> ControlFlow<Stop> {
        let line = LogLine { evaluations: self.meter.get(), seconds: (self.clock)() - self.began, ..line };
        if self.keep_log {
            self.log.push(line);
        }
        if (self.progress)(&line).is_break() {
            return ControlFlow::Break(Stop::Interrupted);
        }
        if line.iteration >= self.iteration_limit {
            return ControlFlow::Break(Stop::IterationLimit);
        }
        match self.over() {
            Some(stop) => ControlFlow::Break(stop),
            None => ControlFlow::Continue(()),
        }
    }

    /// Whether the user or the clock ended the solve.
    pub fn over(&self) -> Option<Stop> {
        if (self.interrupted)() {
            return Some(Stop::Interrupted);
        }
        ((self.clock)() > self.deadline).then_some(Stop::TimeLimit)
    }
}
