//! The one door to the outside: files, clock, interrupts, programs, the terminal. Only this room and the shells touch them.

mod child;
mod keyboard;

use child::DiskChild;
pub use child::{Child, Received};
use std::any::Any;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fs::{File, TryLockError};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What a model may ask of the outside.
pub trait Host {
    /// The bytes of a file. `path` is already joined to the folder of whoever named it.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
    /// The folder in which relative paths begin, if it has a name.
    fn folder(&self) -> Option<String> {
        None
    }
    /// Seconds since the host was made; monotone.
    fn seconds(&self) -> f64;
    /// How often an interrupt was asked for so far.
    fn interrupts(&self) -> usize;
    /// Adds to the end of a file, which is made if it is not there.
    fn append(&self, path: &str, _bytes: &[u8]) -> Result<(), String> {
        Err(format!("`{path}` cannot be written: files are only read here"))
    }
    /// Makes a file with these bytes, in place of one that is there.
    fn write(&self, path: &str, _bytes: &[u8]) -> Result<(), String> {
        Err(format!("`{path}` cannot be written: files are only read here"))
    }
    /// Whether something stands at a path, readable or not.
    fn exists(&self, path: &str) -> bool {
        self.read(path).is_ok()
    }
    /// Keeps others from adding to a file, which is made if it is not there, as long as the value lives.
    fn hold(&self, path: &str) -> Result<Held, String> {
        self.append(path, b"").map(|()| -> Held { Box::new(()) })
    }
    /// Starts a program with its arguments in a folder.
    fn start(&self, _words: &[String], _folder: &str) -> Result<Box<dyn Child>, String> {
        Err("no programs are run here".to_string())
    }
    /// Shows a text to a person and waits for a line; `None` at the end of what they say, or once there were more interrupts
    /// than `interrupts`.
    fn ask(&self, _text: &str, _interrupts: usize) -> Result<Option<String>, String> {
        Err("there is no terminal here".to_string())
    }
}

/// A file that nobody else adds to until this is dropped, or its process ends, where the system has locks.
pub type Held = Box<dyn Any>;

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

    fn folder(&self) -> Option<String> {
        Some(std::env::current_dir().ok()?.to_str()?.to_string())
    }

    fn seconds(&self) -> f64 {
        self.born.elapsed().as_secs_f64()
    }

    fn interrupts(&self) -> usize {
        self.interrupts.load(Ordering::Relaxed)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(bytes)).map_err(|e| e.to_string())
    }

    fn exists(&self, path: &str) -> bool {
        std::fs::symlink_metadata(path).is_ok()
    }

    fn hold(&self, path: &str) -> Result<Held, String> {
        let file = File::options().append(true).create(true).open(path).map_err(|e| e.to_string())?;
        // Elsewhere than on Unix a lock shuts out everybody, ourselves among them.
        match cfg!(unix).then(|| file.try_lock()) {
            Some(Err(TryLockError::WouldBlock)) => Err("another run is asking and writes to it".to_string()),
            // Not every file system has locks.
            Some(Ok(()) | Err(TryLockError::Error(_))) | None => Ok(Box::new(file)),
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        std::fs::write(path, bytes).map_err(|e| e.to_string())
    }

    fn start(&self, words: &[String], folder: &str) -> Result<Box<dyn Child>, String> {
        Ok(Box::new(DiskChild::start(words, folder)?))
    }

    /// Questions go to standard error, so that results stand alone on standard output.
    fn ask(&self, text: &str, interrupts: usize) -> Result<Option<String>, String> {
        let mut out = std::io::stderr();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| e.to_string())?;
        // A terminal hands over whole lines, so that none waits in a buffer; who answers through a pipe is no person.
        while std::io::stdin().is_terminal() && !keyboard::says_something() {
            if self.interrupts() > interrupts {
                // A terminal that went away needs no new line.
                let _ = out.write_all(b"\n");
                return Ok(None);
            }
        }
        let mut line = String::new();
        match std::io::stdin().read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(line.trim_end().to_string())),
            Err(e) => Err(e.to_string()),
        }
    }
}

/// Files held in memory and a clock that stands still: for sandboxes and tests.
#[derive(Default)]
pub struct Memory {
    pub files: RefCell<HashMap<String, Vec<u8>>>,
    /// What a person will say, line by line.
    pub said: RefCell<VecDeque<String>>,
    /// What a person was shown.
    pub shown: RefCell<String>,
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

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        self.files.borrow_mut().entry(path.to_string()).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        self.files.borrow_mut().insert(path.to_string(), bytes.to_vec());
        Ok(())
    }

    fn ask(&self, text: &str, _interrupts: usize) -> Result<Option<String>, String> {
        self.shown.borrow_mut().push_str(text);
        Ok(self.said.borrow_mut().pop_front())
    }
}
