//! What models wrote, and what they meant.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn call(name: &str, arguments: Value) -> Written {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    Written { name: name.into(), arguments }
}

#[test]
fn calls_in_every_dress() {
    let logs = call("get_logs", json!({"pod": "web-0", "tail": 100}));
    for text in [
        "<tool_call>\n{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\", \"tail\": 100}}\n</tool_call>",
        "<tool_call>{\"name\": \"get_logs\", \"arguments\": \"{\\\"pod\\\": \\\"web-0\\\", \\\"tail\\\": 100}\"}",
        "<tool_call>\n```json\n{'name': 'get_logs', 'arguments': {'pod': 'web-0', 'tail': 100,}}\n```\n</tool_call>",
        "<tool_call>\n<function=get_logs>\n<parameter=pod>\nweb-0\n</parameter>\n<parameter=tail>\n100\n</parameter>\n\
         </function>\n</tool_call>",
        "<function=get_logs><parameter=pod>web-0</parameter><parameter=tail>100</parameter></function>",
        "<tool_call>get_logs\n<arg_key>pod</arg_key>\n<arg_value>web-0</arg_value>\n<arg_key>tail</arg_key>\n\
         <arg_value>100</arg_value>\n</tool_call>",
        "[TOOL_CALLS][{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\", \"tail\": 100}}]",
        "[TOOL_CALLS] get_logs[ARGS]{\"pod\": \"web-0\", \"tail\": 100}",
        "[TOOL_CALLS]get_logs{\"pod\": \"web-0\", \"tail\": 100}",
        "<|python_tag|>{\"name\": \"get_logs\", \"parameters\": {\"pod\": \"web-0\", \"tail\": 100}}",
        "<|tool_call|>[{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\", \"tail\": 100}}]",
        "<|tool_call_start|>[get_logs(pod=\"web-0\", tail=100)]<|tool_call_end|>",
        "[get_logs(pod=\"web-0\", tail=100)]",
        "get_logs(pod='web-0', tail=100)",
        "```python\nget_logs(pod=\"web-0\", tail=100)\n```",
        "{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\", \"tail\": 100}}",
        "{\"tool\": \"get_logs\", \"args\": {\"pod\": \"web-0\", \"tail\": 100}}",
        "{\"function\": \"functions.get_logs\", \"parameters\": {\"pod\": \"web-0\", \"tail\": 100}}",
        "[{\"type\": \"function\", \"function\": {\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\", \"tail\": 100}}}]",
        "{\"tool_calls\": [{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\", \"tail\": 100}}]}",
        "```json\n{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\", \"tail\": 100}}\n```",
    ] {
        let reading = Reading { calls: vec![logs.clone()], ..Reading::default() };
        assert_eq!(calls(text), reading, "{text}");
    }
}

#[test]
fn words_around_a_call_stay() {
    let list = call("kubernetes_get", json!({}));
    for (text, left) in [
        ("I will look. <tool_call>{\"name\": \"kubernetes_get\"}</tool_call>\nThen more.", "I will look. \nThen more."),
        ("Let me see:\n```json\n{\"name\": \"kubernetes_get\", \"arguments\": {}}\n```\nDone.", "Let me see:\n\nDone."),
        ("Let me call {\"name\": \"kubernetes_get\", \"arguments\": null}", "Let me call"),
    ] {
        assert_eq!(calls(text), Reading { text: left.into(), calls: vec![list.clone()], broken: false }, "{text}");
    }
    let two = "<tool_call>{\"name\": \"a\"}</tool_call>\n<tool_call>{\"name\": \"b\"}</tool_call>";
    assert_eq!(calls(two).calls, [call("a", json!({})), call("b", json!({}))]);
    let two = "<tool_call>\n{\"name\": \"a\"}\n{\"name\": \"b\"}\n</tool_call>";
    assert_eq!(calls(two).calls, [call("a", json!({})), call("b", json!({}))]);
}

#[test]
fn what_is_no_call_stays_as_it_is() {
    for text in [
        "",
        "The pod web-0 was killed [E1], see kubectl(1) and get_logs().",
        "It is `{\"name\": \"web\", \"image\": \"x\"}`.",
        "{\"name\": \"get_logs\", \"parameters\": {\"type\": \"object\", \"properties\": {}}}",
        "{\"cause\": \"OOM\", \"evidence\": [\"E1\"]}",
        "```json\n{\n  \"kube-config\": {\n    \"services\": [\n",
        "[E1], [E2]",
        "main(1)",
    ] {
        assert_eq!(calls(text), Reading { text: text.into(), ..Reading::default() }, "{text}");
    }
}

#[test]
fn a_broken_call_is_no_call_and_no_text() {
    for (text, left) in [
        ("<tool_call>\n", ""),
        ("<tool_call>\n{\"name\": \"kubectl_get\", \"", ""),
        ("<tool_call>\n{\"name\": \"kubectl_get\", \"arguments\": {\"kind\": pod}}\n</tool_call>", ""),
        ("<tool_call>\n{\"name\": \"kubectl_get\", \"arguments\": [1]}\n</tool_call>", ""),
        ("Look: <function=get_logs>\n<parameter=pod>\nweb", "Look:"),
        ("[TOOL_CALLS]get_logs{\"pod\": \"we", ""),
        ("So:\n```json\n{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"we", "So:"),
    ] {
        assert_eq!(calls(text), Reading { text: left.into(), calls: vec![], broken: true }, "{text}");
    }
}

#[test]
fn documents_in_prose() {
    for (text, value) in [
        ("{\"a\": 1}", Some(json!({"a": 1}))),
        ("[1, 2]", Some(json!([1, 2]))),
        ("Here [1] it is:\n```json\n{\"a\": {\"b\": 2}}\n```\nas {x}.", Some(json!({"a": {"b": 2}}))),
        ("{'a': True,}", Some(json!({"a": true}))),
        ("{\"a\": \"half", None),
        ("no", None),
    ] {
        assert_eq!(json(text), value, "{text}");
    }
    assert_eq!(json_cut("So: {\"a\": \"half"), Some(json!({"a": "half"})));
    assert_eq!(json_cut("{\"sev"), None);
    assert_eq!(json_cut("no"), None);
}

/// Texts made of what calls are made of.
fn pieces() -> impl Strategy<Value = String> {
    let words: Vec<&'static str> = vec![
        "<tool_call>",
        "</tool_call>",
        "<function=",
        "f>",
        "<parameter=",
        "</parameter>",
        "[TOOL_CALLS]",
        "[ARGS]",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "'",
        ":",
        ",",
        "=",
        "name",
        "arguments",
        "\"name\":",
        "\"arguments\":",
        "```",
        "json",
        "\n",
        " ",
        "\\",
        "\\u",
        "d83d",
        "1",
        "é",
        "日",
        "tool_calls",
        "<arg_key>",
        "</arg_key>",
        "<arg_value>",
    ];
    prop::collection::vec(prop::sample::select(words), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_text_is_read(text in prop_oneof![pieces(), ".{0,200}"]) {
        let reading = calls(&text);
        prop_assert!(reading.text.len() <= text.len());
        for call in &reading.calls {
            prop_assert!(is_name(&call.name));
        }
        let _ = json_cut(&text);
    }

    #[test]
    fn any_document_is_found_in_prose(key in "[a-z]{1,8}", text in ".{0,40}", number in any::<i64>()) {
        let value = json!({"key": key, "text": text, "list": [number, null, true], "deep": {"a": []}});
        prop_assert_eq!(json(&value.to_string()), Some(value.clone()));
        let prose = format!("So:\n```json\n{value:#}\n```\nThat is all.");
        prop_assert_eq!(json(&prose), Some(value.clone()));
        let marked = format!("<tool_call>{}</tool_call>", json!({"name": key, "arguments": value}));
        prop_assert_eq!(calls(&marked).calls.len(), usize::from(!text.contains("</tool_call>")));
    }
}

#[test]
fn a_text_of_nothing_but_marks_is_a_broken_call() {
    let reading = calls(&"<tool_call></tool_call>".repeat(10_000));
    assert!(reading.broken && reading.calls.is_empty() && reading.text.is_empty());
}
