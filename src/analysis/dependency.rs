//! What the subject calls and does not reach, and what broke there: the cause may be a hop or two away.

use chrono::{DateTime, TimeDelta, Utc};

use super::claim::Claim;
use super::format::clock;
use super::phrases;
use super::scene::{Record, Scene, Seen};
use super::targets::{Target, targets};
use super::text::network::{Failure, failed_connection, service_of_port};
use super::text::root_line::root_line;
use super::{http, ranked};
use crate::domain::cluster::ServiceState;
use crate::domain::finding::FindingKind::{AuthFailed, CertificateInvalid, DependencyUnreachable};
use crate::domain::finding::{FindingKind, Role};
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};

/// Hops that are followed from the subject.
const MOST_HOPS: u8 = 2;
/// Places that one subject's claims are made about; more are the same trouble again.
const MOST_TARGETS: usize = 6;
/// Troubles that began this close together may be one.
const TOGETHER: TimeDelta = TimeDelta::minutes(5);

/// What the subject's logs say, with what is known of the other side.
pub(super) fn find(scene: &Scene, hop: u8) -> Vec<Claim> {
    let own: Vec<Target> = targets(scene.evidence())
        .into_iter()
        .filter(|target| scene.is_own(&target.caller))
        .take(MOST_TARGETS)
        .collect();
    let mut claims: Vec<Claim> = own.iter().flat_map(|target| at_target(scene, target, hop)).collect();
    if own.is_empty() {
        claims.extend(without_place(scene, hop));
    }
    if claims.is_empty() && http::has_server_errors(scene) {
        claims.extend(suspected(scene, None, hop).into_iter().flatten());
    }
    claims
}

/// Claims about one place: the first is about the place, others about what is behind it.
fn at_target(scene: &Scene, target: &Target, hop: u8) -> Vec<Claim> {
    // Where nothing is known of before, it counts whether the line stands where something fails.
    let fails =
        || scene.records().iter().any(|record| record.id == target.evidence && record.worse && names(record, target));
    let worse = target.worse || !target.known && fails();
    let confidence = confidence(target.failure, worse, target.known, target.count);
    let (kind, phrase) = kind_of(target.failure);
    let services = scene.services();
    let service = services.iter().find(|seen| target.is(seen.data));
    let mut claim = Claim::new(kind, phrase, confidence, scene.subject.object(), target.evidence).began(target.first);
    claim = with_target(scene, claim, target);
    // Whoever answers with a refused login or a bad certificate is there.
    if kind != DependencyUnreachable {
        claim.about = service.map_or_else(|| named(scene, target), |seen| object(seen.data));
        return vec![claim];
    }
    if let Some(seen) = service {
        return behind_service(scene, claim, target, seen, hop);
    }
    if target.failure == Failure::Dns {
        return vec![name_server(scene, claim, hop)];
    }
    let backend = named(scene, target);
    if let Some(found) = behind(scene, &backend, hop) {
        return failing(scene, claim, backend, found);
    }
    if target.is_private_address()
        && let Some(claims) = suspected(scene, Some((&claim, target)), hop)
    {
        return claims;
    }
    if target.is_surely_in_cluster() && target.failure == Failure::NoSuchHost {
        claim.phrase = phrases::DEPENDENCY_NO_SERVICE;
    }
    claim.about = backend;
    vec![claim]
}

/// The place is a Service that evidence tells of.
fn behind_service(scene: &Scene, mut claim: Claim, target: &Target, seen: &Seen<ServiceState>, hop: u8) -> Vec<Claim> {
    let service = seen.data;
    let backend = object(service);
    claim = claim.cite([seen.id]).fact("service", format!("{}/{}", service.namespace, service.name));
    let found = behind(scene, &backend, hop);
    if service.endpoints_ready == 0 {
        claim.phrase = phrases::DEPENDENCY_NO_ENDPOINTS;
        claim.confidence = claim.confidence.max(0.9);
        claim = claim
            .fact("not_ready", service.endpoints_not_ready.to_string())
            .maybe("none", (service.endpoints_not_ready == 0).then_some("yes"));
        return match found {
            Some(found) => failing(scene, claim, backend, found),
            None => {
                claim.about = backend;
                vec![claim]
            }
        };
    }
    // A headless Service need not declare a port to be dialled, and what broke behind explains more.
    let declares = service.cluster_ip != "None" && !service.ports.is_empty() && found.is_none();
    let unknown_port = target.port.is_some() && declares && !target.port_is_of(service);
    if unknown_port && matches!(target.failure, Failure::Refused | Failure::Timeout | Failure::NoRoute) {
        claim.phrase = phrases::DEPENDENCY_WRONG_PORT;
        claim.confidence = claim.confidence.max(0.85);
        return vec![claim.fact("ports", service.ports.join(", "))];
    }
    match found {
        Some(found) => failing(scene, claim, backend, found),
        None => {
            claim.about = backend;
            vec![claim.fact("endpoints", service.endpoints_ready.to_string())]
        }
    }
}

/// Names do not resolve: what is behind the name has no part in it, the cluster's name server has.
fn name_server(scene: &Scene, mut claim: Claim, hop: u8) -> Claim {
    let server = scene.all_workloads().map(|seen| seen.about).find(|about| {
        about.namespace.as_deref() == Some("kube-system") && (about.name.contains("dns") || about.name == "coredns")
    });
    let Some(server) = server.filter(|server| !scene.is_own(server)) else { return claim };
    if let Some(found) = behind(scene, server, hop) {
        claim = claim.cite(found.cause.evidence).fact("why", found.cause.kind.as_str());
        claim.about = server.clone();
        claim.confidence = claim.confidence.max(0.88);
    }
    claim
}

/// What is known to be wrong with a dependency: its cause, and what contributed.
struct Behind {
    cause: Claim,
    contributing: Option<Claim>,
}

/// Looks at the dependency as its own subject.
fn behind(scene: &Scene, backend: &ObjectRef, hop: u8) -> Option<Behind> {
    if hop >= MOST_HOPS || scene.is_own(backend) {
        return None;
    }
    let subject = Subject::new(backend.kind, backend.namespace.clone(), backend.name.clone());
    let inner = Scene::new(&subject, scene.evidence(), scene.onset);
    // Alerts are about the subject; nothing of theirs is the dependency's.
    let claims = ranked(&inner, hop + 1);
    let told = |claim: &&Claim| claim.phrase != phrases::ALERT_SAYS && claim.confidence >= 0.5;
    let first = claims.iter().find(|claim| told(claim) && claim.role == Role::Cause);
    let cause =
        first.or_else(|| claims.iter().find(|claim| told(claim) && claim.kind == FindingKind::ReplicasMissing))?;
    let contributing =
        claims.iter().find(|claim| claim.role == Role::Contributing && claim.kind == FindingKind::BadRollout);
    Some(Behind { cause: cause.clone(), contributing: contributing.cloned() })
}

/// The claim that the cause is in the dependency, and what is known about it there.
fn failing(scene: &Scene, mut claim: Claim, backend: ObjectRef, found: Behind) -> Vec<Claim> {
    let Behind { cause, contributing } = found;
    if claim.phrase == phrases::DEPENDENCY {
        claim.phrase = phrases::DEPENDENCY_FAILING;
        claim.confidence = claim.confidence.max(0.6 + 0.3 * cause.confidence);
    }
    let deeper = cause.facts.get("target").cloned().or_else(|| cause.facts.get("line").cloned());
    claim = claim
        .cite(cause.evidence.iter().copied())
        .fact("dependency", backend.to_string())
        .fact("why", cause.kind.as_str())
        .maybe("why_what", deeper)
        .maybe("why_known_as", cause.facts.get("known_as").cloned())
        .maybe("why_change", contributing.as_ref().and_then(|change| change.facts.get("changes").cloned()));
    // Where the trail leads further than the next hop, the cause is there.
    let farther = cause.kind == DependencyUnreachable
        && cause.about != backend
        && cause.facts.contains_key("dependency")
        && !scene.is_own(&cause.about);
    claim.about = if farther { cause.about.clone() } else { backend };
    let others = std::iter::once(cause).chain(contributing).map(|other| {
        let of = other.about.to_string();
        Claim { confidence: other.confidence * 0.9, ..other }.role(Role::Contributing).fact("of", of)
    });
    std::iter::once(claim.clone()).chain(others).collect()
}

/// The address leads nowhere that is known, but a neighbour is down since about the same time.
fn suspected(scene: &Scene, failed: Option<(&Claim, &Target)>, hop: u8) -> Option<Vec<Claim>> {
    let ours = failed.and_then(|(claim, _)| claim.began);
    let line = failed.and_then(|(claim, _)| claim.facts.get("line")).map_or("", String::as_str);
    let mut candidates: Vec<_> = scene
        .services()
        .into_iter()
        .filter(|seen| Some(&seen.data.namespace) == scene.subject.namespace.as_ref() && seen.data.endpoints_ready == 0)
        .filter(|seen| !scene.is_own(&object(seen.data)) && seen.data.name != scene.subject.name)
        // Whoever is called on another port is somebody else.
        .filter(|seen| failed.is_none_or(|(_, target)| target.port.is_none() || target.port_is_of(seen.data)))
        .map(|seen| {
            let found = behind(scene, &object(seen.data), hop);
            let theirs = found.as_ref().and_then(|found| found.cause.began);
            let named = if line.contains(&seen.data.name) { 0.05 } else { 0.0 };
            // `redis-cache` behind a port that is Redis' own.
            let known = failed.and_then(|(_, target)| service_of_port(target.port?)).map(str::to_lowercase);
            let kind = known.is_some_and(|known| seen.data.name.contains(known.get(..5).unwrap_or(&known)));
            let named = named + if kind { 0.1 } else { 0.0 };
            let confidence = likelihood(scene, ours, theirs) + if found.is_some() { 0.02 } else { 0.0 } + named;
            (confidence.min(0.75), seen, found, theirs)
        })
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.data.name.cmp(&b.1.data.name)));
    // Two neighbours that are down alike: either may be it.
    let rival =
        candidates.get(1).filter(|other| other.1.data.name != candidates[0].1.data.name).map_or(0.0, |other| other.0);
    let (confidence, seen, found, theirs) = candidates.into_iter().next()?;
    let confidence = if confidence - rival < 0.05 { confidence - 0.12 } else { confidence };
    let service = seen.data;
    let base = match failed {
        Some((claim, _)) => {
            // Without a date or a name in common, the address itself is the better lead.
            if confidence < 0.5 {
                return None;
            }
            Claim { phrase: phrases::DEPENDENCY_SUSPECTED, confidence, ..claim.clone() }.cite([seen.id])
        }
        None => {
            let phrase = phrases::DEPENDENCY_SUSPECTED;
            Claim::new(DependencyUnreachable, phrase, confidence - 0.08, object(service), seen.id)
        }
    };
    let base = base
        .fact("service", format!("{}/{}", service.namespace, service.name))
        .fact("dependency", object(service).to_string())
        .maybe("since_there", theirs.map(|at| clock(at, scene.onset)));
    Some(match found {
        Some(found) => failing(scene, base, object(service), found),
        None => vec![Claim { about: object(service), ..base }],
    })
}

/// How likely two troubles are one, by when they began.
fn likelihood(scene: &Scene, ours: Option<DateTime<Utc>>, theirs: Option<DateTime<Utc>>) -> f64 {
    let ours = ours.unwrap_or(scene.onset);
    match theirs {
        Some(theirs) if (ours - theirs).abs() <= TOGETHER => 0.72,
        // Theirs came first, and the alert may have waited.
        Some(theirs) if theirs < ours && scene.weight(Some(theirs)) > 0.5 => 0.62,
        Some(_) => 0.4,
        None => 0.62,
    }
}

/// Failures whose lines name no place.
fn without_place(scene: &Scene, hop: u8) -> Vec<Claim> {
    let failures = scene.records().into_iter().filter(|record| record.complains).filter_map(|record| {
        let (failure, _) = failed_connection(record.text)?;
        Some((record, failure))
    });
    let best = failures.min_by_key(|(record, failure)| (!record.worse, *failure, u64::MAX - record.count));
    let Some((record, failure)): Option<(Record, Failure)> = best else { return Vec::new() };
    let (kind, phrase) = kind_of(failure);
    let confidence = confidence(failure, record.worse, record.known, record.count) - 0.08;
    let claim = Claim::new(kind, phrase, confidence, scene.subject.object(), record.id)
        .began(record.first)
        .fact("failure", failure.as_str())
        .fact("count", record.count.to_string())
        .maybe("line", root_line(record.text))
        .maybe("since", record.first.map(|at| clock(at, scene.onset)));
    // A gateway that says its upstream is gone without saying which: a neighbour that is down is likely meant.
    if kind == DependencyUnreachable
        && let Some(claims) = suspected(scene, None, hop)
    {
        return claims.into_iter().map(|other| other.cite([record.id])).collect();
    }
    vec![claim]
}

fn kind_of(failure: Failure) -> (FindingKind, &'static str) {
    match failure {
        Failure::Certificate => (CertificateInvalid, phrases::CERTIFICATE),
        Failure::Auth => (AuthFailed, phrases::AUTH_FAILED),
        Failure::TooMany => (DependencyUnreachable, phrases::TOO_MANY_CONNECTIONS),
        Failure::PoolExhausted => (DependencyUnreachable, phrases::POOL_EXHAUSTED),
        Failure::Dns => (DependencyUnreachable, phrases::DNS_FAILING),
        Failure::Refused
        | Failure::NoSuchHost
        | Failure::NoRoute
        | Failure::Tls
        | Failure::Reset
        | Failure::Timeout
        | Failure::Full
        | Failure::Unavailable => (DependencyUnreachable, phrases::DEPENDENCY),
    }
}

/// How sure a failure in the logs is to matter: what was always there does not explain what is new. `known` is whether
/// anything is known of before.
fn confidence(failure: Failure, worse: bool, known: bool, count: u64) -> f64 {
    let base = match failure {
        Failure::Certificate | Failure::TooMany | Failure::Full => 0.88,
        Failure::Refused | Failure::NoSuchHost | Failure::NoRoute => 0.87,
        Failure::Dns | Failure::PoolExhausted => 0.8,
        Failure::Auth | Failure::Tls => 0.78,
        Failure::Timeout | Failure::Unavailable => 0.75,
        Failure::Reset => 0.6,
    };
    let base = match (worse, known) {
        (true, _) => base,
        (false, false) => 0.7 * base,
        (false, true) => 0.4 * base,
    };
    if count < 3 { base * 0.85 } else { base }
}

fn with_target(scene: &Scene, claim: Claim, target: &Target) -> Claim {
    let lines = scene.records().into_iter().filter(|record| record.id == target.evidence && record.complains);
    let line = lines.filter(|record| names(record, target)).find_map(|record| root_line(record.text));
    claim
        .fact("target", target.address())
        .fact("failure", target.failure.as_str())
        .fact("count", target.count.to_string())
        .maybe("known_as", target.port.and_then(service_of_port))
        .maybe("since", target.first.map(|at| clock(at, scene.onset)))
        .maybe("line", line)
}

fn names(record: &Record, target: &Target) -> bool {
    record.text.to_lowercase().contains(&target.host)
}

/// What the target's name means in the cluster; the subject itself where it means nothing there.
fn named(scene: &Scene, target: &Target) -> ObjectRef {
    let Some((namespace, name)) = target.cluster_name() else { return scene.subject.object() };
    let known = scene
        .all_workloads()
        .map(|seen| seen.about)
        .find(|about| about.name == name && about.namespace.as_deref() == Some(namespace));
    match known {
        Some(about) => about.clone(),
        None if target.is_surely_in_cluster() => {
            ObjectRef { kind: SubjectKind::Service, namespace: Some(namespace.to_owned()), name: name.to_owned() }
        }
        None => scene.subject.object(),
    }
}

/// The workload behind a Service, else the Service.
fn object(service: &ServiceState) -> ObjectRef {
    service.backend.clone().unwrap_or_else(|| ObjectRef {
        kind: SubjectKind::Service,
        namespace: Some(service.namespace.clone()),
        name: service.name.clone(),
    })
}
