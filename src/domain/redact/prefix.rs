//! Secrets that are known by how they start.

use super::kind::Kind;
use super::scan::{is_base64_url, run, run_back, run_limited, word_starts};
use super::{Span, scan};

/// A published token format.
#[derive(Debug)]
pub(super) struct Known {
    /// How it starts, in exactly this case.
    pub(super) start: &'static str,
    kind: Kind,
    /// Fewest characters after the start. Names that merely start alike (`sk-learn`, `hf_hub`) are shorter.
    least: usize,
    /// What may follow the start.
    body: Body,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    /// Exactly `least` capitals and digits, as in an AWS key id.
    Capitals,
    /// Letters, digits, `-` and `_`.
    Url,
    /// As [`Body::Url`], and dots.
    Dotted,
    /// As [`Body::Url`], and must hold a digit or a capital, because the start is also a common word's.
    Mixed,
    /// Lower-case hexadecimal.
    Hex,
}

const fn known(start: &'static str, kind: Kind, least: usize, body: Body) -> Known {
    Known { start, kind, least, body }
}

/// How much of a token that may be a word is looked at.
const MIXED_LIMIT: usize = 256;

/// The formats, by owner.
pub(super) const PREFIXES: &[Known] = &[
    known("AKIA", Kind::AwsKey, 16, Body::Capitals),
    known("ASIA", Kind::AwsKey, 16, Body::Capitals),
    known("ABIA", Kind::AwsKey, 16, Body::Capitals),
    known("ACCA", Kind::AwsKey, 16, Body::Capitals),
    known("AIza", Kind::GcpKey, 30, Body::Url),
    known("ya29.", Kind::GcpKey, 20, Body::Dotted),
    known("GOCSPX-", Kind::GcpKey, 20, Body::Url),
    known("1//0", Kind::GcpKey, 30, Body::Url),
    known("ghp_", Kind::GithubToken, 20, Body::Url),
    known("gho_", Kind::GithubToken, 20, Body::Url),
    known("ghu_", Kind::GithubToken, 20, Body::Url),
    known("ghs_", Kind::GithubToken, 20, Body::Dotted),
    known("ghr_", Kind::GithubToken, 20, Body::Url),
    known("github_pat_", Kind::GithubToken, 20, Body::Url),
    known("glpat-", Kind::GitlabToken, 16, Body::Dotted),
    known("gldt-", Kind::GitlabToken, 16, Body::Url),
    known("glrt-", Kind::GitlabToken, 16, Body::Dotted),
    known("glcbt-", Kind::GitlabToken, 16, Body::Url),
    known("glptt-", Kind::GitlabToken, 16, Body::Url),
    known("glft-", Kind::GitlabToken, 16, Body::Url),
    known("glsoat-", Kind::GitlabToken, 16, Body::Url),
    known("gloas-", Kind::GitlabToken, 16, Body::Url),
    known("xoxb-", Kind::SlackToken, 8, Body::Url),
    known("xoxp-", Kind::SlackToken, 8, Body::Url),
    known("xoxa-", Kind::SlackToken, 8, Body::Url),
    known("xoxr-", Kind::SlackToken, 8, Body::Url),
    known("xoxs-", Kind::SlackToken, 8, Body::Url),
    known("xoxc-", Kind::SlackToken, 8, Body::Url),
    known("xoxd-", Kind::SlackToken, 8, Body::Url),
    known("xoxe-", Kind::SlackToken, 8, Body::Url),
    known("xoxe.", Kind::SlackToken, 8, Body::Dotted),
    known("xapp-", Kind::SlackToken, 8, Body::Url),
    known("npm_", Kind::NpmToken, 30, Body::Url),
    known("pypi-A", Kind::PypiToken, 20, Body::Url),
    known("sk_live_", Kind::StripeKey, 8, Body::Url),
    known("sk_test_", Kind::StripeKey, 8, Body::Url),
    known("rk_live_", Kind::StripeKey, 8, Body::Url),
    known("rk_test_", Kind::StripeKey, 8, Body::Url),
    known("whsec_", Kind::StripeKey, 16, Body::Url),
    known("SG.", Kind::SendgridKey, 30, Body::Dotted),
    known("sk-ant-", Kind::ModelKey, 16, Body::Url),
    known("sk-proj-", Kind::ModelKey, 16, Body::Url),
    known("sk-", Kind::ModelKey, 20, Body::Mixed),
    known("gsk_", Kind::ModelKey, 20, Body::Mixed),
    known("xai-", Kind::ModelKey, 30, Body::Mixed),
    known("pplx-", Kind::ModelKey, 30, Body::Mixed),
    known("nvapi-", Kind::ModelKey, 30, Body::Url),
    known("r8_", Kind::ModelKey, 30, Body::Mixed),
    known("hf_", Kind::HfToken, 20, Body::Mixed),
    known("dop_v1_", Kind::CloudToken, 32, Body::Hex),
    known("doo_v1_", Kind::CloudToken, 32, Body::Hex),
    known("dor_v1_", Kind::CloudToken, 32, Body::Hex),
    known("hvs.", Kind::VaultToken, 20, Body::Url),
    known("hvb.", Kind::VaultToken, 20, Body::Url),
    known("hvr.", Kind::VaultToken, 20, Body::Url),
    known("LTAI", Kind::CloudToken, 16, Body::Mixed),
    known("AQVN", Kind::CloudToken, 30, Body::Url),
    known("t1.9eu", Kind::CloudToken, 30, Body::Dotted),
    known("y0_Ag", Kind::CloudToken, 30, Body::Url),
    known("y0__", Kind::CloudToken, 30, Body::Url),
    known("dapi", Kind::CloudToken, 32, Body::Hex),
    known("EAAA", Kind::ApiKey, 40, Body::Mixed),
    known("glsa_", Kind::ApiKey, 20, Body::Url),
    known("glc_", Kind::ApiKey, 30, Body::Url),
    known("dckr_pat_", Kind::ApiKey, 16, Body::Url),
    known("dckr_oat_", Kind::ApiKey, 16, Body::Url),
    known("ATATT3", Kind::ApiKey, 30, Body::Url),
    known("lin_api_", Kind::ApiKey, 20, Body::Url),
    known("NRAK-", Kind::ApiKey, 16, Body::Url),
    known("shpat_", Kind::ApiKey, 20, Body::Url),
    known("shpss_", Kind::ApiKey, 20, Body::Url),
    known("sq0atp-", Kind::ApiKey, 16, Body::Url),
    known("sq0csp-", Kind::ApiKey, 16, Body::Url),
    known("xkeysib-", Kind::ApiKey, 20, Body::Url),
    known("tskey-", Kind::ApiKey, 16, Body::Mixed),
    known("pscale_", Kind::ApiKey, 20, Body::Dotted),
    known("rubygems_", Kind::ApiKey, 30, Body::Hex),
    known("PMAK-", Kind::ApiKey, 30, Body::Url),
    known("figd_", Kind::ApiKey, 20, Body::Url),
    known("sbp_", Kind::ApiKey, 30, Body::Hex),
    known("sntrys_", Kind::ApiKey, 20, Body::Url),
    known("sntryu_", Kind::ApiKey, 20, Body::Url),
    known("AGE-SECRET-KEY-1", Kind::PrivateKey, 20, Body::Url),
];

/// A token of the format at `index`, if the bytes at `start` are one.
fn known_at(bytes: &[u8], start: usize, index: usize) -> Option<Span> {
    let known = PREFIXES.get(index)?;
    let rest = bytes.get(start..)?;
    if !rest.starts_with(known.start.as_bytes()) || !word_starts(bytes, start) {
        return None;
    }
    let from = start + known.start.len();
    let end = match known.body {
        Body::Capitals => {
            run_limited(bytes, from, known.least + 1, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        }
        Body::Url => run(bytes, from, is_base64_url),
        Body::Mixed => run_limited(bytes, from, MIXED_LIMIT, is_base64_url),
        Body::Dotted => run(bytes, from, |byte| is_base64_url(byte) || byte == b'.'),
        Body::Hex => run(bytes, from, |byte| byte.is_ascii_hexdigit()),
    };
    let body = &bytes[from..end];
    let fits = match known.body {
        // A longer run of capitals is something else (a base32 digest, an enum name).
        Body::Capitals => body.len() == known.least && bytes.get(end) != Some(&b'_'),
        Body::Mixed => {
            body.len() >= known.least && scan::looks_random(longest_part(body)) && has_digit(longest_part(body))
        }
        Body::Url | Body::Dotted | Body::Hex => body.len() >= known.least,
    };
    let end = if fits { end.max(run_rest(bytes, end, known.body)) } else { end };
    // A sentence may end right behind a dotted token.
    let end = run_back(bytes, end, 3, |byte| byte == b'.').max(from);
    fits.then_some(Span { start, end, kind: known.kind })
}

fn has_digit(part: &[u8]) -> bool {
    part.len() >= 16 && part.iter().any(u8::is_ascii_digit)
}

/// What is left of a token whose beginning was enough to know it.
fn run_rest(bytes: &[u8], end: usize, body: Body) -> usize {
    if matches!(body, Body::Mixed) { run(bytes, end, is_base64_url) } else { end }
}

/// The longest stretch between dashes: words have short ones, keys have a long one.
fn longest_part(body: &[u8]) -> &[u8] {
    body.split(|byte| *byte == b'-').max_by_key(|part| part.len()).unwrap_or_default()
}

/// Reports a token of a known format, and the secret that stands right beside an AWS key id.
pub(super) fn token(bytes: &[u8], start: usize, index: usize, found: &mut Vec<Span>) {
    let Some(span) = known_at(bytes, start, index) else {
        return;
    };
    found.push(span);
    if span.kind == Kind::AwsKey {
        found.extend(aws_secret_after(bytes, span.end));
    }
}

/// `AKIA…,wJalr…` as in a credentials file: forty characters of base64 after a short gap.
fn aws_secret_after(bytes: &[u8], at: usize) -> Option<Span> {
    const LENGTH: usize = 40;
    let start = scan::run_limited(bytes, at, 4, |byte| matches!(byte, b',' | b':' | b';' | b'|' | b' ' | b'\t' | b'"'));
    let end = scan::run_limited(bytes, start, LENGTH + 1, |byte| {
        byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
    });
    (start > at && end - start == LENGTH).then_some(Span { start, end, kind: Kind::AwsSecret })
}

/// Three (or five) dotted parts of base64 whose first is a JSON object. Grafana's old keys are one long part.
pub(super) fn jwt(bytes: &[u8], start: usize, found: &mut Vec<Span>) {
    const HEADER: usize = 10;
    const HEADER_LIMIT: usize = 1024;
    const PAYLOAD: usize = 4;
    const LONE: usize = 60;
    // Inside a longer run of base64 it is chance. `_` may stand before it (`ops_eyJ…`).
    let begins = word_starts(bytes, start) || bytes.get(start.wrapping_sub(1)) == Some(&b'_');
    if !begins || !bytes[start..].starts_with(b"eyJ") {
        return;
    }
    let first = run_limited(bytes, start, HEADER_LIMIT, is_base64_url);
    if first - start >= HEADER && bytes.get(first) == Some(&b'.') {
        let second = run(bytes, first + 1, is_base64_url);
        if second > first + PAYLOAD {
            let end = run(bytes, second, |byte| is_base64_url(byte) || byte == b'.');
            let end = run_back(bytes, end, 3, |byte| byte == b'.').max(second);
            found.push(Span { start, end, kind: Kind::Jwt });
            return;
        }
    }
    if bytes[start..].starts_with(b"eyJrIjoi") && first - start >= LONE {
        found.push(Span {
            start,
            end: run(bytes, first, |byte| is_base64_url(byte) || byte == b'='),
            kind: Kind::ApiKey,
        });
    }
}

/// `123456789:AA…`: the digits are the bot's public id, the rest is its key.
pub(super) fn telegram(bytes: &[u8], start: usize, found: &mut Vec<Span>) {
    let from = if bytes[start] == b'%' { start + 3 } else { start + 1 };
    let digits = run_back(bytes, start, 11, |byte| byte.is_ascii_digit());
    if !(7..=11).contains(&(start - digits)) {
        return;
    }
    let end = run(bytes, from, is_base64_url);
    if end - from >= 30 {
        found.push(Span { start: digits, end, kind: Kind::TelegramToken });
    }
}
