//! Weighing claims against each other: what is said twice is said once, what is explained becomes a symptom, and the
//! best comes first.

use super::claim::Claim;
use super::phrases;
use crate::domain::finding::FindingKind::{self, *};
use crate::domain::finding::Role;

/// Claims beyond this say nothing that helps.
const MOST: usize = 12;
/// Less sure than this, a claim explains no other.
const EXPLAINS_FROM: f64 = 0.5;
/// Less sure than this, a claim is not worth a line.
const LEAST: f64 = 0.15;

/// The claims, best first: causes, what contributed, symptoms.
pub(super) fn rank(claims: Vec<Claim>) -> Vec<Claim> {
    let mut claims = merged(claims.into_iter().filter(|claim| claim.confidence >= LEAST).collect());
    // Alerts speak only where nobody else does.
    if claims
        .iter()
        .any(|claim| claim.phrase != phrases::ALERT_SAYS && claim.confidence >= 0.5 && claim.role != Role::Contributing)
    {
        claims.retain(|claim| claim.phrase != phrases::ALERT_SAYS);
    }
    claims.sort_by(|a, b| score(b).total_cmp(&score(a)).then(a.kind.cmp(&b.kind)));
    explain(&mut claims);
    promote(&mut claims);
    claims.sort_by_key(|claim| claim.role);
    claims.truncate(MOST);
    claims
}

/// Sureness times how near the kind of trouble is to what a person would change.
fn score(claim: &Claim) -> f64 {
    // A probe that kills is nearer to the cause than the restarts it makes.
    let directness = if claim.phrase == phrases::PROBE_RESTARTS { 0.85 } else { directness(claim.kind) };
    claim.confidence * directness
}

fn directness(kind: FindingKind) -> f64 {
    match kind {
        OomKilled | ConfigError | ImagePull | NodeNotReady => 1.0,
        VolumeUnavailable | CertificateInvalid => 0.97,
        AuthFailed | Unschedulable | QuotaExceeded | DiskFull => 0.95,
        DependencyUnreachable => 0.93,
        JobFailed | NodePressure => 0.9,
        CrashLoop => 0.8,
        CpuThrottled | TrafficSurge => 0.75,
        MemoryHigh | ProbeFailing | BadRollout => 0.7,
        NewErrors => 0.6,
        HttpErrors => 0.58,
        SlowResponses | ReplicasMissing => 0.5,
    }
}

/// Whether trouble of kind `cause` makes trouble of kind `effect` by itself.
fn explains(cause: FindingKind, effect: FindingKind) -> bool {
    // What every broken workload shows.
    let surface = matches!(effect, ProbeFailing | HttpErrors | SlowResponses | ReplicasMissing | NewErrors | JobFailed);
    match cause {
        OomKilled => surface || matches!(effect, CrashLoop | MemoryHigh | CpuThrottled),
        ConfigError => surface || effect == CrashLoop,
        AuthFailed | CertificateInvalid => surface || matches!(effect, CrashLoop | DependencyUnreachable),
        DependencyUnreachable => surface || effect == CrashLoop,
        DiskFull => surface || matches!(effect, CrashLoop | NodePressure | DependencyUnreachable),
        NodeNotReady => {
            surface
                || matches!(
                    effect,
                    CrashLoop | Unschedulable | VolumeUnavailable | NodePressure | DependencyUnreachable
                )
        }
        NodePressure => surface || matches!(effect, OomKilled | Unschedulable | CrashLoop),
        VolumeUnavailable => surface || matches!(effect, Unschedulable | CrashLoop),
        QuotaExceeded => matches!(effect, Unschedulable | HttpErrors | SlowResponses | ReplicasMissing),
        ImagePull | Unschedulable => surface && effect != JobFailed,
        CrashLoop => surface,
        CpuThrottled => matches!(effect, ProbeFailing | HttpErrors | SlowResponses | ReplicasMissing),
        MemoryHigh => matches!(effect, SlowResponses | ProbeFailing),
        // A liveness probe that kills makes the restarts; only a claim that says so stands as a cause: see `kills`.
        ProbeFailing => matches!(effect, HttpErrors | ReplicasMissing),
        JobFailed => matches!(effect, NewErrors | CrashLoop | ReplicasMissing | ProbeFailing),
        ReplicasMissing => matches!(effect, HttpErrors),
        BadRollout | TrafficSurge | SlowResponses | HttpErrors | NewErrors => false,
    }
}

/// Whether one claim explains another; `by` is the surer one or the more direct.
fn is_explained(effect: &Claim, by: &Claim) -> bool {
    let kills = by.phrase == phrases::PROBE_RESTARTS && effect.kind == CrashLoop && is_signalled(effect);
    // A schema that does not fit is why the job fails, but the job's claim says it itself.
    let schema =
        by.phrase == phrases::SCHEMA && matches!(effect.kind, CrashLoop | HttpErrors | ProbeFailing | ReplicasMissing);
    let files = by.phrase == phrases::TOO_MANY_FILES
        && matches!(effect.kind, CrashLoop | HttpErrors | DependencyUnreachable | ReplicasMissing);
    let victim = by.kind == CrashLoop && effect.phrase == phrases::PROBE_RESTARTS && is_signalled(by);
    let sure = by.confidence >= EXPLAINS_FROM && by.confidence >= 0.6 * effect.confidence;
    // Two places that fail at once: the surer one goes first, but neither explains the other.
    sure && !victim && by.role == Role::Cause && (explains(by.kind, effect.kind) || kills || schema || files)
}

/// Whether the process was ended from outside rather than by itself.
fn is_signalled(claim: &Claim) -> bool {
    match claim.facts.get("meaning").map(String::as_str) {
        Some(meaning) => matches!(meaning, "sigkill" | "sigterm" | "completed"),
        None => !claim.facts.contains_key("exit"),
    }
}

/// Makes what is explained a symptom, from the best claim down.
fn explain(claims: &mut [Claim]) {
    for at in 0..claims.len() {
        let Some(by) = claims.get(at).filter(|claim| claim.role == Role::Cause).cloned() else { continue };
        for (index, effect) in claims.iter_mut().enumerate() {
            if index != at && effect.role == Role::Cause && is_explained(effect, &by) {
                effect.role = Role::Symptom;
            }
        }
    }
}

/// With nothing more direct known, a change just before the trouble is the likely cause.
fn promote(claims: &mut [Claim]) {
    let known =
        claims.iter().any(|claim| claim.role == Role::Cause && claim.confidence >= EXPLAINS_FROM && !is_vague(claim));
    if known {
        return;
    }
    let trouble = claims
        .iter()
        .any(|claim| claim.role != Role::Contributing && claim.confidence >= 0.4 || claim.kind == CrashLoop);
    let change = claims.iter_mut().find(|claim| {
        claim.role == Role::Contributing
            && matches!(claim.kind, BadRollout | TrafficSurge)
            && claim.confidence >= EXPLAINS_FROM
    });
    if let Some(change) = change.filter(|_| trouble) {
        change.role = Role::Cause;
        for effect in claims.iter_mut().filter(|claim| is_vague(claim)) {
            effect.role = Role::Symptom;
        }
    }
}

/// Says that it crashes or does not get ready, but not why.
fn is_vague(claim: &Claim) -> bool {
    matches!(claim.phrase, phrases::CRASH_LOOP | phrases::RESTARTS | phrases::PROBE_FAILING | phrases::NOT_READY)
        || claim.phrase == phrases::ALERT_SAYS
}

/// One claim for each thing that is said: the surer one, with the evidence and the facts of both.
fn merged(claims: Vec<Claim>) -> Vec<Claim> {
    let mut out: Vec<Claim> = Vec::new();
    for claim in claims {
        let Some(known) = out.iter_mut().find(|known| same(known, &claim)) else {
            out.push(claim);
            continue;
        };
        let (mut better, other) =
            if claim.confidence > known.confidence { (claim, known.clone()) } else { (known.clone(), claim) };
        better = better.cite(other.evidence);
        better.began = [better.began, other.began].into_iter().flatten().min();
        if better.phrase == other.phrase {
            for (name, text) in other.facts {
                better.facts.entry(name).or_insert(text);
            }
        }
        *known = better;
    }
    out
}

/// Whether two claims say the same.
fn same(a: &Claim, b: &Claim) -> bool {
    let both = |name: &str| match (a.facts.get(name), b.facts.get(name)) {
        (Some(a), Some(b)) => a == b,
        // One that does not name it speaks of the same thing in general.
        _ => true,
    };
    a.kind == b.kind
        && a.about == b.about
        // What is wrong over there is not what we suffer from it, though it may be the same kind of trouble.
        && a.facts.get("of") == b.facts.get("of")
        && (a.kind != BadRollout || a.phrase == b.phrase)
        && (a.kind != NewErrors || a.phrase == b.phrase)
        && (a.kind != QuotaExceeded || a.phrase == b.phrase)
        && both("target")
        && both("container")
        && both("probe")
        && both("condition")
        && both("volume")
}
