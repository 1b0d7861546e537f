//! Decides from a key's name whether its value is a secret.

use super::kind::Kind;

/// Names longer than this are not keys.
const NAME_LIMIT: usize = 128;

/// Last words that turn a secret's name into something about the secret: `token_ttl`, `secretKeyRef`, `password_file`.
const ABOUT: &[&str] = &[
    "age",
    "alg",
    "algorithm",
    "arn",
    "at",
    "attempts",
    "audience",
    "bucket",
    "budget",
    "cache",
    "changed",
    "checker",
    "class",
    "column",
    "configured",
    "controller",
    "count",
    "created",
    "dir",
    "directory",
    "disabled",
    "duration",
    "enabled",
    "endpoint",
    "engine",
    "error",
    "errors",
    "exists",
    "exp",
    "expiration",
    "expired",
    "expires",
    "expiry",
    "field",
    "file",
    "filename",
    "format",
    "generation",
    "handler",
    "hint",
    "hits",
    "id",
    "ids",
    "in",
    "index",
    "interval",
    "invalid",
    "issuer",
    "kind",
    "label",
    "latency",
    "len",
    "length",
    "lifetime",
    "limit",
    "manager",
    "max",
    "message",
    "metadata",
    "method",
    "min",
    "missing",
    "mode",
    "mount",
    "ms",
    "name",
    "names",
    "namespace",
    "path",
    "paths",
    "placeholder",
    "policy",
    "prefix",
    "present",
    "provider",
    "rate",
    "reason",
    "ref",
    "reference",
    "refs",
    "remaining",
    "request",
    "requests",
    "required",
    "reset",
    "resource",
    "response",
    "review",
    "reviewer",
    "revision",
    "rotation",
    "scope",
    "scopes",
    "seconds",
    "secs",
    "selector",
    "set",
    "size",
    "source",
    "state",
    "status",
    "store",
    "strategy",
    "timeout",
    "title",
    "total",
    "ttl",
    "type",
    "types",
    "updated",
    "uri",
    "url",
    "usage",
    "used",
    "valid",
    "validation",
    "validator",
    "version",
    "webhook",
];

/// First words of an amount: `max_token`, `num_token`.
const AMOUNT: &[&str] = &["max", "min", "num", "total", "count", "n"];

/// What makes a key of `key`: an `api_key` is secret, a `routing_key` or a `cache_key` is not.
const SECRET_KEYS: &[(&str, Kind)] = &[
    ("apikey", Kind::ApiKey),
    ("appkey", Kind::ApiKey),
    ("applicationkey", Kind::ApiKey),
    ("authkey", Kind::ApiKey),
    ("integrationkey", Kind::ApiKey),
    ("licensekey", Kind::ApiKey),
    ("subscriptionkey", Kind::ApiKey),
    ("functionskey", Kind::ApiKey),
    ("servicekey", Kind::ApiKey),
    ("sharedaccesskey", Kind::AzureKey),
    ("accountkey", Kind::AzureKey),
    ("storagekey", Kind::AzureKey),
    ("accesskey", Kind::ApiKey),
    ("privatekey", Kind::PrivateKey),
    ("sshkey", Kind::PrivateKey),
    ("clientkeydata", Kind::PrivateKey),
    ("tlskey", Kind::PrivateKey),
    ("encryptionkey", Kind::Secret),
    ("encryptkey", Kind::Secret),
    ("decryptionkey", Kind::Secret),
    ("signingkey", Kind::Secret),
    ("signkey", Kind::Secret),
    ("masterkey", Kind::Secret),
    ("hmackey", Kind::Secret),
    ("aeskey", Kind::Secret),
    ("deploykey", Kind::Secret),
    ("unsealkey", Kind::VaultToken),
    ("sessionkey", Kind::Session),
    ("authtokenkey", Kind::Token),
];

/// What the value under this name is, if it is a secret.
pub(super) fn kind_of(name: &[u8]) -> Option<Kind> {
    if name.len() > NAME_LIMIT {
        return None;
    }
    if let Some(kind) = russian(name) {
        return Some(kind);
    }
    let name = std::str::from_utf8(name).ok()?;
    let words = words(name);
    let joined = words.concat();
    let (first, last) = (words.first()?.as_str(), words.last()?.as_str());
    let full = joined.as_str();
    let exact = match full {
        "pass" | "pwd" | "pw" => Some(Kind::Password),
        "sid" | "phpsessid" | "jsessionid" | "sessid" | "connectsid" => Some(Kind::Session),
        "auth" => Some(Kind::Credential),
        "sig" => Some(Kind::Signature),
        "jwt" | "bearer" => Some(Kind::Token),
        "otp" | "totp" => Some(Kind::Password),
        "secretid" => Some(Kind::VaultToken),
        "key" => Some(Kind::ApiKey),
        _ => None,
    };
    if exact.is_some() {
        return exact;
    }
    let about = ABOUT.binary_search(&last).is_ok();
    if full.contains("session") || full.contains("sess") {
        let identifies = full.ends_with("sessionid") || full.ends_with("sessionkey") || full.ends_with("sessid");
        if identifies || (words.len() == 1 && full == "session") || full.ends_with("sessioncookie") {
            return Some(Kind::Session);
        }
    }
    if about || AMOUNT.contains(&first) {
        return None;
    }
    let has = |part: &str| full.contains(part);
    if has("password") || has("passwd") || has("passphrase") || last == "pass" || last == "pwd" || ends_pass(full) {
        return Some(Kind::Password);
    }
    if let Some((_, kind)) = SECRET_KEYS.iter().find(|(part, _)| has(part)) {
        return Some(match kind {
            Kind::ApiKey if has("secretaccesskey") || has("awssecret") => Kind::AwsSecret,
            kind => *kind,
        });
    }
    if has("secretaccesskey") {
        return Some(Kind::AwsSecret);
    }
    // Plurals are collections or amounts: `secrets: 3`, `prompt_tokens=512`, `imagePullSecrets`.
    if has("secret") && !matches!(last, "secrets") {
        return Some(Kind::Secret);
    }
    if has("token") && !has("tokens") && !has("tokenize") && !has("tokeniz") {
        return Some(Kind::Token);
    }
    if has("credential") || last == "creds" {
        return Some(Kind::Credential);
    }
    if last == "dsn" || has("connectionstring") || has("connstr") {
        return Some(Kind::ConnectionString);
    }
    if last == "jwt" || last == "cookie" && words.len() > 1 {
        return Some(Kind::Token);
    }
    if last == "signature" && (has("shared") || full == "signature" || has("amz")) {
        return Some(Kind::Signature);
    }
    None
}

/// `MYSQLPASS`, `userpass`: glued on, but not `bypass` or `compass`.
fn ends_pass(full: &str) -> bool {
    [
        "dbpass",
        "userpass",
        "sqlpass",
        "mailpass",
        "smtppass",
        "ldappass",
        "redispass",
        "adminpass",
        "rootpass",
        "authpass",
    ]
    .iter()
    .any(|end| full.ends_with(end))
}

/// The Russian words, which have no joined forms worth splitting.
fn russian(name: &[u8]) -> Option<Kind> {
    match std::str::from_utf8(name).ok()? {
        "пароль" | "Пароль" | "ПАРОЛЬ" => Some(Kind::Password),
        "токен" | "Токен" => Some(Kind::Token),
        "секрет" | "Секрет" => Some(Kind::Secret),
        _ => None,
    }
}

/// The lower-case words of `client_secret`, `clientSecret`, `X-Client-Secret`, `AWSSecretKey`.
fn words(name: &str) -> Vec<String> {
    let bytes = name.as_bytes();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = index.checked_sub(1).and_then(|at| bytes.get(at));
        let after_lower = before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let ends_acronym =
            before.is_some_and(u8::is_ascii_uppercase) && bytes.get(index + 1).is_some_and(u8::is_ascii_lowercase);
        if byte.is_ascii_uppercase() && (after_lower || ends_acronym) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.push(byte.to_ascii_lowercase() as char);
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_is_sorted_for_binary_search() {
        let mut sorted = ABOUT.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, ABOUT);
    }

    #[test]
    fn names_split_into_words() {
        for (name, expected) in [
            ("client_secret", "client secret"),
            ("clientSecret", "client secret"),
            ("X-Client-Secret", "x client secret"),
            ("AWSSecretKey", "aws secret key"),
            ("--db.password", "db password"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
    }
}
