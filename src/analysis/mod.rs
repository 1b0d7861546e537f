//! From evidence to findings, without a model, a clock or a network: the same evidence always says the same.
//!
//! In reading order: [`text`] reads strangers' sentences; [`shape`] and [`metric_role`] read charts; `scene` is the
//! evidence as one subject sees it; then one file for each matter that can be wrong (`oom`, `crash`, `start`, `image`,
//! `pending`, `volume`, `probes`, `resources`, `http`, `disk`, `node`, `jobs`, `change`, `quota`, `service`, `logs`, and `alerts`
//! when there is nothing else); `dependency` follows [`targets`] to what broke there; `rank` weighs all claims.
//!
//! [`remedies`] says what could be done about the findings.
//!
//! A finding carries the name of its sentence ([`phrases`]) and the facts that fill it; the words live in templates.

pub mod format;
pub mod log_evidence;
pub mod metric_role;
pub mod patterns;
pub mod phrases;
pub mod remedies;
pub mod shape;
pub mod targets;
pub mod text;

mod alerts;
mod change;
mod claim;
mod crash;
mod dependency;
mod disk;
mod http;
mod image;
mod jobs;
mod logs;
mod node;
mod oom;
mod pending;
mod places;
mod probes;
mod quota;
mod rank;
mod resources;
mod scene;
mod service;
mod serving;
mod start;
mod volume;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use crate::domain::evidence::Evidence;
use crate::domain::finding::Finding;
use crate::domain::subject::Subject;
use claim::Claim;
use scene::Scene;

pub use phrases::PHRASES;
pub use targets::{Target, targets};

/// What is wrong with `subject`, best first: causes, then what contributed, then symptoms.
///
/// `onset` is when its alerts began. Evidence about other objects is read as what it depends on.
pub fn analyse(subject: &Subject, evidence: &[Evidence], onset: DateTime<Utc>) -> Vec<Finding> {
    let scene = Scene::new(subject, evidence, onset);
    ranked(&scene, 0).into_iter().filter_map(Claim::into_finding).collect()
}

/// The claims of one scene in order; `hop` counts how far it is from the subject.
fn ranked(scene: &Scene, hop: u8) -> Vec<Claim> {
    let mut claims = Vec::new();
    claims.extend(oom::find(scene));
    claims.extend(crash::find(scene));
    claims.extend(start::find(scene));
    claims.extend(image::find(scene));
    claims.extend(pending::find_all(scene));
    claims.extend(volume::find(scene));
    claims.extend(probes::find(scene));
    claims.extend(resources::find(scene));
    claims.extend(http::find(scene));
    claims.extend(disk::find(scene));
    claims.extend(node::find(scene));
    claims.extend(jobs::find(scene));
    claims.extend(quota::find(scene));
    claims.extend(service::find(scene));
    claims.extend(dependency::find(scene, hop));
    claims.extend(logs::find(scene, &claims));
    if hop == 0 {
        claims.extend(alerts::find(scene));
    }
    for claim in &mut claims {
        // A pod's age is not its trouble's: what began long before the onset says nothing of when this did.
        claim.began = claim.began.filter(|at| scene.weight(Some(*at)) > 0.5);
    }
    claims.extend(change::find(scene, &claims));
    rank::rank(claims)
}
