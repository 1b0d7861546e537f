//! Which incident a silence that a person types is for. Pure.

use crate::domain::action::{MatchOperator, SilenceMatcher};
use crate::domain::alert::Labels;
use crate::domain::incident::Incident;

/// Whether a silence of these matchers would cover an alert that an incident fires.
pub fn covers(matchers: &[SilenceMatcher], incident: &Incident) -> bool {
    incident
        .alerts
        .iter()
        .filter(|alert| alert.is_firing())
        .any(|alert| matchers.iter().all(|matcher| holds(matcher, &alert.labels)))
}

fn holds(matcher: &SilenceMatcher, labels: &Labels) -> bool {
    let value = labels.get(&matcher.name).map(String::as_str).unwrap_or_default();
    // Alertmanager anchors its expressions.
    let fits = || regex::Regex::new(&format!("^(?:{})$", matcher.value)).is_ok_and(|pattern| pattern.is_match(value));
    match matcher.operator {
        MatchOperator::Equal => value == matcher.value,
        MatchOperator::NotEqual => value != matcher.value,
        MatchOperator::Regex => fits(),
        MatchOperator::NotRegex => !fits(),
    }
}

/// `90s`, `30m`, `2h`, `1d` in seconds.
pub fn seconds(written: &str) -> Option<u64> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    units.into_iter().find_map(|(unit, factor)| written.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::Action;
    use crate::render::samples;

    #[test]
    fn a_silence_is_for_whose_alerts_it_covers() {
        let incident = samples::incident();
        for (written, expected) in [
            ("alertname=KubePodCrashLooping", true),
            ("alertname=~KubePod.* namespace=shop", true),
            ("alertname=~Pod namespace=shop", false),
            ("namespace=shop team!=edge", true),
            ("alertname=KubePodCrashLooping namespace!~sh.*", false),
            // No one alert is both.
            ("alertname=KubeDeploymentReplicasMismatch pod=checkout-7464b59bfd-x2k9p", false),
        ] {
            let command = format!("silence {written} --for 1h --comment x");
            let Ok(Action::CreateSilence { matchers, .. }) = Action::parse(&command, None) else { panic!("{written}") };
            assert_eq!(covers(&matchers, &incident), expected, "{written}");
        }
    }

    #[test]
    fn durations_are_read() {
        for (written, expected) in
            [("90s", Some(90)), ("2h", Some(7_200)), ("1d", Some(86_400)), ("2", None), ("h", None)]
        {
            assert_eq!(seconds(written), expected, "{written}");
        }
    }
}
