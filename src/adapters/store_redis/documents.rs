//! Documents by kind and key, and what of them changed after a revision.

use std::collections::HashMap;

use super::args::Args;
use super::ask::PAGE;
use super::link::Link;
use super::script::Script;
use crate::ports::{Document, DocumentKind, StoreError};

static WRITE_DOCUMENTS: Script = Script::new(include_str!("lua/write_documents.lua"));
static DOCUMENTS: Script = Script::new(include_str!("lua/documents.lua"));

/// 1 and the body, or 0 for a deleted one.
fn row(body: Option<&[u8]>) -> Vec<u8> {
    match body {
        Some(body) => [b"1", body].concat(),
        None => b"0".to_vec(),
    }
}

pub(super) async fn write(
    link: &Link,
    kind: DocumentKind,
    documents: Vec<(String, Option<Vec<u8>>)>,
) -> Result<(), StoreError> {
    let mut args = Args::default().text(kind.as_str()).number(documents.len() as u64);
    for (key, body) in documents {
        args.put(key);
        args.put(row(body.as_deref()));
    }
    link.done(&WRITE_DOCUMENTS, args).await
}

/// What changed after a revision, oldest change first; after 0 without the deleted.
pub(super) async fn read(link: &Link, kind: DocumentKind, after: u64) -> Result<Vec<Document>, StoreError> {
    let mut found: Vec<Document> = Vec::new();
    let mut last = after;
    loop {
        let args = Args::default().text(kind.as_str()).number(last).number(PAGE as u64);
        let mut answer = link.run(&DOCUMENTS, &args).await?;
        if answer.is_over() {
            break;
        }
        while !answer.is_over() {
            let (key, revision, row) = (answer.text()?, answer.number()?, answer.bytes()?);
            let body = row.strip_prefix(b"1").map(<[u8]>::to_vec);
            last = revision;
            found.push(Document { key, revision, body });
        }
    }
    // One that changed while the pages were read stands on two of them; only its last state counts.
    let newest: HashMap<String, u64> = found.iter().map(|document| (document.key.clone(), document.revision)).collect();
    found.retain(|document| {
        newest.get(&document.key) == Some(&document.revision) && (document.body.is_some() || after > 0)
    });
    Ok(found)
}
