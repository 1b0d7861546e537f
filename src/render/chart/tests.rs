//! The picture has the right size and the right colours, and no data makes it fail or slow.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::theme::{Rgb, colours};
use super::{Chart, ChartWords, HEIGHT, LimitLine, Line, Theme, WIDTH, render_png};
use crate::domain::unit::Unit;

const MI: f64 = 1024.0 * 1024.0;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_763_900_000, 0).unwrap()
}

fn base<'a>(series: &'a [Line]) -> Chart<'a> {
    Chart {
        title: "Memory of checkout",
        unit: Unit::Bytes,
        window: (start(), start() + TimeDelta::hours(1)),
        series,
        limit: None,
        alert_start: None,
        resolved: None,
        folded: 0,
        theme: Theme::Light,
        words: ChartWords::default(),
    }
}

fn line(name: &str, values: impl IntoIterator<Item = f64>) -> Line {
    let from = start().timestamp_millis();
    let points = values.into_iter().enumerate().map(|(index, value)| (from + index as i64 * 30_000, value)).collect();
    Line { name: name.to_owned(), points }
}

fn decode(png: &[u8]) -> (u32, u32, Vec<Rgb>) {
    let mut decoder = ::png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(::png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let rgb = pixels[..info.buffer_size()].as_chunks::<3>().0.to_vec();
    (info.width, info.height, rgb)
}

fn count(pixels: &[Rgb], colour: Rgb) -> usize {
    let near = |pixel: &Rgb| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 12);
    pixels.iter().filter(|pixel| near(pixel)).count()
}

#[test]
fn the_picture_is_small_and_holds_what_was_asked_for() {
    let series =
        [line("checkout-7d9f8b6c5d-x2x7k", (0..120).map(|i| (f64::from(i) * 0.07).sin().mul_add(40.0, 150.0) * MI))];
    for theme in [Theme::Light, Theme::Dark] {
        let bare = render_png(&Chart { theme, ..base(&series) }).unwrap();
        let chart = Chart {
            theme,
            limit: Some(LimitLine { label: "limit".to_owned(), value: 256.0 * MI }),
            alert_start: Some(start() + TimeDelta::minutes(40)),
            resolved: Some(start() + TimeDelta::minutes(55)),
            ..base(&series)
        };
        let png = render_png(&chart).unwrap();
        assert!(png.len() < 60_000, "{} bytes", png.len());
        let (width, height, pixels) = decode(&png);
        let palette = colours(theme);
        assert_eq!((width, height), (WIDTH, HEIGHT));
        assert_eq!(pixels[0], palette.background);
        assert!(count(&pixels, palette.lines[0]) > 2000, "the line is drawn");
        assert!(count(&pixels, palette.limit) > 2000, "the limit and the alert are drawn");
        assert!(count(&decode(&bare).2, palette.limit) < 100, "without them nothing is red");
    }
}

#[test]
fn no_series_and_nothing_but_holes_say_no_data() {
    let holes = [line("a", [f64::NAN, f64::INFINITY])];
    for series in [&[][..], &holes[..], &[Line::default()]] {
        let (_, _, pixels) = decode(&render_png(&base(series)).unwrap());
        assert!(count(&pixels, colours(Theme::Light).lines[0]) < 1000);
        assert!(count(&pixels, colours(Theme::Light).faint) > 300, "the words are there");
    }
}

#[test]
fn a_gap_is_left_open_and_a_lone_sample_is_a_dot() {
    let mut whole = line("a", [5.0 * MI; 121]);
    let full = count(&decode(&render_png(&base(&[whole.clone()])).unwrap()).2, colours(Theme::Light).lines[0]);
    whole.points.drain(40..80);
    let broken = count(&decode(&render_png(&base(&[whole])).unwrap()).2, colours(Theme::Light).lines[0]);
    assert!(broken < full * 3 / 4, "{broken} of {full}");
    let dot = count(&decode(&render_png(&base(&[line("a", [1.0])])).unwrap()).2, colours(Theme::Light).lines[0]);
    assert!(dot > 60);
}

#[test]
fn names_are_drawn_without_boxes_or_direction_tricks() {
    let fonts = super::text::Fonts::new().unwrap();
    for (name, expected) in [
        ("Память пода", "Память пода"),
        ("a\u{202e}b\u{0}c\nd", "ab c d"),
        ("🔥🔥 hot 日本", "· hot ·"),
        ("\u{feff}\u{200b}", ""),
    ] {
        assert_eq!(fonts.cleaned(name), expected);
    }
    let long = "x".repeat(100_000);
    assert!(fonts.cleaned(&long).len() <= 400);
}

#[test]
fn ten_thousand_points_are_drawn_in_bounded_time() {
    let from = start().timestamp_millis();
    let points = |seed: i64| (0..10_000).map(|i| (from + i * 360, ((i * 7919 + seed) % 1000) as f64)).collect();
    let series: Vec<Line> = (0..12).map(|i| Line { name: format!("pod-{i}"), points: points(i * 31) }).collect();
    let begun = Instant::now();
    let png = render_png(&Chart { unit: Unit::Count, folded: 40, ..base(&series) }).unwrap();
    assert_eq!(decode(&png).0, WIDTH);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -1e6..1e6,
        Just(0.0),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(f64::NAN),
        Just(f64::MIN_POSITIVE)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_input_makes_it_fail(
        title in ".{0,80}",
        unit in "(bytes|cores|percent|ratio|seconds|count|per_second|bytes_per_second|.{0,8})",
        times in (any::<i32>(), any::<i32>()),
        series in prop::collection::vec((".{0,40}", prop::collection::vec((any::<i64>(), value()), 0..30), prop::collection::vec(value(), 0..30)), 0..12),
        limit in prop::option::of((".{0,20}", value())),
        alert in any::<i32>(),
        folded in any::<usize>(),
        dark in any::<bool>(),
    ) {
        let at = |seconds: i32| DateTime::from_timestamp(i64::from(seconds), 0).unwrap();
        let from = at(times.0.min(times.1)).timestamp_millis();
        let lines: Vec<Line> = series
            .into_iter()
            .map(|(name, mut points, inside)| {
                points.extend(inside.into_iter().enumerate().map(|(i, value)| (from + i as i64 * 1000, value)));
                Line { name, points }
            })
            .collect();
        let chart = Chart {
            title: &title,
            unit: Unit::from(unit),
            window: (at(times.0), at(times.1)),
            series: &lines,
            limit: limit.map(|(label, value)| LimitLine { label, value }),
            alert_start: Some(at(alert)),
            resolved: Some(at(alert)),
            folded,
            theme: if dark { Theme::Dark } else { Theme::Light },
            words: ChartWords::default(),
        };
        let begun = Instant::now();
        prop_assert!(render_png(&chart).is_ok());
        prop_assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
