//! The text that strace writes, as calls in the order in which they began and ended.
//!
//! One tracer sees all threads, and a thread stops at the beginning and at the end of each call
//! until the tracer has noted it: whatever one thread knows because another told it stands later
//! in the file.

use std::collections::BTreeMap;

/// One call of the system. Strings in it are hexadecimal still: see [`text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: String,
    /// What it returned; `None`: it never did, for the process was gone.
    pub(crate) returned: Option<i64>,
}

/// A call begins or ends, by its place in [`Trace::calls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Begins(usize),
    Ends(usize),
}

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) calls: Vec<Call>,
    pub(crate) moments: Vec<Moment>,
}

impl Trace {
    /// Reads what strace wrote with `-f -y -xx`.
    ///
    /// # Panics
    /// With the line, if it is none that strace writes.
    pub(crate) fn read(written: &str) -> Self {
        let mut trace = Self::default();
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for line in written.lines() {
            let (thread, said) = line.split_once(' ').unwrap_or_else(|| unknown(line));
            let said = said.trim_start();
            if said.starts_with("+++") || said.starts_with("---") {
                continue;
            }
            if let Some(rest) = said.strip_prefix("<... ") {
                let (_, rest) = rest
                    .split_once(" resumed>")
                    .unwrap_or_else(|| unknown(line));
                let call = open.remove(thread).unwrap_or_else(|| unknown(line));
                trace.end(call, rest, line);
                continue;
            }
            let (name, rest) = said.split_once('(').unwrap_or_else(|| unknown(line));
            let call = trace.begin(name);
            match rest.strip_suffix("<unfinished ...>") {
                Some(rest) => {
                    trace.calls[call].arguments.push_str(rest.trim_end());
                    open.insert(thread, call);
                }
                None => trace.end(call, rest, line),
            }
        }
        trace
    }

    fn begin(&mut self, name: &str) -> usize {
        let call = self.calls.len();
        self.calls.push(Call {
            name: name.to_owned(),
            arguments: String::new(),
            returned: None,
        });
        self.moments.push(Moment::Begins(call));
        call
    }

    fn end(&mut self, call: usize, rest: &str, line: &str) {
        let (arguments, result) = halves(rest).unwrap_or_else(|| unknown(line));
        let number = result.split([' ', '<']).next().unwrap_or_default();
        let of = &mut self.calls[call];
        of.arguments.push_str(arguments);
        if number == "?" {
            return;
        }
        let hex = number.strip_prefix("0x");
        let returned = match hex {
            Some(digits) => u64::from_str_radix(digits, 16).map(u64::cast_signed),
            None => number.parse(),
        };
        of.returned = Some(returned.unwrap_or_else(|_| unknown(line)));
        self.moments.push(Moment::Ends(call));
    }
}

/// What stands before `) = `, with as many blanks as strace likes, and behind it. All strings
/// are hexadecimal: none can look like that.
fn halves(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find(')').map(|at| at + from) {
        let behind = text[at + 1..].trim_start();
        if let Some(result) = behind.strip_prefix("= ") {
            return Some((&text[..at], result));
        }
        from = at + 1;
    }
    None
}

fn unknown(line: &str) -> ! {
    let start: String = line.chars().take(200).collect();
    panic!("this is no line of a trace: {start}");
}

impl Call {
    /// The arguments, parted at commas outside of brackets.
    pub(crate) fn parts(&self) -> Vec<&str> {
        let (mut depth, mut start) = (0_i32, 0);
        let mut parts = Vec::new();
        for (at, byte) in self.arguments.bytes().enumerate() {
            match byte {
                b'[' | b'{' | b'(' => depth += 1,
                b']' | b'}' | b')' => depth -= 1,
                b',' if depth == 0 => {
                    parts.push(self.arguments[start..at].trim());
                    start = at + 1;
                }
                _ => {}
            }
        }
        parts.push(self.arguments[start..].trim());
        parts
    }

    /// All strings of the arguments, put together: what a write writes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for quoted in self.arguments.split('"').skip(1).step_by(2) {
            unescape(quoted, &mut bytes);
        }
        bytes
    }
}

/// The first string of `part`: a path.
pub(crate) fn text(part: &str) -> Option<String> {
    let quoted = part.split('"').nth(1)?;
    let mut bytes = Vec::new();
    unescape(quoted, &mut bytes);
    String::from_utf8(bytes).ok()
}

/// The path of a descriptor: `5<...>`.
pub(crate) fn path_of(part: &str) -> Option<String> {
    let escaped = part.split_once('<')?.1.split('>').next()?;
    let mut bytes = Vec::new();
    unescape(escaped, &mut bytes);
    String::from_utf8(bytes).ok()
}

/// `\x41` is `A`; anything else is itself.
fn unescape(escaped: &str, out: &mut Vec<u8>) {
    let bytes = escaped.as_bytes();
    out.reserve(bytes.len() / 4);
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => unknown(escaped),
    };
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' && bytes.get(at + 1) == Some(&b'x') && at + 3 < bytes.len() {
            out.push(digit(bytes[at + 2]) * 16 + digit(bytes[at + 3]));
            at += 4;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
}
