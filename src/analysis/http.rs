//! Requests answered with an error, by metrics and by access logs.

use super::claim::Claim;
use super::format::{clock, percent, value};
use super::metric_role::{MetricRole, metric_role};
use super::phrases;
use super::scene::{Record, Scene};
use super::text::words::{after, leading_number};
use crate::domain::finding::FindingKind::HttpErrors;
use crate::domain::finding::Role;

/// What the subject's charts and logs say.
pub(super) fn find(scene: &Scene) -> Option<Claim> {
    let measured = measured(scene);
    let logged = logged(scene);
    match (measured, logged) {
        (Some(measured), Some(logged)) => {
            let began = [measured.began, logged.began].into_iter().flatten().min();
            let mut both = measured.cite(logged.evidence).began(began);
            for (name, text) in logged.facts {
                both.facts.entry(name).or_insert(text);
            }
            both.confidence = (both.confidence + 0.05).min(0.95);
            Some(both)
        }
        (one, other) => one.or(other),
    }
}

/// Whether anything tells of answers with a 5xx.
pub(super) fn has_server_errors(scene: &Scene) -> bool {
    let alerted = || {
        scene.alerts().any(|seen| {
            seen.data.iter().any(|alert| {
                let text = format!("{} {}", alert.name, alert.text).to_lowercase();
                super::text::words::has_any(&text, &["5xx", "502", "503", "504", "http 500", "error rate", "errorrate"])
            })
        })
    };
    find(scene).is_some_and(|claim| claim.confidence >= 0.4) || alerted()
}

fn measured(scene: &Scene) -> Option<Claim> {
    let charts = scene.series().filter(|seen| metric_role(seen.query) == MetricRole::HttpErrors);
    let best =
        charts.filter_map(|seen| Some((seen, seen.data.summary.as_ref()?))).filter(|(_, summary)| summary.peak > 0.0);
    best.map(|(seen, summary)| {
        let baseline = summary.baseline.unwrap_or(0.0);
        let rose = summary.peak > 2.0 * baseline && summary.peak > 0.0;
        let confidence = match (rose, summary.stepped_at) {
            (true, Some(_)) => 0.85,
            (true, None) => 0.7,
            (false, _) => 0.35,
        };
        Claim::new(HttpErrors, phrases::HTTP_ERRORS, confidence, scene.subject.object(), seen.id)
            .role(Role::Symptom)
            .began(summary.stepped_at)
            .fact("series", &summary.series)
            .fact("now", value(summary.now, &seen.data.unit))
            .fact("peak", value(summary.peak, &seen.data.unit))
            .maybe("usual", summary.baseline.map(|usual| value(usual, &seen.data.unit)))
            .maybe("since", summary.stepped_at.map(|at| clock(at, scene.onset)))
    })
    .reduce(|best, next| if next.confidence > best.confidence { next } else { best })
}

fn logged(scene: &Scene) -> Option<Claim> {
    let records = scene.records();
    let access: Vec<(&Record, u16)> =
        records.iter().filter_map(|record| Some((record, status(record.text)?))).collect();
    let total = access.iter().map(|(record, _)| record.count).fold(0, u64::saturating_add);
    let errors: Vec<&(&Record, u16)> = access.iter().filter(|(_, status)| *status >= 500).collect();
    let count = errors.iter().map(|(record, _)| record.count).fold(0, u64::saturating_add);
    let (worst, status) = errors.iter().max_by_key(|(record, _)| (record.worse, record.count))?;
    let confidence = if worst.worse { 0.75 } else { 0.35 };
    let first = errors.iter().filter(|(record, _)| record.worse).filter_map(|(record, _)| record.first).min();
    Some(
        Claim::new(HttpErrors, phrases::HTTP_ERRORS_LOGS, confidence, scene.subject.object(), worst.id)
            .role(Role::Symptom)
            .began(first)
            .fact("status", status.to_string())
            .fact("count", count.to_string())
            .fact("share", percent(count as f64 / total.max(1) as f64))
            .maybe("since", first.map(|at| clock(at, scene.onset))),
    )
}

/// The status of an access log's line.
pub(super) fn status(text: &str) -> Option<u16> {
    let cues = [
        "HTTP/1.1\" ",
        "HTTP/1.0\" ",
        "HTTP/2.0\" ",
        "HTTP/2\" ",
        "HTTP/3.0\" ",
        "HTTP/1.1 ",
        "\"status\":",
        "\"status_code\":",
        "status=",
        "status_code=",
        "\"statusCode\":",
        "\"response_code\":",
        "response_code=",
        "code=",
    ];
    let number = cues.iter().find_map(|cue| leading_number(after(text, cue)?.trim_start_matches(['"', ' '])))?;
    u16::try_from(number).ok().filter(|status| (100..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn statuses_of_access_logs() {
        for (line, expected) in [
            (r#"10.1.6.42 - - [22/Nov/2026:22:53:19 +0000] "GET /products?page=2 HTTP/1.1" 502 157 "-""#, Some(502)),
            (r#"{"method":"GET","path":"/","status":503}"#, Some(503)),
            ("level=info method=GET status=200 ms=3", Some(200)),
            ("exit code=1", None),
            ("nothing", None),
        ] {
            assert_eq!(status(line), expected, "{line}");
        }
    }
}
