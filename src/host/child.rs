//! A running program that answers lines with lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child as Process, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The other end of two pipes. It is killed when the value is dropped.
pub trait Child {
    /// Sends a line, which needs no end of its own; does not wait for the program to read it.
    fn send(&mut self, line: &str) -> Result<(), String>;
    /// Waits for a line, for so many seconds at most.
    fn receive(&mut self, seconds: f64) -> Received;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Line(String),
    /// No line so far.
    Nothing,
    /// There will be none any more: how the program ended.
    Ended(String),
}

/// Longer lines are no answers.
const LONGEST_LINE: u64 = 1 << 24;

/// A process of the machine. Two threads move lines, so that neither side can block the other.
pub struct DiskChild {
    process: Process,
    lines: Receiver<String>,
    outgoing: Sender<String>,
}

impl DiskChild {
    /// Starts `words[0]` in a folder. What it writes to standard error is seen by the user.
    pub fn start(words: &[String], folder: &str) -> Result<DiskChild, String> {
        let (name, arguments) = words.split_first().ok_or("the command is empty")?;
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        if !folder.is_empty() {
            command.current_dir(folder);
        }
        let mut process = command.spawn().map_err(|e| e.to_string())?;
        let (mut input, output) = match (process.stdin.take(), process.stdout.take()) {
            (Some(input), Some(output)) => (input, output),
            _ => return Err("it has no pipes".to_string()),
        };
        let (outgoing, to_send) = channel::<String>();
        std::thread::spawn(move || {
            for line in to_send {
                // Whoever waits for the answer finds out that there is nobody.
                if input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_err() {
                    break;
                }
            }
        });
        let (arrived, lines) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(output);
            loop {
                let mut line = vec![];
                let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
                if !matches!(read, Ok(count) if count > 0)
                    || arrived.send(String::from_utf8_lossy(&line).into()).is_err()
                {
                    break;
                }
            }
        });
        Ok(DiskChild { process, lines, outgoing })
    }

    fn end(&mut self) -> String {
        // The pipe closes a little before the process is gone.
        for _ in 0..20 {
            match self.process.try_wait() {
                Ok(Some(status)) => return format!("it ended ({status})"),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => break,
            }
        }
        "it closed its standard output".to_string()
    }
}

impl Child for DiskChild {
    fn send(&mut self, line: &str) -> Result<(), String> {
        self.outgoing.send(format!("{line}\n")).map_err(|_| self.end())
    }

    fn receive(&mut self, seconds: f64) -> Received {
        match self.lines.recv_timeout(Duration::from_secs_f64(seconds.clamp(0.0, 1e6))) {
            Ok(line) => Received::Line(line.trim_end().to_string()),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::Ended(self.end()),
        }
    }
}

impl Drop for DiskChild {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
