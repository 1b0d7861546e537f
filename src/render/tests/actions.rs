//! Everything that is said of actions has words in both languages, and strangers' text in it is harmless.

use std::collections::BTreeSet;

use crate::analysis::remedies::REASONS;
use crate::domain::action::{Action, ActionName};
use crate::domain::policy::Refusal;
use crate::domain::proposal::{Outcome, Progress, UNDO_REASON, Void, Why};
use crate::render::{Language, Renderer};

fn outcomes() -> Vec<Outcome> {
    let progress = Progress { have: 1, need: 2 };
    let by = || vec!["Ann".to_owned(), "Боря".to_owned()];
    let decided = |state| Outcome::AlreadyDecided { by: by(), state };
    vec![
        Outcome::Counted { progress, still: by() },
        Outcome::Approved { progress: Progress { have: 2, need: 2 } },
        Outcome::Rejected,
        Outcome::Repeated { progress },
        decided("approved"),
        decided("executing"),
        decided("verified"),
        decided("rejected"),
        decided("failed"),
        Outcome::Expired { at: chrono::DateTime::UNIX_EPOCH },
        Outcome::Superseded { why: Void::Moved },
        Outcome::Superseded { why: Void::Resolved },
        Outcome::Superseded { why: Void::Altered },
        Outcome::Superseded { why: Void::RightsLost },
        Outcome::Superseded { why: Void::Replaced },
        Outcome::Superseded { why: Void::Forbidden { refusals: vec![Refusal::NoRule] } },
        Outcome::NotAllowed { may: by() },
        Outcome::OwnProposal { may: by() },
        Outcome::Indistinct { other: "Ann".into() },
        Outcome::Forbidden { refusals: refusals() },
        Outcome::Stale,
        Outcome::Foreign,
        Outcome::Begun { attempt: 1 },
        Outcome::Begun { attempt: 2 },
        Outcome::Applied,
        Outcome::Failed { why: "pods \"x\" is forbidden <!channel>".into() },
        Outcome::Verified,
        Outcome::NotVerified { why: "1 of 3 pods is ready".into() },
        Outcome::Undone,
        Outcome::Unchanged,
    ]
}

fn refusals() -> Vec<Refusal> {
    vec![
        Refusal::NoPolicy,
        Refusal::NoRule,
        Refusal::Rule { rule: "freeze".into(), reason: "holidays".into() },
        Refusal::Undecided { rule: "databases".into(), unknown: "labels".into() },
        Refusal::Undecided { rule: "databases".into(), unknown: "severity".into() },
        Refusal::Protected { namespace: "kube-system".into() },
        Refusal::RateLimit {
            most: 3,
            within_seconds: 3600,
            reason: "enough".into(),
            again_at: chrono::DateTime::UNIX_EPOCH,
        },
        Refusal::OutOfScope { target: "Deployment pay/web".into(), subject: "shop/web".into() },
        Refusal::OtherCluster { cluster: "eu".into(), own: "us".into() },
        Refusal::BreakGlass { problem: "say why".into() },
    ]
}

const ACTIONS: [&str; 18] = [
    "restart deployment/web -n shop",
    "undo deployment/web -n shop --to-revision 3",
    "pause deployment/web -n shop",
    "resume deployment/web -n shop",
    "scale deployment/web -n shop --replicas 3",
    "scale deployment/web -n shop --replicas 0",
    "set-resources deployment/web -n shop -c app --memory-limit 128Mi",
    "set-resources deployment/web -n shop -c app --memory-limit none",
    "set-hpa hpa/web -n shop --min 2 --max 12",
    "delete pod/web-0 -n shop",
    "cordon node/n1",
    "uncordon node/n1",
    "drain node/n1 --delete-empty-dir",
    "suspend cronjob/report -n batch",
    "resume cronjob/report -n batch",
    "rerun job/report-1 -n batch",
    "silence alertname=X --for 2h --comment \"<!channel> @all\"",
    "expire-silence 0f7a2c1e-5d38-4b6f-9a21-77c0d1e2f3a4",
];

fn all(language: Language) -> String {
    let renderer = Renderer::new(language, Vec::new()).unwrap();
    let mut said: Vec<String> = Vec::new();
    for command in ACTIONS {
        let action = Action::parse(command, None).unwrap();
        said.push(format!("{} {}", renderer.action(&action), renderer.way_back(&action).unwrap()));
    }
    said.extend(outcomes().iter().map(|outcome| renderer.outcome(outcome)));
    said.join("\n")
}

#[test]
fn said_in_english() {
    insta::assert_snapshot!(all(Language::English), @r#"
    Restart Deployment shop/web: its pods are replaced, a few at a time. Cannot be taken back; the new pods stay.
    Return Deployment shop/web to revision 3: its pods are replaced, a few at a time. Can be taken back: return to the revision of now.
    Pause the rollout of Deployment shop/web where it is. Can be taken back: resume it.
    Let the paused rollout of Deployment shop/web go on. Can be taken back: pause it again.
    Scale Deployment shop/web to 3 pod(s). Can be taken back: scale it to the number of now.
    Stop Deployment shop/web: scale it to 0 pods. Can be taken back: scale it to the number of now.
    Set the memory limit of container app in Deployment shop/web to 128Mi: its pods are replaced, a few at a time. Can be taken back: set the value of now.
    Remove the memory limit of container app in Deployment shop/web: its pods are replaced, a few at a time. Can be taken back: set the value of now.
    Let HorizontalPodAutoscaler shop/web keep between 2 and 12 pods. Can be taken back: set the bounds of now.
    Delete Pod shop/web-0: its owner makes a new one. Cannot be taken back.
    Cordon Node n1: no new pods are put there; those that run stay. Can be taken back: uncordon it.
    Uncordon Node n1: new pods may be put there again. Can be taken back: cordon it.
    Drain Node n1: cordon it and evict its pods, as far as their disruption budgets allow; what their emptyDir volumes hold is lost. Pods of DaemonSets stay. Uncordoning lets pods return; those that moved stay where they are.
    Suspend CronJob batch/report: it starts no Jobs; one that runs goes on. Can be taken back: resume it.
    Let CronJob batch/report start Jobs again. Can be taken back: suspend it.
    Run Job batch/report-1 once more, as a copy beside it. Cannot be taken back: what the Job does is done.
    Silence alerts with alertname=X for 2h. The cluster is not changed. Can be taken back: expire the silence.
    End the silence 0f7a2c1e-5d38-4b6f-9a21-77c0d1e2f3a4. Can be taken back for the time it had left.
    Your approval counts: 1 of 2. Still needed: one of Ann, Боря.
    Approved, by 2 people.
    Rejected. Nothing was done.
    Your approval counts already: 1 of 2.
    Too late: it was already approved by Ann, Боря. Your click changed nothing.
    Too late: it was already approved by Ann, Боря and is being done. Your click changed nothing.
    Too late: it was already approved by Ann, Боря and done. Your click changed nothing.
    Too late: it was rejected by Ann, Боря. Your click changed nothing.
    Too late: it was approved by Ann, Боря and failed. Your click changed nothing.
    Too late: it expired at 1970-01-01 00:00 UTC. Ask for it again if it is still needed.
    It no longer holds: the object has changed since it was shown. Nothing was done.
    It no longer holds: the incident is over. Nothing was done.
    It no longer holds: what is stored is not what was shown. Nothing was done.
    It no longer holds: somebody who approved may no longer approve. Nothing was done.
    It no longer holds: a newer proposal took its place. Nothing was done.
    It no longer holds: the policy forbids it now. Nothing was done. No rule of the policy allows it.
    You may not approve this. These may: Ann, Боря.
    You proposed this, or the policy cannot tell you from whoever did. Somebody else must approve: Ann, Боря.
    The policy cannot tell you from Ann, who approved on another platform. Name both under `people`, or let somebody else approve.
    The policy forbids this now. Nobody may approve anything until approvers are named in a policy (HOLMES_POLICY_FILE, docs/policy.md). No rule of the policy allows it. Rule “freeze”: holidays. Rule “databases” may forbid it; the target's labels are not known. Rule “databases” may forbid it; the incident's severity is not known. Namespace kube-system is protected. It was done 3 times in 60 min, which is the most: enough. Again from 1970-01-01 00:00 UTC on. Deployment pay/web is not what this incident is about (shop/web). This incident is about cluster eu; actions are done in cluster us alone. An emergency needs more: say why.
    This is not what is proposed now: look at the newest message.
    This cannot be decided here: decide in the incident's thread or in the console.
    It begins.
    It begins again, attempt 2.
    The cluster accepted it. Watching whether it helps.
    It failed: pods "x" is forbidden \<!channel\>
    It helped.
    It did not help: 1 of 3 pods is ready
    It was taken back.
    Nothing changed.
    "#);
}

#[test]
fn said_in_russian() {
    insta::assert_snapshot!(all(Language::Russian), @r#"
    Перезапустить Deployment shop/web: поды заменяются понемногу. Вернуть нельзя: новые поды остаются.
    Вернуть Deployment shop/web к ревизии 3: поды заменяются понемногу. Можно вернуть: снова перейти к нынешней ревизии.
    Приостановить выкатку Deployment shop/web там, где она есть. Можно вернуть: продолжить выкатку.
    Продолжить приостановленную выкатку Deployment shop/web. Можно вернуть: снова приостановить.
    Масштабировать Deployment shop/web, число подов: 3. Можно вернуть нынешнее число.
    Остановить Deployment shop/web: масштабировать до 0 подов. Можно вернуть нынешнее число.
    Задать memory limit контейнера app в Deployment shop/web: 128Mi. Поды заменяются понемногу. Можно вернуть нынешнее значение.
    Убрать memory limit контейнера app в Deployment shop/web. Поды заменяются понемногу. Можно вернуть нынешнее значение.
    Пусть HorizontalPodAutoscaler shop/web держит от 2 до 12 подов. Можно вернуть нынешние границы.
    Удалить Pod shop/web-0: владелец создаст новый. Вернуть нельзя.
    Закрыть Node n1 для новых подов; работающие остаются. Можно вернуть: снова открыть.
    Снова открыть Node n1 для новых подов. Можно вернуть: закрыть.
    Освободить Node n1: закрыть для новых подов и выселить работающие, насколько позволяют их disruption budgets; содержимое их томов emptyDir пропадёт. Поды DaemonSet остаются. Узел можно снова открыть; переехавшие поды останутся на новых местах.
    Приостановить CronJob batch/report: новые Job не запускаются, работающий продолжается. Можно вернуть: возобновить.
    Пусть CronJob batch/report снова запускает Job. Можно вернуть: приостановить.
    Запустить Job batch/report-1 ещё раз, копией рядом. Вернуть нельзя: что Job сделает, то сделано.
    Заглушить алерты с alertname=X на 2h. Кластер не меняется. Можно вернуть: снять заглушение.
    Снять заглушение 0f7a2c1e-5d38-4b6f-9a21-77c0d1e2f3a4. Можно вернуть на оставшееся время.
    Ваше одобрение учтено: 1 из 2. Нужен ещё кто-то из: Ann, Боря.
    Одобрено, голосов: 2.
    Отклонено. Ничего не сделано.
    Ваше одобрение уже учтено: 1 из 2.
    Поздно: уже одобрено (Ann, Боря). Ваше нажатие ничего не изменило.
    Поздно: уже одобрено (Ann, Боря) и выполняется. Ваше нажатие ничего не изменило.
    Поздно: уже одобрено (Ann, Боря) и сделано. Ваше нажатие ничего не изменило.
    Поздно: уже отклонено (Ann, Боря). Ваше нажатие ничего не изменило.
    Поздно: уже одобрено (Ann, Боря), но не удалось. Ваше нажатие ничего не изменило.
    Поздно: срок истёк 1970-01-01 00:00 UTC. Если всё ещё нужно, запросите снова.
    Предложение больше не действует: объект с тех пор изменился. Ничего не сделано.
    Предложение больше не действует: инцидент завершён. Ничего не сделано.
    Предложение больше не действует: сохранено не то, что было показано. Ничего не сделано.
    Предложение больше не действует: кто-то из одобривших больше не вправе одобрять. Ничего не сделано.
    Предложение больше не действует: его заменило более новое. Ничего не сделано.
    Предложение больше не действует: теперь политика это запрещает. Ничего не сделано. Ни одно правило политики этого не разрешает.
    Вы не вправе это одобрить. Вправе: Ann, Боря.
    Вы предложили это сами, или политика не отличает вас от предложившего. Одобрить должен кто-то другой: Ann, Боря.
    Политика не отличает вас от Ann, кто одобрил на другой платформе. Назовите обоих в `people` или пусть одобрит кто-то другой.
    Сейчас политика это запрещает. Никто ничего не может одобрить, пока в политике не названы одобряющие (HOLMES_POLICY_FILE, docs/policy.md). Ни одно правило политики этого не разрешает. Правило «freeze»: holidays. Правило «databases» может это запрещать; неизвестны метки объекта. Правило «databases» может это запрещать; неизвестна важность инцидента. Пространство имён kube-system защищено. Уже сделано 3 раз за 60 мин, больше нельзя: enough. Снова можно с 1970-01-01 00:00 UTC. Deployment pay/web — не то, о чём этот инцидент (shop/web). Этот инцидент относится к кластеру eu, а действия выполняются только в кластере us. Для чрезвычайного случая этого мало: say why.
    Сейчас предлагается не это: смотрите самое новое сообщение.
    Здесь это решить нельзя: решите в ветке инцидента или в консоли.
    Начинаем.
    Начинаем снова, попытка 2.
    Кластер принял изменение. Смотрим, помогло ли.
    Не удалось: pods "x" is forbidden \<!channel\>
    Помогло.
    Не помогло: 1 of 3 pods is ready
    Откат выполнен: возвращено как было.
    Ничего не изменилось.
    "#);
}

#[test]
fn every_key_has_words_and_every_word_a_key() {
    let mut expected: BTreeSet<&str> = ActionName::ALL.iter().map(|name| name.as_str()).collect();
    expected.extend(REASONS);
    expected.insert(UNDO_REASON);
    let (outcomes, refusals) = (outcomes(), refusals());
    expected.extend(outcomes.iter().map(Outcome::phrase));
    expected.extend(refusals.iter().map(Refusal::phrase));
    for language in [Language::English, Language::Russian] {
        let renderer = Renderer::new(language, Vec::new()).unwrap();
        let keys: BTreeSet<&str> = renderer.action_keys().into_iter().collect();
        assert_eq!(keys, expected);
    }
    // The Russian file is whole by itself: what it lacks would be said in English.
    let sections = |text: &str| text.lines().filter(|line| line.starts_with('[')).count();
    let files = [include_str!("../../../templates/en/actions.txt"), include_str!("../../../templates/ru/actions.txt")];
    assert_eq!(files.map(sections), [expected.len(); 2]);
}

#[test]
fn the_words_of_a_model_are_escaped() {
    let renderer = Renderer::new(Language::English, Vec::new()).unwrap();
    let why = Why { words: Some("because <!channel> [x](http://evil)".into()), ..Why::default() };
    assert_eq!(renderer.why(&why).unwrap(), r"because \<!channel\> \[x\](http\://evil)");
}
