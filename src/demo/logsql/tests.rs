//! LogsQL as a table: a query and the lines that it means.

use super::*;

fn line(second: u32, fields: &[(&str, &str)]) -> LogLine {
    let time = format!("2026-11-22T22:30:{second:02}.5Z");
    let nanos = DateTime::parse_from_rfc3339(&time).unwrap().timestamp_nanos_opt().unwrap();
    let mut fields: BTreeMap<String, String> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    fields.insert("_time".to_owned(), time);
    LogLine { nanos, fields }
}

fn lines() -> Vec<LogLine> {
    let checkout = "{kubernetes.container_name=\"app\",kubernetes.pod_namespace=\"shop\"}";
    let ingress = "{kubernetes.container_name=\"nginx\",kubernetes.pod_namespace=\"infra\"}";
    vec![
        line(
            0,
            &[
                ("_msg", "starting checkout v1"),
                ("level", "info"),
                ("_stream", checkout),
                ("kubernetes.pod_namespace", "shop"),
            ],
        ),
        line(
            1,
            &[
                ("_msg", "ERROR payment declined: connection refused"),
                ("level", "error"),
                ("_stream", checkout),
                ("kubernetes.pod_namespace", "shop"),
                ("ms", "9"),
            ],
        ),
        line(
            2,
            &[
                ("_msg", "GET /healthz 200"),
                ("level", "info"),
                ("_stream", ingress),
                ("kubernetes.pod_namespace", "infra"),
                ("ms", "12.5"),
            ],
        ),
        line(
            3,
            &[
                ("_msg", "GET /pay 502"),
                ("level", "warn"),
                ("_stream", ingress),
                ("kubernetes.pod_namespace", "infra"),
                ("ms", "250"),
            ],
        ),
        line(4, &[("_msg", "user error_count=1 (a|b)"), ("_stream", checkout), ("kubernetes.pod_namespace", "shop")]),
    ]
}

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-22T22:30:05Z").unwrap().to_utc()
}

fn rows(query: &str) -> Vec<Row> {
    let parsed = Query::parse(query, now()).unwrap_or_else(|error| panic!("{query}: {error}"));
    let lines = lines();
    parsed.run(lines.iter().filter(|line| parsed.filter.matches(*line)).collect())
}

/// The seconds of the lines that a query means.
fn seconds(query: &str) -> String {
    rows(query).iter().map(|row| field(row, "_time")[18..19].to_owned()).collect()
}

#[test]
fn filters() {
    let cases = [
        ("*", "01234"),
        ("checkout", "0"),
        ("error", ""),
        ("ERROR", "1"),
        ("i(error)", "1"),
        ("i(err*)", "14"),
        ("err*", "4"),
        ("error_count", "4"),
        ("\"connection refused\"", "1"),
        ("\"connection ref\"", ""),
        ("\"connection ref\"*", "1"),
        ("'(a|b)'", "4"),
        ("*rror_c*", "4"),
        ("*\"n ref\"*", "1"),
        ("level:*rro*", "1"),
        ("level:error", "1"),
        ("level:=error", "1"),
        ("level:=\"error\"", "1"),
        ("level:=\"err\"", ""),
        ("level:=\"err\"*", "1"),
        ("level:!=info", "134"),
        ("level:~\"err|warn\"", "13"),
        ("level:!~\"err|warn\"", "024"),
        ("~\"GET /\\\\w+ 5\"", "3"),
        ("_msg:~`^GET .* 5\\d\\d$`", "3"),
        ("level:in(info, \"warn\")", "023"),
        ("level:\"\"", "4"),
        ("level:*", "0123"),
        ("\"kubernetes.pod_namespace\":=\"shop\"", "014"),
        ("kubernetes.pod_namespace:=shop", "014"),
        ("kubernetes.pod_namespace:shop level:error", "1"),
        ("level:(error or warn)", "13"),
        ("level:error OR level:warn", "13"),
        ("GET AND 502", "3"),
        ("GET NOT 502", "2"),
        ("GET -502", "2"),
        ("GET !502", "2"),
        ("!(GET or level:info)", "14"),
        ("ERROR or GET 502", "13"),
        ("{kubernetes.pod_namespace=\"shop\"}", "014"),
        ("{kubernetes.pod_namespace=\"shop\",kubernetes.container_name!=\"app\"}", ""),
        ("{kubernetes.pod_namespace=~\"inf.*\"} 502", "3"),
        ("{kubernetes.container_name=\"app\" or kubernetes.container_name=\"nginx\"}", "01234"),
        ("{kubernetes.container_name in (\"app\", \"x\")}", "014"),
        ("_stream:{kubernetes.pod_namespace=\"infra\"}", "23"),
        ("_time:3s", "234"),
        ("_time:3s offset 2s", "012"),
        ("_time:[2026-11-22T22:30:01Z, 2026-11-22T22:30:03Z]", "12"),
        ("_time:[2026-11-22T22:30:01.5Z, 2026-11-22T22:30:03.5Z)", "12"),
        ("_time:(2026-11-22T22:30:01.5Z, 2026-11-22T22:30:03.5Z]", "23"),
        ("_time:>2026-11-22T22:30:02.5Z", "34"),
        ("_time:2026-11-22T22:30Z", "01234"),
        ("_time:2026-11-22T22:29Z", ""),
        ("_time:1h AND level:=error", "1"),
        ("ms:>10", "23"),
        ("ms:<=9", "1"),
        ("contains_all(GET, 502)", "3"),
        ("level:contains_any(error, warn)", "13"),
    ];
    for (query, expected) in cases {
        assert_eq!(seconds(query), expected, "{query}");
    }
}

#[test]
fn pipes() {
    let cases = [
        ("* | sort by (_time) desc", "43210"),
        ("* | sort by (_time desc) | limit 2", "43"),
        ("* | sort by (ms) desc limit 2", "32"),
        ("* | sort by (_time) | offset 1 | limit 2", "12"),
        ("* | head 3", "012"),
        ("* | filter level:error", "1"),
        ("* | where level:error or level:warn | sort by (_time) desc", "31"),
    ];
    for (query, expected) in cases {
        assert_eq!(seconds(query), expected, "{query}");
    }
    let written = |query: &str| {
        let rows = rows(query);
        let row = |row: &Row| row.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
        rows.iter().map(row).collect::<Vec<_>>().join(" ")
    };
    let cases = [
        ("level:error | fields _msg, level", "_msg=ERROR payment declined: connection refused,level=error"),
        ("level:error | fields level, ms | delete ms", "level=error"),
        ("* | stats count() n", "n=5"),
        ("* | stats by (level) count() as n", "level=,n=1 level=error,n=1 level=info,n=2 level=warn,n=1"),
        (
            "* | stats by (kubernetes.pod_namespace) count() n, max(ms) m",
            "kubernetes.pod_namespace=infra,n=2,m=250 kubernetes.pod_namespace=shop,n=3,m=9",
        ),
        (
            "* | stats by (_time:2s) count() n",
            "_time=2026-11-22T22:30:00Z,n=2 _time=2026-11-22T22:30:02Z,n=2 _time=2026-11-22T22:30:04Z,n=1",
        ),
        ("* | stats count()", "count(*)=5"),
        (
            "* | stats count_uniq(level) u, sum(ms) s, avg(ms) a, min(ms) l, quantile(0.5, ms) q",
            "u=3,s=271.5,a=90.5,l=9,q=12.5",
        ),
        ("nosuch | stats count() n", "n=0"),
        ("* | count() n", "n=5"),
        ("* | uniq by (level)", "level=error level=info level=warn"),
        ("* | uniq by (level) with hits limit 1", "level=error,hits=1"),
        ("* | top 1 by (level)", "level=info,hits=2"),
        ("* | stats by (level) count() n | filter n:>1 | fields level", "level=info"),
    ];
    for (query, expected) in cases {
        assert_eq!(written(query), expected, "{query}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let cases = [
        (
            "{namespace=\"shop\" | ",
            "cannot parse `query` arg [{namespace=\"shop\" | ]: unexpected token \"|\" in _stream filter after \"namespace=\\\"shop\\\"\"; want 'or', 'and', '}' or ','; context: [{namespace=\"shop\" |]",
        ),
        (
            "a | foo",
            "cannot parse `query` arg [a | foo]: unexpected pipe name \"foo\"; probably, 'filter' is missing in front of \"foo\"; see https://docs.victoriametrics.com/victorialogs/logsql/#filter-pipe; context: [a | foo]",
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(Query::parse(query, now()).unwrap_err(), expected);
    }
    let refused = [
        "",
        "(",
        "(a",
        "a)",
        "a or",
        "and",
        "not",
        "\"a",
        "level:",
        "level:=",
        "level:~\"(\"",
        "level:in(a",
        "{a}",
        "{a=}",
        "{=\"b\"}",
        "_time:abc",
        "_time:[a, b]",
        "* |",
        "* | limit x",
        "* | stats foo()",
        "* | sort by (",
        "range(1, 2)",
        "*rror",
        "* | math 1 + 1",
        "* | unpack_json",
        "* | limit 1 2",
    ];
    for query in refused {
        let error = Query::parse(query, now()).expect_err(query);
        assert!(error.starts_with(&format!("cannot parse `query` arg [{query}]: ")), "{error}");
    }
}

#[test]
fn only_queries_for_lines_have_newest_ones() {
    for (query, expected) in [
        ("*", true),
        ("* | fields _time, _msg", true),
        ("* | fields _msg", false),
        ("* | stats count() n", false),
        ("* | sort by (_time)", false),
    ] {
        assert_eq!(Query::parse(query, now()).unwrap().returns_lines(), expected, "{query}");
    }
}
