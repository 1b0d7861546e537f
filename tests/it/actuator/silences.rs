//! Silences: in the simulated Alertmanager and in the real one.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use holmes_bot::adapters::actuator::{Actuator, ActuatorConnection, ActuatorSource, Happening};
use holmes_bot::adapters::alertmanager::{SilenceError, Silences};
use holmes_bot::demo::{self, Timeline, World};
use holmes_bot::domain::action::{Action, Before, Inverse};

use super::{order, preview};
use crate::fakes::settings;
use crate::neighbours::Alertmanager;

async fn actuator(alertmanager: &str) -> (Actuator, Silences) {
    let silences = Silences::new(&settings(alertmanager)).unwrap();
    // Nobody is there: silences need no cluster.
    let source = ActuatorSource::Url { url: "http://127.0.0.1:9".into(), token: "x".to_owned().into() };
    let connection = ActuatorConnection { source, people: BTreeMap::new(), timeout: Duration::from_secs(1) };
    (Actuator::connect(&connection, Some(silences.clone())).await.unwrap(), silences)
}

#[tokio::test]
async fn a_silence_is_made_once_and_ended() {
    drop(crate::process::client());
    let real = Alertmanager::start("route: {receiver: none}\nreceivers: [{name: none}]\n").await;
    let simulated = demo::start(World::empty(), Timeline::at_once()).await.unwrap();
    for url in [real.url(), &simulated.neighbours.alertmanager_url] {
        let (actuator, silences) = actuator(url).await;
        let lines = actuator.check().await;
        let line = lines.iter().find(|line| line.what == "alertmanager").unwrap();
        assert!(line.ok && line.detail.starts_with("Alertmanager 0."), "{line:?}");

        let wish = Action::parse("silence alertname=PodCrash \"pod!~web-.*\" --for 1h --comment \"rolling back\"", None).unwrap();
        let shown = preview(&actuator, &wish).await;
        assert!(shown.diff.starts_with("+alertname=PodCrash\n+pod!~web-.*\n+until "), "{}", shown.diff);
        let made = order("s-1", &wish, &shown);
        assert_eq!(actuator.observe(&made).await, Ok(Happening::NotHappened));
        let done = actuator.execute(&made).await.unwrap();
        assert_eq!(actuator.observe(&made).await, Ok(Happening::Happened));
        let again = actuator.execute(&made).await.unwrap();
        assert_eq!((again.already, &again.created), (true, &done.created));
        let all = silences.all().await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!((all[0].comment.as_str(), all[0].created_by.as_str()), ("rolling back (holmes-bot s-1)", "slack:U1 via holmes-bot"));
        let told = actuator.preview(&wish, Utc::now()).await.unwrap_err().to_string();
        assert_eq!(told, format!("Alertmanager: silence {} has the same matchers", all[0].id));

        let Inverse::By(end) = wish.inverse(&done.before, done.created.as_deref()) else { panic!("no way back") };
        let shown = preview(&actuator, &end).await;
        let Before::Silence { remaining_seconds, .. } = &shown.before else { panic!("{:?}", shown.before) };
        assert!((3_500..=3_600).contains(remaining_seconds), "{remaining_seconds}");
        let ending = order("s-2", &end, &shown);
        assert_eq!(actuator.observe(&ending).await, Ok(Happening::NotHappened));
        actuator.execute(&ending).await.unwrap();
        assert_eq!(actuator.observe(&ending).await, Ok(Happening::Happened));
        assert!(actuator.execute(&ending).await.unwrap().already);
        assert_eq!(silences.get(&all[0].id).await.unwrap().state, "expired");
        let told = actuator.preview(&end, Utc::now()).await.unwrap_err().to_string();
        assert_eq!(told, format!("Alertmanager: silence {} has ended already", all[0].id));

        let unknown = "00000000-0000-0000-0000-000000000000";
        assert_eq!(silences.get(unknown).await, Err(SilenceError::NotFound { id: unknown.into() }));
        let end = Action::ExpireSilence { id: unknown.into() };
        let told = actuator.preview(&end, Utc::now()).await.unwrap_err().to_string();
        assert_eq!(told, format!("Alertmanager has no silence {unknown}"));
    }
}
