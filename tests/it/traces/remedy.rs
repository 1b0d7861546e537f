//! What people have done about an incident belongs to its trace, and the cluster is told so.

use serde_json::Value;

use super::{CALLER, TRACE, Tap, assert_whole, deliver, named, of_trace, settled};
use crate::actuator::place::Place;
use crate::process::{Process, client, kubeconfig};
use crate::remedy::bot::{POLICY, TOKENS};
use crate::traces::collector::{Collector, Mood};

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_is_part_of_its_incidents_trace() {
    let place = Place::fake().await;
    place.workloads().await;
    let tap = Tap::before(&place.running().neighbours.kubernetes_url).await;
    let collector = Collector::start(Mood::Takes).await;
    let data = tempfile::tempdir().unwrap();
    let policy = data.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    let environment = [
        ("HOLMES_POLICY_FILE", policy.display().to_string()),
        ("HOLMES_CONSOLE_TOKEN", TOKENS.to_owned()),
        ("HOLMES_ACTUATOR_KUBECONFIG", kubeconfig(data.path(), &tap.fake.url(), "actuator")),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
    ];
    let mut bot = Process::serve(&data.path().join("store"), &environment).await;
    deliver(&bot, &place.broken("web"), Some(&format!("00-{TRACE}-{CALLER}-01"))).await;
    settled(&bot, 1, false).await;
    let list = bot.until("/api/v1/incidents", |_| true).await;
    let incident = list["incidents"][0]["id"].as_str().unwrap().to_owned();
    let form = |who: &str, path: String, fields: Vec<(&'static str, String)>| {
        let request = client().post(format!("{}{path}", bot.url)).form(&fields);
        request.header("sec-fetch-site", "same-origin").bearer_auth(format!("{who}s-token-0123456789")).send()
    };
    let wish = vec![("action", "restart deployment/web".to_owned())];
    form("ann", format!("/incidents/{incident}/do"), wish).await.unwrap();
    let path = format!("/api/v1/incidents/{incident}");
    let detail = bot.until(&path, |detail| detail["proposals"].as_array().unwrap().len() == 1).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (id, digest) = (text(&detail["proposals"][0]["id"]), text(&detail["proposals"][0]["digest"]));
    let click = vec![("choice", "approve".to_owned()), ("digest", digest), ("nonce", "1".to_owned())];
    form("bob", format!("/incidents/{incident}/proposals/{id}"), click).await.unwrap();
    collector.until("a look whether it helped", |spans| spans.iter().any(|span| span.name == "verify")).await;
    assert_eq!(bot.terminate(), Some(0));

    let spans = collector.spans();
    assert_whole(&spans, &[CALLER]);
    let ours = of_trace(&spans, TRACE);
    let investigation = &named(&ours, "investigation")[0].id;
    for (name, attribute, value) in [
        ("propose", "explained", "false"),
        ("wish", "action", "rollout_restart"),
        ("execute", "action", "rollout_restart"),
        ("verify", "state", "applied"),
    ] {
        let span = named(&ours, name)[0];
        assert_eq!((&span.parent, span.status), (investigation, 0), "{span:?}");
        assert_eq!(span.attributes[attribute], value, "{span:?}");
    }
    let asked: Vec<&str> = ours.iter().map(|span| span.id.as_str()).collect();
    let heard = tap.heard();
    let execution = named(&ours, "execute")[0].id.clone();
    assert!(heard.contains(&(TRACE.to_owned(), execution)), "the API server knows whose work it does: {heard:?}");
    assert!(heard.iter().all(|(trace, span)| trace == TRACE && asked.contains(&span.as_str())), "{heard:?}");
}
