//! Incidents that the bot has not been tuned to: recorded worlds made here, from an alert to its cause. The table says
//! what is true of each; what the bot says instead is printed.

mod case;
pub mod cluster;
mod image;
mod jobs;
mod labels;
mod load;
mod memory;
mod mixed;
mod nodes;
mod probes;
pub mod recording;
mod requests;
mod scheduling;
mod startup;
mod storage;

use futures::StreamExt as _;
use holmes_bot::demo::World;
use serde_json::Value;

use crate::bot::{Bot, all_done};
use crate::process::PLAIN;
use case::{Case, Expected};
use recording::{Recording, SECRET};

/// Worlds that are played at once.
const AT_ONCE: usize = 6;

/// All of them, or those of a module or with a name that `WORLD` says.
fn cases() -> Vec<Case> {
    let all = [
        ("startup", startup::cases()),
        ("memory", memory::cases()),
        ("image", image::cases()),
        ("scheduling", scheduling::cases()),
        ("probes", probes::cases()),
        ("load", load::cases()),
        ("requests", requests::cases()),
        ("storage", storage::cases()),
        ("nodes", nodes::cases()),
        ("jobs", jobs::cases()),
        ("labels", labels::cases()),
        ("mixed", mixed::cases()),
    ];
    let only = std::env::var("WORLD").unwrap_or_default();
    let of = |(module, cases): (&str, Vec<Case>)| {
        let all = module == only;
        cases.into_iter().filter(|case| all || case.name.contains(&only)).collect::<Vec<_>>()
    };
    let cases: Vec<Case> = all.into_iter().flat_map(of).collect();
    assert!(!cases.is_empty(), "WORLD={only} is no module and in no name");
    cases
}

/// How old the cluster is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Age {
    /// Months.
    Old,
    /// Ten minutes.
    Young,
}

/// What is wrong with the bot's account of a world; empty when all is right.
async fn play(case: &Case, age: Age) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut recording = Recording::new("prod-7");
    (case.record)(&mut recording);
    recording.hum();
    if age == Age::Young {
        recording.make_young();
    }
    recording.write(directory.path());
    let world = World::load(directory.path()).unwrap();
    let bot = Bot::start(world, PLAIN, true).await;
    bot.play().await;
    let delivered = bot.cluster.player().total() as u64;
    let handled = |incidents: &[Value]| -> u64 {
        incidents.iter().map(|incident| incident["notifications"].as_u64().unwrap()).sum()
    };
    let incidents = bot.incidents(|incidents| handled(incidents) == delivered && all_done(incidents)).await;
    let mut wrong = Vec::new();
    for expected in &case.expected {
        let found = incidents.iter().find(|incident| incident["subject"]["name"] == expected.subject);
        let Some(found) = found else {
            let names: Vec<String> = incidents.iter().map(|incident| incident["title"].to_string()).collect();
            wrong.push(format!("no incident about {}: {}", expected.subject, names.join(", ")));
            continue;
        };
        let whole = bot.get(&format!("/api/v1/incidents/{}", found["id"].as_str().unwrap())).await;
        wrong.extend(compare(expected, &whole));
    }
    let stated = |incident: &&Value| incident["status"] == "open";
    if incidents.iter().filter(stated).count() != case.expected.len() {
        let names: Vec<String> = incidents.iter().map(|incident| incident["title"].to_string()).collect();
        wrong.push(format!("{} incidents: {}", incidents.len(), names.join(", ")));
    }
    bot.stop().await;
    wrong
}

fn compare(expected: &Expected, incident: &Value) -> Vec<String> {
    let cause = &incident["cause"];
    let kind = cause["kind"].as_str().unwrap_or("none");
    let claim = cause["claim"].as_str().unwrap_or_default();
    let said = format!("{}: {kind} {:.2}: {claim}", expected.subject, cause["confidence"].as_f64().unwrap_or(0.0));
    let mut wrong = Vec::new();
    if expected.kinds != "any" && !expected.kinds.split('|').any(|right| right == kind) {
        let findings: Vec<String> = incident["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| {
                format!(
                    "{} {} {:.2}",
                    f["kind"].as_str().unwrap(),
                    f["role"].as_str().unwrap(),
                    f["confidence"].as_f64().unwrap()
                )
            })
            .collect();
        wrong.push(format!("expected {}, is {said}\n      [{}]", expected.kinds, findings.join("; ")));
    }
    let about = cause["about"]["name"].as_str().unwrap_or_default();
    // Where nothing is known, it is about nothing.
    let broke = if expected.about.is_empty() { expected.subject } else { expected.about };
    if !cause.is_null() && broke != "*" && !broke.split('|').any(|right| right == about) {
        wrong.push(format!("expected it about {broke}, is about {about}: {said}"));
    }
    let findings = incident["findings"].as_array().unwrap();
    let claims: String = findings.iter().filter_map(|finding| finding["claim"].as_str()).collect();
    if !expected.says.split('|').any(|word| claims.contains(word)) {
        wrong.push(format!("does not say {}: {said}", expected.says));
    }
    let ids: Vec<&Value> = incident["evidence"].as_array().unwrap().iter().map(|evidence| &evidence["id"]).collect();
    for finding in findings {
        let cited = finding["evidence"].as_array().unwrap();
        if cited.is_empty() || !cited.iter().all(|id| ids.contains(&id)) {
            wrong.push(format!("cites what is not there: {finding}"));
        }
    }
    if incident.to_string().contains(SECRET) {
        wrong.push("a password is shown".to_owned());
    }
    if incident["unavailable"] != serde_json::json!([]) {
        wrong.push(format!("unavailable: {} {}", incident["unavailable"], incident["unavailable_reasons"]));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn worlds_are_explained() {
    let cases = cases();
    let played: Vec<(String, Vec<String>)> = futures::stream::iter(&cases)
        .flat_map(|case| futures::stream::iter([(case, Age::Old), (case, Age::Young)]))
        .map(|(case, age)| async move { (format!("{} ({age:?})", case.name), play(case, age).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let wrong: Vec<&(String, Vec<String>)> = played.iter().filter(|(_, wrong)| !wrong.is_empty()).collect();
    for (name, wrong) in &wrong {
        println!("{name}\n    {}", wrong.join("\n    "));
    }
    assert!(wrong.is_empty(), "{} of {} worlds are not explained rightly", wrong.len(), played.len());
}
