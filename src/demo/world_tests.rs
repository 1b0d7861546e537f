//! Reading and moving worlds.

use super::*;

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("world-{name}-{}", std::process::id()));
        for (file, text) in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::create_dir_all(&root).unwrap();
        Self(root)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_built_in_world_is_complete() {
    let world = World::built_in().unwrap();
    assert_eq!((world.series.len(), world.logs.len(), world.notifications.len()), (532, 3550, 40));
    assert_eq!(world.pod_logs.len(), 18);
    let pods = world.objects.iter().find(|list| list.kind == "Pod").unwrap();
    assert_eq!((pods.resource.as_str(), pods.items.len()), ("pods", 10));
    let span = world.span();
    assert_eq!((span.last - span.first).num_seconds(), 835);
}

#[test]
fn a_world_may_lack_any_file() {
    let folder = Folder::new("empty", &[]);
    let world = World::load(&folder.0).unwrap();
    assert_eq!((world.series.len(), world.logs.len(), world.objects.len(), world.notifications.len()), (0, 0, 0, 0));
    assert!(World::load(Path::new("/no/such/folder")).is_err());
}

#[test]
fn a_malformed_line_is_named() {
    let cases = [
        ("logs.jsonl", "{\"_time\":\"2026-11-22T22:00:00Z\",\"_msg\":\"a\"}\n{oops\n", "logs.jsonl, line 2"),
        ("logs.jsonl", "{\"_msg\":\"a\"}\n", "no _time"),
        ("metrics.jsonl", "{\"metric\":{},\"values\":[1],\"timestamps\":[]}\n", "1 values but 0 timestamps"),
        ("webhooks.jsonl", "\n{\"received_at\":1}\n", "webhooks.jsonl, line 2"),
        ("kubernetes/pods.json", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", "kubernetes/pods.json"),
    ];
    for (number, (file, text, expected)) in cases.into_iter().enumerate() {
        let folder = Folder::new(&format!("bad-{number}"), &[(file, text)]);
        let error = format!("{:#}", World::load(&folder.0).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn foreign_recordings_are_understood() {
    let folder = Folder::new(
        "foreign",
        &[
            (
                "metrics.jsonl",
                "{\"metric\":{\"__name__\":\"up\"},\"values\":[1,null],\"timestamps\":[3000,4000]}\n{\"metric\":{\"__name__\":\"up\"},\"values\":[\"Infinity\",2],\"timestamps\":[2000,1000]}",
            ),
            ("logs.jsonl", "{\"_time\":\"2026-11-22T22:00:00Z\",\"http\":{\"status\":502},\"ok\":true,\"none\":\"\"}"),
            ("webhooks.jsonl", "{\"received_at\":1795387546.164,\"body\":\"{\\\"status\\\":\\\"firing\\\"}\"}"),
            (
                "kubernetes/all.json",
                "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"}},{\"kind\":\"Rollout\",\"apiVersion\":\"argoproj.io/v1alpha1\",\"metadata\":{\"name\":\"b\"}}]}",
            ),
            ("pod-logs/shop.web.v2-abc.previous.log", "2026-11-22T22:00:00.5Z a\n"),
        ],
    );
    let world = World::load(&folder.0).unwrap();
    assert_eq!(world.series.len(), 1);
    assert_eq!(world.series[0].times, [1000, 2000, 3000, 4000]);
    assert_eq!(world.series[0].values[..3], [2.0, f64::INFINITY, 1.0]);
    assert!(world.series[0].values[3].is_nan());
    let fields: Vec<_> = world.logs[0].fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(fields, ["_stream={}", "_time=2026-11-22T22:00:00Z", "http.status=502", "ok=true"]);
    assert_eq!(world.notifications[0].body["status"], "firing");
    let kinds: Vec<_> = world.objects.iter().map(|list| format!("{} {}", list.api_version, list.kind)).collect();
    assert_eq!(kinds, ["argoproj.io/v1alpha1 Rollout", "v1 Pod"]);
    let log = world.pod_logs.keys().next().unwrap();
    assert_eq!((log.pod.as_str(), log.previous), ("web.v2-abc", true));
}

#[test]
fn moving_a_world_moves_every_kind_of_time() {
    let by = TimeDelta::seconds(86_400);
    let world = World::built_in().unwrap();
    let moved = world.clone().shifted(by);
    let started = |world: &World| {
        let series = world.series.iter().find(|series| series.labels["__name__"] == "ALERTS_FOR_STATE").unwrap();
        (series.times[0], series.values[0])
    };
    let (before, after) = (started(&world), started(&moved));
    assert_eq!((after.0 - before.0, after.1 - before.1), (86_400_000, 86_400.0));
    let first = &moved.logs[8];
    assert!(first.fields["_time"].starts_with("2026-11-23T"), "{first:?}");
    assert_eq!(parse(&first.fields["_time"]).unwrap().timestamp_nanos_opt().unwrap(), first.nanos);
    let alert = &moved.notifications[0].body["alerts"][0];
    assert_eq!(alert["startsAt"], "2026-11-23T22:45:15Z");
    assert_eq!(alert["endsAt"], "0001-01-01T00:00:00Z");
    let event = &moved.objects.iter().find(|list| list.kind == "Event").unwrap().items[0];
    assert!(event["metadata"]["creationTimestamp"].as_str().unwrap().starts_with("2026-11-23T"));
    let text = moved.pod_logs.values().find(|text| text.contains("payments.boot")).unwrap();
    assert!(text.starts_with("2026-11-23T22:53:45.847136527Z 2026-11-22 INFO"), "only the prefix moves");
}
