//! From log lines of a Window and its Baseline to the patterns worth showing.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::patterns::compare::{self, PatternChange, Spans, compare};
use super::patterns::joiner::{Joined, Joiner};
use super::patterns::miner::{Miner, Settings, Side, Slot};
use super::patterns::{Level, PatternId, read_line};
use super::places::Places;
use super::text::network;
use crate::domain::evidence::{LogPattern, LogPatterns, Novelty};
use crate::domain::log_line::{LogBatch, LogLine};
use crate::domain::text;
use crate::domain::window::Window;

/// Patterns shown; the rest is counted.
pub const MAX_PATTERNS: usize = 12;
/// Longest example: a screen of stack trace.
pub const MAX_EXAMPLE_BYTES: usize = 2 * 1024;
/// Longest template: a template longer than that is an example.
const MAX_TEMPLATE_BYTES: usize = 400;

/// The patterns of the lines in `window`, compared with `baseline`; `None` when the Baseline could not be read, and
/// nothing can be called new.
pub fn summarise(window: (&LogBatch, Window), baseline: Option<(&LogBatch, Window)>) -> LogPatterns {
    let mut reader = Reader::new();
    reader.read(&window.0.lines, Side::Window);
    if let Some((batch, _)) = baseline {
        reader.read(&batch.lines, Side::Baseline);
    }
    let mined = reader.miner.mine();
    let mut examples: HashMap<PatternId, String> = HashMap::new();
    let mut places: HashMap<PatternId, Places> = HashMap::new();
    for (slot, found) in reader.places {
        places.entry(mined.template_of(slot).0).or_default().add(found);
    }
    for (slot, example) in reader.examples {
        let best = examples.entry(mined.template_of(slot).0).or_default();
        // Of records with one template the one that says most: the trace, not only its first line.
        if (example.len(), &*best) > (best.len(), &example) {
            *best = example;
        }
    }
    let window_span = covered(window.0, window.1);
    let spans =
        Spans { window: window_span, baseline: baseline.map_or(window_span, |(batch, range)| covered(batch, range)) };
    let scale = spans.window.as_seconds_f64() / spans.baseline.as_seconds_f64().max(1.0);
    // Of several places that fail alike, the one that fails so much more than before.
    examples.extend(places.into_iter().filter_map(|(id, places)| Some((id, places.worst(scale)?))));
    let changes = compare(mined.patterns(Side::Window), mined.patterns(Side::Baseline), spans);
    let folded = changes.len().saturating_sub(MAX_PATTERNS);
    let known = baseline.is_some();
    LogPatterns {
        lines: window.0.lines.len() as u64,
        baseline_lines: baseline.map_or(0, |(batch, _)| batch.lines.len() as u64),
        cut: window.0.cut,
        patterns: changes.into_iter().take(MAX_PATTERNS).map(|change| pattern(change, &mut examples, known)).collect(),
        folded,
    }
}

/// Lines before the onset that are enough to know what is usual.
const ENOUGH: usize = 20;

/// [`summarise`] where there is no Baseline of its own: the lines of `window` from before `from` are what is usual. With
/// too few of them nothing is called new.
pub fn summarise_split(window: &LogBatch, range: Window, from: DateTime<Utc>) -> LogPatterns {
    let from = from.clamp(range.from, range.to);
    let at = window.lines.partition_point(|line| line.time < from);
    if window.cut || at < ENOUGH || at == window.lines.len() {
        return summarise((window, range), None);
    }
    let part = |lines: &[LogLine]| LogBatch { lines: lines.to_vec(), cut: false, query: window.query.clone() };
    let (before, after) = (part(&window.lines[..at]), part(&window.lines[at..]));
    summarise((&after, Window::new(from, range.to)), Some((&before, Window::new(range.from, from))))
}

/// The time that a batch really covers: where reading was cut, only what lies behind its oldest line.
fn covered(batch: &LogBatch, range: Window) -> TimeDelta {
    match batch.lines.first() {
        Some(oldest) if batch.cut => (range.to - oldest.time).max(TimeDelta::seconds(1)),
        _ => range.length(),
    }
}

fn pattern(change: PatternChange, examples: &mut HashMap<PatternId, String>, known: bool) -> LogPattern {
    let PatternChange { pattern, count, baseline_count, novelty } = change;
    let example = examples.remove(&pattern.id).unwrap_or(pattern.example);
    LogPattern {
        id: pattern.id.to_string(),
        template: text::line(&pattern.template, MAX_TEMPLATE_BYTES),
        level: pattern.level.map(|level| level.as_str().to_owned()),
        count,
        baseline_count,
        novelty: match novelty {
            _ if !known => Novelty::Usual,
            compare::Novelty::New => Novelty::New,
            compare::Novelty::MoreFrequent { .. } => Novelty::MoreFrequent,
            compare::Novelty::Usual => Novelty::Usual,
            compare::Novelty::Less => Novelty::LessFrequent,
        },
        // Of a pattern that is gone, the times are those of the Baseline.
        first: pattern.first_seen.filter(|_| count > 0),
        last: pattern.last_seen.filter(|_| count > 0),
        example: text::bounded(&text::plain(&example), MAX_EXAMPLE_BYTES).into_owned(),
    }
}

/// Joins lines to records and counts them.
struct Reader {
    miner: Miner,
    examples: HashMap<Slot, String>,
    places: HashMap<Slot, Places>,
}

impl Reader {
    fn new() -> Self {
        Self { miner: Miner::new(Settings::default()), examples: HashMap::new(), places: HashMap::new() }
    }

    fn read(&mut self, lines: &[LogLine], side: Side) {
        let mut joiner: Joiner<&str> = Joiner::default();
        // The gravest level that the collector gave to a line of the record under way, by stream.
        let mut levels: HashMap<&str, Option<Level>> = HashMap::new();
        for line in lines {
            let stream = line.stream.as_str();
            let level = line.level.as_deref().and_then(|level| Level::parse(level.as_bytes()));
            match joiner.push(&stream, Some(line.time), &line.message) {
                Some(done) => {
                    let of_done = levels.remove(done.stream).flatten();
                    self.count(&done, of_done, side);
                    levels.insert(stream, level);
                }
                None => {
                    let under_way = levels.entry(stream).or_default();
                    *under_way = (*under_way).max(level);
                }
            }
        }
        for done in joiner.finish() {
            let level = levels.remove(done.stream).flatten();
            self.count(&done, level, side);
        }
    }

    fn count(&mut self, done: &Joined<&str>, level: Option<Level>, side: Side) {
        let mut record = read_line(&done.text);
        record.level = level.or(record.level);
        let slot = self.miner.add(&record, done.time, side);
        let example = self.examples.entry(slot).or_default();
        if example.is_empty() {
            *example = text::bounded(&done.text, MAX_EXAMPLE_BYTES).into_owned();
            if network::failure(example).is_some() {
                self.places.insert(slot, Places::default());
            }
        }
        if let Some(places) = self.places.get_mut(&slot) {
            places.count(&done.text, side);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn line(second: i64, stream: &str, message: &str) -> LogLine {
        LogLine { time: at(second), stream: stream.into(), message: message.into(), level: None }
    }

    fn batch(lines: Vec<LogLine>) -> LogBatch {
        LogBatch { lines, cut: false, query: "*".into() }
    }

    fn window() -> Window {
        Window::new(at(0), at(600))
    }

    fn before() -> Window {
        Window::new(at(-600), at(0))
    }

    #[test]
    fn a_new_error_with_its_trace_comes_before_the_usual_noise() {
        let mut now: Vec<LogLine> =
            (0..200).map(|i| line(i, "a/app", &format!("GET /cart/{i} took {} ms", i * 3))).collect();
        now.push(line(300, "a/app", "ERROR payment failed: connection refused"));
        now.push(line(300, "b/app", "GET /cart/7 took 3 ms"));
        now.push(line(300, "a/app", "\tat shop.Payment.pay(Payment.java:42)"));
        now.push(line(300, "a/app", "\tat shop.Cart.checkout(Cart.java:7)"));
        let usual = (0..200).map(|i| line(i - 600, "a/app", &format!("GET /cart/{i} took {} ms", i * 2))).collect();
        let patterns = summarise((&batch(now), window()), Some((&batch(usual), before())));
        assert_eq!((patterns.lines, patterns.baseline_lines, patterns.folded), (204, 200, 0));
        let [error, usual] = &patterns.patterns[..] else { panic!("{patterns:#?}") };
        assert_eq!((error.novelty, error.count, error.level.as_deref()), (Novelty::New, 1, Some("error")));
        assert!(error.example.contains("Cart.java:7"), "{}", error.example);
        assert_eq!((usual.novelty, usual.count, usual.baseline_count), (Novelty::Usual, 201, 200));
        assert!(usual.template.contains("<*>"), "{}", usual.template);
    }

    #[test]
    fn json_lines_are_read_by_message_and_level() {
        let json = |second, id| {
            line(second, "a/app", &format!(r#"{{"ts":{second},"level":"warn","msg":"slow query","id":"{id}"}}"#))
        };
        let patterns = summarise((&batch(vec![json(1, "x"), json(2, "y")]), window()), None);
        let [one] = &patterns.patterns[..] else { panic!("{patterns:#?}") };
        assert_eq!((one.template.as_str(), one.level.as_deref(), one.count), ("slow query", Some("warn"), 2));
        assert_eq!(one.novelty, Novelty::Usual);
    }

    #[test]
    fn the_level_of_the_collector_counts() {
        let mut one = line(1, "a/app", "cannot reach the database");
        one.level = Some("ERROR".into());
        let patterns = summarise((&batch(vec![one]), window()), None);
        assert_eq!(patterns.patterns[0].level.as_deref(), Some("error"));
    }

    #[test]
    fn of_places_that_fail_alike_the_one_that_fails_more_than_before_is_shown() {
        let call = |second: i64, host: &str| {
            line(second, "a/app", &format!("ERROR Get \"http://{host}:8080/v1/items\": context deadline exceeded"))
        };
        let mut now: Vec<LogLine> = (0..5).map(|i| call(i, "recommendations")).collect();
        now.extend((300..500).map(|i| call(i, "payments")));
        let usual = (0..5).map(|i| call(i - 600, "recommendations")).collect();
        let patterns = summarise((&batch(now), window()), Some((&batch(usual), before())));
        let [one] = &patterns.patterns[..] else { panic!("{patterns:#?}") };
        assert_eq!((one.count, one.novelty), (205, Novelty::MoreFrequent));
        assert!(one.example.contains("payments:8080"), "{}", one.example);
    }

    #[test]
    fn access_logs_in_json_are_told_apart_by_status() {
        let answer = |second: i64, status: u16| {
            line(second, "a/app", &format!(r#"{{"level":"info","msg":"request done","path":"/","status":{status}}}"#))
        };
        let mut now: Vec<LogLine> = (0..100).map(|i| answer(i, 200)).collect();
        now.extend((100..130).map(|i| answer(i, 503)));
        let usual = (0..100).map(|i| answer(i - 600, 200)).collect();
        let patterns = summarise((&batch(now), window()), Some((&batch(usual), before())));
        let [failed, served] = &patterns.patterns[..] else { panic!("{patterns:#?}") };
        assert_eq!((failed.count, failed.novelty, failed.level.as_deref()), (30, Novelty::New, Some("error")));
        assert!(failed.example.contains("503"), "{}", failed.example);
        assert_eq!((served.count, served.novelty), (100, Novelty::Usual));
    }

    #[test]
    fn bounds_hold_and_nothing_is_fine() {
        let words: Vec<String> = (0..40)
            .map(|i| format!("{} {}", ["alpha", "beta", "gamma", "delta"][i % 4], "word ".repeat(i + 1)))
            .collect();
        let long = "x".repeat(100_000);
        let mut lines: Vec<LogLine> = words.iter().map(|word| line(1, "a", word)).collect();
        lines.push(line(2, "b", &long));
        let patterns = summarise((&batch(lines), window()), None);
        assert!(patterns.patterns.len() <= MAX_PATTERNS && patterns.folded > 0);
        assert!(patterns.patterns.iter().all(|one| one.example.len() <= MAX_EXAMPLE_BYTES));
        assert_eq!(summarise((&batch(vec![]), window()), None), LogPatterns::default());
    }
}
