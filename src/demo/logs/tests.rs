//! The same requests that a real VictoriaLogs 1.52 was asked, and its answers.

use std::collections::BTreeMap;

use axum::http::{HeaderValue, header};
use chrono::DateTime;

use super::*;
use crate::demo::testing::{clock_at, form, parts};

/// The six lines that the recorded server held, in its own output.
const RECORDED: &str = r#"{"_msg":"panic: runtime error\nstack line \"x\" ünï ☃ \u003cb>&","_stream":"{container=\"app\",namespace=\"shop\",pod=\"checkout-7d9f-def\"}","_stream_id":"000000000000000056a8d5e64bfa8390afee13c9d27ccf5f","_time":"2026-11-22T22:28:43.123456789Z","container":"app","level":"error","namespace":"shop","pod":"checkout-7d9f-def"}
{"_msg":"GET /healthz 200","_stream":"{container=\"nginx\",namespace=\"infra\",pod=\"ingress-1\"}","_stream_id":"0000000000000000861e117d51c7df53ca7c31a1106eaeb0","_time":"2026-11-22T22:29:43.123456789Z","container":"nginx","duration_ms":"12.5","level":"info","namespace":"infra","pod":"ingress-1"}
{"_msg":"GET /pay 502","_stream":"{container=\"nginx\",namespace=\"infra\",pod=\"ingress-1\"}","_stream_id":"0000000000000000861e117d51c7df53ca7c31a1106eaeb0","_time":"2026-11-22T22:30:43.123456789Z","container":"nginx","duration_ms":"250","level":"warn","namespace":"infra","pod":"ingress-1"}
{"_msg":"missing _msg field; see https://docs.victoriametrics.com/victorialogs/keyconcepts/#message-field","_stream":"{container=\"nginx\",namespace=\"infra\",pod=\"ingress-1\"}","_stream_id":"0000000000000000861e117d51c7df53ca7c31a1106eaeb0","_time":"2026-11-22T22:31:13.123456789Z","container":"nginx","level":"info","namespace":"infra","note":"no msg field","pod":"ingress-1"}
{"_msg":"starting checkout v1","_stream":"{container=\"app\",namespace=\"shop\",pod=\"checkout-7d9f-abc\"}","_stream_id":"0000000000000000e83b5d35836799b79f21427dfb30dd4c","_time":"2026-11-22T22:26:43.123456789Z","container":"app","level":"info","namespace":"shop","pod":"checkout-7d9f-abc","trace_id":"t1"}
{"_msg":"ERROR payment declined: connection refused","_stream":"{container=\"app\",namespace=\"shop\",pod=\"checkout-7d9f-abc\"}","_stream_id":"0000000000000000e83b5d35836799b79f21427dfb30dd4c","_time":"2026-11-22T22:27:43.123456789Z","container":"app","http.path":"/pay","http.status":"502","level":"error","namespace":"shop","pod":"checkout-7d9f-abc","trace_id":"t2"}
"#;

type Arguments<'a> = &'a [(&'a str, &'a str)];

fn server() -> Logs {
    let line = |text: &str| {
        let fields: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
        let nanos = DateTime::parse_from_rfc3339(&fields["_time"]).unwrap().timestamp_nanos_opt().unwrap();
        LogLine { nanos, fields }
    };
    let mut lines: Vec<LogLine> = RECORDED.lines().map(line).collect();
    lines.sort_by_key(|line| line.nanos);
    Logs { lines, clock: clock_at(DateTime::parse_from_rfc3339("2026-11-22T22:31:46Z").unwrap().to_utc()) }
}

fn recorded(index: usize) -> String {
    format!("{}\n", RECORDED.lines().nth(index).unwrap())
}

async fn ask(path: &str, arguments: &[(&str, &str)]) -> (u16, String, String) {
    let asked = form(&format!("/select/logsql/{path}"), arguments).await;
    let (status, content_type, body) = parts(dispatch(&server(), &asked)).await;
    (status.as_u16(), content_type, body)
}

#[tokio::test]
async fn queries_give_the_recorded_lines() {
    let cases: &[(Arguments<'_>, String)] = &[
        (&[("query", "*")], RECORDED.to_owned()),
        (&[("query", "_time:10m"), ("limit", "2")], recorded(3) + &recorded(2)),
        (&[("query", "error"), ("start", "2026-11-22T22:27:03.123456789Z"), ("end", "2026-11-22T22:28:23.123456789Z")], String::new()),
        (&[("query", "*"), ("start", "1795386573"), ("end", "1795386653")], recorded(1) + &recorded(2)),
        (&[("query", "*"), ("start", "1795386573000"), ("end", "1795386653000")], recorded(1) + &recorded(2)),
        (&[("query", "*"), ("start", "5m"), ("end", "now")], recorded(0) + &recorded(1) + &recorded(2) + &recorded(3) + &recorded(5)),
        (
            &[("query", "{namespace=\"shop\"} level:error | sort by (_time) desc | fields _time,_msg,pod")],
            "{\"_time\":\"2026-11-22T22:28:43.123456789Z\",\"_msg\":\"panic: runtime error\\nstack line \\\"x\\\" ünï ☃ \\u003cb>&\",\"pod\":\"checkout-7d9f-def\"}\n{\"_time\":\"2026-11-22T22:27:43.123456789Z\",\"_msg\":\"ERROR payment declined: connection refused\",\"pod\":\"checkout-7d9f-abc\"}\n".to_owned(),
        ),
        (&[("query", "pod:=\"ingress-1\""), ("limit", "10")], recorded(3) + &recorded(2) + &recorded(1)),
        (&[("query", "pod:=\"ingress-1\""), ("limit", "1"), ("offset", "1")], recorded(2)),
        (&[("query", "nosuchword")], String::new()),
        (&[("query", "*"), ("extra_filters", "{namespace=\"infra\"}"), ("extra_stream_filters", "{\"pod\":\"ingress-1\"}"), ("limit", "1")], recorded(3)),
        (&[("query", "* | stats by (namespace) count() rows")], "{\"namespace\":\"infra\",\"rows\":\"3\"}\n{\"namespace\":\"shop\",\"rows\":\"3\"}\n".to_owned()),
    ];
    for (arguments, expected) in cases {
        let (status, content_type, body) = ask("query", arguments).await;
        assert_eq!((status, content_type.as_str()), (200, "application/stream+json"), "{arguments:?}");
        assert_eq!(&body, expected, "{arguments:?}");
    }
}

#[tokio::test]
async fn counts_are_those_of_the_real_server() {
    let cases: &[(&str, Arguments<'_>, &str)] = &[
        (
            "hits",
            &[("query", "*"), ("start", "10m"), ("step", "5m")],
            r#"{"hits":[{"fields":{},"timestamps":["2026-11-22T22:20:00Z","2026-11-22T22:25:00Z","2026-11-22T22:30:00Z"],"values":[0,4,2],"total":6}]}"#,
        ),
        (
            "hits",
            &[("query", "*"), ("start", "10m"), ("step", "1h"), ("field", "level")],
            r#"{"hits":[{"fields":{"level":"error"},"timestamps":["2026-11-22T22:00:00Z"],"values":[2],"total":2},{"fields":{"level":"info"},"timestamps":["2026-11-22T22:00:00Z"],"values":[3],"total":3},{"fields":{"level":"warn"},"timestamps":["2026-11-22T22:00:00Z"],"values":[1],"total":1}]}"#,
        ),
        (
            "hits",
            &[("query", "*"), ("start", "10m"), ("step", "1h"), ("field", "level"), ("fields_limit", "1")],
            r#"{"hits":[{"fields":{"level":"info"},"timestamps":["2026-11-22T22:00:00Z"],"values":[3],"total":3},{"fields":{},"timestamps":["2026-11-22T22:00:00Z"],"values":[3],"total":3}]}"#,
        ),
        ("hits", &[("query", "nosuchword"), ("start", "10m"), ("step", "1h")], r#"{"hits":[]}"#),
    ];
    for (path, arguments, expected) in cases {
        assert_eq!(
            ask(path, arguments).await,
            (200, "application/json".to_owned(), (*expected).to_owned()),
            "{path} {arguments:?}"
        );
    }
    let (_, _, cut) = ask("field_names", &[("query", "*"), ("start", "10m"), ("limit", "1")]).await;
    assert_eq!(cut, r#"{"values":[{"value":"_msg","hits":0}]}"#);
    let (_, _, names) = ask("field_names", &[("query", "*"), ("start", "10m")]).await;
    assert!(names.starts_with(r#"{"values":[{"value":"_msg","hits":6},{"value":"_stream","hits":6},"#), "{names}");
}

#[tokio::test]
async fn refusals_are_those_of_the_real_server() {
    let cases: &[(&str, Arguments<'_>, &str)] = &[
        ("query", &[], "`query` arg cannot be empty\n"),
        (
            "query",
            &[("query", "*"), ("limit", "abc")],
            "cannot parse integer \"limit\"=\"abc\": strconv.Atoi: parsing \"abc\": invalid syntax\n",
        ),
        (
            "query",
            &[("query", "*"), ("start", "yesterdayish")],
            "cannot parse start=yesterdayish: cannot parse duration \"yesterdayish\"\n",
        ),
        ("hits", &[("query", "a"), ("step", "zz")], "cannot parse duration from the arg 'step=zz'\n"),
        ("nope", &[], "unsupported path requested: \"/select/logsql/nope\"\n"),
    ];
    for (path, arguments, expected) in cases {
        assert_eq!(
            ask(path, arguments).await,
            (400, "text/plain; charset=utf-8".to_owned(), (*expected).to_owned()),
            "{path} {arguments:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_no_form_asks_nothing() {
    let request = Request::post("/select/logsql/query").header(header::CONTENT_TYPE, "application/json");
    let asked = Asked::read(request.body("{\"query\":\"*\"}".into()).unwrap()).await.unwrap_or_else(|_| panic!());
    assert_eq!(parts(dispatch(&server(), &asked)).await.2, "`query` arg cannot be empty\n");
}

#[tokio::test]
async fn another_tenant_has_nothing_and_gzip_is_understood() {
    let mut asked = form("/select/logsql/query", &[("query", "*")]).await;
    asked.headers.insert("accountid", HeaderValue::from_static("12"));
    assert_eq!(parts(dispatch(&server(), &asked)).await.2, "");
    let mut asked = form("/select/logsql/query", &[("query", "*")]).await;
    asked.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let packed = dispatch(&server(), &asked);
    assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
    let bytes = axum::body::to_bytes(packed.into_body(), usize::MAX).await.unwrap();
    let mut plain = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes.as_ref()), &mut plain).unwrap();
    assert_eq!(plain, RECORDED);
}
