//! What must hold of the pattern engine for any input.

use holmes_bot::analysis::patterns::{Joiner, Level, Miner, Settings, Side, Slot, read_line};
use proptest::prelude::*;

/// Lines that come near to real ones, and bytes that do not.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,8}",
        "[0-9]{1,12}",
        "[a-zA-Z0-9_./:@$-]{1,20}",
        "[=\"'\\[\\](){}<>|,;]{1,3}",
        "\\PC{1,6}",
        Just("2026-01-02T03:04:05Z".to_owned()),
        Just("ERROR".to_owned()),
        Just("\u{1b}[31m".to_owned()),
        Just("<*>".to_owned()),
    ];
    prop_oneof![
        prop::collection::vec(word, 0..20).prop_map(|words| words.join(" ")),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "\\{\"(msg|level|log|error)\":(\"[a-z\\\\\"{}]{0,20}\"|[0-9]{1,3}|\\{\"message\":\"x\"\\})\\}",
        "(level|msg|err)=\"?[a-z \\\\\"]{0,20}\"? msg=\"?[a-z]{0,5}",
    ]
}

/// Whether the fixed parts of a template stand in a text in their order.
fn fits(template: &str, text: &str) -> bool {
    let squeeze =
        |text: &str| text.chars().filter(|char| !char.is_whitespace() && !char.is_control()).collect::<String>();
    let text = squeeze(text);
    let mut rest = text.as_str();
    template.split("<*>").map(squeeze).all(|part| match rest.find(&part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_line_gets_a_pattern_and_the_same_line_the_same(lines in prop::collection::vec(line(), 1..60), few in any::<bool>()) {
        let mut miner = Miner::new(Settings { max_groups: if few { 8 } else { 1000 } });
        let slots: Vec<Slot> = lines.iter().map(|line| miner.add(&read_line(line), None, Side::Window)).collect();
        let again: Vec<Slot> = lines.iter().map(|line| miner.add(&read_line(line), None, Side::Window)).collect();
        let mined = miner.mine();
        for ((line, first), second) in lines.iter().zip(&slots).zip(&again) {
            let (id, template) = mined.template_of(*first);
            if !few {
                prop_assert_eq!(id, mined.template_of(*second).0);
                let message = read_line(line).message.into_owned();
                prop_assert!(fits(template, &message), "{:?} does not fit {:?}", template, message);
            }
        }
        let count: u64 = mined.patterns(Side::Window).iter().map(|pattern| pattern.count).sum();
        let blank = slots.iter().chain(&again).filter(|slot| mined.template_of(**slot).1.is_empty()).count() as u64;
        prop_assert_eq!(count + blank, 2 * lines.len() as u64);
    }

    #[test]
    fn a_template_fits_all_its_lines(values in prop::collection::vec((0_usize..6, prop::collection::vec("[a-z]{1,6}", 0..6)), 20..150), few in any::<bool>()) {
        const FRAMES: [(&str, &str, &str); 6] = [
            ("user ", " ", " logged in"),
            ("user ", " ", " logged out again"),
            ("could not open the file: ", " ", ""),
            ("tags [", ", ", "] were dropped"),
            ("columns ", ",", " of a table"),
            ("moved {", "=1, ", "} from here to there"),
        ];
        let lines: Vec<String> = values
            .iter()
            .map(|(frame, words)| {
                let (before, between, behind) = FRAMES[*frame];
                format!("{before}{}{behind}", words.join(between))
            })
            .collect();
        let mut miner = Miner::new(Settings { max_groups: if few { 16 } else { 1000 } });
        let slots: Vec<Slot> = lines.iter().map(|line| miner.add(&read_line(line), None, Side::Window)).collect();
        let mined = miner.mine();
        for (line, slot) in lines.iter().zip(&slots) {
            let (_, template) = mined.template_of(*slot);
            prop_assert!(fits(template, line), "{:?} does not fit {:?}", template, line);
        }
        let count: u64 = mined.patterns(Side::Window).iter().map(|pattern| pattern.count).sum();
        prop_assert_eq!(count, lines.len() as u64);
    }

    #[test]
    fn joining_loses_no_line(lines in prop::collection::vec(line(), 0..60)) {
        let lines: Vec<String> = lines.into_iter().map(|line| line.replace(['\n', '\r'], "")).collect();
        let mut joiner = Joiner::default();
        let mut records = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            records.extend(joiner.push(&(index % 2), None, line));
        }
        records.extend(joiner.finish());
        let count: usize = records.iter().map(|record| record.text.split('\n').count()).sum();
        prop_assert_eq!(count, lines.len());
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let text = String::from_utf8_lossy(&bytes);
        let record = read_line(&text);
        prop_assert!(record.level.is_none_or(|level| level <= Level::Fatal));
    }
}

#[test]
fn a_line_of_a_mebibyte_is_no_matter() {
    let mut miner = Miner::default();
    for filler in ["x", "1 ", "{\"a\":", "[", "(", "\"", "=", "a=\"", "\u{1b}[", "ä", "\n\tat "] {
        let line = filler.repeat(1024 * 1024 / filler.len());
        miner.add(&read_line(&line), None, Side::Window);
    }
    assert!(miner.mine().patterns(Side::Window).iter().all(|pattern| pattern.example.len() <= 512));
}
