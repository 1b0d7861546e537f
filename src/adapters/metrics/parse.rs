//! Reads Prometheus' JSON while it arrives and hands over one series at a time.
//!
//! Key order is not promised by anybody, and servers add keys of their own (`stats`, `isPartial`, `trace`), so every
//! level skips what it does not know.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Series;
use crate::domain::alert::Labels;

/// Warnings kept of one answer; they go into a thread.
const MAX_WARNINGS: usize = 5;
/// Points kept of one series: as many as Prometheus itself gives. Sixty-four megabytes of short ones would otherwise be
/// three times that in memory.
const MAX_POINTS: usize = 11_000;

/// What an answer says besides its series.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    /// `success` or `error`.
    pub status: String,
    /// The text of an error.
    pub error: String,
    /// `isPartial` of VictoriaMetrics' cluster.
    pub partial: bool,
    /// `warnings` and `infos` of Prometheus.
    pub warnings: Vec<String>,
}

/// Reads one answer; every series goes to `sink` as soon as it is read.
pub(super) fn answer(reader: impl std::io::Read, sink: &mut dyn FnMut(Series)) -> Result<Envelope, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    let envelope = Answer(sink).deserialize(&mut json)?;
    json.end()?;
    Ok(envelope)
}

struct Answer<'a>(&'a mut dyn FnMut(Series));

impl<'de> DeserializeSeed<'de> for Answer<'_> {
    type Value = Envelope;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Envelope, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Answer<'_> {
    type Value = Envelope;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of the Prometheus API")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "status" => envelope.status = map.next_value()?,
                "error" => envelope.error = map.next_value()?,
                "isPartial" => envelope.partial = map.next_value()?,
                "warnings" => {
                    let warnings: Option<Vec<String>> = map.next_value()?;
                    envelope.warnings.extend(warnings.unwrap_or_default().into_iter().take(MAX_WARNINGS));
                }
                "data" => map.next_value_seed(Data(&mut *self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(envelope)
    }
}

struct Data<'a>(&'a mut dyn FnMut(Series));

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`data` with a `result`")
    }
    /// `"data":null` comes with errors.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "result" => map.next_value_seed(Rows(&mut *self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// `result`: series, or the two elements of a scalar.
struct Rows<'a>(&'a mut dyn FnMut(Series));

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut scalar_at = None;
        while let Some(row) = seq.next_element_seed(RowSeed)? {
            match row {
                Row::Series(series) => (self.0)(series),
                Row::Number(at) => scalar_at = Some(at),
                Row::Text(value) => {
                    let point = scalar_at.zip(value).and_then(|(at, value)| point(at, value));
                    (self.0)(Series { labels: Labels::new(), points: point.into_iter().collect() });
                }
            }
        }
        Ok(())
    }
}

enum Row {
    Series(Series),
    Number(f64),
    Text(Option<f64>),
}

struct RowSeed;

impl<'de> DeserializeSeed<'de> for RowSeed {
    type Value = Row;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowSeed {
    type Value = Row;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series")
    }
    fn visit_f64<E>(self, number: f64) -> Result<Row, E> {
        Ok(Row::Number(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Row, E> {
        Ok(Row::Number(number as f64))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Row, E> {
        Ok(Row::Number(number as f64))
    }
    fn visit_str<E>(self, text: &str) -> Result<Row, E> {
        Ok(Row::Text(text.parse().ok()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let mut series = Series::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metric" => series.labels = map.next_value()?,
                "values" => map.next_value_seed(Points(&mut series.points))?,
                "value" => series.points.extend(map.next_value_seed(PointSeed)?),
                // Native histograms have no single value to draw.
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Row::Series(series))
    }
}

struct Points<'a>(&'a mut Vec<(i64, f64)>);

impl<'de> DeserializeSeed<'de> for Points<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Points<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of points")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(point) = seq.next_element_seed(PointSeed)? {
            if self.0.len() < MAX_POINTS {
                self.0.extend(point);
            }
        }
        Ok(())
    }
}

/// `[seconds, "value"]`; `None` for what cannot be drawn.
struct PointSeed;

impl<'de> DeserializeSeed<'de> for PointSeed {
    type Value = Option<(i64, f64)>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for PointSeed {
    type Value = Option<(i64, f64)>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time and a value")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let at: Option<f64> = seq.next_element()?;
        let value = seq.next_element_seed(ValueSeed)?.flatten();
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(at.zip(value).and_then(|(at, value)| point(at, value)))
    }
}

/// A value is a string (`"0.5"`, `"NaN"`, `"+Inf"`); numbers are let through.
struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Option<f64>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<f64>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Option<f64>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_str<E>(self, text: &str) -> Result<Option<f64>, E> {
        Ok(text.parse().ok())
    }
    fn visit_f64<E>(self, number: f64) -> Result<Option<f64>, E> {
        Ok(Some(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Option<f64>, E> {
        Ok(Some(number as f64))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Option<f64>, E> {
        Ok(Some(number as f64))
    }
    fn visit_unit<E>(self) -> Result<Option<f64>, E> {
        Ok(None)
    }
}

fn point(seconds: f64, value: f64) -> Option<(i64, f64)> {
    (value.is_finite() && seconds.is_finite()).then_some(((seconds * 1000.0).round() as i64, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Envelope, Vec<Series>) {
        let mut series = Vec::new();
        let envelope = answer(json.as_bytes(), &mut |one| series.push(one)).unwrap();
        (envelope, series)
    }

    #[test]
    fn a_matrix_with_gaps_and_what_is_no_number() {
        let (envelope, series) = read(
            r#"{"status":"success","isPartial":true,"data":{"resultType":"matrix","result":[
              {"metric":{"__name__":"m","pod":"a"},"values":[[1.5,"1"],[2,"NaN"],[3,"+Inf"],[4,"2e3"],[5,null],[6,"x"]]},
              {"metric":{},"values":[]}]},"stats":{"seriesFetched":"1"},"trace":{"children":[{}]}}"#,
        );
        assert!(envelope.partial && envelope.status == "success");
        assert_eq!(series[0].points, [(1500, 1.0), (4000, 2000.0)]);
        assert_eq!((series.len(), series[0].labels["pod"].as_str()), (2, "a"));
    }

    #[test]
    fn vectors_scalars_strings_histograms_and_errors() {
        let vector = r#"{"data":{"result":[{"value":[1,"2"],"metric":{"a":"b"}}],"resultType":"vector"},"status":"success","warnings":["w"]}"#;
        let (envelope, series) = read(vector);
        assert_eq!((series[0].points.as_slice(), envelope.warnings.len()), (&[(1000, 2.0)][..], 1));
        let (_, series) = read(r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"2"]}}"#);
        assert_eq!(series[0].points, [(1500, 2.0)]);
        let (_, series) = read(r#"{"status":"success","data":{"resultType":"string","result":[1,"abc"]}}"#);
        assert!(series[0].points.is_empty());
        let (_, series) =
            read(r#"{"status":"success","data":{"result":[{"metric":{},"histograms":[[1,{"count":"1"}]]}]}}"#);
        assert!(series[0].points.is_empty());
        let (envelope, series) = read(r#"{"status":"error","error":"bad","data":null}"#);
        assert_eq!((envelope.error.as_str(), series.len()), ("bad", 0));
    }

    #[test]
    fn a_series_keeps_as_many_points_as_prometheus_gives() {
        let points = vec!["[0,0]"; MAX_POINTS + 1].join(",");
        let (_, series) = read(&format!(r#"{{"status":"success","data":{{"result":[{{"values":[{points}]}}]}}}}"#));
        assert_eq!(series[0].points.len(), MAX_POINTS);
    }

    #[test]
    fn series_before_a_break_are_not_lost() {
        let mut count = 0;
        let cut = br#"{"data":{"result":[{"metric":{},"values":[[1,"2"]]},{"metric":{},"val"#;
        assert!(answer(&cut[..], &mut |_| count += 1).is_err());
        assert_eq!(count, 1);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = answer(bytes.as_slice(), &mut |_| {});
        }
    }
}
