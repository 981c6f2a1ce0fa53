//! Where a person watches: colour, the live line of a long solve, and Ctrl-C.

use crate::answer::LogLine;
use crate::answer::layout::{number, residual};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Colour only on a terminal, and not where `NO_COLOR` is set.
pub fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The first Ctrl-C asks the solve to end with its best point, the second kills.
pub fn catch_interrupts(counter: Arc<AtomicUsize>) {
    // If no handler can be installed, Ctrl-C kills at once: nothing is lost that could be helped here.
    let _ = ctrlc::set_handler(move || {
        if counter.fetch_add(1, Ordering::Relaxed) > 0 {
            std::process::exit(130);
        }
    });
}

/// Nothing is being done that an interrupt could end.
pub const IDLE: usize = usize::MAX;

/// The same for a conversation, which goes on after a solve was ended: `began` is what the counter was when the work began,
/// which tells the first Ctrl-C from the second, or [`IDLE`], when the first kills.
pub fn catch_interrupts_of_each(counter: Arc<AtomicUsize>, began: Arc<AtomicUsize>) {
    // As above.
    let _ = ctrlc::set_handler(move || {
        let began = began.load(Ordering::Relaxed);
        if counter.fetch_add(1, Ordering::Relaxed) > began || began == IDLE {
            std::process::exit(130);
        }
    });
}

/// One line on standard error that tells how a long solve goes. Nothing is written in the first second, nor where
/// standard error is no terminal.
pub struct LiveLine {
    began: Instant,
    shown: Option<Instant>,
    active: bool,
}

impl LiveLine {
    pub fn new(active: bool) -> LiveLine {
        LiveLine { began: Instant::now(), shown: None, active: active && std::io::stderr().is_terminal() }
    }

    pub fn update(&mut self, line: &LogLine) {
        let now = Instant::now();
        let quiet = self
            .shown
            .map_or(now - self.began < Duration::from_secs(1), |last| now - last < Duration::from_millis(100));
        if !self.active || quiet {
            return;
        }
        self.shown = Some(now);
        let seconds = (now - self.began).as_secs_f64();
        let mut text = format!("{:>6}  objective {}", line.iteration, number(line.objective));
        for (name, value) in [("primal", line.primal), ("dual", line.dual)] {
            if !value.is_nan() {
                text += &format!("  {name} {}", residual(value));
            }
        }
        // A terminal that went away is no reason to end a solve.
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}  {seconds:.1} s");
    }

    /// Removes the line, so that what follows begins in an empty one.
    pub fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// A line on standard error that says what runs now, on a terminal only.
pub struct Note {
    active: bool,
    shown: bool,
}

impl Note {
    pub fn new() -> Note {
        Note { active: std::io::stderr().is_terminal(), shown: false }
    }

    pub fn show(&mut self, words: &str) {
        if self.active {
            self.shown = true;
            let _ = write!(std::io::stderr(), "\r\x1b[K{words}");
        }
    }

    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
