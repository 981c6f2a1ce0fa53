//! `merit repl`: a conversation about a model, at a terminal or through a pipe.

use super::WRONG_MODEL;
use super::arguments::Repl;
use super::common::{print, tell, tell_all};
use super::terminal::{IDLE, LiveLine, catch_interrupts_of_each, colour};
use crate::host::Disk;
use crate::repl::lines::Lines;
use crate::repl::terminal::{Terminal, Typed};
use crate::repl::{Conversation, Reply};
use crate::session::Model;
use std::io::{BufRead, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of a person: 0. Of a pipe: 1 if something was not carried out, else as the last solve ended, else 0.
pub fn run(arguments: Repl) -> i32 {
    let host = Rc::new(Disk::new());
    let mut shell = Shell {
        counter: host.interrupt_counter(),
        began: Arc::new(AtomicUsize::new(IDLE)),
        conversation: Conversation::new(host.clone()),
        code: 0,
        ended: 0,
    };
    if let Some(file) = &arguments.file {
        match Model::from_host(host, file) {
            Ok(model) => {
                let reply = shell.conversation.load(model);
                shell.tell(&reply);
            }
            Err(errors) => return tell(&errors),
        }
    }
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        shell.at_terminal();
        return 0;
    }
    shell.through_pipe();
    if shell.code == 0 { shell.ended } else { shell.code }
}

struct Shell {
    conversation: Conversation,
    /// How often Ctrl-C was pressed, and how often it had been when the work began.
    counter: Arc<AtomicUsize>,
    began: Arc<AtomicUsize>,
    code: i32,
    ended: i32,
}

impl Shell {
    fn at_terminal(&mut self) {
        let history = history_file();
        let colour = colour(&std::io::stdout());
        let mut terminal = match Terminal::open(history.as_deref(), colour) {
            Ok(terminal) => terminal,
            // A terminal that cannot be driven is read as a pipe.
            Err(_) => return self.through_pipe(),
        };
        // After the terminal was taken, which may have put a handler of its own.
        self.catch_interrupts();
        print("Merit: state a model, ask about it; `:help` says how, Ctrl-D ends.\n");
        loop {
            match terminal.read(&self.conversation) {
                Typed::Input(text) => {
                    if self.answer(&text).leave {
                        return;
                    }
                }
                Typed::Cancelled => {}
                Typed::End => return,
            }
        }
    }

    fn catch_interrupts(&self) {
        catch_interrupts_of_each(self.counter.clone(), self.began.clone());
    }

    fn through_pipe(&mut self) {
        self.catch_interrupts();
        let mut lines = Lines::default();
        let mut line = String::new();
        loop {
            line.clear();
            // Not locked while it waits: who answers oracles reads the same stream.
            let read = std::io::stdin().lock().read_line(&mut line);
            let complete = match read {
                Ok(0) => break,
                Ok(_) => lines.push(line.trim_end_matches(['\n', '\r'])),
                Err(error) => {
                    eprintln!("the input cannot be read on: {error}");
                    self.code = WRONG_MODEL;
                    break;
                }
            };
            for input in complete {
                if self.answer(&input).leave {
                    return;
                }
            }
        }
        if let Some(input) = lines.finish()
            && self.answer(&input).leave
        {
            return;
        }
        for waiting in self.conversation.waiting() {
            eprintln!("at the end of the input: {waiting}");
            self.code = WRONG_MODEL;
        }
    }

    fn answer(&mut self, input: &str) -> Reply {
        self.began.store(self.counter.load(Ordering::Relaxed), Ordering::Relaxed);
        let mut live = LiveLine::new(true);
        let reply = self.conversation.say(input, &mut |line| {
            live.update(line);
            ControlFlow::Continue(())
        });
        live.clear();
        self.began.store(IDLE, Ordering::Relaxed);
        self.tell(&reply);
        reply
    }

    fn tell(&mut self, reply: &Reply) {
        for errors in &reply.told {
            tell_all(&errors.diagnostics, &errors.sources);
        }
        print(&reply.text);
        // A reader that went away has what it wanted.
        let _ = std::io::stdout().flush();
        if reply.failed {
            self.code = WRONG_MODEL;
        }
        self.ended = reply.ended.unwrap_or(self.ended);
    }
}

/// Where the lines of earlier conversations are kept: in the folder for state of the XDG convention.
fn history_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")))?.join("merit");
    // Without a folder there is no history, and all else works.
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}
