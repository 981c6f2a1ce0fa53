//! The binary spelling of a text `.nl` file that has one item on each line, as the fixtures do.

/// The operators whose number of operands stands on the next line.
const COUNTED: &[i32] = &[11, 12, 54, 59, 60, 61, 70, 71, 74, 75];
/// The header's number for little-endian machines, and for big-endian ones.
const ORDERS: [&str; 2] = ["1", "2"];

struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    fn integer(&mut self, word: &str) {
        let value: i32 = word.parse().unwrap_or_else(|_| panic!("`{word}` is an integer"));
        self.bytes.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn real(&mut self, word: &str) {
        let value: f64 = word.parse().unwrap_or_else(|_| panic!("`{word}` is a number"));
        self.bytes.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn name(&mut self, name: &str) {
        self.integer(&name.len().to_string());
        self.bytes.extend(name.bytes());
    }
}

pub fn binary(text: &str, big_endian: bool) -> Vec<u8> {
    let plain = |line: &str| line.split('#').next().unwrap_or("").trim().to_string();
    let lines: Vec<String> = text.lines().map(plain).collect();
    let mut out = Writer { bytes: vec![], big_endian };
    for (k, line) in lines[..10].iter().enumerate() {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if k == 5 {
            words.resize(words.len().max(3), "0");
            words[2] = ORDERS[big_endian as usize];
        }
        let line = words.join(" ");
        out.bytes.extend(if k == 0 { line.replacen('g', "b", 1) } else { line }.bytes());
        out.bytes.push(b'\n');
    }
    let mut rest = lines[10..].iter().filter(|line| !line.is_empty()).peekable();
    // Segments that hold pairs or bounds, and how many lines of them are left.
    while let Some(line) = rest.next() {
        let (letter, words) = (line.as_bytes()[0], line[1..].split_whitespace().collect::<Vec<_>>());
        out.bytes.push(letter);
        let pairs = match letter {
            b'C' | b'O' => {
                words.iter().for_each(|word| out.integer(word));
                expression(&mut out, &mut rest);
                continue;
            }
            b'V' => {
                words.iter().for_each(|word| out.integer(word));
                words[1].parse().expect("a count")
            }
            b'F' => {
                words[..3].iter().for_each(|word| out.integer(word));
                out.name(words[3]);
                continue;
            }
            b'S' => {
                words[..2].iter().for_each(|word| out.integer(word));
                out.name(words[2]);
                let real = words[0].parse::<u32>().expect("a kind") & 4 != 0;
                for _ in 0..words[1].parse().expect("a count") {
                    let (index, value) = rest.next().and_then(|line| line.split_once(' ')).expect("a pair");
                    out.integer(index);
                    if real { out.real(value) } else { out.integer(value) }
                }
                continue;
            }
            b'r' | b'b' => {
                while let Some(line) = rest.next_if(|line| line.as_bytes()[0].is_ascii_digit()) {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    out.bytes.push(words[0].as_bytes()[0]);
                    words[1..].iter().for_each(|word| if words[0] == "5" { out.integer(word) } else { out.real(word) });
                }
                continue;
            }
            b'k' => {
                out.integer(words[0]);
                for _ in 0..words[0].parse().expect("a count") {
                    out.integer(rest.next().expect("an entry"));
                }
                continue;
            }
            b'x' | b'd' | b'J' | b'G' => {
                words.iter().for_each(|word| out.integer(word));
                words.last().and_then(|word| word.parse().ok()).expect("a count")
            }
            other => panic!("no segment begins with {}", other as char),
        };
        for _ in 0..pairs {
            let (index, value) = rest.next().and_then(|line| line.split_once(' ')).expect("a pair");
            out.integer(index);
            out.real(value);
        }
        if letter == b'V' {
            expression(&mut out, &mut rest);
        }
    }
    out.bytes
}

fn expression<'a>(out: &mut Writer, lines: &mut impl Iterator<Item = &'a String>) {
    let mut missing = 1;
    while missing > 0 {
        missing -= 1;
        let line = lines.next().expect("an expression goes on");
        let (letter, word) = (line.as_bytes()[0], &line[1..]);
        // Texts spell small whole numbers as `n` too.
        out.bytes.push(letter);
        match letter {
            b'n' => out.real(word),
            b's' => {
                let value: i16 = word.parse().expect("a short integer");
                out.bytes.extend(if out.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
            }
            b'v' => out.integer(word),
            b'f' => {
                let words: Vec<&str> = word.split_whitespace().collect();
                words.iter().for_each(|word| out.integer(word));
                missing += words[1].parse::<usize>().expect("a count");
            }
            b'o' => {
                out.integer(word);
                let code: i32 = word.parse().expect("a code");
                missing += match code {
                    64 => {
                        // Slopes and breakpoints between them, then the argument.
                        let count = lines.next().expect("a count");
                        out.integer(count);
                        2 * count.parse::<usize>().expect("a count")
                    }
                    code if COUNTED.contains(&code) => {
                        let count = lines.next().expect("a count");
                        out.integer(count);
                        count.parse().expect("a count")
                    }
                    35 | 65 | 72 => 3,
                    13..=16 | 34 | 37..=47 | 49..=53 => 1,
                    _ => 2,
                };
            }
            other => panic!("no expression begins with {}", other as char),
        }
    }
}
