//! Finding passages: by words, by vectors, by both, while documents come and go.

use super::*;

fn document(collection: Collection, source: &str, title: &str, text: &str) -> Document {
    Document { collection, source: source.into(), title: title.into(), text: text.into(), link: None, at: None }
}

fn passages() -> Passages {
    let passages = Passages::new().unwrap();
    let documents = vec![
        document(
            Collection::Runbooks,
            "runbook oom-killed",
            "Container killed for memory",
            "# Container killed for memory\n\nThe kernel killed it.\n\n## Mend\n\nRaise the memory limit of the container, \
             or find the leak. A heap dump taken before the restart tells which objects grow, and the rollout before the \
             first restart tells which change made them grow; without either one only guesses.",
        ),
        document(
            Collection::Incidents,
            "incident i-1",
            "Crash on shop/payments",
            "alice: the pool of payments was too small",
        ),
        document(Collection::Notes, "note n-1", "Диск на базе", "После чистки журналов место освобождается не сразу"),
    ];
    passages.update(documents, &[]).unwrap();
    passages
}

fn found(passages: &Passages, collections: &[Collection], text: &str, vector: Option<&[f32]>) -> Vec<String> {
    let wanted = Wanted { collections, text, vector, proposed: &[], limit: 5 };
    passages.search(&wanted).unwrap().into_iter().map(|passage| passage.source).collect()
}

#[test]
fn words_find_in_the_collections_that_are_meant() {
    let passages = passages();
    for (collections, text, sources) in [
        (&Collection::ALL[..], "raising memory limits", &["runbook oom-killed"][..]),
        (&[Collection::Notes], "raising memory limits", &[]),
        (&Collection::ALL, "журналы чистили", &["note n-1"]),
        (&[Collection::Incidents], "payment pools", &["incident i-1"]),
        (&Collection::ALL, "KubePodCrash", &["incident i-1"]),
        (&Collection::ALL, "the of и", &[]),
        (&Collection::ALL, "\"(*)\" AND [", &[]),
    ] {
        assert_eq!(found(&passages, collections, text, None), sources, "{text}");
    }
    let wanted = Wanted { collections: &Collection::ALL, text: "heap dump", vector: None, proposed: &[], limit: 1 };
    let passage = passages.search(&wanted).unwrap().remove(0);
    assert_eq!((passage.title.as_str(), passage.score), ("Container killed for memory › Mend", 1.0));
    assert!(passage.text.starts_with("Raise the memory limit"), "{}", passage.text);
}

#[test]
fn documents_are_replaced_and_forgotten() {
    let passages = passages();
    let changed = document(Collection::Incidents, "incident i-1", "Crash on shop/payments", "a wrong password");
    passages.update(vec![changed], &["note n-1".into()]).unwrap();
    assert_eq!(found(&passages, &Collection::ALL, "pool", None), Vec::<String>::new());
    assert_eq!(found(&passages, &Collection::ALL, "password", None), ["incident i-1"]);
    assert_eq!(found(&passages, &Collection::ALL, "журналы", None), Vec::<String>::new());
    assert_eq!(Collection::ALL.map(|collection| passages.count(collection)), [1, 1, 0]);
}

#[test]
fn vectors_find_what_words_do_not() {
    let passages = passages();
    let missing = passages.without_vector(10);
    assert_eq!(missing.len(), 4, "the runbook has two pieces");
    assert_eq!(passages.without_vector(2).len(), 2);
    // The note points where the query points; the others elsewhere.
    let vector = |text: &str| if text.contains("журналов") { vec![0.6, 0.8] } else { vec![1.0, 0.0] };
    passages.learn(missing.into_iter().map(|(of, text)| (of, Some(vector(&text)))));
    assert!(passages.without_vector(10).is_empty());
    assert_eq!(found(&passages, &Collection::ALL, "disk space", Some(&[0.0, 1.0])), ["note n-1"]);
    assert_eq!(
        found(&passages, &Collection::ALL, "memory limit", Some(&[0.0, 1.0])),
        ["note n-1", "runbook oom-killed"],
        "each list's first place counts the same"
    );
    assert_eq!(
        found(&passages, &Collection::ALL, "журналы", Some(&[0.0, 1.0, 0.0])),
        ["note n-1"],
        "a vector of another model is left out"
    );
}

#[test]
fn a_proposed_document_is_fused_in() {
    let passages = passages();
    let proposed = [("runbook oom-killed".to_owned(), 0.9), ("runbook gone".to_owned(), 0.8)];
    let wanted = Wanted { collections: &Collection::ALL, text: "unheard", vector: None, proposed: &proposed, limit: 5 };
    let sources: Vec<_> = passages.search(&wanted).unwrap().into_iter().map(|passage| passage.source).collect();
    assert_eq!(sources, ["runbook oom-killed"]);
}
