//! `holmes-bot patterns`: groups the lines of any log into patterns.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;

use crate::analysis::patterns::continuation::Open;
use crate::analysis::patterns::{Level, Mined, Miner, Pattern, Settings, Side, Slot, read_line};

/// Bytes of a line that are kept; of a longer one the rest is passed over.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Bytes of the lines of one record that are kept.
const MAX_RECORD_BYTES: usize = 2 * MAX_LINE_BYTES;

/// Reading in pieces of this size.
const BUFFER_BYTES: usize = 256 * 1024;

/// Columns of a template or an example in the table.
const MAX_COLUMNS: usize = 160;

/// Arguments of `holmes-bot patterns`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The log to read; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Print the pattern of each line instead of the patterns.
    #[arg(long)]
    assign: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let input: Box<dyn Read> = if args.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).with_context(|| format!("open {}", args.file.display()))?)
    };
    let input = BufReader::with_capacity(BUFFER_BYTES, input);
    let output = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    let result = match (args.assign, args.json) {
        (false, false) => table(input, output),
        (false, true) => document(input, output),
        (true, json) => assign(input, output, if json { Format::Json } else { Format::Text }),
    };
    match result {
        // Whoever reads may have seen enough: `… | head`.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => other,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[derive(Clone, Copy)]
enum Format {
    Text,
    Json,
}

/// Reads everything. `each` gets the slot of each record with the number of its lines.
fn mine(mut input: impl BufRead, mut each: impl FnMut(Slot, u32)) -> Result<Miner> {
    let mut miner = Miner::new(Settings::default());
    let mut pending = Pending::default();
    let mut line = Vec::new();
    while read_bounded(&mut input, &mut line).context("read the log")? {
        if !pending.take(&line) {
            pending.complete(&mut miner, &mut each);
            pending.start(&line);
        }
    }
    pending.complete(&mut miner, &mut each);
    Ok(miner)
}

/// The record under way.
#[derive(Default)]
struct Pending {
    text: Vec<u8>,
    first: Range<usize>,
    lines: u32,
    open: Open,
}

impl Pending {
    fn start(&mut self, line: &[u8]) {
        self.text.clear();
        self.text.extend_from_slice(line);
        self.first = 0..line.len();
        self.lines = 1;
        self.open = Open::start(line);
    }

    /// Adds a line that belongs to the record. Says whether it does.
    fn take(&mut self, line: &[u8]) -> bool {
        if self.lines == 0 || !self.open.goes_on(&self.text[self.first.clone()], line) {
            return false;
        }
        self.lines += 1;
        if self.text.len() + line.len() < MAX_RECORD_BYTES {
            self.text.push(b'\n');
            self.text.extend_from_slice(line);
        }
        true
    }

    fn complete(&mut self, miner: &mut Miner, each: &mut impl FnMut(Slot, u32)) {
        if self.lines == 0 {
            return;
        }
        let text = match std::str::from_utf8(&self.text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(&self.text),
        };
        let slot = miner.add(&read_line(&text), None, Side::Window);
        each(slot, self.lines);
        self.lines = 0;
    }
}

/// Reads a line without its end. Says whether there was one.
fn read_bounded(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = memchr::memchr(b'\n', buffer);
        let piece = &buffer[..end.unwrap_or(buffer.len())];
        let room = MAX_LINE_BYTES - line.len();
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(any)
}

fn assign(input: impl BufRead, mut output: impl Write, format: Format) -> Result<()> {
    // Four bytes for each line, so that what is learnt late holds for the first line as well.
    let mut slots: Vec<Slot> = Vec::new();
    let miner = mine(input, |slot, lines| slots.extend(std::iter::repeat_n(slot, lines as usize)))?;
    let mined = miner.mine();
    let written: Vec<String> = mined
        .templates()
        .iter()
        .map(|(id, template)| match format {
            Format::Json => format!("\"pattern\":\"{id}\",\"template\":{}}}\n", json!(template)),
            Format::Text => format!("{id} {template}\n"),
        })
        .collect();
    for (index, slot) in slots.iter().enumerate() {
        let line = index + 1;
        let rest = &written[mined.index_of(*slot)];
        match format {
            Format::Json => write!(output, "{{\"line\":{line},{rest}")?,
            Format::Text => write!(output, "{line} {rest}")?,
        }
    }
    output.flush()?;
    Ok(())
}

struct Total {
    lines: u64,
    records: u64,
}

fn all(input: impl BufRead) -> Result<(Mined, Total)> {
    let mut total = Total { lines: 0, records: 0 };
    let miner = mine(input, |_, lines| {
        total.lines += u64::from(lines);
        total.records += 1;
    })?;
    Ok((miner.mine(), total))
}

fn document(input: impl BufRead, mut output: impl Write) -> Result<()> {
    let (mined, total) = all(input)?;
    let document = json!({ "lines": total.lines, "records": total.records, "patterns": mined.patterns(Side::Window) });
    serde_json::to_writer_pretty(&mut output, &document).map_err(io::Error::from)?;
    writeln!(output)?;
    output.flush()?;
    Ok(())
}

fn table(input: impl BufRead, mut output: impl Write) -> Result<()> {
    let (mined, total) = all(input)?;
    let patterns = mined.patterns(Side::Window);
    writeln!(output, "{} lines, {} records, {} patterns", total.lines, total.records, patterns.len())?;
    if !patterns.is_empty() {
        writeln!(output, "\n{:>9}  {:<5}  TEMPLATE", "COUNT", "LEVEL")?;
    }
    for pattern in &patterns {
        row(&mut output, pattern)?;
    }
    output.flush()?;
    Ok(())
}

fn row(output: &mut impl Write, pattern: &Pattern) -> io::Result<()> {
    let level = pattern.level.map_or("", Level::as_str);
    writeln!(output, "{:>9}  {level:<5}  {}", pattern.count, shorten(&pattern.template))?;
    if pattern.example != pattern.template {
        writeln!(output, "{:>9}  {:<5}  e.g. {}", "", "", shorten(&pattern.example))?;
    }
    Ok(())
}

/// One line that fits, without what would move the cursor.
fn shorten(text: &str) -> String {
    let clean = |char: char| if char.is_control() { ' ' } else { char };
    let mut out: String = text.chars().take(MAX_COLUMNS).map(clean).collect();
    if text.chars().nth(MAX_COLUMNS).is_some() {
        out.push('…');
    }
    out
}
