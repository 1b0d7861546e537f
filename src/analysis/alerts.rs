//! The alerts themselves as evidence of last resort: when nobody else can be asked, they still say what is wrong.

use super::claim::Claim;
use super::phrases;
use super::scene::Scene;
use super::text::words::has_any;
use crate::domain::alert::AlertStatus;
use crate::domain::evidence::AlertFact;
use crate::domain::finding::FindingKind::{self, *};
use crate::domain::finding::Role;

/// Words of reasons, names and texts, most telling first; all lower case without separators.
const RULES: &[(FindingKind, Role, &[&str])] = &[
    (OomKilled, Role::Cause, &["oomkill", "outofmemory", "oomevent", "memoryoom"]),
    (ImagePull, Role::Cause, &["imagepull", "errimage", "invalidimage"]),
    (
        ConfigError,
        Role::Cause,
        &["createcontainerconfigerror", "configerror", "configreload", "runcontainererror", "createcontainererror"],
    ),
    (
        CertificateInvalid,
        Role::Cause,
        &["certificate", "certexpir", "sslexpir", "tlsexpir", "certmanager", "certnotready"],
    ),
    (
        NodeNotReady,
        Role::Cause,
        &[
            "nodenotready",
            "kubenodeunreachable",
            "nodeunreachable",
            "nodedown",
            "kubeletdown",
            "hostdown",
            "nodereadinessflapping",
        ],
    ),
    (
        NodePressure,
        Role::Cause,
        &[
            "diskpressure",
            "memorypressure",
            "pidpressure",
            "nodepressure",
            "nodememoryhigh",
            "hostoutofmemory",
            "nodememorymajor",
            "nodesystemsaturation",
        ],
    ),
    (
        DiskFull,
        Role::Cause,
        &[
            "fillingup",
            "almostoutofspace",
            "outofspace",
            "diskfull",
            "outofdiskspace",
            "persistentvolumeusage",
            "persistentvolumefull",
            "diskspace",
            "diskwillfill",
            "filesystemspace",
            "outofinodes",
            "inodes",
            "fewfilesleft",
            "volumefull",
            "pvcfull",
            "diskusage",
            "filesalmostout",
        ],
    ),
    (
        VolumeUnavailable,
        Role::Cause,
        &["persistentvolumeerrors", "volumeattach", "pvcpending", "persistentvolumeclaimpending"],
    ),
    (
        JobFailed,
        Role::Cause,
        &[
            "jobfailed",
            "cronjobfail",
            "jobnotstart",
            "jobmiss",
            "missedschedule",
            "jobsuspend",
            "jobstuck",
            "jobslow",
            "jobdeadline",
            "jobnotcompleted",
            "cronjobtoolong",
            "jobcompletion",
            "backupfailed",
        ],
    ),
    (
        QuotaExceeded,
        Role::Cause,
        &["quotaexceeded", "quotafull", "quotaalmostfull", "hpamaxedout", "hpareplicasmismatch", "overcommit", "quota"],
    ),
    (CpuThrottled, Role::Cause, &["cputhrottling", "throttl", "highcpu", "cpuhigh", "cpuusage"]),
    (MemoryHigh, Role::Cause, &["highmemory", "memoryusage", "memoryhigh", "memorynearlimit", "memoryleak"]),
    (Unschedulable, Role::Cause, &["unschedulable", "notscheduled", "podpending", "cannotbescheduled"]),
    (CrashLoop, Role::Cause, &["crashloop", "containerrestart", "podrestart", "frequentrestart"]),
    (
        ProbeFailing,
        Role::Cause,
        &["probefail", "livenessfail", "readinessfail", "blackbox", "endpointdown", "probefailure"],
    ),
    (
        HttpErrors,
        Role::Symptom,
        &["5xx", "errorrate", "httperror", "servererror", "higherrors", "502", "503", "504", "errorbudget"],
    ),
    (SlowResponses, Role::Symptom, &["latency", "slowrequest", "responsetime", "slowquer", "consumerlag", "queuegrow"]),
    (BadRollout, Role::Contributing, &["rolloutstuck", "generationmismatch"]),
    (
        ReplicasMissing,
        Role::Symptom,
        &[
            "replicasmismatch",
            "replicasunavailable",
            "notready",
            "unavailable",
            "rolloutstuck",
            "targetdown",
            "instancedown",
            "servicedown",
            "daemonsetmis",
            "podnotready",
            "absent",
            "isdown",
        ],
    ),
];

/// What the alerts say, at most half sure.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for seen in scene.alerts() {
        for alert in seen.data {
            let Some((kind, role, confidence)) = read(alert) else { continue };
            let known = claims.iter().any(|claim| claim.kind == kind);
            if !known {
                claims.push(
                    Claim::new(kind, phrases::ALERT_SAYS, confidence, scene.subject.object(), seen.id)
                        .role(role)
                        .fact("alert", &alert.name)
                        .fact("kind", kind.as_str())
                        .maybe("reason", alert.reason.clone())
                        .fact("text", &alert.text),
                );
            }
        }
    }
    claims
}

/// A reason label is the exporter's word, the name its author's; the text only mentions.
fn read(alert: &AlertFact) -> Option<(FindingKind, Role, f64)> {
    let rule = |text: &str| {
        let compact: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        RULES.iter().find(|(_, _, words)| has_any(&compact, words)).map(|(kind, role, _)| (*kind, *role))
    };
    let told = alert.reason.as_deref().and_then(rule).map(|found| (found, 0.5));
    let told = told.or_else(|| rule(&alert.name).map(|found| (found, 0.45)));
    let ((kind, role), confidence) = told.or_else(|| rule(&alert.text).map(|found| (found, 0.3)))?;
    // What is over counts less than what still burns.
    let confidence = if alert.status == AlertStatus::Firing { confidence } else { confidence - 0.1 };
    Some((kind, role, confidence))
}
