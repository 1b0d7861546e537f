//! What is written is found, by words and by meaning, here and elsewhere, and remembered across restarts.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use holmes_bot::adapters::embeddings::Embeddings;
use holmes_bot::adapters::http::{Auth, EndpointSettings};
use holmes_bot::adapters::knowledge::{Base, Knowledge, KnowledgeSettings, Library};
use holmes_bot::adapters::openwebui::{CollectionNames, OpenWebui, OpenWebuiSettings};
use holmes_bot::adapters::store_embedded::EmbeddedStore;
use holmes_bot::domain::finding::FindingKind;
use holmes_bot::domain::incident::IncidentId;
use holmes_bot::domain::note::Note;
use holmes_bot::domain::passage::{Collection, Search};
use holmes_bot::domain::past_incident::{Likeness, PastCause, PastIncident, Said, Signature};
use holmes_bot::domain::subject::{ObjectRef, SubjectKind};
use holmes_bot::ports::Store;

use crate::fake_embeddings::{self, FakeEmbeddings, Kind};
use crate::fake_openwebui::{self, FakeOpenWebui};
use crate::fakes;
use crate::wait::until;

pub fn at(hour: i64) -> DateTime<Utc> {
    "2026-11-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::hours(hour)
}

pub fn settings(url: &str, key: &str) -> EndpointSettings {
    EndpointSettings { auth: Auth::Bearer(key.to_owned().into()), ..fakes::settings(url) }
}

pub fn open_webui(url: &str, key: &str, names: CollectionNames) -> OpenWebui {
    OpenWebui::new(OpenWebuiSettings { endpoint: settings(url, key), names }).unwrap()
}

pub fn note(title: &str, content: &str) -> Note {
    Note::new(title, content, ["db".to_owned()], "alice", at(0)).unwrap()
}

pub fn past(number: u64, name: &str, cause: FindingKind, said: &str) -> PastIncident {
    let subject = ObjectRef { kind: SubjectKind::Deployment, namespace: Some("shop".into()), name: name.into() };
    PastIncident {
        id: IncidentId(format!("i-{number:010x}")),
        title: format!("KubePodCrashLooping on shop/{name}"),
        cluster: None,
        cause: Some(PastCause { kind: cause, claim: "it broke".into(), about: subject.clone() }),
        subject,
        alerts: vec!["KubePodCrashLooping".into()],
        changes: Vec::new(),
        said: vec![Said { author: "bob".into(), text: said.into() }],
        actions: Vec::new(),
        started_at: at(number as i64),
        resolved_at: at(number as i64 + 1),
    }
}

/// The store, once whoever had it is done with it.
pub async fn store(directory: &Path) -> Arc<dyn Store> {
    Arc::new(until("the file to be free", async || EmbeddedStore::open(directory).ok()).await)
}

pub async fn knowledge(
    store: Arc<dyn Store>,
    embeddings: Option<Embeddings>,
    open_webui: Option<OpenWebui>,
) -> Knowledge {
    let (library, _) = Library::load(Base::Embedded, None).unwrap();
    let library = Arc::new(library);
    let public_url = "http://holmes.example".to_owned();
    Knowledge::load(KnowledgeSettings { store, library, embeddings, open_webui, public_url }).await.unwrap()
}

async fn sources(knowledge: &Knowledge, what: Search, query: &str) -> Vec<String> {
    let found = knowledge.search(what, query, 3).await;
    found.passages.into_iter().map(|passage| passage.source).collect()
}

#[tokio::test]
async fn notes_and_past_incidents_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let id = {
        let knowledge = knowledge(store(directory.path()).await, None, None).await;
        let vacuum = note("Vacuum of postgres", "password=hunter2hunter2 lets you in. Vacuum frees dead rows.");
        let noted = knowledge.add_note(vacuum.clone()).await.unwrap();
        assert_eq!(knowledge.add_note(vacuum).await.unwrap().id, noted.id, "the same note is one note");
        knowledge.remember(past(1, "web", FindingKind::OomKilled, "raised the limit")).await.unwrap();
        assert_eq!(sources(&knowledge, Search::Notes, "dead rows").await, [format!("note {}", noted.id)]);
        noted.id
    };
    let knowledge = knowledge(store(directory.path()).await, None, None).await;
    assert_eq!(sources(&knowledge, Search::All, "vacuum dead rows").await[0], format!("note {id}"));
    let found = knowledge.search(Search::Incidents, "who raised limits of web", 5).await.passages.remove(0);
    assert_eq!(found.source, "incident i-0000000001");
    assert_eq!(found.link.as_deref(), Some("http://holmes.example/incidents/i-0000000001"));
    assert!(found.text.contains("raised the limit") || found.title.contains("shop/web"), "{found:?}");
    let kept = &knowledge.notes()[0].note.content;
    assert!(!kept.contains("hunter2") && kept.contains("Vacuum frees"), "{kept}");
    knowledge.delete_note(&id).await.unwrap().unwrap();
    assert!(sources(&knowledge, Search::Notes, "dead rows").await.is_empty());
    assert_eq!(knowledge.delete_note(&id).await.unwrap(), None);
}

#[tokio::test]
async fn runbooks_are_found_by_name_and_by_what_they_say() {
    let directory = tempfile::tempdir().unwrap();
    let knowledge = knowledge(store(directory.path()).await, None, None).await;
    for (query, expected) in
        [("KubePodCrashLooping", "runbook crash-loop"), ("container was OOMKilled exit code 137", "runbook oom-killed")]
    {
        let found = sources(&knowledge, Search::Runbooks, query).await;
        assert!(found.iter().any(|source| source == expected), "{query}: {found:?}");
    }
    let found = knowledge.search(Search::Runbooks, "memory", 99).await.passages;
    assert!(found.len() <= 20 && found.iter().all(|passage| passage.collection == Collection::Runbooks));
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert!(knowledge.search(Search::All, " \n", 5).await.passages.is_empty());
}

#[tokio::test]
async fn the_past_is_compared_by_subject_alert_and_cause() {
    let directory = tempfile::tempdir().unwrap();
    let knowledge = knowledge(store(directory.path()).await, None, None).await;
    for (number, name, cause) in [
        (1, "web", FindingKind::OomKilled),
        (2, "web", FindingKind::ImagePull),
        (3, "web", FindingKind::OomKilled),
        (4, "api", FindingKind::OomKilled),
        (5, "api", FindingKind::ImagePull),
    ] {
        knowledge.remember(past(number, name, cause, "mended")).await.unwrap();
    }
    let subject = past(9, "web", FindingKind::OomKilled, "").subject;
    let signature = Signature {
        id: None,
        cluster: None,
        subject: &subject,
        alerts: &["KubePodCrashLooping"],
        cause: Some(FindingKind::OomKilled),
    };
    let alike: Vec<(Likeness, String)> =
        knowledge.similar(&signature).into_iter().map(|(likeness, past)| (likeness, past.id.0)).collect();
    let id = |number: u64| format!("i-{number:010x}");
    assert_eq!(
        alike,
        [
            (Likeness::Repeat, id(3)),
            (Likeness::Repeat, id(1)),
            (Likeness::SameSubject, id(2)),
            (Likeness::Elsewhere, id(4)),
        ]
    );
}

#[tokio::test]
async fn meaning_finds_other_words_and_is_kept() {
    for kind in [Kind::Vllm, Kind::Llama] {
        let server = FakeEmbeddings::start(kind, "org/multilingual-e5-small").await;
        let embeddings = || Embeddings::new(settings(&server.url(), fake_embeddings::KEY), None).unwrap();
        let directory = tempfile::tempdir().unwrap();
        {
            let knowledge = knowledge(store(directory.path()).await, Some(embeddings()), None).await;
            knowledge.add_note(note("Сертификат кончился", "Его надо перевыпустить.")).await.unwrap();
            assert!(sources(&knowledge, Search::Notes, "certificate").await.is_empty(), "no vectors yet");
            knowledge.catch_up().await;
            let texts = server.texts();
            assert!(texts.len() > 50, "every piece of every runbook: {}", texts.len());
            assert!(texts.iter().all(|text| text.starts_with("passage: ") && text.chars().count() <= 400));
            assert_eq!(sources(&knowledge, Search::Notes, "certificate").await.len(), 1);
            assert_eq!(server.texts(), ["query: certificate"]);
        }
        let knowledge = knowledge(store(directory.path()).await, Some(embeddings()), None).await;
        knowledge.catch_up().await;
        assert_eq!(server.texts(), Vec::<String>::new(), "vectors are made once");
        assert_eq!(sources(&knowledge, Search::Notes, "certificate").await.len(), 1);

        server.set_down(true);
        let found = knowledge.search(Search::Notes, "сертификаты", 3).await;
        assert_eq!((found.passages.len(), found.missing.len()), (1, 0), "words alone, and nobody is bothered");
    }
}

#[tokio::test]
async fn vectors_are_made_anew_for_another_model() {
    let server = FakeEmbeddings::start(Kind::Vllm, "org/multilingual-e5-small").await;
    let embeddings = Embeddings::new(settings(&server.url(), fake_embeddings::KEY), None).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let knowledge = knowledge(store(directory.path()).await, Some(embeddings), None).await;
    knowledge.add_note(note("Сертификат кончился", "Его надо перевыпустить.")).await.unwrap();
    knowledge.catch_up().await;
    let made = server.texts().len();
    server.serves("minilm");
    assert!(sources(&knowledge, Search::Notes, "certificate").await.is_empty(), "two models do not compare");
    knowledge.catch_up().await;
    let texts = server.texts();
    assert_eq!(texts.len(), made + 1, "the query and every piece, once");
    assert!(texts.iter().all(|text| !text.starts_with("passage: ")), "each in its own way");
    assert_eq!(sources(&knowledge, Search::Notes, "certificate").await.len(), 1);
}

#[tokio::test]
async fn an_embeddings_server_that_is_down_from_the_start_costs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}", crate::process::free_port());
    let embeddings = Embeddings::new(settings(&url, "k"), None).unwrap();
    let lines = embeddings.check().await;
    assert!(!lines[0].ok && lines[0].detail.contains("connection refused"), "{lines:?}");
    let knowledge = knowledge(store(directory.path()).await, Some(embeddings), None).await;
    knowledge.catch_up().await;
    assert!(!sources(&knowledge, Search::Runbooks, "OOMKilled").await.is_empty());
}

#[tokio::test]
async fn both_knowledge_bases_are_searched_and_one_that_is_down_is_named() {
    let fake = FakeOpenWebui::start(&["Runbooks", "incidents"]).await;
    fake.put_in("Runbooks", "disk.md", "# Disk of the archive is full\nDelete exports older than a month.", "somebody");
    let directory = tempfile::tempdir().unwrap();
    let there = open_webui(&fake.url(), fake_openwebui::KEY, CollectionNames::default());
    let knowledge = knowledge(store(directory.path()).await, None, Some(there)).await;
    let found = knowledge.search(Search::All, "archive exports disk full", 6).await;
    let theirs = found.passages.iter().find(|passage| passage.source == "Open WebUI: disk.md").unwrap();
    assert_eq!(theirs.title, "Disk of the archive is full");
    assert!(found.passages.iter().any(|passage| passage.source.starts_with("runbook ")), "{found:?}");
    assert!(found.missing.is_empty(), "a collection that nobody keeps is no outage: {:?}", found.missing);
    let found = knowledge.search(Search::Notes, "archive", 3).await;
    assert_eq!(found.missing, ["Open WebUI has no collection `notes`, or does not show it to us"]);

    fake.inside().keys_refused = true;
    let asked = fake.inside().calls.len();
    for _ in 0..2 {
        let found = knowledge.search(Search::Runbooks, "OOMKilled", 3).await;
        assert!(!found.passages.is_empty());
        assert!(found.missing[0].contains("refused our credentials (HTTP 403)"), "{:?}", found.missing);
    }
    assert_eq!(fake.inside().calls.len(), asked + 1, "one that is down is left alone for a while");
}

#[tokio::test]
async fn ten_thousand_past_incidents_are_loaded_compared_and_searched() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let documents = (0..10_000)
        .map(|number| {
            let said = "the pool of connections was too small, raised it from 20 to 50 and restarted the workers";
            let past = past(number, &format!("app-{}", number % 300), FindingKind::OomKilled, said);
            (past.id.0.clone(), Some(serde_json::to_vec(&past).unwrap()))
        })
        .collect();
    store.write_documents(holmes_bot::ports::DocumentKind::PastIncident, documents).await.unwrap();
    let began = std::time::Instant::now();
    let knowledge = knowledge(store, None, None).await;
    let loaded = began.elapsed();
    let alike = knowledge.similar(&Signature {
        id: None,
        cluster: None,
        subject: &past(0, "app-7", FindingKind::OomKilled, "").subject,
        alerts: &["KubePodCrashLooping"],
        cause: None,
    });
    let compared = began.elapsed() - loaded;
    assert_eq!(alike.len(), 34);
    let found = knowledge.search(Search::Incidents, "app-7 pool connections", 5).await;
    let first = began.elapsed() - loaded - compared;
    assert_eq!(found.passages.len(), 5);
    assert!(found.passages.iter().all(|passage| passage.title.contains("app-7")), "{found:?}");
    let again = std::time::Instant::now();
    knowledge.search(Search::Incidents, "pool of connections too small", 5).await;
    println!(
        "loaded in {loaded:?}, compared in {compared:?}, indexed and searched in {first:?}, searched in {:?}",
        again.elapsed()
    );
}

/// With a real server at `EMBEDDINGS_BASE_URL` (and `EMBEDDINGS_API_KEY`), as with the fakes.
#[tokio::test]
async fn a_real_embeddings_server_finds_by_meaning() {
    let Ok(url) = std::env::var("EMBEDDINGS_BASE_URL") else { return };
    let key = std::env::var("EMBEDDINGS_API_KEY").unwrap_or_else(|_| "none".into());
    let mut settings = settings(&url, &key);
    settings.client.total_timeout = Some(std::time::Duration::from_secs(120));
    let embeddings = Embeddings::new(settings, std::env::var("EMBEDDINGS_MODEL").ok()).unwrap();
    for line in embeddings.check().await {
        assert!(line.ok, "{line:?}");
        println!("{}: {}", line.what, line.detail);
    }
    let directory = tempfile::tempdir().unwrap();
    let library = Arc::new(Library::of(Vec::new()).unwrap());
    let settings = KnowledgeSettings {
        store: store(directory.path()).await,
        library,
        embeddings: Some(embeddings),
        open_webui: None,
        public_url: String::new(),
    };
    let knowledge = Knowledge::load(settings).await.unwrap();
    let mut ids = Vec::new();
    for (title, content) in [
        (
            "Диск базы данных переполнен",
            "Очистите старые журналы транзакций, место освободится после контрольной точки.",
        ),
        ("Certificate of the gateway", "cert-manager renews it thirty days before the end; restart nginx afterwards."),
        ("Login for the registry", "The robot account's token is rotated every quarter; recreate the pull secret."),
        ("Очередь сообщений растёт", "Добавьте обработчиков, если задержка больше минуты."),
    ] {
        ids.push(format!("note {}", knowledge.add_note(note(title, content)).await.unwrap().id));
    }
    knowledge.catch_up().await;
    let began = std::time::Instant::now();
    assert_eq!(sources(&knowledge, Search::Notes, "database volume has no space left").await[0], ids[0]);
    println!("a search took {:?}", began.elapsed());
    assert_eq!(sources(&knowledge, Search::Notes, "consumers are too slow, messages pile up").await[0], ids[3]);
    assert_eq!(sources(&knowledge, Search::Notes, "жёсткий диск postgres заполнен").await[0], ids[0]);
    let long = "слово ".repeat(3000);
    knowledge.search(Search::Notes, &long, 3).await;
}
