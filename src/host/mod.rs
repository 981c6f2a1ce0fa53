//! The one door to the outside: files, clock, interrupts. Only this room and the shells touch them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What a model may ask of the outside.
pub trait Host {
    /// The bytes of a file. `path` is already joined to the folder of whoever named it.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
    /// Seconds since the host was made; monotone.
    fn seconds(&self) -> f64;
    /// How often an interrupt was asked for so far.
    fn interrupts(&self) -> usize;
}

/// Files of the disk and the clock of the machine.
pub struct Disk {
    born: Instant,
    interrupts: Arc<AtomicUsize>,
}

impl Disk {
    pub fn new() -> Disk {
        Disk { born: Instant::now(), interrupts: Arc::new(AtomicUsize::new(0)) }
    }

    /// Counted up by whoever catches signals.
    pub fn interrupt_counter(&self) -> Arc<AtomicUsize> {
        self.interrupts.clone()
    }
}

impl Default for Disk {
    fn default() -> Disk {
        Disk::new()
    }
}

impl Host for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|e| e.to_string())
    }

    fn seconds(&self) -> f64 {
        self.born.elapsed().as_secs_f64()
    }

    fn interrupts(&self) -> usize {
        self.interrupts.load(Ordering::Relaxed)
    }
}

/// Files held in memory and a clock that stands still: for sandboxes and tests.
#[derive(Default)]
pub struct Memory {
    pub files: RefCell<HashMap<String, Vec<u8>>>,
}

impl Host for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.files.borrow().get(path).cloned().ok_or_else(|| "no such file in memory".to_string())
    }

    fn seconds(&self) -> f64 {
        0.0
    }

    fn interrupts(&self) -> usize {
        0
    }
}
