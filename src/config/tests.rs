//! What an environment makes of the configuration, and what is said when it is wrong.

use super::*;

/// Reads an environment; its problems as they are told.
pub(super) fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::from_variables(&variables).map_err(|problems| problems.to_string())
}

#[test]
fn nothing_set_is_a_loopback_bot_without_neighbours() {
    let config = read(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(config.metrics.is_none() && config.logs.is_none() && config.kubernetes.is_none());
}

#[test]
fn every_problem_is_reported_at_once() {
    let problems = read(&[
        ("HOLMES_LISTEN", "0.0.0.0:8080"),
        ("HOLMES_API_TOKEN", "  "),
        ("HOLMES_LANGUAGE", "de"),
        ("METRICS_URL", "vm:8428"),
        ("LOGS_USERNAME", "me"),
        ("HOLMES_INVESTIGATION_DEADLINE", "soon"),
        ("HOLMES_STORE_URL", "redis//:s3cret@redis:6379"),
    ])
    .unwrap_err();
    insta::assert_snapshot!(problems, @r"
    the configuration has 8 problem(s):
      HOLMES_API_TOKEN: is set but empty: give it a value or remove it
      HOLMES_WEBHOOK_TOKEN: must be set because HOLMES_LISTEN=0.0.0.0:8080 is not a loopback address
      HOLMES_API_TOKEN: must be set because HOLMES_LISTEN=0.0.0.0:8080 is not a loopback address
      HOLMES_STORE_URL: `…@redis:6379` is not like redis://user:password@host:6379/0, redis+sentinel://host:26379,host:26379/mymaster or redis+cluster://host:6379,host:6379 (rediss… for TLS)
      HOLMES_LANGUAGE: `de` is not one of en, ru
      HOLMES_INVESTIGATION_DEADLINE: `soon` is not a duration like 10s, 30m, 4h or 30d
      METRICS_URL: `vm:8428` is not an address like http://host:8428
      LOGS_PASSWORD: must be set together with LOGS_USERNAME
    ");
    assert!(!problems.contains("s3cret"));
}

#[test]
fn a_listener_that_is_not_loopback_needs_both_tokens() {
    let tokens = [("HOLMES_LISTEN", "0.0.0.0:8080"), ("HOLMES_WEBHOOK_TOKEN", "a"), ("HOLMES_API_TOKEN", "b")];
    assert!(read(&tokens).is_ok());
    assert!(read(&tokens[..2]).is_err());
}

#[test]
fn state_is_kept_in_a_file_or_in_redis() {
    assert!(matches!(read(&[]).unwrap().store, StoreConfig::Embedded));
    let redis = [("HOLMES_STORE_URL", "redis+cluster://a:6379,b:6379"), ("HOLMES_REDIS_PREFIX", "team-a")];
    let StoreConfig::Redis { prefix, copies, .. } = read(&redis).unwrap().store else { panic!("not Redis") };
    assert_eq!((prefix.as_str(), copies), ("team-a", 0));
    insta::assert_snapshot!(
        read(&[("HOLMES_STORE_URL", "redis://a"), ("HOLMES_REDIS_PREFIX", "{a}")]).unwrap_err(),
        @r"
    the configuration has 1 problem(s):
      HOLMES_REDIS_PREFIX: `{a}` has more in it than letters, digits, `.`, `_` and `-`
    "
    );
    let alone = read(&[("HOLMES_REDIS_PREFIX", "a")]).unwrap_err();
    assert!(alone.contains("HOLMES_REDIS_PREFIX: makes sense only together with HOLMES_STORE_URL"), "{alone}");
}

#[test]
fn knowledge_elsewhere_needs_a_key_and_an_address() {
    let config = read(&[("OPENWEBUI_URL", "http://owui:8080/"), ("OPENWEBUI_TOKEN", "sk-1")]).unwrap();
    let open_webui = config.open_webui.unwrap();
    assert_eq!((open_webui.http.url.as_str(), open_webui.collections.notes.as_str()), ("http://owui:8080", "notes"));
    let config = read(&[("EMBEDDINGS_BASE_URL", "http://e5:8008/v1")]).unwrap();
    assert!(config.embeddings.unwrap().model.is_none() && config.open_webui.is_none());
    insta::assert_snapshot!(
        read(&[("OPENWEBUI_URL", "http://owui:8080"), ("EMBEDDINGS_MODEL", "e5")]).unwrap_err(),
        @r"
    the configuration has 2 problem(s):
      EMBEDDINGS_BASE_URL: must be set because EMBEDDINGS_MODEL is
      OPENWEBUI_TOKEN: must be set together with OPENWEBUI_URL: an API key of Open WebUI
    "
    );
}

#[test]
fn secrets_are_compared_whole() {
    let secret = SecretString::from("token".to_owned());
    assert!(is_secret(&secret, b"token"));
    assert!(!is_secret(&secret, b"toke") && !is_secret(&secret, b"") && !is_secret(&secret, b"token2"));
}

#[test]
fn typing_errors_are_found() {
    let variables = BTreeMap::from([("HOLMES_LISTNE".to_owned(), "x".to_owned()), ("HOME".into(), "/".into())]);
    assert_eq!(Config::unknown(&variables), ["HOLMES_LISTNE"]);
}
