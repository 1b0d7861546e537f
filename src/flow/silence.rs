//! Which incident a silence that a person types is for. Pure.

use crate::domain::action::SilenceMatcher;
use crate::domain::incident::Incident;

/// Whether a silence of these matchers would cover an alert that an incident fires.
pub fn covers(matchers: &[SilenceMatcher], incident: &Incident) -> bool {
    incident
        .alerts
        .iter()
        .filter(|alert| alert.is_firing())
        .any(|alert| matchers.iter().all(|matcher| matcher.fits(&alert.labels)))
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
}
