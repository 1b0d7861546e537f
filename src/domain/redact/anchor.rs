//! The words that hint at a secret, and which rule to ask for each.

use super::{Span, assign, command, header, pem, prefix, url};

/// A word to look for and the rule that reads what is around it.
#[derive(Debug)]
pub(super) struct Anchor {
    pub(super) text: &'static str,
    pub(super) rule: Rule,
}

/// Who decides about a found anchor.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// Part of a key: `DB_PASSWORD=…`, `"token": "…"`, `--secret …`.
    Key,
    /// A secret that is known by how it starts; the index is into [`prefix::PREFIXES`].
    Prefix(usize),
    Jwt,
    Telegram,
    Bearer,
    Basic,
    Authorization,
    CookieHeader,
    Pem,
    PemBase64,
    UrlUser,
    DriverAddress,
    Webhook,
    SqlPassword,
    Command,
}

impl Rule {
    /// Adds the spans that the rule sees around the anchor at `start..end`.
    pub(super) fn apply(self, bytes: &[u8], start: usize, end: usize, found: &mut Vec<Span>) {
        match self {
            Self::Key => assign::key_value(bytes, start, end, found),
            Self::Prefix(index) => prefix::token(bytes, start, index, found),
            Self::Jwt => prefix::jwt(bytes, start, found),
            Self::Telegram => prefix::telegram(bytes, start, found),
            Self::Bearer => header::bearer(bytes, start, end, found),
            Self::Basic => header::basic(bytes, start, end, found),
            Self::Authorization => header::authorization(bytes, start, end, found),
            Self::CookieHeader => header::cookie(bytes, start, end, found),
            Self::Pem => pem::block(bytes, end, found),
            Self::PemBase64 => pem::base64(bytes, start, found),
            Self::UrlUser => url::user_info(bytes, start, end, found),
            Self::DriverAddress => url::driver_address(bytes, start, found),
            Self::Webhook => url::webhook(bytes, end, found),
            Self::SqlPassword => command::sql(bytes, end, found),
            Self::Command => command::flags(bytes, start, end, found),
        }
    }
}

/// Words that are part of a key. Short stems, so that `DB_PASS`, `PGPASSWORD` and `passphrase` are one entry.
const KEY_WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "creds",
    "sess",
    "sid=",
    "auth",
    "dsn",
    "jwt",
    "sig=",
    "sig%3d",
    "signature",
    "connection",
    "conn_str",
    "connstr",
    "bearer",
    "otp",
    "пароль",
    "Пароль",
    "ПАРОЛЬ",
    "токен",
    "Токен",
    "секрет",
    "Секрет",
];

/// Anchors with a rule of their own.
const RULES: &[(&str, Rule)] = &[
    ("eyJ", Rule::Jwt),
    (":AA", Rule::Telegram),
    ("%3AAA", Rule::Telegram),
    ("bearer", Rule::Bearer),
    ("basic ", Rule::Basic),
    ("basic%20", Rule::Basic),
    ("authorization", Rule::Authorization),
    ("cookie", Rule::CookieHeader),
    ("-----BEGIN ", Rule::Pem),
    ("LS0tLS1CRUdJTi", Rule::PemBase64),
    ("://", Rule::UrlUser),
    (":\\/\\/", Rule::UrlUser),
    ("@tcp(", Rule::DriverAddress),
    ("@unix(", Rule::DriverAddress),
    ("hooks.slack.com/", Rule::Webhook),
    ("hooks.slack-gov.com/", Rule::Webhook),
    ("/api/webhooks/", Rule::Webhook),
    ("/hooks/", Rule::Webhook),
    ("webhook.office.com/", Rule::Webhook),
    ("outlook.office.com/webhook", Rule::Webhook),
    ("pagerduty.com/integration/", Rule::Webhook),
    ("identified by '", Rule::SqlPassword),
    ("password '", Rule::SqlPassword),
    ("mysql", Rule::Command),
    ("mariadb", Rule::Command),
    ("sshpass", Rule::Command),
    ("redis-cli", Rule::Command),
    ("curl ", Rule::Command),
    ("docker login", Rule::Command),
];

/// Every anchor. Where two start at one place the longer one is asked, and its rule falls back to the shorter one's.
pub(super) fn anchors() -> Vec<Anchor> {
    let own = RULES.iter().map(|(text, rule)| Anchor { text, rule: *rule });
    let prefixes = prefix::PREFIXES
        .iter()
        .enumerate()
        .map(|(index, known)| Anchor { text: known.start, rule: Rule::Prefix(index) });
    // "bearer" is both a scheme and a key; its rule above asks for both.
    let taken = |word: &&&str| !RULES.iter().any(|(text, _)| text == *word);
    let words = KEY_WORDS.iter().filter(taken).map(|text| Anchor { text, rule: Rule::Key });
    own.chain(prefixes).chain(words).collect()
}
