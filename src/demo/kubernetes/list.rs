//! Lists: selectors, pages, and metadata only.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::header;
use axum::response::Response;
use serde_json::{Value, json};

use super::resources::{Resource, Target};
use super::selectors::{FieldSelector, LabelSelector};
use super::status::Refusal;
use super::store::Key;
use super::{Cluster, ok};
use crate::demo::http::Asked;

/// The generation of continue tokens: raising it makes those that were given out too old.
#[derive(Debug, Default)]
pub(in crate::demo) struct Tokens(AtomicU64);

impl Tokens {
    /// From now on the tokens given out so far are answered with 410 "Expired".
    pub fn expire(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn generation(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The selectors of a request.
pub(super) struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    /// Parses both selectors.
    pub fn read(asked: &Asked, resource: &Resource) -> Result<Self, Refusal> {
        Ok(Self {
            labels: LabelSelector::parse(asked.params.get("labelSelector").unwrap_or_default())?,
            fields: FieldSelector::parse(asked.params.get("fieldSelector").unwrap_or_default(), resource)?,
        })
    }

    /// Whether an object is meant.
    pub fn matches(&self, item: &Value) -> bool {
        self.labels.matches(item) && self.fields.matches(item)
    }
}

/// A list, or one page of it.
pub(super) fn list(
    cluster: &Cluster,
    asked: &Asked,
    target: &Target,
    resource: &Resource,
) -> Result<Response, Refusal> {
    let selection = Selection::read(asked, resource)?;
    let limit = match asked.params.get("limit") {
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Refusal::BadRequest(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))?,
        None => 0,
    };
    let after = asked.params.get("continue").map(|token| read_token(cluster, token)).transpose()?;
    let visible = cluster.store.visible(resource, target.namespace.as_deref(), &cluster.server.clock);
    let meant: Vec<(&Key, &Value)> = visible.filter(|(_, item)| selection.matches(item)).collect();
    let rest = meant.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after)).collect::<Vec<_>>();
    let page = if limit == 0 { rest.len() } else { limit.min(rest.len()) };
    let mut metadata = json!({"resourceVersion": cluster.store.resource_version()});
    if let (Some((last, _)), true) = (rest.get(page.wrapping_sub(1)), page < rest.len()) {
        metadata["continue"] = json!(token(cluster, last));
        // With selectors the server does not count what it has not looked at.
        if asked.params.get("labelSelector").is_none() && asked.params.get("fieldSelector").is_none() {
            metadata["remainingItemCount"] = json!(rest.len() - page);
        }
    }
    let (now, end) = (cluster.server.clock.visible_until(), cluster.server.clock.end());
    let items = rest[..page].iter().map(|(_, item)| cluster.store.present(item, now, end));
    if asked.header_has(header::ACCEPT, "as=PartialObjectMetadataList") {
        let items: Vec<Value> = items.map(|item| metadata_of(&item)).collect();
        return Ok(ok(
            &json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items}),
        ));
    }
    let items: Vec<Value> = items.collect();
    let kind = format!("{}List", resource.kind);
    Ok(ok(&json!({"kind": kind, "apiVersion": resource.api_version(), "metadata": metadata, "items": items})))
}

/// An object without all but its metadata.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// A token says in which generation it was given out and after which key to go on; to clients it is opaque.
fn token(cluster: &Cluster, last: &Key) -> String {
    let plain = format!("{}/{}/{}", cluster.server.tokens.generation(), last.0, last.1);
    plain.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn read_token(cluster: &Cluster, token: &str) -> Result<Key, Refusal> {
    let invalid = || {
        Refusal::BadRequest(
            "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value"
                .to_owned(),
        )
    };
    if !token.is_ascii() || !token.len().is_multiple_of(2) {
        return Err(invalid());
    }
    let bytes = (0..token.len()).step_by(2).map(|at| u8::from_str_radix(&token[at..at + 2], 16));
    let bytes = bytes.collect::<Result<Vec<u8>, _>>().map_err(|_| invalid())?;
    let plain = String::from_utf8(bytes).map_err(|_| invalid())?;
    let mut parts = plain.splitn(3, '/');
    let (Some(generation), Some(namespace), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(invalid());
    };
    let key = (namespace.to_owned(), name.to_owned());
    match generation.parse::<u64>() {
        Ok(generation) if generation == cluster.server.tokens.generation() => Ok(key),
        Ok(_) => Err(Refusal::Expired { fresh: self::token(cluster, &key) }),
        Err(_) => Err(invalid()),
    }
}
