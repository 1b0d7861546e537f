//! The same requests that a real VictoriaMetrics 1.150 was asked, and its answers.

use chrono::DateTime;

use super::*;
use crate::demo::testing::{clock_at, form, parts};

/// What the recorded server held: a counter and a gauge every 15 seconds until 1795383762.
fn server() -> Metrics {
    let series = |labels: &[(&str, &str)], value: &dyn Fn(i64) -> f64| {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let times: Vec<i64> = (0..41).map(|index| 1_795_383_162_000 + index * 15_000).collect();
        let values = (0..41).map(value).collect();
        Series { labels, times, values }
    };
    let requests =
        |pod, code| [("__name__", "http_requests_total"), ("namespace", "shop"), ("pod", pod), ("code", code)];
    let store = vec![
        series(&[("__name__", "up"), ("instance", "n1:10250"), ("job", "kubelet")], &|_| 1.0),
        series(&[("__name__", "weird_inf")], &|_| f64::INFINITY),
        series(&[("__name__", "weird_nan")], &|_| f64::NAN),
        series(&requests("checkout-7d9f-abc", "200"), &|index| 10.0 * index as f64),
        series(&requests("checkout-7d9f-abc", "502"), &|index| 2.0 * index as f64),
        series(&requests("checkout-7d9f-def", "200"), &|index| 10.0 * index as f64),
        series(&requests("checkout-7d9f-def", "502"), &|index| 2.0 * index as f64),
    ];
    let clock = clock_at(DateTime::from_timestamp(1_795_383_775, 0).unwrap());
    Metrics { store: Store::new(store), clock, limits: Limits { samples: 20_000, points: 30_000 } }
}

async fn ask(path: &str, arguments: &[(&str, &str)]) -> (u16, String, String) {
    let (status, content_type, body) = parts(dispatch(&server(), &form(path, arguments).await)).await;
    (status.as_u16(), content_type, body)
}

/// Path, arguments, and what comes back: status, content type, body.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16, &'a str, &'a str);

const JSON: &str = "application/json";
const EMPTY: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]},"stats":{"seriesFetched": "0","executionTimeMsec":0}}"#;

#[tokio::test]
async fn answers_are_those_of_the_real_server() {
    let query = "/api/v1/query";
    let range = "/api/v1/query_range";
    let cases: &[Case<'_>] = &[
        (
            query,
            &[("query", "up")],
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"n1:10250","job":"kubelet"},"value":[1795383775,"1"]}]},"stats":{"seriesFetched": "1","executionTimeMsec":0}}"#,
        ),
        (
            query,
            &[("query", "sum(rate(http_requests_total[5m])) by (code)"), ("time", "1795383762")],
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"code":"200"},"value":[1795383762,"1.3333333333333333"]},{"metric":{"code":"502"},"value":[1795383762,"0.26666666666666666"]}]},"stats":{"seriesFetched": "4","executionTimeMsec":0}}"#,
        ),
        (
            query,
            &[("query", "1+1")],
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795383775,"2"]}]},"stats":{"seriesFetched": "0","executionTimeMsec":0}}"#,
        ),
        (
            query,
            &[("query", "up[1m]"), ("time", "1795383762")],
            200,
            "application/stream+json; charset=utf-8",
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"n1:10250","job":"kubelet"},"values":[[1795383717,"1"],[1795383732,"1"],[1795383747,"1"],[1795383762,"1"]]}]}}"#,
        ),
        (query, &[("query", "\"abc\"")], 200, JSON, EMPTY),
        (query, &[("query", "nosuchmetric")], 200, JSON, EMPTY),
        (
            query,
            &[("query", "weird_inf"), ("time", "1795383762")],
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"weird_inf"},"value":[1795383762,"+Inf"]}]},"stats":{"seriesFetched": "1","executionTimeMsec":0}}"#,
        ),
        (query, &[], 400, JSON, r#"{"status":"error","errorType":"400","error":"missing `query` arg"}"#),
        (
            query,
            &[("query", "up"), ("time", "abc")],
            400,
            JSON,
            r#"{"status":"error","errorType":"400","error":"cannot parse time=abc: cannot parse duration \"abc\""}"#,
        ),
        (
            query,
            &[("query", "nosuchfunc(up)")],
            400,
            JSON,
            r#"{"status":"error","errorType":"400","error":"error when executing query=\"nosuchfunc(up)\" for (time=1795383775000, step=300000): unsupported function \"nosuchfunc\""}"#,
        ),
        (
            range,
            &[("query", "up"), ("start", "1795383642"), ("end", "1795383762")],
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"n1:10250","job":"kubelet"},"values":[[1795383642,"1"]]}]},"stats":{"seriesFetched": "1","executionTimeMsec":0}}"#,
        ),
        (
            range,
            &[("query", "up"), ("start", "-2m"), ("step", "1m")],
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"n1:10250","job":"kubelet"},"values":[[1795383655,"1"],[1795383715,"1"],[1795383775,"1"]]}]},"stats":{"seriesFetched": "1","executionTimeMsec":0}}"#,
        ),
        (
            range,
            &[("query", "up"), ("start", "1795383762"), ("end", "1795383662"), ("step", "10")],
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"n1:10250","job":"kubelet"},"values":[[1795383762,"1"],[1795383772,"1"]]}]},"stats":{"seriesFetched": "1","executionTimeMsec":0}}"#,
        ),
        (
            range,
            &[("query", "up"), ("start", "1794519762"), ("end", "1795383762"), ("step", "1")],
            422,
            JSON,
            r#"{"status":"error","errorType":"422","error":"error when executing query=\"up\" on the time range (start=1794519762000, end=1795383762000, step=1000): too many points for the given start=1794519762000, end=1795383762000 and step=1000: 864001; the maximum number of points is 30000; (see -search.maxPointsPerTimeseries command-line flag)"}"#,
        ),
        (
            range,
            &[("query", "sum(max_over_time({__name__=~\".+\"}[10m]))"), ("start", "1795383162"), ("step", "1")],
            422,
            JSON,
            r#"{"status":"error","errorType":"422","error":"cannot select more than -search.maxSamplesPerQuery=20000 samples; possible solutions: increase the -search.maxSamplesPerQuery; reduce time range for the query; use more specific label filters in order to select fewer series"}"#,
        ),
        ("/api/v1/status/buildinfo", &[], 200, JSON, r#"{"status":"success","data":{"version":"2.24.0"}}"#),
        ("/prometheus/api/v1/status/buildinfo", &[], 200, JSON, r#"{"status":"success","data":{"version":"2.24.0"}}"#),
        ("/health", &[], 200, "text/plain; charset=utf-8", "OK"),
        (
            "/select/0/prometheus/api/v1/query",
            &[],
            400,
            "text/plain; charset=utf-8",
            "unsupported path requested: \"/select/0/prometheus/api/v1/query\"\n",
        ),
        ("/api/v1/nope", &[], 400, "text/plain; charset=utf-8", "unsupported path requested: \"/api/v1/nope\"\n"),
    ];
    for (path, arguments, status, content_type, body) in cases {
        let found = ask(path, arguments).await;
        assert_eq!(found, (*status, (*content_type).to_owned(), (*body).to_owned()), "{path} {arguments:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_parsed_is_400_and_a_number_that_is_none_vanishes() {
    for query in ["sum(up", "up{", "rate(up)"] {
        let (status, _, body) = ask("/api/v1/query", &[("query", query)]).await;
        assert_eq!((status, body.contains("\"errorType\":\"400\"")), (400, true), "{query}: {body}");
    }
    let (_, _, body) = ask("/api/v1/query", &[("query", "weird_nan")]).await;
    assert!(body.contains("\"result\":[]"));
    let long = format!("up + {}", "1 + ".repeat(5000));
    assert!(ask("/api/v1/query", &[("query", &long)]).await.2.contains("too long query"));
}
