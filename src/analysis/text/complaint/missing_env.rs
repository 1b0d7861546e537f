//! Which environment variable a program misses, in the words of shells, languages and configuration libraries.

use crate::analysis::text::words::{env_names, has_any, has_word};

/// By which a sentence says that what it names is missing.
const MISSING: &[&str] = &[
    "not set",
    "is required",
    "are required",
    "is missing",
    "missing",
    "undefined",
    "unset",
    "not found",
    "not defined",
    "required",
    "must be set",
    "is empty",
    "cannot be empty",
    "must not be empty",
    "should not be empty",
    "unbound variable",
    "parameter not set",
    "keyerror",
    "notpresent",
    "not present",
    "not provided",
    "not configured",
    "must specify",
    "need to specify",
    "please set",
    "please specify",
    "set the",
    "must provide",
    "no value",
    "cannot be blank",
    "expected",
    "missing value",
    "не задан",
    "не установлен",
    "не указан",
    "не определен",
    "не определён",
    "отсутствует",
];
/// Written like variables, but names of something else.
const NOT_ENV: &[&str] = &[
    "ERROR",
    "FATAL",
    "INFO",
    "WARN",
    "WARNING",
    "DEBUG",
    "PANIC",
    "CRITICAL",
    "HTTP",
    "HTTPS",
    "POST",
    "GET",
    "PUT",
    "DELETE",
    "PATCH",
    "NULL",
    "JSON",
    "YAML",
    "TLS",
    "SSL",
    "TCP",
    "UDP",
    "DNS",
    "SQL",
    "URL",
    "URI",
    "API",
    "EOF",
    "UTC",
    "GMT",
    "JVM",
    "SELECT",
    "FROM",
    "INSERT",
    "UPDATE",
    "TABLE",
    "SQLSTATE",
    "STATEMENT",
    "DETAIL",
    "HINT",
    "ENOENT",
    "EACCES",
    "AWS",
    "NODE",
    "PATH",
    "MODULE_NOT_FOUND",
    "CONFIG",
    "FILE",
    "EXCEPTION",
    "CPU",
    "RAM",
    "XML",
    "HTML",
    "UUID",
    "ENV",
    "LOG",
    "MYSQL",
    "ORA",
    "NOAUTH",
    "SEVERE",
    "NOTICE",
    "ALERT",
];

/// The environment variable that the record says is missing.
pub(super) fn missing_env(record: &str) -> Option<String> {
    let cues = ["environment", "env ", "env:", "env var", "envvar", "keyerror", "environ", "переменн"];
    record.lines().find_map(|line| {
        let lower = line.to_lowercase();
        let missing = has_any(&lower, MISSING);
        let spoken_of = has_any(&lower, &cues);
        let shell = has_any(&lower, &["unbound variable", "parameter not set", "parameter null or not set"]);
        if !missing {
            // pydantic names the variable on one line and says `Field required` on the next.
            let next = record.lines().skip_while(|other| *other != line).nth(1).unwrap_or_default();
            let alone = env_names(line).next().filter(|name| *name == line.trim());
            return alone
                .filter(|_| has_any(next, &["Field required", "field required", "Required", "missing"]))
                .map(str::to_owned);
        }
        let mut names = env_names(line).filter(|name| !NOT_ENV.contains(name) && !name.starts_with("ERR_"));
        let name = names.find(|name| name.contains('_') || spoken_of || shell)?;
        // `os.environ["X"]` in a stack frame is where it was looked up, not that it is missing; the error line repeats it.
        let is_frame = line.trim_start().starts_with("File ") || line.contains("os.environ[");
        // A sentence about a name in capitals that is not about its absence: `ORDERS_TABLE expected 3 rows`.
        let weak = !spoken_of
            && !shell
            && !has_word(&lower, "required")
            && !has_any(
                &lower,
                &[
                    "not set",
                    "missing",
                    "must be set",
                    "unset",
                    "undefined",
                    "not defined",
                    "not configured",
                    "empty",
                    "must specify",
                    "need to specify",
                    "not provided",
                    "не задан",
                    "не указан",
                    "отсутствует",
                ],
            );
        (!is_frame && !weak).then(|| name.to_owned())
    })
}
