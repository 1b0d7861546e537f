//! What the client makes of answers that real servers gave: vLLM 0.32 and llama.cpp, recorded.

use holmes_bot::agent::message::{Expect, TurnReply};

use crate::checkout::text;
use crate::fake_model::{FakeModel, Say};
use crate::model::{document, model, request, tools, turn};

/// A recorded answer of a real server.
pub struct Capture {
    pub code: u16,
    pub content_type: &'static str,
    pub body: String,
}

/// The recorded answer of this name.
pub fn capture(name: &str) -> Capture {
    let text = text(&format!("tests/captures/llm/{name}.txt"));
    let (_, answer) = text.split_once("<<< HTTP ").unwrap();
    let (head, body) = answer.split_once("\n\n").unwrap();
    let streamed = head.contains("text/event-stream");
    let content_type = if streamed { "text/event-stream" } else { "application/json" };
    Capture { code: head[..3].parse().unwrap(), content_type, body: body.to_owned() }
}

/// What the client makes of a recorded answer that comes in pieces of 7 bytes.
async fn replayed(name: &str, expect: Expect) -> String {
    let Capture { code, content_type, body } = capture(name);
    let say = if code == 200 {
        Say::raw_pieces(content_type, body.as_bytes().chunks(7).map(<[u8]>::to_vec).collect())
    } else {
        Say::refusal(code, &body)
    };
    let fake = FakeModel::answering(move |_| say.clone()).await;
    let (reply, shown) = turn(&model(&fake), &request(expect)).await;
    match reply {
        Ok(TurnReply { text, calls, clumsy, cut, usage }) => {
            let calls: Vec<String> = calls.iter().map(|call| format!("{}({})", call.name, call.arguments)).collect();
            let flags = format!("{}{}", if clumsy { " clumsy" } else { "" }, if cut { " cut" } else { "" });
            let hidden = if shown.trim() == text.trim() { "" } else { " (other words were shown)" };
            let tokens = usage.map_or(0, |usage| usage.completion);
            format!("{text:?} {calls:?}{flags} {tokens}{hidden}")
        }
        Err(error) => format!("{error}"),
    }
}

#[tokio::test]
async fn what_real_servers_answered() {
    let mut seen = Vec::new();
    for (name, expect) in [
        ("vllm/03-models-badkey", Expect::Text),
        ("vllm/06-chat-stream", Expect::Text),
        ("vllm/08-chat-stream-continuous-usage", Expect::Text),
        ("vllm/15-chat-russian", Expect::Text),
        ("vllm/17-tools-auto", tools()),
        ("vllm/18-tools-required", tools()),
        ("vllm/23-tools-named-stream", tools()),
        ("vllm/29-tools-required-length", tools()),
        ("vllm/30-tools-required-length-stream", tools()),
        ("vllm/36-tools-empty-list", Expect::Text),
        ("vllm/38-rf-json_schema-stream", document()),
        ("vllm/40-rf-json_schema-length", document()),
        ("vllm/46-rf-bad-schema", document()),
        ("vllm/49-err-unknown-model", Expect::Text),
        ("vllm/52-err-context-length-stream", Expect::Text),
        ("vllm/53-err-max_tokens-too-big", Expect::Text),
        ("vllm/64-err-404", Expect::Text),
        ("vllm/82-required-strict-stream", tools()),
        ("vllm/86-auto-hermes-one-stream", tools()),
        ("vllm/87-auto-hermes-text-two", tools()),
        ("vllm/88-auto-hermes-text-two-stream", tools()),
        ("vllm/89-auto-hermes-badjson", tools()),
        ("vllm/90-auto-hermes-badjson-stream", tools()),
        ("vllm/92-auto-hermes-cut-length-stream", tools()),
        ("vllm/93-auto-hermes-cut-length", tools()),
        ("llama-server/05-chat", Expect::Text),
        ("llama-server/10-chat-length-stream", Expect::Text),
        ("llama-server/15-chat-russian", Expect::Text),
        ("llama-server/17-tools-auto", tools()),
        ("llama-server/26-tools-auto-fewshot-stream", tools()),
        ("llama-server/28-tools-result-turn-badargs", Expect::Text),
        ("llama-server/38-rf-json_schema-stream", document()),
        ("llama-server/40-rf-json_schema-length", document()),
        ("llama-server/46-rf-bad-schema", document()),
        ("llama-server/52-err-context-length-stream", Expect::Text),
        ("llama-server/64-err-404", Expect::Text),
    ] {
        seen.push(format!("{name}: {}", replayed(name, expect).await));
    }
    insta::assert_snapshot!(seen.join("\n"), @r#"
    vllm/03-models-badkey: the model server refused our key (HTTP 401): check LLM_API_KEY
    vllm/06-chat-stream: "The capital of France is Paris." [] 8
    vllm/08-chat-stream-continuous-usage: "The capital of France is Paris" [] cut 6
    vllm/15-chat-russian: "Сколько будет два плюс два?" [] cut 24
    vllm/17-tools-auto: "Here is a list of all the pods in the namespace shop:\n\n```\n{\n  \"kube-config\": {\n    \"kube-config-namespace\": {\n      \"name\": \"kube-config-namespace-1\",\n      \"type\": \"string\",\n      \"maxLength\": 20\n    },\n    \"pod-name\": \"kube-config-namespace" [] cut 80
    vllm/18-tools-required: "" [] clumsy cut 110
    vllm/23-tools-named-stream: "" ["get_logs({\"pod\":{\"type\":\"string\",\"maxLength\":30,\"tail\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":500}}})"] 80
    vllm/29-tools-required-length: "" [] clumsy cut 6
    vllm/30-tools-required-length-stream: "" [] cut 6
    vllm/36-tools-empty-list: the model server refused the request (HTTP 400): `tools` must not be an empty array. Either provide at least one tool or omit the field entirely. (parameter=tools)
    vllm/38-rf-json_schema-stream: "{\n  \"severity\": \"medium\",\n  \"summary\": \"Medium-related issues: 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.\",\n  \"restart\": \ntrue\n}" [] 73
    vllm/40-rf-json_schema-length: "{\n  \"severity" [] cut 5
    vllm/46-rf-bad-schema: the model server refused the answer's schema: Grammar error: Invalid type: objekt
    vllm/49-err-unknown-model: the model server has no model `qwen`; set LLM_MODEL to one of: smollm2
    vllm/52-err-context-length-stream: the prompt (4097 tokens) does not fit into the model's window (4096 tokens)
    vllm/53-err-max_tokens-too-big: the prompt does not fit into the model's window (4096 tokens)
    vllm/64-err-404: the model server refused the request (HTTP 404): Not Found: is LLM_BASE_URL the address of an OpenAI-compatible server?
    vllm/82-required-strict-stream: "" ["kubectl_get({\"kind\":\"pod\",\"namespace\":\"kube-config-12345678\"})"] 59
    vllm/86-auto-hermes-one-stream: "" ["kubectl_get({\"kind\":\"pod\",\"namespace\":\"kubelet\"})"] 44
    vllm/87-auto-hermes-text-two: "I will look." ["kubectl_get({\"kind\":\"pod\",\"namespace\":\"kubecd\"})", "kubectl_get({\"kind\":\"pod\",\"namespace\":\"kubecd\"})"] 92
    vllm/88-auto-hermes-text-two-stream: "I will look." ["kubectl_get({\"kind\":\"pod\",\"namespace\":\"kubecd\"})", "kubectl_get({\"kind\":\"pod\",\"namespace\":\"kubecd\"})"] 92
    vllm/89-auto-hermes-badjson: "" [] clumsy 35
    vllm/90-auto-hermes-badjson-stream: "" [] clumsy 35
    vllm/92-auto-hermes-cut-length-stream: "" [] clumsy cut 18
    vllm/93-auto-hermes-cut-length: "" [] clumsy cut 18
    llama-server/05-chat: "L'Étoile, la Marseillaise, la femme au roi, la femme au roi, la femme au roi, la femme au roi, la femme au roi, la femme au roi, la femme au roi, la femme" [] cut 64
    llama-server/10-chat-length-stream: "Once upon a time," [] cut 5
    llama-server/15-chat-russian: "Сколько будет два плюс два?" [] cut 24
    llama-server/17-tools-auto: "Here is a list of all the pods in the namespace shop:\n\n```\n{\n  \"kube-config\": {\n    \"name\": \"kube-config-1\",\n    \"pod-name\": \"kube-config-1\",\n    \"pod-name\": \"kube-config-1\",\n    \"pod-name\": \"kube-config-1\"," [] cut 80
    llama-server/26-tools-auto-fewshot-stream: "<tool_response>\nweb-1 Running\n</tool_response>" [] 17
    llama-server/28-tools-result-turn-badargs: the model server failed (HTTP 500): Failed to parse tool call arguments as JSON: [json.exception.parse_error.101] parse error at line 1, column 9: syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal
    llama-server/38-rf-json_schema-stream: "{\n    \"severity\": \"medium\",\n    \"summary\": \"Medium-related issues: 100%\",\n    \"restart\": true\n}" [] 44
    llama-server/40-rf-json_schema-length: "{\n   " [] cut 5
    llama-server/46-rf-bad-schema: the model server refused the answer's schema: Unable to generate parser for this template. Automatic parser generation failed: JSON schema error at #: unrecognized type objekt
    llama-server/52-err-context-length-stream: the prompt (2579 tokens) does not fit into the model's window (2048 tokens)
    llama-server/64-err-404: the model server refused the request (HTTP 404): File Not Found: is LLM_BASE_URL the address of an OpenAI-compatible server?
    "#);
}
