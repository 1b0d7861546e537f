//! What is said in a thread.

use super::super::{SourceReport, SourceState, samples, sources_of};
use super::{Language, renderer};
use crate::domain::evidence::Source;
use crate::domain::incident::{Changed, Progress};
use crate::domain::investigation::Investigation;

/// Posts that tell an incident from its first alert to its end, one after another.
fn story(language: Language) -> String {
    let render = renderer(language);
    let mut investigation = samples::investigation(|data| render.excerpt(data));
    let (incident, resolved) = (samples::incident(), samples::resolved());
    let mut looking = samples::incident();
    looking.cause = None;
    looking.progress = Progress::Looking { since: samples::at(21) };
    let mut again = samples::incident();
    again.reopened = 2;
    let joined =
        Changed { fired: 1, ended: 2, escalated: true, new_names: vec!["KubeJobFailed".into()], ..Changed::default() };
    let asked = [
        SourceReport { source: Source::Metrics, state: SourceState::Asked },
        SourceReport { source: Source::Logs, state: SourceState::Late },
        SourceReport { source: Source::Kubernetes, state: SourceState::Answered { evidence: 2 } },
        SourceReport {
            source: Source::Knowledge,
            state: SourceState::Unavailable { reason: "not configured: set RUNBOOKS_DIR".into() },
        },
    ];
    let report = render.report(&incident, &investigation);
    let status = render.status(&incident, &sources_of(&investigation, &[]));
    investigation.findings.clear();
    let posts = [
        render.root(&looking),
        render.status(&looking, &asked),
        status,
        render.root(&incident),
        report,
        render.report(&incident, &investigation),
        render.report(&incident, &Investigation::default()),
        render.runbook(
            "Container killed for memory",
            "oom-killed",
            0.912,
            "Look <b>here</b>, **now**, @all\n\n- first",
        ),
        render.update(&incident, &joined),
        render.related(&incident),
        render.resolved(&resolved, &[]),
        render.root(&resolved),
        render.reopened(&again),
        render.root(&samples::storm()),
    ];
    // Made visible: it stands in every mention that was defused.
    posts.join("\n~~~~\n").replace('\u{2060}', "(joiner)")
}

#[test]
fn in_english() {
    insta::assert_snapshot!(story(Language::English), @r####"
🔴 **KubePodCrashLooping on shop/checkout**
critical · Deployment `shop/checkout` · since 22:48:35 UTC · 3 of 3 alerts firing

Looking for the cause …
~~~~
**Looking at** Deployment `shop/checkout`: waiting for metrics.
- logs: late; what it says is added when it comes
- Kubernetes: answered
- runbooks: not configured: set RUNBOOKS_DIR
~~~~
**Looked at** Deployment `shop/checkout`.
- metrics: answered
- logs: answered
- Kubernetes: answered
- recent changes: answered
- runbooks: did not answer within 10 s
~~~~
🔴 **KubePodCrashLooping on shop/checkout**
critical · Deployment `shop/checkout` · since 22:48:35 UTC · 3 of 3 alerts firing

**Likely cause** (very likely): Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then.
~~~~
**Likely cause** (very likely): Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then. [E1] [E3]

**Contributing**
- Revision 4 (`image: web:1.8 → web:1.9`) was rolled out 2 min 5 s before the onset. [E3] [E5]

**Symptoms**
- `app` was restarted 7 times and now waits in CrashLoopBackOff. [E3] [E4]

**Check next**
- Compare the heap of `web:1.9` with `web:1.8`; the limit did not change.
- Undo the rollout to revision 3 and see whether memory stays flat.

**Not looked at**
- runbooks: did not answer within 10 s
~~~~
**Nothing conclusive was found.** Looked at: metrics, logs, Kubernetes, recent changes; none of it stands out.

**Not looked at**
- runbooks: did not answer within 10 s
~~~~
**Nothing conclusive was found.** There was nothing to look at.
~~~~
**Runbook:** Container killed for memory (`oom-killed`, fits 91 %)

Look \<b>here\</b>, **now**, @(joiner)all

- first
~~~~
Severity is now **critical**.
New: `KubeJobFailed`.
1 alert began to fire.
2 alerts ended.
Now 3 of 3 alerts fire.
~~~~
**Related incidents**
- causes: HttpErrors5xx on shop/frontend (`i-77ab01c2de`)
~~~~
✅ **Resolved** at 22:56:47 UTC after 8 min 12 s: all 3 alerts ended.
Likely cause (very likely): Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then.
~~~~
✅ **KubePodCrashLooping on shop/checkout**
critical · Deployment `shop/checkout` · since 22:48:35 UTC · 3 alerts

**Resolved** at 22:56:47 UTC after 8 min 12 s. Likely cause (very likely): Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then.
~~~~
🔴 **Fires again** (2 times so far): 3 of 3 alerts firing. Looking again …
~~~~
🟠 **Storm on worker-3**
warning · Node `worker-3` · since 22:48:35 UTC · 1 of 1 alert firing

Storm: 987 alerts about more than 40 things folded into this incident: `shop/service-7` ×31, `shop/service-0`, `shop/service-1`, `shop/service-10`, `shop/service-11`, `shop/service-12`, `shop/service-13`, `shop/service-14` and more.

Looking for the cause …
"####);
}

#[test]
fn in_russian() {
    insta::assert_snapshot!(story(Language::Russian), @r####"
🔴 **KubePodCrashLooping on shop/checkout**
критично · Deployment `shop/checkout` · с 22:48:35 UTC · горят 3 из 3 алертов

Ищем причину …
~~~~
**Смотрим** Deployment `shop/checkout`: ждём метрики.
- журналы: опаздывают; добавим, когда ответят
- Kubernetes: есть ответ
- инструкции: не настроено: задайте RUNBOOKS_DIR
~~~~
**Посмотрели** Deployment `shop/checkout`.
- метрики: есть ответ
- журналы: есть ответ
- Kubernetes: есть ответ
- недавние изменения: есть ответ
- инструкции: did not answer within 10 s
~~~~
🔴 **KubePodCrashLooping on shop/checkout**
критично · Deployment `shop/checkout` · с 22:48:35 UTC · горят 3 из 3 алертов

**Вероятная причина** (очень вероятно): Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then.
~~~~
**Вероятная причина** (очень вероятно): Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then. [E1] [E3]

**Способствовало**
- Revision 4 (`image: web:1.8 → web:1.9`) was rolled out 2 min 5 s before the onset. [E3] [E5]

**Симптомы**
- `app` was restarted 7 times and now waits in CrashLoopBackOff. [E3] [E4]

**Что проверить дальше**
- Compare the heap of `web:1.9` with `web:1.8`; the limit did not change.
- Undo the rollout to revision 3 and see whether memory stays flat.

**Куда посмотреть не удалось**
- инструкции: did not answer within 10 s
~~~~
**Ничего однозначного не найдено.** Посмотрели: метрики, журналы, Kubernetes, недавние изменения; ничто не выделяется.

**Куда посмотреть не удалось**
- инструкции: did not answer within 10 s
~~~~
**Ничего однозначного не найдено.** Смотреть было не на что.
~~~~
**Инструкция:** Container killed for memory (`oom-killed`, подходит на 91 %)

Look \<b>here\</b>, **now**, @(joiner)all

- first
~~~~
Теперь важность — **критично**.
Новое: `KubeJobFailed`.
Загорелся 1 алерт.
Погасли 2 алерта.
Сейчас горят 3 из 3.
~~~~
**Связано с**
- следствие: HttpErrors5xx on shop/frontend (`i-77ab01c2de`)
~~~~
✅ **Завершён** в 22:56:47 UTC, длился 8 мин 12 с: все алерты (3) погасли.
Вероятная причина (очень вероятно): Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then.
~~~~
✅ **KubePodCrashLooping on shop/checkout**
критично · Deployment `shop/checkout` · с 22:48:35 UTC · 3 алерта

**Завершён** в 22:56:47 UTC, длился 8 мин 12 с. Вероятная причина (очень вероятно): Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then.
~~~~
🔴 **Горит снова** (уже 2 раза): 3 из 3. Смотрим ещё раз …
~~~~
🟠 **Storm on worker-3**
предупреждение · Node `worker-3` · с 22:48:35 UTC · горит 1 из 1 алерта

Шторм: 987 алертов (объектов: более 40) собраны в этот инцидент: `shop/service-7` ×31, `shop/service-0`, `shop/service-1`, `shop/service-10`, `shop/service-11`, `shop/service-12`, `shop/service-13`, `shop/service-14` и другие.

Ищем причину …
"####);
}
