//! Every action of the catalogue is asked for, approved, done, seen to have worked, and taken back.

use serde_json::Value;

use super::bot::Bot;

/// Carries one action through its life; `labels` are those of the alert that it is about.
async fn lived(bot: &Bot, labels: &[(&str, &str)], action: &str) {
    let incident = bot.alert(labels, true).await;
    let proposal = bot.wish("ann", &incident, action).await;
    assert!(!proposal["diff"].as_str().unwrap().is_empty(), "{action}");
    assert_eq!(bot.decide("bob", &incident, &proposal, "approve").await, "Approved.");
    // Alerts that end are part of having helped, where the action mends anything.
    bot.proposal(&incident, &format!("{action} to be done"), |one| {
        one["id"] == proposal["id"] && !["proposed", "approved", "executing"].contains(&one["state"].as_str().unwrap())
    })
    .await;
    bot.alert(labels, false).await;
    let verified = bot.becomes(&incident, &proposal, "verified").await;
    assert_eq!(verified["approved_by"], serde_json::json!(["console:bob"]));
    taken_back(bot, &incident, &proposal).await;
}

async fn taken_back(bot: &Bot, incident: &str, proposal: &Value) {
    let id = proposal["id"].as_str().unwrap();
    let (status, page) = bot.form("ann", &format!("/incidents/{incident}/proposals/{id}/undo"), &[]).await;
    if status == 404 {
        // There is no way back from a restart, a deleted pod, a Job that ran.
        let action = proposal["action"].as_str().unwrap();
        assert!(["restart", "delete", "rerun"].iter().any(|verb| action.starts_with(verb)), "{action}");
        return;
    }
    assert_eq!(status, 200, "{page}");
    let back = bot
        .proposal(incident, &format!("the way back of {}", proposal["action"]), |one| {
            one["state"] == "proposed" && one["id"] != *id
        })
        .await;
    assert_eq!(bot.decide("bob", incident, &back, "approve").await, "Approved.");
    bot.becomes(incident, &back, "verified").await;
    let audit = bot.audit(proposal).await;
    let wanted = ["proposal.made", "proposal.approved", "execution.begun", "execution.applied", "verification.passed"];
    assert_eq!(audit, wanted, "{}", proposal["action"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_and_scaling() {
    let bot = Bot::start().await;
    let namespace = bot.place.namespace.clone();
    bot.place.revision(&bot.place.deployment("web"), "deployment", 1).await;
    let web = [("namespace", namespace.as_str()), ("deployment", "web")];
    for action in [
        "restart deployment/web",
        "undo deployment/web -n NAMESPACE --to-revision 1",
        "set-resources deployment/web -n NAMESPACE -c app --memory-limit 96Mi",
        "scale deployment/web -n NAMESPACE --replicas 3",
        "pause deployment/web",
    ] {
        lived(&bot, &web, &action.replace("NAMESPACE", &namespace)).await;
    }
    let hpa = format!("set-hpa hpa/auto -n {namespace} --min 1 --max 5");
    lived(&bot, &[("namespace", &namespace), ("deployment", "auto")], &hpa).await;
    lived(&bot, &[("namespace", &namespace), ("statefulset", "db")], "restart statefulset/db").await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_jobs_and_nodes() {
    let bot = Bot::start().await;
    let namespace = bot.place.namespace.clone();
    let pod = bot.place.pod_of("web").await;
    let in_namespace =
        |kind: &'static str, name: &'static str| [("namespace", namespace.clone()), (kind, name.to_owned())];
    for (kind, name, action) in [
        ("deployment", "web", format!("delete pod/{pod}")),
        ("cronjob", "report", "suspend cronjob/report".to_owned()),
        ("job_name", "once", "rerun job/once".to_owned()),
    ] {
        let labels = in_namespace(kind, name);
        let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
        lived(&bot, &labels, &action).await;
    }
    let node = bot.place.node("spare").await;
    lived(&bot, &[("node", &node)], &format!("cordon node/{node}")).await;
    lived(&bot, &[("node", &node)], &format!("drain node/{node}")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silences() {
    let bot = Bot::start().await;
    let namespace = bot.place.namespace.clone();
    let labels = [("namespace", namespace.as_str()), ("deployment", "web")];
    lived(&bot, &labels, &format!("silence alertname=Broken namespace={namespace} --for 2h --comment \"on it\"")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_help_is_offered_to_be_taken_back() {
    let bot = Bot::start().await;
    let namespace = bot.place.namespace.clone();
    let labels = [("namespace", namespace.as_str()), ("deployment", "web")];
    let incident = bot.alert(&labels, true).await;
    let scale = format!("scale deployment/web -n {namespace} --replicas 3");
    let proposal = bot.wish("ann", &incident, &scale).await;
    assert_eq!(bot.decide("bob", &incident, &proposal, "approve").await, "Approved.");
    // Three pods are ready, and the alert still fires: it did not help.
    let failed = bot.becomes(&incident, &proposal, "not_verified").await;
    assert_eq!(failed["detail"], "the change is in effect, and 1 alert(s) still fire");
    let back =
        bot.proposal(&incident, "the way back", |one| one["proposed_by"] == "undo" && one["state"] == "proposed").await;
    assert_eq!(back["action"], format!("scale deployment/web -n {namespace} --replicas 2"));
    assert_eq!(bot.decide("ann", &incident, &back, "approve").await, "Approved.");
    bot.becomes(&incident, &proposal, "undone").await;
    assert_eq!(bot.place.get(&bot.place.deployment("web")).await["spec"]["replicas"], 2);
    bot.stop().await;
}
