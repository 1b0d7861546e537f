//! Names with which somebody who may ask for an incident would reach other keys of a Redis, or say commands to it.

use holmes_bot::demo::World;
use serde_json::json;

use crate::bot::Bot;
use crate::process::{client, firing};
use crate::redis_server::RedisServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_never_more_than_a_part_of_a_key() {
    let redis = RedisServer::start().await;
    redis.admin(&["SET", "somebody-elses", "1"]).await;
    let bot = Bot::start(World::empty(), &[("HOLMES_STORE_URL", &redis.url())], false).await;
    let hostile = [
        "x\r\nFLUSHALL\r\n",
        "x investigation",
        "*",
        "}:somebody-elses",
        "{other}",
        "../somebody-elses",
        "x\" \"y",
        "return redis.call('FLUSHALL')",
        "$(FLUSHALL)",
    ];
    for name in hostile {
        let mut alert = firing(name, name);
        alert["alerts"][0]["fingerprint"] = json!(name);
        alert["alerts"][0]["labels"]["namespace"] = json!(name);
        alert["groupKey"] = json!(name);
        assert_eq!(bot.deliver(&alert).await, 200, "{name:?}");
    }
    let incidents = bot.incidents(|all| all.len() == hostile.len() && crate::bot::all_done(all)).await;
    let known = incidents[0]["id"].as_str().unwrap();
    for name in hostile {
        let mut url = reqwest::Url::parse(&bot.url).unwrap();
        for end in [&[][..], &["questions", "q-1"]] {
            url.path_segments_mut().unwrap().clear().extend(["api", "v1", "incidents", name]).extend(end);
            let status = client().get(url.clone()).send().await.unwrap().status();
            assert_eq!(status, 404, "{name:?}");
        }
        let body = json!({"text": name, "incident": known, "author": name});
        let asked = client().post(format!("{}/api/v1/questions", bot.url)).json(&body);
        // What a header cannot hold cannot be sent.
        let asked = asked.header("idempotency-key", name.replace(['\r', '\n'], " "));
        assert_eq!(asked.send().await.unwrap().status(), 202, "{name:?}");
    }
    bot.incidents(|all| all.len() == hostile.len() && crate::bot::all_done(all)).await;
    let keys: Vec<String> = ::redis::from_redis_value(redis.admin(&["KEYS", "*"]).await).unwrap();
    assert!(keys.len() > 3, "{keys:?}");
    for key in &keys {
        assert!(key.starts_with("{holmes}:") || key == "somebody-elses", "{key}");
        assert!(!key.contains(['\r', '\n']), "{key:?}");
    }
    assert!(keys.iter().any(|key| key == "somebody-elses"));
    bot.stop().await;
}
