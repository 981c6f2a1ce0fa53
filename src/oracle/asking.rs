//! `via asking`: a person at the terminal sees the candidates and says which are better.
//!
//! An order is written `2 > 1 = 3`; whoever is left out comes last. `stop`, the end of the input or an interrupt
//! ends the solve with the best so far; what was said is in the journal, so that the conversation goes on where it ended.

use super::{Channel, Each};
use crate::answer::Stop;
use crate::answer::layout::{aligned, significant};
use crate::host::Host;
use crate::problem::oracles::Oracle;
use crate::solve::black_box::ranking::Ranking;

pub(super) struct Asking<'a> {
    name: String,
    /// `x[1]`, one for each number of a question.
    labels: Vec<String>,
    host: &'a dyn Host,
    asked: usize,
    /// How many interrupts there had been when the solve began.
    interrupts: usize,
}

impl<'a> Asking<'a> {
    pub fn new(oracle: &Oracle, host: &'a dyn Host) -> Asking<'a> {
        let labels = oracle.arguments.iter();
        let labels = labels.flat_map(|a| (0..a.axes.len()).map(move |p| format!("{}{}", a.name, a.axes.label(p))));
        Asking { name: oracle.name.clone(), labels: labels.collect(), host, asked: 0, interrupts: host.interrupts() }
    }

    /// Shows a text until what is said can be understood.
    fn until<T>(&self, text: &str, understood: impl Fn(&str) -> Result<T, String>) -> Result<T, Stop> {
        let mut text = text.to_string();
        loop {
            let said = self.host.ask(&text, self.interrupts);
            let said = said.map_err(|why| Stop::Oracle(format!("oracle `{}`: {why}", self.name)))?;
            let Some(said) = said else { return Err(Stop::Interrupted) };
            if matches!(said.trim(), "stop" | "quit" | "q") {
                return Err(Stop::Interrupted);
            }
            match understood(&said) {
                Ok(answer) => return Ok(answer),
                Err(why) => text = format!("{why}\n> "),
            }
        }
    }

    /// A column for each candidate.
    fn table(&self, candidates: &[&[f64]]) -> String {
        let head = std::iter::once(String::new()).chain((1..=candidates.len()).map(|k| format!("({k})")));
        let mut rows = vec![head.collect::<Vec<String>>()];
        for (j, label) in self.labels.iter().enumerate() {
            let numbers = candidates.iter().map(|c| significant(c[j], 6));
            rows.push(std::iter::once(label.clone()).chain(numbers).collect());
        }
        aligned(&rows).join("\n")
    }
}

impl Channel for Asking<'_> {
    fn answered_before(&mut self, questions: usize) {
        self.asked = questions;
    }

    fn values(&mut self, questions: &[&[f64]], each: &mut Each) -> Result<(), Stop> {
        for (k, question) in questions.iter().enumerate() {
            self.asked += 1;
            let text =
                format!("\n{} {}\n{}\nits value (`stop` to end): ", self.name, self.asked, self.table(&[question]));
            let value = self.until(&text, |said| {
                said.trim().parse::<f64>().map_err(|_| "a number is needed, such as 3.5".to_string())
            })?;
            each(k, value)?;
        }
        Ok(())
    }

    fn ranking(&mut self, candidates: &[Vec<f64>], best: usize) -> Result<Ranking, Stop> {
        self.asked += 1;
        let shown: Vec<&[f64]> = candidates.iter().map(Vec::as_slice).collect();
        let wanted = match best {
            1 => "which is best? ".to_string(),
            k if k < candidates.len() => format!("the best {k}, "),
            _ => String::new(),
        };
        let text = format!(
            "\n{} {}\n{}\n{wanted}best first, such as `2 > 1 = 3` (`stop` to end): ",
            self.name,
            self.asked,
            self.table(&shown)
        );
        let groups = self.until(&text, |said| order(said, candidates.len()))?;
        Ok(Ranking::of_groups(candidates.len(), &groups))
    }
}

/// `2 > 1 = 3` as groups of candidates from 0.
fn order(said: &str, count: usize) -> Result<Vec<Vec<usize>>, String> {
    let number = |word: &str| match word.trim().parse::<usize>() {
        Ok(k) if (1..=count).contains(&k) => Ok(k - 1),
        Ok(_) | Err(_) => Err(format!("`{}` is no candidate: they are 1 to {count}", word.trim())),
    };
    let groups = said.split('>').map(|group| group.split('=').map(number).collect());
    let groups = groups.collect::<Result<Vec<Vec<usize>>, String>>()?;
    super::protocol::valid_groups(&groups, count)?;
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_understood_or_explained() {
        assert_eq!(order("2 > 1 = 3", 3), Ok(vec![vec![1], vec![0, 2]]));
        assert_eq!(order("3", 3), Ok(vec![vec![2]]));
        for (said, why) in [
            ("", "no candidate"),
            ("4 > 1", "they are 1 to 3"),
            ("1 > 1", "candidate 1 twice"),
            ("two > 1", "`two`"),
            ("1 >", "``"),
        ] {
            assert!(order(said, 3).unwrap_err().contains(why), "{said}: {:?}", order(said, 3));
        }
    }
}
