//! Advice in the words of a conversation: what helps call by its name on the command line has another name here.

use super::reply::Reply;

/// On the command line, and in a conversation.
const WORDS: &[(&str, &str)] = &[
    ("`merit show`", "`:show`"),
    ("`merit plan`", "`:plan`"),
    ("`merit check` takes the model", "the model may say so"),
    ("on the command line: `--param ", "with `:param "),
    ("`--param name=value` and `--data name=path`", "`:param name = value` and `:data name = path`"),
    ("`--journal FILE`", "`:set journal FILE`"),
    ("`--set max_iter=N`", "`:set max_iter N`"),
    ("(`--with`)", "(`:solve METHOD`)"),
    ("`--with ", "`:solve "),
];

pub(super) fn in_conversation(text: &str) -> String {
    WORDS.iter().fold(text.to_string(), |text, (there, here)| text.replace(there, here))
}

/// A reply whose helps are those of a conversation.
pub(super) fn reworded(mut reply: Reply) -> Reply {
    for diagnostic in reply.told.iter_mut().flat_map(|errors| &mut errors.diagnostics) {
        diagnostic.help = diagnostic.advice().map(in_conversation);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::catalogue::CATALOGUE;

    #[test]
    fn no_help_names_the_command_line() {
        // Files to start from and formats of other systems are given on the command line alone.
        let elsewhere = |entry: &&crate::diag::catalogue::Entry| entry.room == "interop" || entry.id == "bad-answer";
        for entry in CATALOGUE.iter().filter(|entry| !elsewhere(entry)) {
            let help = in_conversation(entry.help);
            assert!(!help.contains("`merit ") && !help.contains("`--"), "{}: {help}", entry.id);
        }
        assert_eq!(in_conversation("did you mean `--with genetic`?"), "did you mean `:solve genetic`?");
    }
}
