//! Claims that the evidence bears out, and claims that it does not.

use chrono::DateTime;

use super::*;
use crate::domain::evidence::{Draft, EvidenceData, Source};
use crate::domain::redact::Redactor;
use crate::domain::subject::{ObjectRef, SubjectKind};
use crate::domain::window::Window;

fn evidence(id: u16, text: &str) -> Evidence {
    let draft = Draft {
        source: Source::Kubernetes,
        about: ObjectRef { kind: SubjectKind::Deployment, namespace: Some("shop".into()), name: "checkout".into() },
        title: "State of Deployment shop/checkout".into(),
        query: "get deployment shop/checkout".into(),
        window: Window::new(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH),
        data: EvidenceData::Events { events: Vec::new() },
        link: None,
    };
    Evidence::new(EvidenceId(id), draft, &Redactor::new(), |_| text.to_owned())
}

fn unverified(text: &str, cited: &[u16]) -> Vec<String> {
    let known = [
        evidence(
            1,
            "container app OOMKilled (exit 137), limit 48 MiB, peak 47.6 MiB, 14 restarts\nCACHE_WARMUP off -> eager",
        ),
        evidence(2, "22:48:01 rolled out checkout:1.9.0, ReplicaSet checkout-7464b59bfd; 0.97 of requests failed"),
        evidence(12, "2026-11-22T22:48:00Z exited with 137, back at 22:50"),
    ];
    let ground =
        Ground { evidence: &known, findings: &[], given: "alert KubePodCrashLooping on shop/checkout since 22:49" };
    let mut claim =
        Claim { text: text.into(), evidence: cited.iter().map(|id| EvidenceId(*id)).collect(), unverified: Vec::new() };
    ground.check(&mut claim);
    claim.unverified
}

#[test]
fn what_the_cited_evidence_holds_is_verified() {
    for (text, cited) in [
        ("The container `app` reached its limit of 48 MiB and was OOMKilled 14 times.", &[1][..]),
        ("The limit is 48Mi (50331648 bytes); exit code 137.", &[1]),
        ("Memory peaked at about 48 MiB out-of-memory, right-hand side.", &[1]),
        ("Release 1.9.0 was rolled out at 22:48, and 97% of requests failed.", &[2]),
        ("ReplicaSet `checkout-7464b59bfd` came with CACHE_WARMUP=eager [E1][E2].", &[]),
        ("KubePodCrashLooping fires on shop/checkout.", &[1]),
        ("As E12 shows, it exited with 137 (see E12).", &[]),
        ("It exited at 2026-11-22T22:48:00Z.", &[12]),
        ("It was away 22:48-22:50.", &[12]),
        ("Контейнер `app` убит: предел 48 МиБ, 14 перезапусков.", &[1]),
    ] {
        assert_eq!(unverified(text, cited), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_it_does_not_hold_is_named() {
    for (text, cited, missing) in [
        ("The limit is 64 MiB.", &[1][..], &["64 MiB"][..]),
        ("The service payments-db refused connections.", &[1], &["payments-db"]),
        ("It waits for postgres.prod.svc.", &[1], &["postgres.prod.svc"]),
        ("See E7.", &[1], &["E7"]),
        ("Rolled out 1.9.0 [E1].", &[], &["1.9.0"]),
        ("It began at 21:10.", &[2], &["21:10"]),
        ("The variable `DATABASE_URL` is missing.", &[1, 2], &["DATABASE_URL"]),
    ] {
        assert_eq!(unverified(text, cited), missing, "{text}");
    }
}

#[test]
fn running_text_is_checked_sentence_by_sentence() {
    let known = [evidence(1, "limit 48 MiB"), evidence(2, "rolled out 1.9.0")];
    let ground = Ground { evidence: &known, findings: &[], given: "" };
    let (cited, missing) =
        ground.check_text("The limit is 48 MiB. [E1] Version 1.9.0 came before [E1].\n- 7 pods are `Pending` [E9].");
    assert_eq!(cited, [EvidenceId(1)]);
    assert_eq!(missing, ["1.9.0", "E9", "Pending", "7"]);
}

#[test]
fn ids_and_their_brackets() {
    assert_eq!(ids_in("E1, [E22] (E3) E-4 SHE5 e6 E7a"), [EvidenceId(1), EvidenceId(22), EvidenceId(3)]);
    assert_eq!(without_ids("a [E1][E2, E3] b (E4). [x] (y E1)"), "a b. [x] (y E1)");
}
