//! The recorded objects, by resource and key.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::resources::{Resource, known};
use crate::demo::shift::{clamp_json, parse};
use crate::demo::time::Clock;
use crate::demo::world::ObjectList;

/// Namespace and name: the order in which lists come.
pub(super) type Key = (String, String);

/// All objects. A resource without a recording exists and is empty.
pub(super) struct Store {
    tables: Vec<(Resource, BTreeMap<Key, Value>)>,
    resource_version: String,
}

impl Store {
    /// Sorts the recorded lists; a kind that is not known (a custom resource) becomes a resource of its own.
    pub fn new(lists: Vec<ObjectList>) -> Self {
        let mut tables: Vec<(Resource, BTreeMap<Key, Value>)> =
            known().into_iter().map(|resource| (resource, BTreeMap::new())).collect();
        let mut newest = 1;
        for list in lists {
            newest = newest
                .max(list.resource_version.as_deref().and_then(|version| version.parse::<u64>().ok()).unwrap_or(1));
            let (group, version) = list.api_version.split_once('/').unwrap_or(("", &list.api_version));
            let position =
                tables.iter().position(|(resource, _)| resource.group == group && resource.kind == list.kind);
            let position = position.unwrap_or_else(|| {
                tables.push((custom(group, version, &list), BTreeMap::new()));
                tables.len() - 1
            });
            let (_, table) = &mut tables[position];
            for item in list.items {
                let text = |name: &str| item["metadata"][name].as_str().unwrap_or_default().to_owned();
                newest = newest.max(text("resourceVersion").parse().unwrap_or(1));
                table.insert((text("namespace"), text("name")), item);
            }
        }
        Self { tables, resource_version: newest.to_string() }
    }

    /// The version of the whole snapshot.
    pub fn resource_version(&self) -> &str {
        &self.resource_version
    }

    /// Every resource type.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.tables.iter().map(|(resource, _)| resource)
    }

    /// A resource type by its place in the API.
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<&Resource> {
        self.resources()
            .find(|resource| resource.group == group && resource.version == version && resource.plural == plural)
    }

    /// The objects of a type that exist by now, in the order of their keys; without a namespace those of all.
    pub fn visible<'a>(
        &'a self,
        wanted: &Resource,
        namespace: Option<&'a str>,
        clock: &Clock,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> + use<'a> {
        let limit = clock.visible_until();
        let table = self.tables.iter().find(|(resource, _)| resource == wanted).map(|(_, table)| table);
        let inside = table
            .into_iter()
            .flatten()
            .filter(move |((place, _), _)| namespace.is_none_or(|namespace| namespace == place));
        inside.filter(move |(_, item)| created(item).is_none_or(|at| at <= limit))
    }

    /// One object as it is now.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str, clock: &Clock) -> Option<Value> {
        let mut found = self.visible(resource, Some(namespace), clock);
        found.find(|((_, found), _)| found == name).map(|(_, item)| present(item, clock))
    }
}

/// The object with nothing in it that has not happened yet.
pub(super) fn present(item: &Value, clock: &Clock) -> Value {
    let mut item = item.clone();
    clamp_json(&mut item, clock.visible_until(), clock.end());
    item
}

fn created(item: &Value) -> Option<chrono::DateTime<chrono::Utc>> {
    parse(item["metadata"]["creationTimestamp"].as_str()?)
}

fn custom(group: &str, version: &str, list: &ObjectList) -> Resource {
    let namespaced = list.items.iter().any(|item| item["metadata"]["namespace"] != json!(null));
    // The file may be a mixed one; then the plural can only be guessed.
    let guess = format!("{}s", list.kind.to_lowercase());
    let plural = if list.resource.starts_with(&list.kind.to_lowercase()) { list.resource.clone() } else { guess };
    Resource { group: group.to_owned(), version: version.to_owned(), plural, kind: list.kind.clone(), namespaced }
}
