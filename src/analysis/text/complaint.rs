//! What a program complains about before it gives up, other than its neighbours: its configuration, its files, its
//! memory, the database's schema.

use super::words::{after, env_names, find, first_word, has_any, has_word, quoted};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// An environment variable is missing.
    MissingEnv,
    /// The disk is full.
    NoSpace,
    /// The runtime's heap, or the machine's memory, is used up.
    HeapExhausted,
    /// The binary is for another architecture, or no binary.
    ExecFormat,
    /// The program or a library of it is not in the image.
    MissingProgram,
    /// A port is taken.
    PortInUse,
    /// A command-line flag that it does not know or misses.
    BadFlag,
    /// A table, column or schema is missing.
    Schema,
    /// Something read-only is written to.
    ReadOnly,
    /// A file may not be read, written or run.
    FilePermission,
    /// Too many files or sockets are open.
    TooManyFiles,
    /// A setting is missing in a configuration file.
    MissingSetting,
    /// The configuration cannot be read or is invalid.
    BadConfig,
    /// A file is missing.
    MissingFile,
}

impl Trouble {
    /// As a fact: the phrase chooses its words by it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingEnv => "missing_env",
            Self::NoSpace => "no_space",
            Self::HeapExhausted => "heap_exhausted",
            Self::ExecFormat => "exec_format",
            Self::MissingProgram => "missing_program",
            Self::PortInUse => "port_in_use",
            Self::BadFlag => "bad_flag",
            Self::Schema => "schema",
            Self::ReadOnly => "read_only",
            Self::FilePermission => "file_permission",
            Self::TooManyFiles => "too_many_files",
            Self::MissingSetting => "missing_setting",
            Self::BadConfig => "bad_config",
            Self::MissingFile => "missing_file",
        }
    }

    /// Whether the way it was configured, packaged or started is at fault.
    pub fn is_config(self) -> bool {
        match self {
            Self::MissingEnv
            | Self::ExecFormat
            | Self::MissingProgram
            | Self::PortInUse
            | Self::BadFlag
            | Self::ReadOnly
            | Self::FilePermission
            | Self::MissingSetting
            | Self::BadConfig
            | Self::MissingFile => true,
            Self::NoSpace | Self::HeapExhausted | Self::Schema | Self::TooManyFiles => false,
        }
    }
}

/// A complaint with the name it is about: a variable, a path, a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub trouble: Trouble,
    /// `DATABASE_URL`, `/etc/app/config.yaml`, `--listen` …
    pub name: Option<String>,
}

/// In lower case, most telling first. [`Trouble::MissingEnv`] is found by [`missing_env`].
const RULES: &[(Trouble, &[&str])] = &[
    (
        Trouble::NoSpace,
        &[
            "no space left on device",
            "enospc",
            "disk quota exceeded",
            "disk is full",
            "disk full",
            "could not extend file",
            "flood stage disk watermark",
            "flood-stage watermark",
            "not enough disk space",
            "not enough free space",
            "insufficient disk space",
        ],
    ),
    (
        Trouble::HeapExhausted,
        &[
            "java.lang.outofmemoryerror",
            "heap out of memory",
            "runtime: out of memory",
            "out of memory: cannot allocate",
            "std::bad_alloc",
            "cannot allocate memory",
            "memory allocation of",
            "system.outofmemoryexception",
            "outofmemoryexception",
            "allowed memory size of",
            "oom command not allowed",
            "memoryerror",
            "java heap space",
            "gc overhead limit",
            "enomem",
            "fatal error: out of memory",
        ],
    ),
    (Trouble::ExecFormat, &["exec format error", "cannot execute binary file", "wrong architecture"]),
    (
        Trouble::MissingProgram,
        &[
            "executable file not found",
            "exec user process caused",
            "command not found",
            ": not found in $path",
            "error while loading shared libraries",
            "modulenotfounderror",
            "no module named",
            "cannot find module",
            "cannot find package",
            "classnotfoundexception",
            "noclassdeffounderror",
            "could not find or load main class",
            "unable to access jarfile",
            "err_module_not_found",
            "cannot load such file",
            "importerror",
            "no such file or directory: unknown",
            "version `glibc",
            "could not find gem",
            "stat /",
        ],
    ),
    (
        Trouble::PortInUse,
        &[
            "address already in use",
            "eaddrinuse",
            "address in use",
            "port is already allocated",
            "only one usage of each socket",
            "port already in use",
            "failed to bind to address",
        ],
    ),
    (
        Trouble::BadFlag,
        &[
            "unknown flag",
            "flag provided but not defined",
            "unrecognized argument",
            "unrecognised argument",
            "unrecognized option",
            "unknown option",
            "invalid option",
            "illegal option",
            "no such option",
            "unexpected argument",
            "unknown shorthand flag",
            "unknown command",
            "unknown argument",
            "bad option",
            "missing required argument",
            "required arguments were not provided",
            "the following arguments are required",
            "required flag",
            "flag needs an argument",
            "unknown command-line flag",
            "unrecognized vm option",
            "unsupported option",
        ],
    ),
    (
        Trouble::Schema,
        &[
            "undefinedtable",
            "undefinedcolumn",
            "doesn't exist\")",
            "unknown column",
            "no such table",
            "no such column",
            "invalid object name",
            "ora-00942",
            "unknown database",
            "pending migration",
            "migrations are pending",
            "unapplied migration",
            "unknown table",
            "table not found",
            "schema mismatch",
            "schema version",
            "dirty database version",
            "undefined table",
            "index_not_found_exception",
        ],
    ),
    (Trouble::ReadOnly, &["read-only file system", "erofs", "readonly file system"]),
    (
        Trouble::FilePermission,
        &[
            "permission denied",
            "eacces",
            "operation not permitted",
            "eperm",
            "accessdeniedexception",
            "permissionerror",
        ],
    ),
    (
        Trouble::TooManyFiles,
        &[
            "too many open files",
            "emfile",
            "enfile",
            "file descriptors",
            "resource temporarily unavailable",
            "unable to create new native thread",
            "unable to create native thread",
            "cannot create thread",
            "pthread_create failed",
        ],
    ),
    (
        Trouble::MissingSetting,
        &[
            "could not resolve placeholder",
            "missing required config",
            "missing required setting",
            "missing required property",
            "missing configuration",
            "missing config key",
            "no configuration found",
            "required key not found",
            "config key",
            "is required but",
            "required property",
            "required configuration",
            "missing required field",
            "missing field",
        ],
    ),
    (
        Trouble::BadConfig,
        &[
            "error parsing config",
            "failed to parse config",
            "invalid config",
            "could not parse config",
            "error loading config",
            "failed to load config",
            "could not load config",
            "unable to load config",
            "unable to parse config",
            "parse config",
            "parsing config",
            "loading config",
            "config error",
            "configuration error",
            "configuration is invalid",
            "error in config",
            "yaml: ",
            "yaml.scanner",
            "yaml.parser",
            "toml parse",
            "unmarshal errors",
            "cannot unmarshal",
            "invalid character",
            "jsondecodeerror",
            "syntaxerror: unexpected token",
            "json parse error",
            "[emerg]",
            "application failed to start",
            "invalidconfiguration",
            "configexception",
            "improperlyconfigured",
            "configurationexception",
            "unknown directive",
            "unknown configuration",
            "bad configuration option",
            "config validation",
            "validation error for settings",
            "validation errors for settings",
            "failed to bind properties",
            "configuration file",
            "error validating config",
            "wrong config",
            "invalid value for",
            "unknown field",
            "unsupported protocol scheme",
            "malformed",
            "invalid dsn",
            "invalid connection string",
            "invalid url",
            "missingschema",
            "invalidport",
            "failed to read config",
            "error reading config",
            "cannot read config",
            "config file",
            "syntax error in",
            "unknown log level",
            "invalid log level",
            "unknown variable ",
            "unrecognized configuration parameter",
            "license has expired",
            "license expired",
            "incompatible with server",
            "vm.max_map_count",
        ],
    ),
    (
        Trouble::MissingFile,
        &[
            "no such file or directory",
            "enoent",
            "filenotfounderror",
            "filenotfoundexception",
            "nosuchfileexception",
            "file not found",
            "cannot open file",
            "cannot find the file",
            "could not open file",
        ],
    ),
];

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

/// What the record complains about; `None` where it speaks of something else.
pub fn complaint(record: &str) -> Option<Complaint> {
    if let Some(name) = missing_env(record) {
        return Some(Complaint { trouble: Trouble::MissingEnv, name: Some(name) });
    }
    let lower = record.to_ascii_lowercase();
    let missing_relation =
        has_any(&lower, &["relation ", "column ", "schema ", "table ", "database ", "type ", "function "])
            && has_any(&lower, &["does not exist", "doesn't exist"]);
    let trouble = match RULES.iter().find(|(_, needles)| has_any(&lower, needles)) {
        _ if missing_relation => Trouble::Schema,
        Some((Trouble::FilePermission, _)) if is_database_permission(&lower) => return None,
        // A missing program is said in the words of a missing file; only the kubelet's `stat /x` is sure.
        Some((Trouble::MissingProgram, _)) if lower.contains("stat /") && !lower.contains("no such file") => {
            return None;
        }
        // The file that is missing tells more than that something about the configuration is wrong.
        Some((Trouble::BadConfig | Trouble::MissingSetting, _)) if lower.contains("no such file or directory") => {
            Trouble::MissingFile
        }
        Some((trouble, _)) => *trouble,
        None => return None,
    };
    Some(Complaint { trouble, name: name_of(trouble, record) })
}

/// `permission denied for table orders` is the database speaking.
fn is_database_permission(lower: &str) -> bool {
    has_any(lower, &["permission denied for ", "permissiondenied"])
}

/// The environment variable that the record says is missing.
fn missing_env(record: &str) -> Option<String> {
    let cues = ["environment", "env ", "env:", "env var", "envvar", "keyerror", "environ"];
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
                ],
            );
        (!is_frame && !weak).then(|| name.to_owned())
    })
}

/// The path, flag or name in the complaint.
fn name_of(trouble: Trouble, record: &str) -> Option<String> {
    let line = record.lines().find(|line| {
        let lower = line.to_ascii_lowercase();
        RULES.iter().any(|(other, needles)| *other == trouble && has_any(&lower, needles))
            || trouble == Trouble::Schema && lower.contains("exist")
    })?;
    let found = match trouble {
        Trouble::MissingFile | Trouble::FilePermission | Trouble::ReadOnly | Trouble::NoSpace | Trouble::BadConfig => {
            path(line)
        }
        Trouble::BadFlag => flag(line).or_else(|| quoted(line)),
        Trouble::PortInUse => port(line),
        Trouble::MissingProgram => [
            "no module named ",
            "cannot find module ",
            "exec: ",
            "loading shared libraries: ",
            "jarfile ",
            "cannot find package ",
            "main class ",
        ]
        .iter()
        .find_map(|cue| after(line, cue))
        .map(first_word)
        .or_else(|| find(line, ": command not found").and_then(|at| line[..at].rsplit([' ', ':']).next()))
        .or_else(|| after(line, "stat ").map(first_word)),
        Trouble::MissingSetting => quoted(line),
        Trouble::Schema => quoted(line),
        Trouble::MissingEnv | Trouble::HeapExhausted | Trouble::ExecFormat | Trouble::TooManyFiles => None,
    };
    found.map(|name| crate::domain::text::line(name, 120)).filter(|name| !name.is_empty())
}

/// The first absolute path, or a file name with a configuration's ending.
fn path(line: &str) -> Option<&str> {
    let words = || {
        line.split(|c: char| c.is_whitespace() || "\"'`,;()[]{}=".contains(c))
            .map(|word| word.trim_end_matches([':', '.']))
    };
    let absolute = words().find(|word| word.starts_with('/') && word.len() > 2 && !word.starts_with("//"));
    let ends = [
        ".yaml",
        ".yml",
        ".json",
        ".toml",
        ".conf",
        ".ini",
        ".cfg",
        ".properties",
        ".xml",
        ".env",
        ".pem",
        ".crt",
        ".key",
        ".hcl",
    ];
    absolute
        .or_else(|| words().find(|word| ends.iter().any(|end| word.ends_with(end))))
        .map(|word| word.split(':').next().unwrap_or(word))
}

fn flag(line: &str) -> Option<&str> {
    line.split(|c: char| c.is_whitespace() || "\"'`,;()[]".contains(c))
        .find(|word| word.len() > 1 && word.starts_with('-') && word.chars().any(char::is_alphabetic))
        .map(|word| word.trim_end_matches([':', '.']))
}

fn port(line: &str) -> Option<&str> {
    line.split(|c: char| c.is_whitespace() || "\"'`,;()".contains(c)).find_map(|word| {
        let port = word.trim_end_matches(':').rsplit(':').next()?;
        (word.contains(':') && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())).then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(record: &str) -> String {
        complaint(record).map_or("-".into(), |found| {
            format!("{} {}", found.trouble.as_str(), found.name.unwrap_or_default()).trim_end().to_owned()
        })
    }

    #[test]
    fn complaints_of_many_programs() {
        for (record, expected) in [
            ("KeyError: 'DATABASE_URL'", "missing_env DATABASE_URL"),
            ("    db = connect(os.environ[\"DATABASE_URL\"])\nKeyError: 'DATABASE_URL'", "missing_env DATABASE_URL"),
            ("Error: required environment variable \"REDIS_URL\" is not set", "missing_env REDIS_URL"),
            ("panic: required key APP_PORT missing value", "missing_env APP_PORT"),
            ("/entrypoint.sh: line 3: PGHOST: unbound variable", "missing_env PGHOST"),
            ("sh: DATABASE_URL: parameter not set", "missing_env DATABASE_URL"),
            (
                "Error: Database is uninitialized. You must specify POSTGRES_PASSWORD to a non-empty value",
                "missing_env POSTGRES_PASSWORD",
            ),
            (
                "1 validation error for Settings\nDATABASE_URL\n  Field required [type=missing]",
                "missing_env DATABASE_URL",
            ),
            ("STRIPE_API_KEY must be set", "missing_env STRIPE_API_KEY"),
            ("open /etc/app/config.yaml: no such file or directory", "missing_file /etc/app/config.yaml"),
            ("failed to load config: open config.yaml: no such file or directory", "missing_file config.yaml"),
            (
                "Error: ENOENT: no such file or directory, open '/run/secrets/key.pem'",
                "missing_file /run/secrets/key.pem",
            ),
            ("Error: unknown flag: --listen-addr", "bad_flag --listen-addr"),
            ("flag provided but not defined: -verbose", "bad_flag -verbose"),
            ("error: unexpected argument '--foo' found", "bad_flag --foo"),
            ("error parsing config file /etc/a.yml: yaml: line 3: mapping values", "bad_config /etc/a.yml"),
            (
                "nginx: [emerg] unknown directive \"servr\" in /etc/nginx/nginx.conf:3",
                "bad_config /etc/nginx/nginx.conf",
            ),
            ("***************************\nAPPLICATION FAILED TO START", "bad_config"),
            ("Could not resolve placeholder 'db.url' in value \"${db.url}\"", "missing_setting db.url"),
            ("listen tcp :8080: bind: address already in use", "port_in_use 8080"),
            ("exec /app/server: exec format error", "exec_format"),
            ("exec: \"gunicorn\": executable file not found in $PATH: unknown", "missing_program gunicorn"),
            ("ModuleNotFoundError: No module named 'requests'", "missing_program requests"),
            ("Error: Cannot find module '/app/index.js'", "missing_program /app/index.js"),
            ("write /data/wal: no space left on device", "no_space /data/wal"),
            ("java.lang.OutOfMemoryError: Java heap space", "heap_exhausted"),
            ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "heap_exhausted"),
            ("ERROR:  relation \"orders_2026\" does not exist at character 15", "schema orders_2026"),
            ("open /data/lock: permission denied", "file_permission /data/lock"),
            ("ERROR: permission denied for table orders", "-"),
            ("mkdir /cache: read-only file system", "read_only /cache"),
            ("accept tcp: too many open files", "too_many_files"),
            ("listed products count=3", "-"),
            ("GET /required HTTP/1.1 200", "-"),
            ("ERROR payment was not accepted", "-"),
        ] {
            assert_eq!(read(record), expected, "{record}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = complaint(&text);
            let _ = complaint(&format!("exec: {text} no such file or directory: '{text}"));
            let _ = complaint(&format!("unknown flag -{text}\n{text}: command not found"));
        }
    }
}
