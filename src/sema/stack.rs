//! A stack of its own for the elaboration, which recurses as deeply as definitions lean on each other.
//!
//! A model may nest 200 deep in each statement, call 200 `def`s inside each other and chain 400 declarations. [`DEEPEST`]
//! bounds all of this together, and [`SIZE`] holds that many frames, on whatever thread the caller runs. The host stays
//! with the caller, since it may be bound to its thread; questions go to it through a channel.

use crate::host::Host;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Expressions evaluated inside each other.
pub(super) const DEEPEST: u32 = 4000;

/// Bytes. 64 KB for each level; measured frames take about 4 KB of it without optimisation.
const SIZE: usize = DEEPEST as usize * (64 << 10);

/// Runs `work` on a thread with a large stack, with a host that hands all questions to `host`.
pub(super) fn deep<T: Send>(host: &dyn Host, work: impl FnOnce(&dyn Host) -> T + Send) -> T {
    thread::scope(|scope| {
        let (ask, asked) = channel();
        let worker = thread::Builder::new().stack_size(SIZE).spawn_scoped(scope, move || work(&Distant { ask }));
        let worker = match worker {
            Ok(worker) => worker,
            Err(why) => panic!("the system gives no thread to read the model: {why}"),
        };
        while let Ok(question) = asked.recv() {
            question(host);
        }
        match worker.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

type Question = Box<dyn FnOnce(&dyn Host) + Send>;

/// The host, on another thread.
struct Distant {
    ask: Sender<Question>,
}

impl Distant {
    fn answer<T: Send + 'static>(&self, question: impl FnOnce(&dyn Host) -> T + Send + 'static) -> Option<T> {
        let (tell, told): (Sender<T>, Receiver<T>) = channel();
        // Either end is gone only while a panic of the other thread passes through.
        self.ask.send(Box::new(move |host| drop(tell.send(question(host))))).ok()?;
        told.recv().ok()
    }
}

impl Host for Distant {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let path = path.to_string();
        self.answer(move |host| host.read(&path)).unwrap_or_else(|| Err("the host is gone".to_string()))
    }

    fn seconds(&self) -> f64 {
        self.answer(|host| host.seconds()).unwrap_or(0.0)
    }

    fn interrupts(&self) -> usize {
        self.answer(|host| host.interrupts()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Memory;

    #[test]
    fn files_are_read_through_the_channel() {
        let host = Memory::default();
        host.files.borrow_mut().insert("a.csv".to_string(), b"x".to_vec());
        let (there, missing) = deep(&host, |host| (host.read("a.csv"), host.read("b.csv")));
        assert_eq!(there, Ok(b"x".to_vec()));
        assert!(missing.is_err());
    }
}
