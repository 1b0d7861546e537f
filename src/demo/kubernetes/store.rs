//! The objects, by resource and key: the recorded ones and what was written since.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::controllers::Controllers;
use super::resources::{Resource, known};
use crate::demo::cures::Truth;
use crate::demo::shift::{clamp_json, parse};
use crate::demo::time::Clock;
use crate::demo::world::ObjectList;

/// Namespace and name: the order in which lists come.
pub(super) type Key = (String, String);

/// All objects. A resource without a recording exists and is empty.
pub(super) struct Store {
    tables: Vec<(Resource, BTreeMap<Key, Value>)>,
    resource_version: String,
    revision: u64,
    /// The newest version that was recorded: what is younger was written.
    recorded: u64,
    /// What the controllers look after.
    pub controllers: Controllers,
}

impl Store {
    /// Sorts the recorded lists; a kind that is not known (a custom resource) becomes a resource of its own.
    pub fn new(lists: Vec<ObjectList>, truth: Truth) -> Self {
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
                let version = item["metadata"]["resourceVersion"].as_str().unwrap_or_default();
                newest = newest.max(version.parse().unwrap_or(1));
                table.insert(key_of(&item), item);
            }
        }
        Self {
            tables,
            resource_version: newest.to_string(),
            revision: newest,
            recorded: newest,
            controllers: Controllers::new(truth),
        }
    }

    /// The number of the newest change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// A number that no object has had yet.
    fn next(&mut self) -> u64 {
        self.revision += 1;
        self.resource_version = self.revision.to_string();
        self.revision
    }

    /// Creates or replaces an object: gives it the next resourceVersion, and returns it as it is stored.
    pub fn put(&mut self, resource: &Resource, mut object: Value) -> Value {
        let revision = self.next();
        object["metadata"]["resourceVersion"] = json!(revision.to_string());
        if let Some(map) = object.as_object_mut() {
            // Items of lists carry neither; answers add them.
            map.remove("kind");
            map.remove("apiVersion");
        }
        let key = key_of(&object);
        if let Some((_, table)) = self.tables.iter_mut().find(|(known, _)| known == resource) {
            table.insert(key, object.clone());
        }
        object
    }

    /// Removes an object, and returns it as it was.
    pub fn remove(&mut self, resource: &Resource, namespace: &str, name: &str) -> Option<Value> {
        let (_, table) = self.tables.iter_mut().find(|(known, _)| known == resource)?;
        let object = table.remove(&(namespace.to_owned(), name.to_owned()))?;
        self.next();
        Some(object)
    }

    /// An object as it is stored.
    pub fn stored(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Value> {
        let (_, table) = self.tables.iter().find(|(known, _)| known == resource)?;
        table.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The objects of a kind that are stored, in the order of their keys.
    pub fn all(&self, resource: &Resource) -> impl Iterator<Item = &Value> {
        self.tables.iter().find(|(known, _)| known == resource).into_iter().flat_map(|(_, table)| table.values())
    }

    /// A resource type by its kind.
    pub fn kind(&self, kind: &str) -> Option<Resource> {
        self.resources().find(|resource| resource.kind == kind).cloned()
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
        found
            .find(|((_, found), _)| found == name)
            .map(|(_, item)| self.present(item, clock.visible_until(), clock.end()))
    }

    /// The object at a moment, with nothing in it that is recorded to happen after it and until `end`. What was written
    /// shows the times that it was given, also those after the world clock of a fast or a slow play.
    pub fn present(&self, item: &Value, now: DateTime<Utc>, end: DateTime<Utc>) -> Value {
        let mut item = item.clone();
        let version = item["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse::<u64>().ok());
        if version.is_none_or(|version| version <= self.recorded) {
            clamp_json(&mut item, now, end);
        }
        item
    }
}

/// Namespace and name of an object.
pub(super) fn key_of(object: &Value) -> Key {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

fn created(item: &Value) -> Option<DateTime<Utc>> {
    parse(item["metadata"]["creationTimestamp"].as_str()?)
}

fn custom(group: &str, version: &str, list: &ObjectList) -> Resource {
    let namespaced = list.items.iter().any(|item| item["metadata"]["namespace"] != json!(null));
    // The file may be a mixed one; then the plural can only be guessed.
    let guess = format!("{}s", list.kind.to_lowercase());
    let plural = if list.resource.starts_with(&list.kind.to_lowercase()) { list.resource.clone() } else { guess };
    Resource { group: group.to_owned(), version: version.to_owned(), plural, kind: list.kind.clone(), namespaced }
}
