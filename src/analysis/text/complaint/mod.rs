//! What a program complains about before it gives up, other than its neighbours: its configuration, its files, its
//! memory, the database's schema.

use super::words::has_any;
use missing_env::missing_env;
use name::name_of;
use rules::RULES;

mod missing_env;
mod name;
mod rules;

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

/// What the record complains about; `None` where it speaks of something else.
pub fn complaint(record: &str) -> Option<Complaint> {
    if let Some(name) = missing_env(record) {
        return Some(Complaint { trouble: Trouble::MissingEnv, name: Some(name) });
    }
    let lower = record.to_lowercase();
    let missing_relation =
        has_any(&lower, &["relation ", "column ", "schema ", "table ", "database ", "type ", "function "])
            && has_any(&lower, &["does not exist", "doesn't exist"])
            || has_any(&lower, &["отношение ", "столбец ", "таблица ", "схема "]) && lower.contains("не существует");
    let trouble = match RULES.iter().find(|(_, needles)| has_any(&lower, needles)) {
        _ if missing_relation => Trouble::Schema,
        // A cache says so of its own memory, not of the caller's.
        Some((Trouble::HeapExhausted, _)) if lower.contains("command not allowed") => return None,
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
