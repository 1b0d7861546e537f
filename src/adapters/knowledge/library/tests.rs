//! Tests of the library: matching, searching, and what a directory does to the built-in runbooks.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::*;
use crate::domain::query_variables::{Variable, Variables};
use crate::domain::runbook::{query_for, source};

/// A directory of its own for a test, removed with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("holmes-bot-{}-{name}", std::process::id()));
        for (file, text) in files {
            let file = path.join(file);
            fs::create_dir_all(file.parent().expect("a parent")).expect("create a folder");
            fs::write(file, text).expect("write a file");
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn embedded_library() -> Library {
    let (library, problems) = Library::load(Base::Embedded, None).expect("a library");
    assert_eq!(problems, []);
    library
}

fn first(library: &Library, alert: &str, reasons: &[&str]) -> String {
    let reasons: Vec<String> = reasons.iter().map(|reason| (*reason).to_owned()).collect();
    let matches = library.matching(&query_for(alert, "", "", &BTreeMap::new(), &reasons)).expect("matches");
    matches.first().map(|found| found.id.clone()).unwrap_or_default()
}

#[test]
fn what_was_seen_beats_what_the_alert_is_called() {
    let library = embedded_library();
    let cases: &[(&str, &[&str], &str)] = &[
        ("KubePodCrashLooping", &[], "crash-loop"),
        ("KubePodCrashLooping", &["CrashLoopBackOff"], "crash-loop"),
        ("KubePodCrashLooping", &["CrashLoopBackOff", "OOMKilled"], "oom-killed"),
        ("KubePodCrashLooping", &["BackOff", "Unhealthy"], "crash-loop"),
        ("KubeContainerOOMKilled", &[], "oom-killed"),
        ("KubeContainerWaiting", &["ImagePullBackOff"], "image-pull"),
        ("KubePodNotReady", &[], "failing-probes"),
        ("KubePodNotReady", &["FailedScheduling"], "pod-pending"),
        ("KubePodNotReady", &["ErrImagePull", "BackOff"], "image-pull"),
        ("KubePodNotScheduled", &[], "pod-pending"),
        ("KubeDeploymentReplicasMismatch", &[], "rollout-stuck"),
        ("KubeDeploymentReplicasMismatch", &["Unhealthy"], "rollout-stuck"),
        ("KubeDeploymentReplicasMismatch", &["OOMKilled"], "oom-killed"),
        ("KubeStatefulSetUpdateNotRolledOut", &[], "rollout-stuck"),
        ("KubeJobFailed", &[], "job-failed"),
        ("KubeJobFailed", &["BackoffLimitExceeded"], "job-failed"),
        ("KubeNodeNotReady", &[], "node-not-ready"),
        ("KubeNodeUnreachable", &[], "node-not-ready"),
        ("CPUThrottlingHigh", &[], "cpu-throttling"),
        ("KubeHpaMaxedOut", &[], "hpa-maxed"),
        ("KubePersistentVolumeFillingUp", &[], "disk-filling"),
        ("NodeFilesystemAlmostOutOfSpace", &[], "disk-filling"),
        ("DiskRunsOutOfSpaceIn3Days", &[], "disk-filling"),
        ("IngressHigh5xxRate", &[], "http-5xx"),
        ("NginxHighHttp5xxErrorRate", &[], "http-5xx"),
        ("NGINXTooMany500s", &[], "http-5xx"),
        ("KubeClientCertificateExpiration", &[], "certificate-expiry"),
        ("KubeletServerCertificateRenewalErrors", &[], "certificate-expiry"),
        ("CertManagerCertExpirySoon", &[], "certificate-expiry"),
        ("NGINXCertificateExpiry", &[], "certificate-expiry"),
        ("PostgresqlDown", &[], "dependency-unreachable"),
        ("CoreDNSDown", &[], "dns"),
        ("LLMProxyDown", &[], "vpn-proxy"),
        ("TailscaleNodeOffline", &[], "vpn-proxy"),
        ("LLMServerDown", &[], "llm-connectivity"),
        ("VllmQueueFull", &[], "llm-connectivity"),
        ("HolmesInboxWaits", &[], "holmes-bot"),
        ("HolmesModelFailing", &[], "llm-connectivity"),
        ("KubernetesHpaScaleMaximum", &[], "hpa-maxed"),
        ("KubeDeploymentReplicasMismatch", &["FailedGetResourceMetric"], "hpa-maxed"),
        ("PostgresqlTooManyConnections", &[], "database-connections"),
        ("HikariConnectionsTimeout", &[], "database-connections"),
        ("NGINXConfigFailed", &[], "ingress-down"),
        ("TraefikDown", &[], "ingress-down"),
        ("KubeAPIErrorBudgetBurn", &[], "control-plane-latency"),
        ("etcdHighFsyncDurations", &[], "control-plane-latency"),
        ("KafkaConsumerGroupLag", &[], "queue-lag"),
        ("RabbitmqTooManyMessagesInQueue", &[], "queue-lag"),
        ("RedisOutOfConfiguredMaxmemory", &[], "redis-memory"),
        ("RedisDown", &[], "dependency-unreachable"),
    ];
    for (alert, reasons, want) in cases {
        assert_eq!(first(&library, alert, reasons), *want, "{alert} {reasons:?}");
    }
}

#[test]
fn a_russian_question_finds_a_built_in_runbook() {
    let library = embedded_library();
    for (question, want) in [
        ("контейнер убит ядром, не хватает памяти", "oom-killed"),
        ("прокси и туннель к модели", "vpn-proxy"),
        ("медленный fsync у etcd", "control-plane-latency"),
        ("нет свободных соединений с базой", "database-connections"),
        ("потребители очереди отстают", "queue-lag"),
    ] {
        assert_eq!(library.search(question, 1).expect("hits")[0].id, want, "{question}");
    }
}

#[test]
fn every_embedded_runbook_has_a_russian_edition_that_fits_a_post() {
    use crate::domain::runbook::markdown;
    for runbook in embedded_library().all() {
        let (english, russian) = (markdown::english(&runbook.prose), markdown::russian(&runbook.prose));
        assert!(russian.len() < english.len(), "{}", runbook.id);
        assert!(russian.len() <= 1_500, "{}: {} bytes", runbook.id, russian.len());
        for part in ["Смотреть", "Понять", "Делать"] {
            assert!(russian.contains(part), "{}: no {part}", runbook.id);
        }
    }
}

#[test]
fn words_find_what_no_rule_knows() {
    let library = embedded_library();
    let labels = BTreeMap::new();
    let query =
        query_for("AcmeWidgetTrouble", "The image of the widget cannot be pulled from the registry", "", &labels, &[]);
    let matches = library.matching(&query).expect("matches");
    assert_eq!(matches[0].id, "image-pull");
    assert!(matches[0].score < BY_RULE, "{matches:?}");
    assert_eq!(matches[0].why, "its text is like the alert's");
}

#[test]
fn scores_are_ordered_shares() {
    let library = embedded_library();
    let matches = library
        .matching(&query_for(
            "KubePodCrashLooping",
            "Pod is crash looping",
            "",
            &BTreeMap::new(),
            &["OOMKilled".to_owned()],
        ))
        .expect("matches");
    assert!(matches.is_sorted_by(|a, b| a.score >= b.score));
    assert!(matches.iter().all(|found| (0.0..=1.0).contains(&found.score)));
    let why: Vec<String> = matches.iter().take(2).map(|found| format!("{}: {}", found.id, found.why)).collect();
    insta::assert_snapshot!(why.join("\n"), @r#"
    oom-killed: OOMKilled was seen in the cluster
    crash-loop: it is written for KubePodCrashLooping
    "#);
}

#[test]
fn the_operators_files_take_the_place_of_ours() {
    let folder = Folder::with(
        "overlay",
        &[
            ("team/oom-killed.md", "# Our own memory page"),
            ("a/notes.md", "# A notes"),
            ("b/notes.md", "# B notes"),
            ("notes.txt", "not a runbook"),
            (".git/x.md", "hidden"),
            ("KubePodCrashLooping.md", "# For this alert"),
            ("broken.md", "---\nmatch: [\n---\nstill found: zebra"),
        ],
    );
    let (library, problems) = Library::load(Base::Embedded, Some(&folder.0)).expect("a library");
    assert_eq!(problems.iter().map(|problem| problem.file.as_str()).collect::<Vec<_>>(), ["broken.md"]);
    assert_eq!(library.get("oom-killed").map(|runbook| runbook.title.as_str()), Some("Our own memory page"));
    assert_eq!(library.get("team/oom-killed").map(|runbook| runbook.id.as_str()), Some("oom-killed"));
    assert_eq!(library.get("crash-loop").map(|runbook| runbook.origin), Some(Origin::Embedded));
    assert_eq!(library.get("a/notes").map(|runbook| runbook.title.as_str()), Some("A notes"));
    assert!(library.get("notes").is_none() && library.get("x").is_none());
    assert_eq!(first(&library, "KubePodCrashLooping", &[]), "KubePodCrashLooping");
    assert_eq!(library.search("zebra", 1).expect("hits")[0].id, "broken");

    let (only, _) = Library::load(Base::Nothing, Some(&folder.0)).expect("a library");
    assert!(only.get("crash-loop").is_none());
    assert_eq!(only.all().len(), 5);
}

#[test]
fn a_missing_directory_is_a_problem_and_no_failure() {
    let (library, problems) = Library::load(Base::Embedded, Some(Path::new("/no/such/directory"))).expect("a library");
    assert!(library.get("oom-killed").is_some());
    assert_eq!(problems.len(), 1);
}

#[test]
fn the_runbook_url_names_the_runbook() {
    let folder = Folder::with("url", &[("kube/KubeHpaMaxedOut.md", "# a"), ("kube/other.md", "# b")]);
    let (library, _) = Library::load(Base::Embedded, Some(&folder.0)).expect("a library");
    let query = query_for("Renamed", "", "", &BTreeMap::new(), &[]);
    let query = query.with_runbook_url("https://runbooks.example/kubernetes/kubehpamaxedout/?x#y");
    assert_eq!(library.matching(&query).expect("matches")[0].id, "KubeHpaMaxedOut");
}

#[test]
fn labels_must_hold() {
    let text = "---\nmatch: {alerts: [Slow], labels: {cluster: prod-.*}}\n---\nslow";
    let (runbooks, _) = source::read("slow.md", text, Origin::Directory);
    let library = Library::of(runbooks).expect("a library");
    let in_cluster = |name: &str| query_for("Slow", "slow", "", &[("cluster".to_owned(), name.to_owned())].into(), &[]);
    assert_eq!(library.matching(&in_cluster("prod-1")).expect("matches").len(), 1);
    assert_eq!(library.matching(&in_cluster("test-1")).expect("matches").len(), 0);
}

#[test]
fn what_is_secret_in_a_runbook_is_nowhere() {
    let text = "# Slow\n\nConnect with `postgres://app:hunter2@db/shop`, password=hunter2.";
    let (runbooks, _) = source::read("slow.md", text, Origin::Directory);
    let library = Library::of(runbooks).expect("a library");
    let hits = library.search("connect slow", 1).expect("hits");
    let told = format!("{:?} {hits:?}", library.all());
    assert!(hits.len() == 1 && told.contains("Connect with") && !told.contains("hunter2"), "{told}");
}

#[test]
fn the_embedded_runbooks_hold_nothing_that_looks_secret() {
    let (written, _) = embedded::read();
    for (written, kept) in written.iter().zip(embedded_library().all()) {
        assert_eq!(written.prose, kept.prose, "{}", kept.id);
    }
}

const RUSSIAN: &str = r#"
runbooks:
  - match: {issue_name: ".*(OOMKilled|OutOfMemory).*"}
    instructions: |
      Контейнер убит из-за нехватки памяти. Проверьте лимиты памяти и последние релизы.
  - match: {issue_name: ".*(Disk|PVC|Storage).*"}
    instructions: |
      Заканчивается место на диске. Проверьте заполненность томов и срок хранения данных.
  - match: {issue_name: ".*(5xx|HTTP).*"}
    instructions: |
      Сервис отвечает ошибками 5xx. Проверьте ингресс и готовность подов.
"#;

#[test]
fn a_russian_question_finds_a_russian_runbook() {
    let (runbooks, problems) = source::read("sre-runbooks.yaml", RUSSIAN, Origin::Directory);
    assert_eq!(problems, []);
    let library = Library::of(runbooks).expect("a library");
    let cases = [
        ("не хватает памяти в контейнере", "OOMKilled, OutOfMemory"),
        ("почему закончилось место на дисках?", "Disk, PVC, Storage"),
        ("сервисы отвечают ошибкой 502", "5xx, HTTP"),
    ];
    for (question, want) in cases {
        assert_eq!(library.search(question, 1).expect("hits")[0].title, want, "{question}");
    }
    assert_eq!(first(&library, "KubePodCrashLooping", &["OOMKilled"]), "sre-runbooks/oomkilled-outofmemory");
}

#[test]
fn every_embedded_query_renders_for_a_whole_subject() {
    let mut variables = Variables::default();
    for variable in Variable::ALL {
        variables.set(variable, "x");
    }
    for runbook in embedded_library().all() {
        assert!(
            !runbook.prose.is_empty() && !runbook.logs.is_empty() && (2..=4).contains(&runbook.metrics.len()),
            "{}",
            runbook.id
        );
        for metric in &runbook.metrics {
            let query = metric.query.fill(&variables).expect("all set");
            assert!(!query.contains("{{"), "{query}");
        }
    }
}

#[test]
fn a_name_that_a_runbook_is_written_for_is_found_without_a_common_word() {
    let library = embedded_library();
    assert_eq!(library.search("NGINXTooMany500s", 1).expect("hits")[0].id, "http-5xx");
    assert_eq!(library.search("HostDown", 1).expect("hits")[0].id, "node-not-ready");
}

#[test]
fn odd_texts_find_nothing_or_something_but_never_fail() {
    let library = embedded_library();
    let long = "memory ".repeat(100_000);
    for text in ["", " ", "{{", "}}", "a AND (b OR \"", "*:*", "title:[a TO", "\u{0}", "🦀", "{{ $labels.x }}", &long]
    {
        library.search(text, 3).expect("no failure");
    }
    assert_eq!(library.search("memory", 0).expect("hits"), []);
    assert_eq!(library.search(&long, 3).expect("hits")[0].id, "oom-killed");
    assert_eq!(Library::of(Vec::new()).expect("a library").search("memory", 3).expect("hits"), []);
}

#[test]
fn any_text_is_a_query() {
    let library = embedded_library();
    proptest!(ProptestConfig::with_cases(64), |(text in "\\PC{0,300}", alert in "[A-Za-z0-9]{0,40}")| {
        let hits = library.search(&format!("{alert} {text}"), 5).expect("no failure");
        prop_assert!(hits.len() <= 5 && hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score)));
        library.matching(&query_for(&alert, &text, &text, &BTreeMap::new(), std::slice::from_ref(&text))).expect("no failure");
    });
}

#[test]
fn of_siblings_the_one_that_the_text_means_is_first() {
    let files = [
        ("NoReadyGateway.md", "No gateway pod has been ready for 10 minutes."),
        ("LowReadyGatewayCount.md", "Some gateway pods are running but they are not ready."),
        ("DiskNearFull.md", "Use of the disk has crossed 75%."),
        ("DiskCriticallyFull.md", "Use of the disk has crossed 85%."),
        ("BackupScheduleBroken.md", "A BackupSchedule could not be read."),
        ("StorageUploadFailed.md", "The upload to the storage of a BackupSchedule failed."),
        ("PodDisruptionBudgetLimit.md", "Not enough pods for a budget."),
    ];
    let books = files.map(|(file, text)| (file, format!("# {}\n\n## Meaning\n\n{text}\n", stem(file))));
    let runbooks = books.iter().flat_map(|(file, text)| source::read(file, text, Origin::Directory).0).collect();
    let library = Library::of(runbooks).expect("a library");
    let cases = [
        ("No ready gateway was detected for the last 10 min.", "NoReadyGateway"),
        ("Some gateway pods are running but not ready.", "LowReadyGatewayCount"),
        ("The disk of {{ $labels.node }} has crossed 85%.", "DiskCriticallyFull"),
        ("The disk of {{ $labels.node }} has crossed 75%.", "DiskNearFull"),
        // It starts with the name of a thing, not of an alert.
        ("BackupSchedule {{ $labels.name }} failed an upload to storage", "StorageUploadFailed"),
    ];
    for (text, want) in cases {
        assert_eq!(library.search(text, 3).expect("hits")[0].id, want, "{text}");
    }
}
