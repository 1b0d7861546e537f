//! Silences: in the simulated Alertmanager and in the real one.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use chrono::Utc;
use holmes_bot::adapters::actuator::{Actuator, ActuatorConnection, ActuatorSource};
use holmes_bot::adapters::alertmanager::{SilenceError, Silences};
use holmes_bot::demo::{self, Timeline, World};
use holmes_bot::domain::action::{Action, Before, Inverse};
use holmes_bot::domain::proposal::{Done, Sight};
use serde_json::json;

use super::approval::{Approval, approve};
use super::{applied, preview};
use crate::fakes::{Fake, settings};
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

        let wish =
            Action::parse("silence alertname=PodCrash \"pod!~web-.*\" --for 1h --comment \"rolling back\"", None)
                .unwrap();
        let shown = preview(&actuator, &wish).await;
        assert!(shown.diff.as_str().starts_with("+alertname=PodCrash\n+pod!~web-.*\n+until "), "{}", shown.diff);
        let Approval { proposal, approved } = approve(&wish, &shown);
        assert_eq!(actuator.observe(&proposal).await, Ok(Sight::NotApplied));
        let done = actuator.execute(&approved, Utc::now()).await.unwrap();
        let made = Done { created: done.created.clone() };
        assert_eq!(actuator.observe(&proposal).await, Ok(Sight::Applied(made)));
        let again = actuator.execute(&approved, Utc::now()).await.unwrap();
        assert_eq!((again.already, &again.created), (true, &done.created));
        let all = silences.all().await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(
            (all[0].comment.as_str(), all[0].created_by.as_str()),
            (format!("rolling back (holmes-bot {})", proposal.id).as_str(), "slack:U1 via holmes-bot")
        );
        let told = actuator.preview(&wish, Utc::now()).await.unwrap_err().to_string();
        assert_eq!(told, format!("Alertmanager: silence {} has the same matchers", all[0].id));

        let Inverse::By(end) = wish.inverse(&done.before, done.created.as_deref()) else { panic!("no way back") };
        let shown = preview(&actuator, &end).await;
        let Before::Silence { remaining_seconds, .. } = &shown.before else { panic!("{:?}", shown.before) };
        assert!((3_500..=3_600).contains(remaining_seconds), "{remaining_seconds}");
        let Approval { proposal, approved } = approve(&end, &shown);
        assert_eq!(actuator.observe(&proposal).await, Ok(Sight::NotApplied));
        actuator.execute(&approved, Utc::now()).await.unwrap();
        assert_eq!(actuator.observe(&proposal).await, applied());
        assert!(actuator.execute(&approved, Utc::now()).await.unwrap().already);
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

/// Two replicas of Alertmanager behind a balancer: the one that answers next has not heard of the silence yet.
#[tokio::test]
async fn a_silence_that_another_replica_made_is_made() {
    let id = "0c3c7e1a-0000-4000-8000-000000000001";
    let router = Router::new()
        .route(
            "/api/v2/silences",
            get(|| async { Json(json!([])) }).post(move || async move { Json(json!({"silenceID": id})) }),
        )
        .fallback(|| async { StatusCode::NOT_FOUND });
    let fake = Fake::start(router).await;
    let (actuator, _) = actuator(&fake.url()).await;
    let wish = Action::parse("silence alertname=PodCrash --for 1h --comment \"rolling back\"", None).unwrap();
    let Approval { approved, .. } = approve(&wish, &preview(&actuator, &wish).await);
    let done = actuator.execute(&approved, Utc::now()).await.unwrap();
    assert_eq!((done.created.as_deref(), done.already), (Some(id), false));
}
