//! Names in a claim: words that only a machine would write, or that a person put in backticks.

/// Words beside which a hyphenated word is a name.
const KINDS: [&str; 34] = [
    "pod",
    "pods",
    "deployment",
    "deployments",
    "service",
    "services",
    "namespace",
    "container",
    "containers",
    "node",
    "nodes",
    "job",
    "cronjob",
    "statefulset",
    "daemonset",
    "replicaset",
    "configmap",
    "secret",
    "ingress",
    "host",
    "database",
    "image",
    "volume",
    "pvc",
    "под",
    "пода",
    "сервис",
    "сервиса",
    "деплоймент",
    "контейнер",
    "узел",
    "узла",
    "образ",
    "база",
];
/// Words with inner capitals that everybody uses.
const COMMON: [&str; 22] = [
    "kubernetes",
    "victoriametrics",
    "victorialogs",
    "promql",
    "logsql",
    "alertmanager",
    "configmap",
    "statefulset",
    "daemonset",
    "replicaset",
    "cronjob",
    "persistentvolumeclaim",
    "postgresql",
    "openai",
    "github",
    "gitops",
    "argocd",
    "oomkilled",
    "i/o",
    "n/a",
    "and/or",
    "e.g",
];
/// Endings of everyday units, which numbers carry.
const UNITS: [&str; 28] = [
    "k", "m", "g", "t", "ki", "mi", "gi", "ti", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "b", "s", "ms",
    "us", "min", "h", "d", "x", "th", "st", "nd", "xx",
];

/// The names in `text`, each once.
pub(super) fn identifiers(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |word: &str| {
        let word = trimmed(word);
        if !word.is_empty() && !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    };
    let mut plain = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        // Code may be a command or an expression: its words are checked one by one.
        if index % 2 == 1 {
            part.split(|c: char| c.is_whitespace() || "=\"'{}()[],;|<>".contains(c))
                .filter(|word| word.chars().any(char::is_alphabetic) && !is_number_with_unit(word))
                .for_each(&mut add);
            plain.push_str(" · ");
        } else {
            plain.push_str(part);
        }
    }
    let cyrillic = plain.chars().filter(|c| ('\u{400}'..='\u{4FF}').contains(c)).count() * 2 > plain.len() / 3;
    let words: Vec<&str> =
        plain.split(|c: char| c.is_whitespace() || "=\"'{}()[],;|<>".contains(c)).map(trimmed).collect();
    for (at, word) in words.iter().enumerate() {
        let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|at| words.get(at));
        let beside_kind = beside.into_iter().any(|word| KINDS.contains(&word.to_lowercase().as_str()));
        if is_name(word)
            || is_address_or_version(word)
            || (word.contains('-') && is_latin(word) && (beside_kind || cyrillic))
        {
            add(word);
        }
    }
    found
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric() && !"/_".contains(c)).trim_end_matches('/')
}

fn is_latin(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_alphabetic()) && word.is_ascii()
}

/// Whether a word in prose can only be a name.
fn is_name(word: &str) -> bool {
    if !is_latin(word) || word.len() < 3 || is_number_with_unit(word) || COMMON.contains(&word.to_lowercase().as_str())
    {
        return false;
    }
    let has_digit = word.chars().any(|c| c.is_ascii_digit());
    let inner: Vec<char> = word.chars().collect();
    let camel = inner.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let joined = ['_', '/', ':', '@'].iter().any(|c| word.contains(*c));
    let dotted = word.split('.').filter(|part| !part.is_empty()).count() > 1 && !word.contains("...");
    has_digit || camel || joined || dotted
}

/// `10.0.0.12`, `1.9.0`.
fn is_address_or_version(word: &str) -> bool {
    word.matches('.').count() > 1 && word.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// `512Mi`, `3x`, `22:48:01`, `5xx`, `10.5s`, `2026-11-22T22:48:01Z`: numbers, not names.
fn is_number_with_unit(word: &str) -> bool {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || ".,:%-+/".contains(c));
    let starts = word.starts_with(|c: char| c.is_ascii_digit());
    let time = unit.starts_with('T') && unit.ends_with('Z') || unit == "Z";
    let per = unit.split('/').all(|unit| UNITS.contains(&unit.to_lowercase().as_str()));
    starts && (unit.is_empty() || unit == "%" || time || per)
}

/// Whether a name stands in `hay` (lower case), whole or in its parts.
pub(super) fn is_in(word: &str, hay: &str) -> bool {
    let word = word.to_lowercase();
    if hay.contains(&word) {
        return true;
    }
    let parts: Vec<&str> = word.split(['/', ':', '@', '=']).filter(|part| !part.is_empty()).collect();
    parts.len() > 1 && parts.iter().all(|part| hay.contains(part))
}
