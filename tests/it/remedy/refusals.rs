//! What is refused: those who may not, clicks that are not what was shown, targets that are somebody else's.

use serde_json::json;

use super::bot::Bot;

#[tokio::test(flavor = "multi_thread")]
async fn only_a_live_sufficient_approval_has_an_effect() {
    let bot = Bot::start().await;
    let namespace = bot.place.namespace.clone();
    let incident = bot.alert(&[("namespace", &namespace), ("deployment", "web")], true).await;
    let before = bot.place.get(&bot.place.deployment("web")).await["metadata"]["generation"].clone();
    let proposal = bot.wish("ann", &incident, &format!("scale deployment/web -n {namespace} --replicas 3")).await;

    let own = bot.decide("ann", &incident, &proposal, "approve").await;
    assert!(own.starts_with("You proposed this"), "{own}");
    let stranger = bot.decide("eve", &incident, &proposal, "approve").await;
    assert!(stranger.starts_with("You may not approve this."), "{stranger}");
    let altered = bot.decide_with("bob", &incident, &proposal, "approve", "0000").await;
    assert!(altered.starts_with("This is not what is proposed now"), "{altered}");
    assert_eq!(bot.place.get(&bot.place.deployment("web")).await["metadata"]["generation"], before);

    // The object moves between the proposal and the approval: what was shown no longer holds.
    bot.place.patch(&bot.place.deployment("web"), &json!({"spec": {"replicas": 4}})).await;
    assert_eq!(bot.decide("bob", &incident, &proposal, "approve").await, "Approved.");
    let void = bot.becomes(&incident, &proposal, "superseded").await;
    assert_eq!(void["detail"], "moved");
    assert_eq!(bot.place.get(&bot.place.deployment("web")).await["spec"]["replicas"], 4);
    let late = bot.decide("bob", &incident, &proposal, "approve").await;
    assert!(late.starts_with("It no longer holds"), "{late}");

    let audit = bot.audit(&proposal).await;
    let refused = audit.iter().filter(|action| *action == "proposal.click_refused").count();
    assert_eq!(refused, 4, "{audit:?}");
    assert!(!audit.contains(&"execution.begun".to_owned()), "{audit:?}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_outside_or_makes_no_sense_is_refused_with_a_reason() {
    let bot = Bot::start().await;
    let namespace = bot.place.namespace.clone();
    let incident = bot.alert(&[("namespace", &namespace), ("deployment", "web")], true).await;
    let path = format!("/incidents/{incident}/do");
    let (status, page) = bot.form("ann", &path, &[("action", "explode deployment/web")]).await;
    assert_eq!(status, 422, "{page}");
    assert!(page.contains("is not one of restart"), "{page}");
    for outside in ["restart deployment/coredns -n kube-system", "cordon node/somebody-elses"] {
        bot.form("ann", &path, &[("action", outside)]).await;
    }
    // A wish that is fine comes after them, so they were answered when it is there.
    bot.wish("ann", &incident, "restart deployment/web").await;
    let detail = bot.get(&format!("/api/v1/incidents/{incident}")).await;
    assert_eq!(detail["proposals"].as_array().unwrap().len(), 1, "{detail:#}");
    let words = |post: &serde_json::Value| post["text"].as_str().unwrap_or_default().to_owned();
    let said: Vec<String> = detail["thread"].as_array().unwrap().iter().map(words).collect();
    for why in ["coredns", "somebody-elses"] {
        assert!(said.iter().any(|text| text.contains(why) && text.contains("not put forward")), "{said:#?}");
    }
    let audit = bot.get("/api/v1/audit?limit=100").await;
    let entries = audit["entries"].as_array().unwrap().iter();
    assert_eq!(entries.filter(|entry| entry["action"] == "proposal.wish_refused").count(), 2);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_without_being_known_or_from_another_page() {
    let bot = Bot::start().await;
    let namespace = bot.place.namespace.clone();
    let incident = bot.alert(&[("namespace", &namespace), ("deployment", "web")], true).await;
    let proposal = bot.wish("ann", &incident, "restart deployment/web").await;
    let path = format!("/incidents/{incident}/proposals/{}", proposal["id"].as_str().unwrap());
    let fields = [("choice", "approve"), ("digest", proposal["digest"].as_str().unwrap()), ("nonce", "1")];
    let (unknown, _) = bot.form("nobody", &path, &fields).await;
    assert!([401, 403].contains(&unknown), "{unknown}");
    let foreign = bot.foreign_form("bob", &path, &fields).await;
    assert_eq!(foreign, 403);
    let detail = bot.get(&format!("/api/v1/incidents/{incident}")).await;
    assert_eq!(detail["proposals"][0]["state"], "proposed");
    bot.stop().await;
}
