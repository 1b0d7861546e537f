//! What evidence says.

use super::super::samples;
use super::{Language, renderer};
use crate::domain::subject::SubjectKind;

/// Every kind of evidence: its title, and what it says.
fn evidence(language: Language) -> String {
    let render = renderer(language);
    let about = samples::object(SubjectKind::Deployment, "checkout");
    let said = samples::all_data()
        .into_iter()
        .map(|(_, _, data)| format!("{}\n{}", render.evidence_title(&data, &about, None), render.excerpt(&data)));
    said.collect::<Vec<_>>().join("\n~~~~\n")
}

#[test]
fn in_english() {
    insta::assert_snapshot!(evidence(Language::English), @r####"
Metric · shop/checkout
checkout-7464b59bfd-6rjrg: now 47.9 MiB, peak 48 MiB at 22:52:00 UTC (100 % of the memory limit 48 MiB), before: 12 MiB; rises 1.4 MiB/s
level changed at 22:47:20 UTC
checkout-7464b59bfd-x2k9p: now 24.8 MiB, peak 48 MiB
and 2 more series, all lower
~~~~
Logs of shop/checkout: 1 new pattern
1,204 lines (1,180 in the quiet range before)
- NEW ×12 error: java.lang.OutOfMemoryError: Java heap space (request <*>) (22:47:55 UTC – 22:51:55 UTC)
    java.lang.OutOfMemoryError: Java heap space (request 8f21)
    	at shop.Cart.copy(Cart.java:88)
    	at shop.Cart.price(Cart.java:41)
- MORE ×310 (before ×12) warn: GC pause <*> ms (22:47:55 UTC – 22:51:55 UTC)
    GC pause 812 ms
- usual ×880 (before ×902) info: GET /cart/<*> 200 (22:47:55 UTC – 22:51:55 UTC)
and 4 more patterns
~~~~
Deployment shop/checkout: 1 of 3 ready
1 of 3 pods ready, 2 of the current revision; managed by Argo CD application shop
condition Available=False MinimumReplicasUnavailable: Deployment does not have minimum availability.
pod checkout-7464b59bfd-6rjrg: Running, not ready, on worker-2, revision 7464b59bfd
  container app: CrashLoopBackOff (back-off 2m40s restarting failed container), restarted 7 times
    last run: OOMKilled, exit code 137 (SIGKILL: killed) at 22:52:00 UTC after 35 s
pod checkout-7464b59bfd-x2k9p: Running, not ready, on worker-2, revision 7464b59bfd
  container app: CrashLoopBackOff (back-off 2m40s restarting failed container), restarted 7 times
    last run: OOMKilled, exit code 137 (SIGKILL: killed) at 22:52:00 UTC after 35 s
pod checkout-5d8c7f9b4-kk2vd: Running, ready, on worker-2, revision 5d8c7f9b4
template app: registry.example.com/shop/web:1.9; memory limit 48 MiB, request 32 MiB; CPU without limit, request 250m
  readiness: GET /healthz:8080 every 10 s, 3 failures
revision 4 at 2026-11-22 22:46:30 UTC (2 pods)
  image: web:1.8 → web:1.9
  env CACHE_SIZE added
revision 3 at 2026-11-21 22:48:35 UTC (1 pod)
autoscaler checkout: 3 pods, wants 3, between 2 and 6
service checkout: 1 ready endpoint, 2 not ready (80→8080/TCP)
~~~~
Events of shop/checkout
- 22:51:45 UTC Warning BackOff ×17 Pod checkout-7464b59bfd-6rjrg: Back-off restarting failed container app in pod checkout-7464b59bfd-6rjrg
~~~~
Changes around the onset · shop/checkout
- 22:46:30 UTC rollout Deployment checkout: revision 4: image web:1.8 → web:1.9
- 21:46:55 UTC configuration Workload checkout-config: ConfigMap checkout-config changed
~~~~
Node shop/checkout: not ready
NOT ready, cordoned, kubelet v1.34.1, 41 pods
condition MemoryPressure=True KubeletHasInsufficientMemory since 22:48:05 UTC: kubelet has insufficient memory available
taints: node.kubernetes.io/memory-pressure:NoSchedule
allocatable: cpu 4, memory 16Gi
pod checkout-7464b59bfd-6rjrg: Evicted
~~~~
Service shop/checkout: 1 ready endpoint
1 ready endpoint, 2 not ready
ports: 80→8080/TCP
cluster IP 10.0.0.58
backed by Deployment shop/checkout
~~~~
Limits of namespace shop/checkout
quota compute: limits.memory 15Gi of 16Gi (93.8 %)
~~~~
Seen before · shop/checkout
seen 2 times before, last on 2026-11-20
said in i-1111111111 by alice: raised the limit to 48Mi, @channel
- i-2222222222 2026-11-20, lasted 21 min: KubePodCrashLooping on shop/checkout; cause: app was killed at its memory limit of 32 MiB.
- i-1111111111 2026-10-23, lasted 21 min: KubePodCrashLooping on shop/checkout; cause: app was killed at its memory limit of 32 MiB.
~~~~
Written about shop/checkout
- note n-81c0aa11f2 · Memory of checkout (2026-11-12)
    The cart cache grows with every campaign.
    Raise the limit *before* one.
~~~~
Alerts about shop/checkout
- firing KubePodCrashLooping (CrashLoopBackOff): Pod is crash looping
"####);
}

#[test]
fn in_russian() {
    insta::assert_snapshot!(evidence(Language::Russian), @r####"
Метрика · shop/checkout
checkout-7464b59bfd-6rjrg: сейчас 47.9 MiB, пик 48 MiB в 22:52:00 UTC (100 % от 48 MiB: лимит памяти), до этого: 12 MiB; растёт на 1.4 MiB/с
уровень сменился в 22:47:20 UTC
checkout-7464b59bfd-x2k9p: сейчас 24.8 MiB, пик 48 MiB
и ещё 2 ряда, все ниже
~~~~
Логи shop/checkout: новый 1 шаблон
1 204 строки (1 180 в спокойное время до этого)
- НОВОЕ ×12 error: java.lang.OutOfMemoryError: Java heap space (request <*>) (22:47:55 UTC – 22:51:55 UTC)
    java.lang.OutOfMemoryError: Java heap space (request 8f21)
    	at shop.Cart.copy(Cart.java:88)
    	at shop.Cart.price(Cart.java:41)
- ЧАЩЕ ×310 (было ×12) warn: GC pause <*> ms (22:47:55 UTC – 22:51:55 UTC)
    GC pause 812 ms
- как обычно ×880 (было ×902) info: GET /cart/<*> 200 (22:47:55 UTC – 22:51:55 UTC)
и ещё 4 шаблона
~~~~
Deployment shop/checkout: готово 1 из 3
готово подов: 1 из 3, текущей ревизии: 2; управляет Argo CD application shop
условие Available=False MinimumReplicasUnavailable: Deployment does not have minimum availability.
под checkout-7464b59bfd-6rjrg: Running, не готов, на worker-2, ревизия 7464b59bfd
  контейнер app: CrashLoopBackOff (back-off 2m40s restarting failed container), перезапусков: 7
    прошлый запуск: OOMKilled, код выхода 137 (SIGKILL: убит) в 22:52:00 UTC через 35 с
под checkout-7464b59bfd-x2k9p: Running, не готов, на worker-2, ревизия 7464b59bfd
  контейнер app: CrashLoopBackOff (back-off 2m40s restarting failed container), перезапусков: 7
    прошлый запуск: OOMKilled, код выхода 137 (SIGKILL: убит) в 22:52:00 UTC через 35 с
под checkout-5d8c7f9b4-kk2vd: Running, готов, на worker-2, ревизия 5d8c7f9b4
шаблон app: registry.example.com/shop/web:1.9; память лимит 48 MiB, запрос 32 MiB; CPU без лимита, запрос 250m
  readiness: GET /healthz:8080 every 10 s, 3 failures
ревизия 4 в 2026-11-22 22:46:30 UTC (2 пода)
  image: web:1.8 → web:1.9
  env CACHE_SIZE added
ревизия 3 в 2026-11-21 22:48:35 UTC (1 под)
автомасштабирование checkout: 3 пода, нужно 3, от 2 до 6
сервис checkout: адресов готово 1, не готово 2 (80→8080/TCP)
~~~~
События shop/checkout
- 22:51:45 UTC Warning BackOff ×17 Pod checkout-7464b59bfd-6rjrg: Back-off restarting failed container app in pod checkout-7464b59bfd-6rjrg
~~~~
Изменения около начала · shop/checkout
- 22:46:30 UTC выкатка Deployment checkout: revision 4: image web:1.8 → web:1.9
- 21:46:55 UTC конфигурация Workload checkout-config: ConfigMap checkout-config changed
~~~~
Узел shop/checkout: не готов
НЕ готов, закрыт для новых подов, kubelet v1.34.1, 41 под
условие MemoryPressure=True KubeletHasInsufficientMemory с 22:48:05 UTC: kubelet has insufficient memory available
запреты (taints): node.kubernetes.io/memory-pressure:NoSchedule
доступно: cpu 4, memory 16Gi
под checkout-7464b59bfd-6rjrg: Evicted
~~~~
Сервис shop/checkout: готово адресов: 1
готовых адресов 1, не готовых 2
порты: 80→8080/TCP
IP в кластере 10.0.0.58
за ним Deployment shop/checkout
~~~~
Лимиты пространства имён shop/checkout
квота compute: limits.memory 15Gi из 16Gi (93.8 %)
~~~~
Уже было · shop/checkout
уже было 2 раза, последний раз 2026-11-20
в i-1111111111 alice: raised the limit to 48Mi, @channel
- i-2222222222 2026-11-20, длился 21 мин: KubePodCrashLooping on shop/checkout; причина: app was killed at its memory limit of 32 MiB.
- i-1111111111 2026-10-23, длился 21 мин: KubePodCrashLooping on shop/checkout; причина: app was killed at its memory limit of 32 MiB.
~~~~
Написано про shop/checkout
- note n-81c0aa11f2 · Memory of checkout (2026-11-12)
    The cart cache grows with every campaign.
    Raise the limit *before* one.
~~~~
Алерты про shop/checkout
- горит KubePodCrashLooping (CrashLoopBackOff): Pod is crash looping
"####);
}

#[test]
fn the_past_is_told_in_a_sentence() {
    let posts = [Language::English, Language::Russian].map(|language| {
        let render = renderer(language);
        let investigation = samples::investigation(|data| render.excerpt(data));
        let history = investigation.evidence.iter().find(|evidence| evidence.data.kind() == "history").unwrap();
        render.evidence(history).replace('\u{2060}', "(joiner)")
    });
    insta::assert_snapshot!(posts.join("\n~~~~\n"), @r"
    **E9 · Seen 2 times before**, last on 2026-11-20; fixed by (`i-1111111111`):
    - alice: raised the limit to 48Mi, @(joiner)channel

    Earlier:
    - `i-2222222222` 2026-11-20, 21 min: KubePodCrashLooping on shop/checkout — app was killed at its memory limit of 32 MiB.
    - `i-1111111111` 2026-10-23, 21 min: KubePodCrashLooping on shop/checkout — app was killed at its memory limit of 32 MiB.
    ~~~~
    **E9 · Уже было 2 раза**, последний раз 2026-11-20; помогло (`i-1111111111`):
    - alice: raised the limit to 48Mi, @(joiner)channel

    Раньше:
    - `i-2222222222` 2026-11-20, 21 мин: KubePodCrashLooping on shop/checkout — app was killed at its memory limit of 32 MiB.
    - `i-1111111111` 2026-10-23, 21 мин: KubePodCrashLooping on shop/checkout — app was killed at its memory limit of 32 MiB.
    ");
}
