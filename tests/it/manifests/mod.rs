//! The manifests: each object read as its type, every reference followed, permissions and variables compared with the code.

mod kustomize;
mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use holmes_bot::adapters::knowledge::{Base, Library, directory};
use holmes_bot::adapters::metrics::{Metrics, MetricsSettings};
use holmes_bot::adapters::permission::Permission;
use holmes_bot::adapters::{actuator, cluster};
use holmes_bot::config::Config;
use holmes_bot::demo::World;
use holmes_bot::domain::runbook::query_for;
use holmes_bot::telemetry::counters::{OfChat, OfDecision, OfTokens};
use holmes_bot::telemetry::{Counters, Ended};
use kustomize::{build, documents, kind, name};
use serde_json::Value;

use crate::bot::Bot;
use crate::checkout::{self, documented_variables, root};
use crate::fake_slack::FakeSlack;
use crate::fakes;
use crate::neighbours::{Alertmanager, VictoriaMetrics};
use crate::process::client;

fn manifests() -> PathBuf {
    root().join("manifests")
}

/// An overlay with everything that can be added to it.
fn embedded_with_all() -> Vec<Value> {
    let mut objects = build(&manifests().join("overlays/embedded"));
    for component in ["actuator", "per-namespace", "chats", "ingress", "runbooks"] {
        kustomize::add(&manifests().join("components").join(component), "holmes", &mut objects);
    }
    objects
}

/// Everything that can be installed together, by what it is.
fn installations() -> Vec<(&'static str, Vec<Value>)> {
    let redis = [build(&manifests().join("overlays/redis")), documents(&manifests().join("redis/redis.yaml"))].concat();
    vec![
        ("embedded", build(&manifests().join("overlays/embedded"))),
        ("redis", redis),
        ("embedded with all components", embedded_with_all()),
        ("vllm", documents(&manifests().join("vllm/vllm.yaml"))),
    ]
}

/// All YAML files below a directory.
fn yaml_files(below: &Path) -> Vec<PathBuf> {
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
    checkout::files(below).into_iter().filter(is_yaml).collect()
}

/// The keys of the Secrets that people bring, by the Secret's name; those in comments are optional ones.
fn secrets() -> BTreeMap<String, BTreeSet<String>> {
    let mut secrets = BTreeMap::new();
    for file in yaml_files(&manifests()).into_iter().filter(|file| file.ends_with("secret.example.yaml")) {
        let [secret] = &documents(&file)[..] else { panic!("{}", file.display()) };
        let text = std::fs::read_to_string(&file).unwrap();
        let keys = text.lines().filter_map(|line| line.trim_start_matches([' ', '#']).split_once(": "));
        let keys = keys.map(|(key, _)| key.to_owned()).filter(|key| is_variable(key)).collect();
        secrets.insert(name(secret).to_owned(), keys);
    }
    secrets
}

fn is_variable(key: &str) -> bool {
    key.contains('_') && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn every_object_has_only_fields_that_its_type_has() {
    let mut faults = Vec::new();
    for (which, objects) in installations() {
        faults.extend(objects.iter().flat_map(typed::faults).map(|fault| format!("{which}: {fault}")));
    }
    let not_objects = |file: &PathBuf| {
        let text = file.to_string_lossy();
        ["kustomization.yaml", "patch.yaml", "delete.yaml", "public-url.yaml", "policy.yaml"]
            .iter()
            .any(|end| text.ends_with(end))
    };
    for file in yaml_files(&manifests()).into_iter().filter(|file| !not_objects(file)) {
        let found = documents(&file).iter().flat_map(typed::faults).collect::<Vec<_>>();
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", file.display())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_check_refuses_what_is_wrong() {
    let mut deployment = documents(&manifests().join("base/deployment.yaml")).remove(0);
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = serde_json::json!({});
    assert_eq!(
        typed::faults(&deployment),
        ["Deployment holmes-bot/spec/template/spec/containers/0/readinesProbe: unknown field"]
    );
    let mut route = documents(&manifests().join("alertmanager/vmalertmanagerconfig.yaml")).remove(0);
    route["spec"]["route"]["groupBy"] = serde_json::json!(["a"]);
    assert_eq!(typed::faults(&route), ["VMAlertmanagerConfig holmes-bot/spec/route/groupBy: unknown field"]);
}

/// Where `kubectl` is, ours and Kustomize's own result are one.
#[test]
fn our_resolver_agrees_with_kustomize() {
    let hash = regex::Regex::new(r"\b(holmes-bot-(?:config|policy|runbooks))-[a-z0-9]{10}\b").unwrap();
    for overlay in ["embedded", "redis"] {
        let directory = manifests().join("overlays").join(overlay);
        let Ok(output) = std::process::Command::new("kubectl").arg("kustomize").arg(&directory).output() else {
            eprintln!("kubectl is not installed: the comparison is left out");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let theirs: Vec<Value> = serde_saphyr::from_multiple(&hash.replace_all(&text, "$1")).unwrap();
        let ours = build(&directory);
        assert_eq!(ours.len(), theirs.len(), "{overlay}");
        for object in &ours {
            assert!(theirs.contains(object), "{overlay}: {} {} differs", kind(object), name(object));
        }
    }
}

fn rules_of(objects: &[Value], role: &str) -> BTreeSet<String> {
    let role = objects.iter().find(|object| kind(object) == "ClusterRole" && name(object) == role).unwrap();
    let mut found = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let texts =
            |key: &str| rule[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>();
        for group in texts("apiGroups") {
            for resource in texts("resources") {
                for verb in texts("verbs") {
                    assert!(found.insert(format!("{verb} {group}/{resource}")), "twice: {verb} {group}/{resource}");
                }
            }
        }
    }
    found
}

fn rules_for(permissions: &[Permission]) -> BTreeSet<String> {
    permissions.iter().map(|p| format!("{} {}/{}", p.verb, p.group, p.resource)).collect()
}

#[test]
fn roles_allow_what_the_code_calls_and_nothing_else() {
    let objects = embedded_with_all();
    assert_eq!(rules_of(&objects, "holmes-bot-reader"), rules_for(&cluster::PERMISSIONS));
    assert_eq!(rules_of(&objects, "holmes-bot-actuator"), rules_for(&actuator::PERMISSIONS));
    // By namespace, the rest is what is in no namespace.
    let in_none = |rule: &&String| rule.ends_with("/nodes") || rule.ends_with("/namespaces");
    let reader = rules_of(&objects, "holmes-bot-reader");
    let wanted: BTreeSet<String> = reader.iter().filter(in_none).cloned().collect();
    assert_eq!(rules_of(&objects, "holmes-bot-cluster-reader"), wanted);
}

/// The pod's template of a workload.
fn pod(object: &Value) -> Option<&Value> {
    object.pointer("/spec/template/spec")
}

fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == key {
                    found.push(value);
                }
                all(value, key, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

fn found<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    let mut values = Vec::new();
    all(value, key, &mut values);
    values
}

/// Whether labels have all that a selector asks for.
fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().unwrap().iter().all(|(key, value)| labels[key] == *value)
}

/// What is referred to and is not there.
fn dangling(objects: &[Value]) -> Vec<String> {
    let mut missing = Vec::new();
    let has = |wanted: &str, name_: &Value| {
        objects.iter().any(|object| kind(object) == wanted && object["metadata"]["name"] == *name_)
    };
    let secrets = secrets();
    let workloads: Vec<&Value> = objects.iter().filter(|object| pod(object).is_some()).collect();
    let selected = |selector: &Value| -> Vec<&Value> {
        let labels = |object: &&&Value| selects(selector, &object["spec"]["template"]["metadata"]["labels"]);
        workloads.iter().filter(labels).copied().collect()
    };
    let has_port = |workloads: &[&Value], port: &Value| {
        workloads.iter().any(|workload| {
            found(&workload["spec"], "ports")
                .into_iter()
                .flat_map(|ports| ports.as_array().unwrap())
                .any(|known| known["name"] == *port || known["containerPort"] == *port)
        })
    };
    for object in objects {
        let at = format!("{} {}", kind(object), name(object));
        let mut need = |there: bool, what: String| {
            if !there {
                missing.push(format!("{at}: {what}"));
            }
        };
        for reference in found(object, "secretKeyRef").into_iter().chain(found(object, "bearer_token_secret")) {
            let keys = secrets.get(reference["name"].as_str().unwrap());
            let there = keys.is_some_and(|keys| keys.contains(reference["key"].as_str().unwrap()));
            need(there, format!("no secret key {reference}"));
        }
        for reference in found(object, "secretRef") {
            need(secrets.contains_key(reference["name"].as_str().unwrap()), format!("no Secret {reference}"));
        }
        for reference in found(object, "secretName").into_iter().filter(|_| pod(object).is_some()) {
            need(has("Secret", reference), format!("no Secret {reference}"));
        }
        for reference in found(object, "configMapRef").into_iter().chain(found(object, "configMap")) {
            need(has("ConfigMap", &reference["name"]), format!("no ConfigMap {reference}"));
        }
        for claim in found(object, "claimName") {
            need(has("PersistentVolumeClaim", claim), format!("no claim {claim}"));
        }
        if let Some(pod) = pod(object) {
            if let Some(account) = pod.get("serviceAccountName") {
                need(has("ServiceAccount", account), format!("no account {account}"));
            }
            let templates = object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
            let volumes = pod["volumes"].as_array().into_iter().flatten().map(|volume| &volume["name"]);
            let volumes: Vec<&Value> = volumes.chain(templates.map(|claim| &claim["metadata"]["name"])).collect();
            let mounts =
                found(&pod["containers"], "volumeMounts").into_iter().flat_map(|list| list.as_array().unwrap());
            let mounted: Vec<&Value> = mounts.map(|mount| &mount["name"]).collect();
            mounted.iter().for_each(|name| need(volumes.contains(name), format!("no volume {name}")));
            volumes.iter().for_each(|name| need(mounted.contains(name), format!("volume {name} is not used")));
            for probe in found(pod, "httpGet").into_iter().chain(found(pod, "tcpSocket")) {
                need(has_port(&[object], &probe["port"]), format!("no port {}", probe["port"]));
            }
            let labels = &object["spec"]["template"]["metadata"]["labels"];
            let selectors = found(&object["spec"], "matchLabels");
            selectors
                .iter()
                .for_each(|selector| need(selects(selector, labels), format!("selects nothing: {selector}")));
        }
        match kind(object) {
            "Service" => {
                let behind = selected(&object["spec"]["selector"]);
                need(!behind.is_empty(), "no pods".into());
                for port in object["spec"]["ports"].as_array().unwrap() {
                    need(has_port(&behind, &port["targetPort"]), format!("no port {port}"));
                }
            }
            "NetworkPolicy" => {
                let about = selected(&object["spec"]["podSelector"]["matchLabels"]);
                need(!about.is_empty(), "no pods".into());
                for rule in object["spec"]["ingress"].as_array().into_iter().flatten() {
                    for port in rule["ports"].as_array().unwrap() {
                        need(has_port(&about, &port["port"]), format!("no port {port}"));
                    }
                }
            }
            "PodDisruptionBudget" => {
                need(!selected(&object["spec"]["selector"]["matchLabels"]).is_empty(), "no pods".into());
            }
            "HorizontalPodAutoscaler" => {
                let target = &object["spec"]["scaleTargetRef"];
                need(has(target["kind"].as_str().unwrap(), &target["name"]), format!("no target {target}"));
            }
            "ClusterRoleBinding" | "RoleBinding" => {
                let role = &object["roleRef"];
                need(has(role["kind"].as_str().unwrap(), &role["name"]), format!("no role {role}"));
                for subject in object["subjects"].as_array().unwrap() {
                    need(has("ServiceAccount", &subject["name"]), format!("no account {subject}"));
                    need(subject["namespace"] == "holmes", format!("another namespace: {subject}"));
                }
            }
            "Ingress" => {
                for service in found(object, "service") {
                    let port = &service["port"]["name"];
                    let there = objects.iter().any(|known| {
                        kind(known) == "Service"
                            && known["metadata"]["name"] == service["name"]
                            && found(known, "ports")[0].as_array().unwrap().iter().any(|known| known["name"] == *port)
                    });
                    need(there, format!("no service {service}"));
                }
            }
            "VMServiceScrape" | "ServiceMonitor" => {
                let selector = &object["spec"]["selector"]["matchLabels"];
                let port = &object["spec"]["endpoints"][0]["port"];
                let there = objects.iter().any(|known| {
                    kind(known) == "Service"
                        && selects(selector, &known["metadata"]["labels"])
                        && known["spec"]["ports"].as_array().unwrap().iter().any(|known| known["name"] == *port)
                });
                need(there, "no service with that port".into());
            }
            "Secret" if object["type"] == "kubernetes.io/service-account-token" => {
                let account = &object["metadata"]["annotations"]["kubernetes.io/service-account.name"];
                need(has("ServiceAccount", account), format!("no account {account}"));
            }
            _ => {}
        }
    }
    missing
}

#[test]
fn every_reference_leads_somewhere() {
    for (which, objects) in installations() {
        let missing = dangling(&objects);
        assert!(missing.is_empty(), "{which}:\n{}", missing.join("\n"));
    }
    for file in ["vmalertmanagerconfig.yaml", "beside-holmesgpt.yaml"] {
        let missing = dangling(&documents(&manifests().join("alertmanager").join(file)));
        assert!(missing.is_empty(), "{file}:\n{}", missing.join("\n"));
    }
}

#[test]
fn pods_may_do_little() {
    for (which, objects) in installations() {
        for object in &objects {
            let Some(pod) = pod(object) else { continue };
            let at = format!("{which}: {}", name(object));
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{at}");
            // A Service `vllm` or `holmes-bot` makes VLLM_PORT or HOLMES_BOT_PORT, which programs read as their own.
            assert_eq!(pod["enableServiceLinks"], false, "{at}");
            // vLLM's image runs as root and writes caches beside its program.
            let strict = name(object) != "vllm";
            assert!(!strict || pod["securityContext"]["runAsNonRoot"] == true, "{at}");
            for container in pod["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{at}");
                assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]), "{at}");
                assert!(!strict || context["readOnlyRootFilesystem"] == true, "{at}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{at}");
                assert!(container["resources"]["requests"]["memory"].is_string(), "{at}");
            }
        }
    }
}

#[test]
fn every_variable_is_one_that_the_bot_reads() {
    let documented = documented_variables();
    let mut used: BTreeSet<String> = secrets()["holmes-bot"].clone();
    let config = std::fs::read_to_string(manifests().join("base/config.env")).unwrap();
    let names = config.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    used.extend(names.map(|(name, _)| name.to_owned()).filter(|name| is_variable(name)));
    let overlays = installations();
    for deployment in overlays.iter().flat_map(|(_, objects)| objects).filter(|object| name(object) == "holmes-bot") {
        let variables = found(deployment, "env").into_iter().flat_map(|env| env.as_array().unwrap());
        used.extend(variables.map(|variable| variable["name"].as_str().unwrap().to_owned()));
    }
    let unknown: Vec<&String> = used.difference(&documented).collect();
    assert!(unknown.is_empty(), "not in .env.example: {unknown:?}");
}

#[test]
fn the_bot_starts_with_what_the_pod_gives_it() {
    let objects = build(&manifests().join("overlays/embedded"));
    let config = objects.iter().find(|object| name(object) == "holmes-bot-config").unwrap();
    let mut variables: BTreeMap<String, String> = serde_json::from_value(config["data"].clone()).unwrap();
    let secret = documents(&manifests().join("base/secret.example.yaml")).remove(0);
    let keys: BTreeMap<String, String> = serde_json::from_value(secret["stringData"].clone()).unwrap();
    variables.extend(keys);
    variables.insert("KUBERNETES_SERVICE_HOST".into(), "10.0.0.1".into());
    variables.insert("KUBERNETES_SERVICE_PORT".into(), "443".into());
    let config = Config::from_variables(&variables).unwrap();
    assert_eq!(Config::unknown(&variables), Vec::<&str>::new());
    assert!(config.metrics.is_some() && config.logs.is_some() && config.kubernetes.is_some());
    let deployment = objects.iter().find(|object| kind(object) == "Deployment").unwrap();
    let port = found(deployment, "containerPort")[0];
    assert_eq!(u64::from(config.listen.port()), port.as_u64().unwrap());
    let mounts = found(deployment, "mountPath");
    assert!(mounts.iter().any(|path| path.as_str() == config.data_dir.to_str()), "{mounts:?}");
}

#[test]
fn the_runbook_of_the_component_is_a_good_example() {
    let (runbooks, problems) = directory::read(&manifests().join("components/runbooks"));
    // What Kustomize needs lies beside it, and is no runbook.
    let problems: Vec<_> = problems.iter().filter(|problem| problem.file.ends_with(".md")).collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert!(runbooks.iter().any(|runbook| runbook.id == "checkout-slow" && runbook.metrics.len() == 1));
}

#[test]
fn the_policy_of_the_component_is_the_documented_one() {
    let ours = std::fs::read_to_string(manifests().join("components/actuator/policy.yaml")).unwrap();
    let documented = checkout::text("docs/policy.example.yaml");
    assert_eq!(ours, documented);
}

/// Every metric that a bot with a chat answers to a scrape, before anything happened.
async fn scraped() -> BTreeSet<String> {
    let slack = FakeSlack::start().await;
    let bot = Bot::start(World::empty(), &slack.environment(), false).await;
    let text = client().get(format!("{}/metrics", bot.url)).send().await.unwrap().text().await.unwrap();
    bot.stop().await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
}

fn names_in(expression: &str) -> BTreeSet<String> {
    let names = regex::Regex::new(r"\bholmes_[a-z_]+").unwrap();
    names.find_iter(expression).map(|name| name.as_str().to_owned()).collect()
}

/// The rules of both monitoring components.
fn rules() -> Vec<Value> {
    let components = manifests().join("components");
    let victoria = documents(&components.join("monitoring-victoria/vmrule.yaml")).remove(0);
    let prometheus = documents(&components.join("monitoring-prometheus/prometheusrule.yaml")).remove(0);
    assert_eq!(victoria["spec"], prometheus["spec"]);
    victoria["spec"]["groups"][0]["rules"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let components = manifests().join("components");
    let dashboard = std::fs::read_to_string(components.join("monitoring-victoria/dashboard.json")).unwrap();
    let twin = std::fs::read_to_string(components.join("monitoring-prometheus/dashboard.json")).unwrap();
    assert_eq!(dashboard, twin);
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let rules = rules();
    let expressions = rules.iter().map(|rule| rule["expr"].as_str().unwrap());
    let expressions = expressions.chain(found(&dashboard, "expr").into_iter().map(|expr| expr.as_str().unwrap()));
    let there = scraped().await;
    let mut asked = BTreeSet::new();
    for expression in expressions {
        promql_parser::parser::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        asked.extend(names_in(expression));
    }
    let runbook = checkout::text("runbooks/holmes-bot.md");
    let hpa = documents(&manifests().join("overlays/redis/hpa.yaml")).remove(0);
    asked.extend(names_in(&runbook).into_iter().filter(|name| !name.starts_with("holmes_bot")));
    asked.extend(found(&hpa, "metric").iter().map(|metric| metric["name"].as_str().unwrap().to_owned()));
    let operations = checkout::text("docs/operations.md");
    let documented = names_in(&operations);
    // The documentation names a histogram once.
    let base = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        ends.unwrap_or(name).to_owned()
    };
    let missing: Vec<&String> = asked.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?} are not among {there:?}");
    let bases: BTreeSet<String> = there.iter().map(|name| base(name)).collect();
    let unknown: Vec<&String> = bases.difference(&documented).collect();
    assert!(unknown.is_empty(), "docs/operations.md does not say what these are: {unknown:?}");
    // What is counted by a label is not there before the first of it: such a one must at least be registered.
    let registered = checkout::text("src/telemetry/counters.rs");
    let is_registered = |name: &str| {
        let stem = name.trim_start_matches("holmes_").trim_end_matches("_total");
        registered.contains(&format!("\"{stem}\""))
    };
    let told: BTreeSet<String> = documented.iter().map(|name| base(name)).collect();
    let gone = told.difference(&bases).filter(|name| *name != "holmes_bot" && !is_registered(name));
    let gone: Vec<&String> = gone.collect();
    assert!(gone.is_empty(), "docs/operations.md knows metrics that there are not: {gone:?}");
}

/// What a bot exposes over half an hour, a scrape a minute: one that works, or one that is `late` with everything.
fn half_an_hour(now: DateTime<Utc>, late: bool) -> String {
    let counters = Counters::default();
    let mut out = String::new();
    for minute in 0..=30 {
        counters.alerts.inc_by(3);
        counters.incidents_opened.inc();
        counters.incidents_resolved.inc();
        for result in ["ok", "error"] {
            let ended = |of: &str| Ended { of: of.to_owned(), result };
            counters.notifications.get_or_create(&ended("alertmanager")).inc();
            counters.queries.get_or_create(&ended("metrics")).inc();
            counters.model_turns.get_or_create(&ended("automatic")).inc();
        }
        let Counters { acknowledge_seconds, first_message_seconds, investigation_seconds, model_turn_seconds, .. } =
            &counters;
        for seconds in [acknowledge_seconds, first_message_seconds, investigation_seconds, model_turn_seconds] {
            seconds.observe(Duration::from_millis(40));
        }
        for minutes in [&counters.time_to_acknowledge, &counters.time_to_resolve] {
            minutes.observe(300.0);
        }
        for decision in ["approved", "rejected"] {
            counters.approval_seconds.get_or_create(&OfDecision { decision }).observe(90.0);
        }
        for kind in ["prompt", "completion"] {
            counters.count_tokens(kind, 2_000);
            counters.conversation_tokens.get_or_create(&OfTokens { kind }).observe(2_000.0);
        }
        counters.conversation_turns.observe(3.0);
        counters.store_up.set(1);
        let chat = OfChat { chat: "slack" };
        counters.outbox_waiting.get_or_create(&chat).set(2);
        counters.outbox_oldest_seconds.get_or_create(&chat).set(if late { 400.0 } else { 3.0 });
        if late {
            counters.store_up.set(0);
            counters.inbox_oldest_seconds.set(90.0);
            counters.approvals_oldest_seconds.set(1_000.0);
            counters.inbox_dead.set(1);
            let ended = Ended { of: "automatic".into(), result: "timeout" };
            counters.model_turns.get_or_create(&ended).inc_by(2);
        }
        let at = (now - TimeDelta::minutes(30 - minute)).timestamp_millis();
        let text = counters.text();
        out.extend(text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line} {at}\n")));
    }
    out
}

#[tokio::test]
async fn a_real_server_evaluates_alerts_and_panels() {
    let server = VictoriaMetrics::start().await;
    let now = DateTime::from_timestamp(Utc::now().timestamp() / 60 * 60, 0).unwrap();
    let before = now - TimeDelta::hours(3);
    server.import(half_an_hour(before, true) + &half_an_hour(now, false)).await;
    let mut endpoint = fakes::settings(server.url());
    endpoint.client.total_timeout = Some(std::time::Duration::from_secs(20));
    let metrics = Metrics::new(MetricsSettings { endpoint, ..Default::default() }).unwrap();
    let firing = async |at| {
        let mut firing = Vec::new();
        for rule in rules() {
            let answer = metrics.query(rule["expr"].as_str().unwrap(), Some(at)).await;
            let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", rule["alert"]));
            if !answer.series.is_empty() {
                firing.push(rule["alert"].as_str().unwrap().to_owned());
            }
        }
        firing
    };
    // Half of all that it asked failed, which is not more than half; some deliveries were answered with an error.
    assert_eq!(firing(now).await, ["HolmesDeliveriesRefused"]);
    let late = [
        "HolmesStoreUnreachable",
        "HolmesInboxOld",
        "HolmesEventsGivenUp",
        "HolmesModelFails",
        "HolmesChatLate",
        "HolmesApprovalsWait",
        "HolmesDeliveriesRefused",
    ];
    let mut fired = firing(before).await;
    fired.sort_by_key(|alert| late.iter().position(|known| known == alert));
    assert_eq!(fired, late);
    let dashboard = std::fs::read_to_string(manifests().join("components/monitoring-victoria/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    for expr in found(&dashboard, "expr").into_iter().map(|expr| expr.as_str().unwrap()) {
        let answer = metrics.query(expr, Some(now)).await.unwrap_or_else(|error| panic!("{expr}: {error}"));
        assert!(answer.series.iter().any(|series| !series.points.is_empty()), "{expr} finds nothing");
    }
}

#[test]
fn the_bots_own_alerts_find_their_runbook() {
    let (library, _) = Library::load(Base::Embedded, None).unwrap();
    for rule in rules() {
        let alert = rule["alert"].as_str().unwrap();
        let labels = BTreeMap::new();
        let found = library.matching(&query_for(alert, "", "", &labels, &[])).unwrap();
        // A model that fails is looked for where models are looked for, and the bot's own page stands beside it.
        let first = if alert == "HolmesModelFails" { "llm-connectivity" } else { "holmes-bot" };
        assert_eq!(found[0].id, first, "{alert}");
        assert!(found.iter().any(|found| found.id == "holmes-bot"), "{alert}");
        assert!(["critical", "warning"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{alert}");
    }
}

#[tokio::test]
async fn a_real_alertmanager_takes_the_plain_configuration() {
    let text = std::fs::read_to_string(manifests().join("alertmanager/alertmanager.yml")).unwrap();
    let alertmanager = Alertmanager::start(&text).await;
    let status: Value = serde_json::from_str(&alertmanager.get("api/v2/status").await).unwrap();
    let config: Value = serde_saphyr::from_str(status["config"]["original"].as_str().unwrap()).unwrap();
    let holmes = config["receivers"].as_array().unwrap().iter().find(|receiver| receiver["name"] == "holmes").unwrap();
    assert_eq!(holmes["webhook_configs"][0]["send_resolved"], true);
}

#[test]
fn applications_have_what_once_hurt() {
    let apps: BTreeMap<String, Value> = yaml_files(&manifests().join("argocd/apps"))
        .iter()
        .flat_map(|file| documents(file))
        .map(|app| (name(&app).to_owned(), app))
        .collect();
    let stack = &apps["vm-k8s-stack"]["spec"];
    assert_eq!(stack["source"]["targetRevision"], "0.45.0");
    let values = &stack["source"]["helm"]["valuesObject"];
    assert_eq!(values["alertmanager"]["spec"]["disableNamespaceMatcher"], true);
    assert!(values["alertmanager"]["spec"]["storage"]["volumeClaimTemplate"].is_object());
    let plugins = ["victoriametrics-metrics-datasource", "victoriametrics-logs-datasource"];
    assert_eq!(values["grafana"]["plugins"], serde_json::json!(plugins));
    assert_eq!(values["defaultDatasources"]["extra"][0]["type"], plugins[1]);
    let options = stack["syncPolicy"]["syncOptions"].as_array().unwrap();
    for option in ["ServerSideApply=true", "RespectIgnoreDifferences=true", "CreateNamespace=true"] {
        assert!(options.iter().any(|known| known == option), "{option}");
    }
    let ignored: Vec<&Value> = found(&stack["ignoreDifferences"], "kind");
    assert!(ignored.iter().any(|kind| *kind == "VMSingle") && ignored.iter().any(|kind| *kind == "VMAlertmanager"));
    assert_eq!(apps["victoria-logs-collector"]["spec"]["source"]["targetRevision"], "0.2.9");

    // Charts are pinned, paths are there, and neighbours are where the bot looks for them.
    let config = std::fs::read_to_string(manifests().join("base/config.env")).unwrap();
    for (which, app) in &apps {
        for source in found(app, "source")
            .into_iter()
            .chain(found(app, "sources").into_iter().flat_map(|list| list.as_array().unwrap()))
        {
            if source.get("chart").is_some() {
                let version = source["targetRevision"].as_str().unwrap();
                assert!(version.split('.').count() == 3 && !version.contains('*'), "{which}: {version}");
            } else {
                let path = root().join(source["path"].as_str().unwrap());
                assert!(path.is_dir(), "{which}: {}", path.display());
                let include = source["directory"]["include"].as_str();
                assert!(include.is_none_or(|file| path.join(file).is_file()), "{which}: {include:?}");
            }
        }
    }
    let namespace = |app: &str| apps[app]["spec"]["destination"]["namespace"].as_str().unwrap().to_owned();
    let full = values["fullnameOverride"].as_str().unwrap();
    for address in [
        format!(
            "METRICS_URL=http://vmsingle-{full}.{}.svc:{}",
            namespace("vm-k8s-stack"),
            values["vmsingle"]["spec"]["port"].as_str().unwrap()
        ),
        format!(
            "ALERTMANAGER_URL=http://vmalertmanager-{full}.{}.svc:{}",
            namespace("vm-k8s-stack"),
            values["alertmanager"]["spec"]["port"].as_str().unwrap()
        ),
        format!("LOGS_URL=http://vls-victoria-logs-single-server.{}.svc:9428", namespace("vls")),
        format!("LLM_BASE_URL=http://vllm.{}.svc:8000/v1", namespace("vllm")),
        format!("OPENWEBUI_URL=http://open-webui.{}.svc:80", namespace("open-webui")),
    ] {
        assert!(config.contains(&address), "config.env has not {address}");
    }
}
