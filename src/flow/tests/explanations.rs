//! Explanations that come late, and those that nobody waits for any more.

use super::Bench;
use crate::domain::finding::Finding;
use crate::domain::investigation::Investigation;
use crate::domain::report::{Claim, Explanation, Report};
use crate::flow::amend::{Besides, amend};
use crate::flow::explain;
use crate::render::samples;

fn given(claim: &str) -> Explanation {
    let cause = Some(Claim { text: claim.into(), ..Claim::default() });
    Explanation::Given {
        at: samples::at(300),
        model: "qwen".into(),
        report: Box::new(Report { cause, ..Report::default() }),
        turns: 1,
    }
}

async fn record(bench: &Bench, run: u32, findings: &[Finding], explanation: Option<Explanation>) {
    amend(&bench.context, &bench.incident.id, None, |_, record| {
        *record = Investigation {
            run,
            findings: findings.to_vec(),
            explanation: explanation.clone(),
            ..Investigation::default()
        };
        let timer = explain::timer(&bench.incident.id, 0, samples::at(300));
        Some(Besides { timers: vec![timer], ..Besides::default() })
    })
    .await
    .unwrap();
}

async fn explanation(bench: &Bench) -> Option<Explanation> {
    bench.context.store.investigation(&bench.incident.id).await.unwrap().unwrap().explanation
}

#[tokio::test]
async fn what_explains_the_run_before_explains_one_that_found_the_same() {
    let bench = Bench::new().await;
    let (found, asked) = (samples::findings(), Some(Explanation::Asked { since: samples::at(299) }));
    record(&bench, 2, &found, asked.clone()).await;
    // While run 1 was explained, run 2 found something else: its own conversation is still to come.
    explain::settle(&bench.context, &bench.incident.id, &found[..1], given("old"), 0).await.unwrap();
    assert_eq!((explanation(&bench).await, bench.timers().await.len()), (asked, 1));
    explain::settle(&bench.context, &bench.incident.id, &found, given("the same"), 0).await.unwrap();
    assert_eq!((explanation(&bench).await, bench.timers().await.len()), (Some(given("the same")), 0));
}

#[tokio::test]
async fn a_timer_that_nobody_waits_for_is_cleared() {
    let bench = Bench::new().await;
    for explanation_before in [None, Some(given("known")), Some(Explanation::Asked { since: samples::at(299) })] {
        // Without a model, an explanation that was asked for once will not come.
        record(&bench, 2, &samples::findings(), explanation_before.clone()).await;
        explain::run(&bench.context, &bench.incident.id, 0).await.unwrap();
        assert_eq!(bench.timers().await, []);
        let left = explanation_before.filter(|before| matches!(before, Explanation::Given { .. }));
        assert_eq!(explanation(&bench).await, left);
    }
}
