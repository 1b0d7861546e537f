//! Open WebUI is given what is written here, once, whatever happens meanwhile.

use std::sync::Arc;

use holmes_bot::adapters::openwebui::sync::{Item, Ledger, Missing, Synced};
use holmes_bot::adapters::openwebui::{CollectionNames, OpenWebui};
use holmes_bot::domain::finding::FindingKind;
use holmes_bot::domain::passage::{Collection, Search};
use holmes_bot::ports::DocumentKind;

use crate::fake_openwebui::{FakeOpenWebui, KEY};
use crate::knowledge::{knowledge, note, open_webui, past, store};

fn items(texts: &[(&str, &str)]) -> Vec<Item> {
    texts.iter().map(|(key, text)| Item { key: (*key).into(), text: (*text).into() }).collect()
}

fn counts(synced: &Synced) -> (usize, usize, usize, usize, usize) {
    let Synced { collection: _, added, replaced, removed, unchanged, failed } = synced;
    (*added, *replaced, *removed, *unchanged, failed.len())
}

async fn sync(client: &OpenWebui, texts: &[(&str, &str)], ledger: &Ledger) -> Synced {
    client.sync(Collection::Runbooks, &items(texts), Missing::Fail, ledger).await.unwrap()
}

#[tokio::test]
async fn files_become_as_documents_are_and_strangers_are_left_alone() {
    let fake = FakeOpenWebui::start(&["runbooks"]).await;
    let client = open_webui(&fake.url(), KEY, CollectionNames::default());
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger(store(directory.path()).await);
    fake.put_in("runbooks", "by-hand.md", "# By hand", "somebody");
    fake.put_in("runbooks", "a.holmes-0123456789ab.md", "# Another bot's", "another-bot");

    let first = sync(&client, &[("a", "# Alpha\n"), ("team/b", "# Beta\n")], &ledger).await;
    assert_eq!(counts(&first), (2, 0, 0, 0, 0), "{first:?}");
    let files = fake.files_in("runbooks");
    assert_eq!(files.len(), 4, "{files:?}");
    assert!(files.iter().any(|name| name.starts_with("team__b.holmes-")), "{files:?}");

    let writes = fake.writes();
    assert_eq!(counts(&sync(&client, &[("a", "# Alpha\n"), ("team/b", "# Beta\n")], &ledger).await), (0, 0, 0, 2, 0));
    assert_eq!((fake.writes(), fake.passages("runbooks", "Alpha")), (writes, 1), "nothing is written twice");

    let changed = sync(&client, &[("a", "# Alpha, changed\n"), ("team/b", "# Beta\n")], &ledger).await;
    assert_eq!(counts(&changed), (0, 1, 0, 1, 0));
    assert_eq!((fake.passages("runbooks", "Alpha"), fake.files_in("runbooks").len()), (1, 4));

    let gone = sync(&client, &[("a", "# Alpha, changed\n")], &ledger).await;
    assert_eq!(counts(&gone), (0, 0, 1, 1, 0));
    assert!(fake.files_in("runbooks").contains(&"by-hand.md".to_owned()));
    assert!(fake.files_in("runbooks").contains(&"a.holmes-0123456789ab.md".to_owned()));

    // A bot with an empty store, and the same key: it sees what is there, and empties nothing.
    let empty = tempfile::tempdir().unwrap();
    let forgetful = Ledger(store(empty.path()).await);
    assert_eq!(counts(&sync(&client, &[], &forgetful).await), (0, 0, 0, 0, 0));
    assert_eq!(counts(&sync(&client, &[("a", "# Alpha, changed\n")], &forgetful).await), (0, 0, 0, 1, 0));
    assert_eq!(counts(&sync(&client, &[("a", "# Alpha, again\n")], &forgetful).await), (0, 1, 0, 0, 0));

    // Names that look alike stay apart.
    let alike = [("a", "# Alpha, again\n"), ("kube__node", "# Node\n"), ("kube/node", "# Node of kube\n")];
    assert_eq!(counts(&sync(&client, &alike, &forgetful).await), (2, 0, 0, 1, 0));
    assert_eq!(counts(&sync(&client, &alike, &forgetful).await), (0, 0, 0, 3, 0));
}

#[tokio::test]
async fn what_was_cut_off_is_finished_and_what_cannot_be_read_is_named() {
    let fake = FakeOpenWebui::start(&["runbooks"]).await;
    let client = open_webui(&fake.url(), KEY, CollectionNames::default());
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger(store(directory.path()).await);
    fake.inside().break_next_add = true;
    let first = sync(&client, &[("a", "# Alpha\n"), ("bad", "# unreadable\n"), ("c", "# Gamma\n")], &ledger).await;
    assert_eq!(counts(&first), (1, 0, 0, 0, 2), "{first:?}");
    assert!(
        first.failed[0].starts_with("a: ") && first.failed[1].contains("The content provided is empty"),
        "{first:?}"
    );
    assert_eq!(fake.inside().files.len(), 2, "a waits to be added; what cannot be read was deleted");

    let uploads =
        |fake: &FakeOpenWebui| fake.inside().calls.iter().filter(|call| *call == "POST /api/v1/files/").count();
    let before = uploads(&fake);
    let second = sync(&client, &[("a", "# Alpha\n"), ("c", "# Gamma\n")], &ledger).await;
    assert_eq!(counts(&second), (1, 0, 0, 1, 0));
    assert_eq!((uploads(&fake), fake.inside().files.len()), (before, 2), "it was found by its name");
    assert_eq!(fake.passages("runbooks", "Alpha"), 1);
}

#[tokio::test]
async fn a_file_that_is_there_twice_is_put_right() {
    let fake = FakeOpenWebui::start(&["runbooks"]).await;
    let client = open_webui(&fake.url(), KEY, CollectionNames::default());
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger(store(directory.path()).await);
    sync(&client, &[("a", "# Alpha\n")], &ledger).await;
    let name = fake.files_in("runbooks").remove(0);
    fake.put_in("runbooks", &name, "# Alpha\n", crate::fake_openwebui::USER);
    assert_eq!(fake.passages("runbooks", "Alpha"), 2);
    assert_eq!(counts(&sync(&client, &[("a", "# Alpha\n")], &ledger).await), (0, 1, 0, 0, 0));
    assert_eq!((fake.passages("runbooks", "Alpha"), fake.files_in("runbooks").len()), (1, 1));
}

#[tokio::test]
async fn everything_is_given_over_several_pages_and_found_there_under_its_own_name() {
    let fake = FakeOpenWebui::start(&["notes"]).await;
    for number in 0..40 {
        fake.put_in("notes", &format!("{number}.md"), "# By hand", "somebody");
    }
    let directory = tempfile::tempdir().unwrap();
    let client = open_webui(&fake.url(), KEY, CollectionNames::default());
    let knowledge = knowledge(store(directory.path()).await, None, Some(client)).await;
    knowledge.remember(past(1, "web", FindingKind::OomKilled, "raised the limit")).await.unwrap();
    let noted = knowledge.add_note(note("Vacuum", "frees dead rows")).await.unwrap();
    assert!(noted.missing.is_empty(), "{noted:?}");
    assert_eq!(fake.inside().notes.len(), 1);
    knowledge.catch_up().await;
    knowledge.catch_up().await;
    assert_eq!(fake.passages("notes", "dead rows"), 1, "the collection has it, too, once");

    let missing = knowledge.sync(Missing::Fail).await.unwrap();
    assert!(missing[0].failed[0].contains("no collection `runbooks`"), "{missing:?}");
    let synced = knowledge.sync(Missing::Create).await.unwrap();
    let summary: Vec<_> = synced.iter().map(|synced| (synced.collection.as_str(), counts(synced))).collect();
    let runbooks = fake.files_in("runbooks").len();
    assert!(runbooks > 9, "{summary:?}");
    assert_eq!(
        summary,
        [("runbooks", (runbooks, 0, 0, 0, 0)), ("incidents", (1, 0, 0, 0, 0)), ("notes", (0, 0, 0, 1, 0))]
    );
    let again = knowledge.sync(Missing::Fail).await.unwrap();
    assert_eq!(again.iter().map(|synced| synced.unchanged).sum::<usize>(), runbooks + 2);

    // What both have is cited once.
    let found = knowledge.search(Search::All, "raised the limit of web", 9).await;
    let cited = found.passages.iter().filter(|passage| passage.source == "incident i-0000000001").count();
    assert_eq!(cited, 1, "{found:?}");

    knowledge.delete_note(&noted.id).await.unwrap().unwrap();
    assert!(fake.inside().notes.is_empty());
    assert_eq!(fake.passages("notes", "dead rows"), 0);
}

#[tokio::test]
async fn a_note_that_is_not_taken_costs_no_other_and_the_collection_is_read_once() {
    let fake = FakeOpenWebui::start(&["notes"]).await;
    let directory = tempfile::tempdir().unwrap();
    let client = open_webui(&fake.url(), KEY, CollectionNames::default());
    let knowledge = knowledge(store(directory.path()).await, None, Some(client)).await;
    for number in 0..6 {
        let bad = if number % 2 == 0 { "unreadable" } else { "good" };
        knowledge.add_note(note(&format!("Note {number}"), &format!("{bad} {number}"))).await.unwrap();
    }
    let called = |what: &str| fake.inside().calls.iter().filter(|call| *call == what).count();
    let looks = called("GET /api/v1/auths/");
    knowledge.catch_up().await;
    knowledge.catch_up().await;
    assert_eq!(fake.files_in("notes").len(), 3);
    let (looked, uploads) = (called("GET /api/v1/auths/") - looks, called("POST /api/v1/files/"));
    assert!(looked <= 2, "once a round, not once a note: {looked}");
    knowledge.catch_up().await;
    assert_eq!(called("POST /api/v1/files/"), uploads, "what is not taken is not given again at once");
}

#[tokio::test]
async fn a_note_is_what_the_last_replica_made_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let fake = FakeOpenWebui::start(&["notes"]).await;
    let client = || Some(open_webui(&fake.url(), KEY, CollectionNames::default()));
    let first = knowledge(Arc::clone(&store), None, client()).await;
    let second = knowledge(Arc::clone(&store), None, client()).await;
    let noted = first.add_note(note("Vacuum", "frees dead rows")).await.unwrap();
    let deleted = second.delete_note(&noted.id).await.unwrap();
    assert!(deleted.is_some(), "what another replica noted a moment ago is known");
    assert!(fake.inside().notes.is_empty(), "and so is where it was given");
    assert!(first.delete_note(&noted.id).await.unwrap().is_none());
    let kept = store.documents(DocumentKind::Note, 0).await.unwrap();
    assert!(kept.iter().all(|note| note.body.is_none()), "{kept:?}");
}

#[tokio::test]
async fn a_note_that_is_deleted_while_it_is_filed_stays_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let fake = FakeOpenWebui::start(&["notes"]).await;
    let filing =
        knowledge(Arc::clone(&store), None, Some(open_webui(&fake.url(), KEY, CollectionNames::default()))).await;
    let other = knowledge(Arc::clone(&store), None, None).await;
    let noted = filing.add_note(note("Vacuum", "frees dead rows")).await.unwrap();
    let uploaded = || fake.inside().calls.iter().any(|call| call == "POST /api/v1/files/");
    let delete = async {
        while !uploaded() {
            tokio::task::yield_now().await;
        }
        other.delete_note(&noted.id).await.unwrap()
    };
    let (deleted, ()) = tokio::join!(delete, filing.catch_up());
    assert!(deleted.is_some());
    let kept = store.documents(DocumentKind::Note, 0).await.unwrap();
    assert!(kept.iter().all(|note| note.body.is_none()), "{kept:?}");
    assert_eq!(fake.passages("notes", "dead rows"), 0);
}

#[tokio::test]
async fn check_says_what_is_missing_and_how_to_mend_it() {
    let fake = FakeOpenWebui::start(&["runbooks", "notes"]).await;
    let said = async |key: &str| -> String {
        let lines = open_webui(&fake.url(), key, CollectionNames::default()).check().await;
        let line = |line: &holmes_bot::adapters::check::CheckLine| {
            let state = if line.ok { "ok" } else { "FAIL" };
            format!("{state} {}: {} {}", line.what, line.detail, line.mend).trim_end().to_owned()
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n").replace(&fake.url(), "http://it")
    };
    insta::assert_snapshot!(said(KEY).await, @r"
    ok open webui: Open WebUI 0.12.4
    ok collection runbooks: `runbooks`
    FAIL collection incidents: there is no collection `incidents`, or it is not shared with the token's user make it (Workspace → Knowledge, or `holmes-bot knowledge sync --create`), share it, or set OPENWEBUI_COLLECTION_INCIDENTS
    ok collection notes: `notes`
    ");
    insta::assert_snapshot!(said("sk-wrong").await, @"FAIL open webui: http://it/api/v1/knowledge/ refused our credentials (HTTP 401): check user, password or token set OPENWEBUI_TOKEN to an API key (Settings → Account → API keys; the server needs ENABLE_API_KEYS=true)");
    fake.inside().keys_refused = true;
    assert!(said(KEY).await.contains("ENABLE_API_KEYS=true, and for users who are no admins"));
}

/// With a real one at `OPENWEBUI_URL` (`OPENWEBUI_TOKEN`): the same, in collections made for it.
#[tokio::test]
async fn a_real_open_webui_is_synced_and_searched() {
    let (Ok(url), Ok(key)) = (std::env::var("OPENWEBUI_URL"), std::env::var("OPENWEBUI_TOKEN")) else { return };
    let tag = chrono::Utc::now().timestamp();
    let name = |collection: &str| format!("holmes-test-{collection}-{tag}");
    let names = CollectionNames { runbooks: name("runbooks"), incidents: name("incidents"), notes: name("notes") };
    let client = Arc::new(open_webui(&url, &key, names));
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger(store(directory.path()).await);
    let texts =
        items(&[("alpha", "# Alpha\n\nThe disk of the archive is full.\n"), ("beta", "# Beta\n\nTLS ended.\n")]);
    let first = client.sync(Collection::Runbooks, &texts, Missing::Create, &ledger).await.unwrap();
    assert_eq!(counts(&first), (2, 0, 0, 0, 0), "{first:?}");
    let again = client.sync(Collection::Runbooks, &texts, Missing::Fail, &ledger).await.unwrap();
    assert_eq!(counts(&again), (0, 0, 0, 2, 0), "{again:?}");
    let found = client.search(Collection::Runbooks, "archive disk full", 2).await.unwrap();
    assert_eq!(found[0].source, "runbook alpha", "{found:?}");
    let gone = client.sync(Collection::Runbooks, &texts[1..], Missing::Fail, &ledger).await.unwrap();
    assert_eq!(counts(&gone), (0, 0, 1, 1, 0), "{gone:?}");
    let note = note("holmes-bot test", "can be deleted");
    let id = client.add_note(&note).await.unwrap();
    client.delete_note(&id).await.unwrap();
}
