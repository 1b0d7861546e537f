//! The one line of a record or a stack trace that says why.

use super::record::{plain_record, reason, without_prefix};
use super::words::has_any;

/// Words by which a line complains.
const COMPLAINTS: &[&str] = &[
    "error",
    "fatal",
    "panic",
    "exception",
    "failed",
    "failure",
    "cannot",
    "can't",
    "could not",
    "unable to",
    "refused",
    "denied",
    "not found",
    "no such",
    "invalid",
    "missing",
    "emerg",
    "abort",
    "critical",
    "unknown",
    "must be",
    "not set",
    "required",
    "segmentation fault",
    "killed",
    "not provided",
    "not defined",
    "giving up",
    // Russian, without the endings.
    "ошибк",
    "исключени",
    "не удалось",
    "не удаётся",
    "не удается",
    "невозможно",
    "не найден",
    "не задан",
    "не существует",
    "отказано",
    "недоступ",
    "нет соединения",
    "сбой",
    "фатальн",
    "критическ",
    "авари",
];

/// The line that says why, on one line and bounded. `None` for blank text.
///
/// Each language has its own place for it: Python's is the last line of the traceback, Java's the last `Caused by:`,
/// Go's and Rust's come first.
pub fn root_line(record: &str) -> Option<String> {
    let plain = plain_record(record);
    let lines: Vec<&str> = plain.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
    let found = dotnet(&lines)
        .or_else(|| java(&lines))
        .or_else(|| rust(&lines))
        .or_else(|| go(&lines))
        .or_else(|| python(&lines))
        .or_else(|| cplusplus(&lines))
        .or_else(|| node(&lines))
        .map(str::to_owned)
        .or_else(|| complaint(&lines))?;
    let found = reason(&found);
    (!found.is_empty()).then_some(found)
}

/// Whether a record complains at all, by its words.
pub fn complains(record: &str) -> bool {
    has_any(&record.to_lowercase(), COMPLAINTS)
}

fn java<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let deepest = lines.iter().rev().find_map(|line| line.trim_start().strip_prefix("Caused by: "));
    deepest.or_else(|| {
        let frame = lines.iter().position(|line| line.trim_start().starts_with("at ") && line.contains('('))?;
        let head = without_prefix(lines.get(frame.checked_sub(1)?)?);
        // JavaScript's frames look alike; its head is found by the same step.
        has_any(head, &["Exception", "Error"]).then_some(head)
    })
}

fn rust<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let at = lines.iter().position(|line| line.contains("panicked at"))?;
    let line = lines.get(at)?;
    match line.split_once("panicked at '") {
        // Before 1.73: the message stands in quotes on the same line.
        Some((_, message)) => message.rsplit_once("', ").map(|(message, _)| message).or(Some(message)),
        None => lines.get(at + 1).map(|next| next.trim()).filter(|next| !next.starts_with("note:")).or(Some(line)),
    }
}

fn go<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let mut starts = lines.iter().filter_map(|line| {
        let at = ["panic: ", "fatal error: "].iter().filter_map(|cue| line.find(cue)).min()?;
        // `msg="recovered panic: …"` inside a sentence counts as well, but not the word in the middle of another.
        (at == 0 || line[..at].ends_with([' ', '"', '\t'])).then(|| &line[at..])
    });
    starts.next()
}

fn python<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let start = lines.iter().rposition(|line| line.contains("Traceback (most recent call last)"))?;
    let after = lines.get(start + 1..)?;
    // The first line that is not indented ends the traceback. Some shippers take the indentation away.
    let named = after.iter().find(|line| is_exception(line.trim_start()) && !line.trim_start().starts_with("File "));
    named.or_else(|| after.last()).map(|line| line.trim())
}

fn dotnet<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let inner = lines.iter().rev().find_map(|line| line.split_once("---> ").map(|(_, inner)| inner));
    inner.or_else(|| lines.iter().find_map(|line| line.split_once("Unhandled exception. ").map(|(_, rest)| rest)))
}

fn cplusplus<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let what = lines.iter().find_map(|line| line.trim_start().strip_prefix("what():"));
    let thrown = || lines.iter().find(|line| line.contains("terminate called")).copied();
    what.map(str::trim).or_else(thrown)
}

fn node<'a>(lines: &[&'a str]) -> Option<&'a str> {
    lines.iter().map(|line| without_prefix(line)).find(|line| is_exception(line))
}

/// The last line that complains, else the last line.
fn complaint(lines: &[&str]) -> Option<String> {
    let complains = |line: &&&str| has_any(&line.to_lowercase(), COMPLAINTS);
    // What stands below the complaint in an SQL error explains it less than the complaint itself.
    let quiet = |line: &&&str| !has_any(line, &["STATEMENT:", "HINT:", "DETAIL:", "npm ERR! A complete log"]);
    let line = lines.iter().rev().filter(quiet).find(complains).or_else(|| lines.last())?;
    Some(without_prefix(line).to_owned())
}

/// `KeyError: 'X'`, `java.lang.IllegalStateException: …`, `Error: …`, `TypeError [ERR_X]: …`, `SystemExit: 2`.
fn is_exception(line: &str) -> bool {
    let (head, message) = line.split_once(':').unwrap_or((line, ""));
    let name = head.split(" [").next().unwrap_or(head);
    let kind = name.rsplit(['.', ':']).next().unwrap_or(name);
    let named = name.chars().all(|c| c.is_alphanumeric() || "._$".contains(c));
    let is_error =
        has_any(kind, &["Error", "Exception", "Exit", "Interrupt", "Warning", "Fault", "Timeout", "NotFound"]);
    let upper = kind.starts_with(|c: char| c.is_uppercase());
    // A bare word is an exception only where nothing follows (`AssertionError`).
    named && upper && is_error && !name.is_empty() && (!message.trim().is_empty() || kind.ends_with("Error"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_language() {
        for (record, line) in [
            (
                "Traceback (most recent call last):\n  File \"/app/main.py\", line 41, in <module>\n    db = connect(os.environ[\"DATABASE_URL\"])\n  File \"/usr/lib/python3.11/os.py\", line 679, in __getitem__\n    raise KeyError(key) from None\nKeyError: 'DATABASE_URL'",
                "KeyError: 'DATABASE_URL'",
            ),
            (
                "Exception in thread \"main\" org.springframework.BeanCreationException: Error creating bean\n\tat a.b.C.d(C.java:1)\nCaused by: java.sql.SQLException: pool\n\tat x.Y.z(Y.java:2)\nCaused by: java.net.ConnectException: Connection refused (Connection refused)\n\t... 12 more",
                "java.net.ConnectException: Connection refused (Connection refused)",
            ),
            (
                "2026-11-22 10:00:00 ERROR java.lang.IllegalStateException: no license\n\tat a.b.C.d(C.java:1)",
                "java.lang.IllegalStateException: no license",
            ),
            (
                "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV]\n\ngoroutine 1 [running]:\nmain.main()",
                "panic: runtime error: invalid memory address or nil pointer dereference",
            ),
            (
                "thread 'main' panicked at src/main.rs:10:5:\nfailed to read config: NotFound\nnote: run with `RUST_BACKTRACE=1`",
                "failed to read config: NotFound",
            ),
            ("thread 'main' panicked at 'boom at dawn', src/main.rs:2:5", "boom at dawn"),
            (
                "/app/server.js:3\n    throw new Error('x')\n    ^\n\nError: Missing API key\n    at Object.<anonymous> (/app/server.js:3:7)\n    at Module._compile (node:internal)",
                "Error: Missing API key",
            ),
            (
                "Unhandled exception. System.Exception: outer\n ---> Npgsql.NpgsqlException: inner\n   at A.B()",
                "Npgsql.NpgsqlException: inner",
            ),
            (
                "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc",
                "std::bad_alloc",
            ),
            (
                "connecting to warehouse\nERROR:  relation \"orders_2026\" does not exist at character 15\nSTATEMENT:  SELECT 1",
                "relation \"orders_2026\" does not exist at character 15",
            ),
            (
                "level=fatal msg=\"cannot listen\" err=\"bind: address already in use\"",
                "cannot listen: bind: address already in use",
            ),
            ("started\nlistening", "listening"),
        ] {
            assert_eq!(root_line(record).as_deref(), Some(line), "{record}");
        }
        assert_eq!(root_line(" \n "), None);
    }
}
