//! Private keys as PEM blocks, whole, cut off, or base64 of the base64.

use super::Span;
use super::kind::Kind;
use super::scan::{is_base64, run, run_limited};

/// A PEM block is looked for this far. An RSA key of 16384 bits has about 13 kB.
const BLOCK_LIMIT: usize = 32 * 1024;

/// From behind `-----BEGIN ` to the end of a private key. The first and last lines stay, so that the reader sees what
/// it was; when the end is missing, all that could belong to the key goes.
pub(super) fn block(bytes: &[u8], label: usize, found: &mut Vec<Span>) {
    let label_end =
        run_limited(bytes, label, 48, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    let secret = memchr::memmem::find(&bytes[label..label_end], b"PRIVATE KEY").is_some();
    if !secret || !bytes[label_end..].starts_with(b"-----") {
        return;
    }
    let start = label_end + 5;
    let limit = start.saturating_add(BLOCK_LIMIT).min(bytes.len());
    let next = memchr::memmem::find(&bytes[start..limit], b"-----").map(|at| start + at);
    let end = match next {
        // Whatever stands between the lines belongs to the key, even if a log put its own prefix before each line.
        Some(next) if bytes[next..].starts_with(b"-----END") => next,
        _ => run(bytes, start, is_key_text),
    };
    if bytes[start..end].starts_with(super::kind::MARKER_START) {
        return;
    }
    found.push(Span { start, end, kind: Kind::PrivateKey });
}

/// What a key's lines are made of, with its headers (`Proc-Type: 4,ENCRYPTED`) and escaped line ends.
fn is_key_text(byte: u8) -> bool {
    (is_base64(byte) && byte != b'-') || byte.is_ascii_whitespace() || matches!(byte, b'\\' | b':' | b',')
}

/// `LS0tLS1CRUdJTi…` is `-----BEGIN`; certificates and public keys stay.
pub(super) fn base64(bytes: &[u8], start: usize, found: &mut Vec<Span>) {
    const HARMLESS: [&[u8]; 2] = [b"LS0tLS1CRUdJTiBDRVJUSUZJ", b"LS0tLS1CRUdJTiBQVUJMSU"];
    let here = &bytes[start..];
    if !here.starts_with(b"LS0tLS1CRUdJTi") {
        return;
    }
    if HARMLESS.iter().any(|known| here.starts_with(known)) {
        return;
    }
    found.push(Span { start, end: run(bytes, start, is_base64), kind: Kind::PrivateKey });
}
