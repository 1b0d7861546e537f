//! PromQL as a table: a query, and what it gives over a small world.

use super::*;
use crate::demo::world::Series;

const STEP: i64 = 15_000;

fn series(labels: &str, values: &[f64]) -> Series {
    let labels = labels
        .split(',')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let times = (0..values.len() as i64).map(|index| 1_000_000 + index * STEP).collect();
    Series { labels: labels.collect(), times, values: values.to_vec() }
}

fn store() -> Store {
    let ramp = |from: f64, by: f64| (0..41).map(|index| from + by * f64::from(index)).collect::<Vec<_>>();
    let mut restarted = ramp(100.0, 10.0);
    restarted[21..].iter_mut().enumerate().for_each(|(index, value)| *value = 10.0 * index as f64);
    let mut ended = vec![5.0; 41];
    ended[30..].fill(f64::NAN);
    Store::new(vec![
        series("__name__=hits,pod=a,code=200", &ramp(0.0, 15.0)),
        series("__name__=hits,pod=a,code=502", &ramp(0.0, 3.0)),
        series("__name__=hits,pod=b,code=200", &ramp(1000.0, 30.0)),
        series("__name__=restarted", &restarted),
        series("__name__=mem,pod=a", &ramp(50.0, 1.0)),
        series("__name__=mem,pod=b", &vec![70.0; 41]),
        series("__name__=limit,pod=a,unit=byte", &vec![100.0; 41]),
        series("__name__=limit,pod=b,unit=byte", &vec![140.0; 41]),
        series("__name__=ended,pod=a", &ended),
        series("__name__=endless", &vec![f64::INFINITY; 41]),
        series("__name__=bucket,le=0.1", &vec![10.0; 41]),
        series("__name__=bucket,le=1", &vec![30.0; 41]),
        series("__name__=bucket,le=+Inf", &vec![40.0; 41]),
    ])
}

/// The last sample of the world is at 1600 s.
const NOW: i64 = 1_000_000 + 40 * STEP;

fn run(store: &Store, query: &str, grid: Grid) -> Result<Value, Refused> {
    Engine::new(store, NOW, Limits::default(), grid).run(&parse(query)?)
}

/// Renders an instant result as `{pod=a} 1; {pod=b} 2`.
fn instant(query: &str) -> String {
    let show = |column: &Column| {
        let labels: Vec<String> = column.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{{{}}} {}", labels.join(","), (column.values[0] * 1e6).round() / 1e6)
    };
    match run(&store(), query, Grid::instant(NOW)) {
        Ok(Value::Scalar(values)) => values[0].to_string(),
        Ok(Value::Vector(columns)) => columns.iter().map(show).collect::<Vec<_>>().join("; "),
        Ok(Value::Text(text)) => text,
        Err(refused) => format!("{refused:?}"),
    }
}

#[test]
fn instant_queries() {
    let cases = [
        // Selectors.
        ("mem", "{__name__=mem,pod=a} 90; {__name__=mem,pod=b} 70"),
        ("mem{pod=\"b\"}", "{__name__=mem,pod=b} 70"),
        ("mem{pod!=\"b\"}", "{__name__=mem,pod=a} 90"),
        ("mem{pod=~\"a|c\"}", "{__name__=mem,pod=a} 90"),
        ("hits{code=~\"5\"}", ""),
        ("hits{code=~\"5..\"}", "{__name__=hits,code=502,pod=a} 120"),
        ("hits{code!~\"2..\",pod=\"a\"}", "{__name__=hits,code=502,pod=a} 120"),
        ("mem{unit=\"\"}", "{__name__=mem,pod=a} 90; {__name__=mem,pod=b} 70"),
        ("{__name__=~\"me.\",pod=\"a\"}", "{__name__=mem,pod=a} 90"),
        ("mem{pod=\"a\"} offset 1m", "{__name__=mem,pod=a} 86"),
        ("mem{pod=\"a\"} @ 1300", "{__name__=mem,pod=a} 70"),
        ("nosuch", ""),
        ("ended", ""),
        ("ended offset 3m", "{__name__=ended,pod=a} 5"),
        ("endless", "{__name__=endless} inf"),
        // Ranges.
        ("rate(hits{pod=\"a\"}[1m])", "{code=200,pod=a} 1; {code=502,pod=a} 0.2"),
        ("increase(hits{code=\"200\"}[5m])", "{code=200,pod=a} 300; {code=200,pod=b} 600"),
        ("increase(restarted[10m])", "{} 390"),
        ("irate(hits{code=\"502\"}[1m])", "{code=502,pod=a} 0.2"),
        ("delta(mem[5m])", "{pod=a} 20; {pod=b} 0"),
        ("deriv(mem{pod=\"a\"}[5m])", "{pod=a} 0.066667"),
        ("predict_linear(mem{pod=\"a\"}[5m], 150)", "{__name__=mem,pod=a} 100"),
        ("max_over_time(mem[5m])", "{__name__=mem,pod=a} 90; {__name__=mem,pod=b} 70"),
        ("min_over_time(mem{pod=\"a\"}[1m])", "{__name__=mem,pod=a} 87"),
        ("avg_over_time(mem{pod=\"a\"}[1m])", "{__name__=mem,pod=a} 88.5"),
        ("sum_over_time(mem{pod=\"b\"}[1m])", "{pod=b} 280"),
        ("count_over_time(mem{pod=\"b\"}[5m])", "{pod=b} 20"),
        ("quantile_over_time(0.5, mem{pod=\"a\"}[1m])", "{__name__=mem,pod=a} 88.5"),
        ("last_over_time(ended[5m])", "{__name__=ended,pod=a} 5"),
        ("changes(mem{pod=\"b\"}[5m])", "{pod=b} 0"),
        ("changes(mem{pod=\"a\"}[1m])", "{pod=a} 4"),
        ("resets(restarted[10m])", "{} 1"),
        ("max_over_time(sum(mem)[5m:1m])", "{} 157"),
        ("max_over_time(rate(hits{code=\"502\"}[1m])[5m:30s])", "{code=502,pod=a} 0.2"),
        // Aggregation.
        ("sum(rate(hits[1m])) by (code)", "{code=200} 3; {code=502} 0.2"),
        ("sum by (pod) (hits)", "{pod=a} 720; {pod=b} 2200"),
        ("sum without (code) (hits)", "{pod=a} 720; {pod=b} 2200"),
        ("count(mem)", "{} 2"),
        ("avg(mem)", "{} 80"),
        ("max(mem)", "{} 90"),
        ("min(mem)", "{} 70"),
        ("topk(1, mem)", "{__name__=mem,pod=a} 90"),
        ("topk(2, hits)", "{__name__=hits,code=200,pod=b} 2200; {__name__=hits,code=200,pod=a} 600"),
        ("bottomk(1, mem)", "{__name__=mem,pod=b} 70"),
        ("quantile(0.5, mem)", "{} 80"),
        ("count_values(\"v\", limit)", "{v=100} 1; {v=140} 1"),
        ("sum(nosuch)", ""),
        // Operators.
        ("1 + 2 * 3 ^ 2", "19"),
        ("-(2 - 5)", "3"),
        ("mem / 2", "{pod=a} 45; {pod=b} 35"),
        ("mem / on(pod) limit", "{pod=a} 0.9; {pod=b} 0.5"),
        ("mem / ignoring(unit) limit", "{pod=a} 0.9; {pod=b} 0.5"),
        ("mem / limit", ""),
        (
            "hits * on(pod) group_left(unit) limit",
            "{code=200,pod=a,unit=byte} 60000; {code=502,pod=a,unit=byte} 12000; {code=200,pod=b,unit=byte} 308000",
        ),
        ("mem > 80", "{__name__=mem,pod=a} 90"),
        ("80 < mem", "{__name__=mem,pod=a} 90"),
        ("mem > bool 80", "{pod=a} 1; {pod=b} 0"),
        ("mem == 70", "{__name__=mem,pod=b} 70"),
        ("1 > bool 2", "0"),
        ("mem and on(pod) (limit > 120)", "{__name__=mem,pod=b} 70"),
        ("mem unless on(pod) (limit > 120)", "{__name__=mem,pod=a} 90"),
        ("(mem > 80) or mem", "{__name__=mem,pod=a} 90; {__name__=mem,pod=b} 70"),
        ("sum(nosuch) or vector(0)", "{} 0"),
        (
            "hits + on(pod) mem",
            "Execution(\"duplicate time series on the left side of `+`: hits{\\\"pod\\\": \\\"a\\\"} and hits{\\\"pod\\\": \\\"a\\\"}\")",
        ),
        // Functions.
        ("abs(-mem{pod=\"a\"})", "{pod=a} 90"),
        ("clamp_max(mem, 75)", "{__name__=mem,pod=a} 75; {__name__=mem,pod=b} 70"),
        ("clamp_min(mem, 75)", "{__name__=mem,pod=a} 90; {__name__=mem,pod=b} 75"),
        ("clamp(mem, 72, 80)", "{__name__=mem,pod=a} 80; {__name__=mem,pod=b} 72"),
        ("round(mem{pod=\"a\"} / 7)", "{pod=a} 13"),
        ("round(mem{pod=\"a\"}, 20)", "{__name__=mem,pod=a} 100"),
        ("time()", "1600"),
        ("hour(vector(3600 * 5))", "{} 5"),
        ("vector(7)", "{} 7"),
        ("scalar(mem{pod=\"a\"})", "90"),
        ("absent(nosuch{pod=\"x\"})", "{pod=x} 1"),
        ("absent(mem)", ""),
        ("sort(mem)", "{__name__=mem,pod=b} 70; {__name__=mem,pod=a} 90"),
        ("sort_desc(mem)", "{__name__=mem,pod=a} 90; {__name__=mem,pod=b} 70"),
        ("histogram_quantile(0.5, bucket)", "{} 0.55"),
        ("histogram_quantile(0.99, bucket)", "{} 1"),
        ("label_replace(mem{pod=\"a\"}, \"p\", \"x-$1\", \"pod\", \"(.*)\")", "{__name__=mem,p=x-a,pod=a} 90"),
        (
            "label_join(limit{pod=\"a\"}, \"j\", \"-\", \"pod\", \"unit\")",
            "{__name__=limit,j=a-byte,pod=a,unit=byte} 100",
        ),
        // Refusals.
        ("nosuchfunc(up)", "Syntax(\"unsupported function \\\"nosuchfunc\\\"\")"),
        ("holt_winters(mem[5m], 0.5, 0.5)", "Syntax(\"unsupported function \\\"holt_winters\\\"\")"),
    ];
    for (query, expected) in cases {
        assert_eq!(instant(query), expected, "{query}");
    }
    for query in ["sum(up", "up{", "", "mem[5m] + 1"] {
        assert!(parse(query).is_err(), "{query}");
    }
}

fn range(query: &str) -> Vec<Vec<f64>> {
    let grid = Grid { start: NOW - 600_000, step: 150_000, points: 9 };
    match run(&store(), query, grid) {
        Ok(Value::Vector(columns)) => columns.into_iter().map(|column| column.values).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_series_starts_and_ends_where_it_was_recorded() {
    let present =
        |query: &str| range(query)[0].iter().map(|value| if value.is_nan() { '-' } else { 'x' }).collect::<String>();
    assert_eq!(present("mem{pod=\"a\"}"), "xxxxxx---", "five minutes (exclusive) after the last sample it is gone");
    assert_eq!(present("ended"), "xxx------", "an end mark ends it at once");
    assert_eq!(present("rate(mem{pod=\"a\"}[1m])"), "-xxxx----");
}

#[test]
fn what_has_not_happened_yet_is_not_there() {
    let store = store();
    let engine = Engine::new(&store, 1_300_000, Limits::default(), Grid::instant(1_300_000));
    let Ok(Value::Vector(columns)) = engine.run(&parse("mem{pod=\"a\"}").unwrap()) else { panic!() };
    assert_eq!(columns[0].values, [70.0]);
}

#[test]
fn a_query_may_not_read_everything() {
    let store = store();
    let limits = Limits { samples: 50, points: 100 };
    let refused = |query: &str| {
        Engine::new(&store, NOW, limits, Grid { start: 1_000_000, step: 1000, points: 100 }).run(&parse(query).unwrap())
    };
    assert!(
        matches!(refused("mem"), Err(Refused::Execution(text)) if text.starts_with("cannot select more than -search.maxSamplesPerQuery=50 samples"))
    );
    assert!(
        matches!(refused("max_over_time(vector(1)[1h:1s])"), Err(Refused::Execution(text)) if text.starts_with("too many points"))
    );
}

#[test]
fn five_hundred_series_over_five_hundred_steps_are_quick() {
    let many =
        (0..500).map(|index| series(&format!("__name__=m,pod=p{index}"), &(0..400).map(f64::from).collect::<Vec<_>>()));
    let store = Store::new(many.collect());
    let grid = Grid { start: 1_000_000, step: 12_000, points: 500 };
    let began = std::time::Instant::now();
    let engine = Engine::new(&store, i64::MAX, Limits::default(), grid);
    assert!(engine.run(&parse("sum(rate(m[5m])) by (pod) / on(pod) max_over_time(m[5m])").unwrap()).is_ok());
    // Generous: unoptimised and on a busy machine.
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
