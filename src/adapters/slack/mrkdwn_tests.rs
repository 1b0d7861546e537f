//! What Slack is given for our Markdown.

use proptest::prelude::*;

use super::*;

fn whole(markdown: &str) -> String {
    sections(&lines(markdown)).join("\n======\n")
}

#[test]
fn formats_are_slacks() {
    for (markdown, mrkdwn) in [
        ("plain", "plain"),
        ("**bold** *it* ~~no~~ `code`", "*bold* _it_ ~no~ `code`"),
        ("**bold `x` in**", "*bold `x` in*"),
        ("# Title\ntext", "*Title*\n\ntext"),
        ("a\nb", "a\nb"),
        ("a\n\nb", "a\n\nb"),
        ("- a\n- b\n  - c\n\nend", "• a\n• b\n\u{2003}• c\n\nend"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("> said\n> more", "> said\n> more"),
        ("[E1](https://g.example/?a=1&b=2|3)", "<https://g.example/?a=1&amp;b=2%7C3|E1>"),
        ("[x](javascript:alert(1))", "x"),
        ("```\na < b\n\n```", "```\na &lt; b\n```"),
        ("| a | b |\n|---|---|\n| 1 | `22` |", "```\na  b\n1  22\n```"),
        ("```\na\n```\n```\nb\n```", "```\na\n```\n\n```\nb\n```"),
        ("- ```\n  code\n  ```\n\nnext", "```\ncode\n```\n\nnext"),
        ("snake_case 5*3 **E1**", "snake_case 5*3 *E1*"),
    ] {
        assert_eq!(whole(markdown), mrkdwn, "{markdown}");
    }
}

#[test]
fn what_strangers_wrote_is_inert() {
    for (markdown, mrkdwn) in [
        ("\\<!channel\\> \\<@U123\\>", "&lt;!channel&gt; &lt;@\u{2060}U123&gt;"),
        ("`<!here>`", "`&lt;!here&gt;`"),
        ("```\n<!channel> ``\n```", "```\n&lt;!channel&gt; ``\n```"),
        ("@here", "@\u{2060}here"),
        ("me@home.org", "me@home.org"),
        ("\\*\\*no\\*\\* \\_x\\_", "∗∗no∗∗ ˍxˍ"),
        ("\\> not quoted", "\u{2060}&gt; not quoted"),
        ("<b>x</b> &amp;lt;", "&lt;b&gt;x&lt;/b&gt; &amp;lt;"),
        ("![alt](https://evil.example/p.png)", "alt"),
    ] {
        assert_eq!(whole(markdown), mrkdwn, "{markdown}");
    }
}

#[test]
fn a_section_is_full_at_the_limit_and_not_before() {
    let text = |length: usize| "word ".repeat(length / 5);
    assert_eq!(sections(&lines(text(SECTION).trim_end())).len(), 1);
    let two = sections(&lines(&format!("{}\n{}", text(2000).trim_end(), text(1005).trim_end())));
    assert_eq!(two.len(), 2, "a line that does not fit begins a section");
    for code in ["&".repeat(601), "<".repeat(999), "*_> ".repeat(200)] {
        let sections = sections(&lines(&format!("`{code}`")));
        assert!(sections.iter().all(|section| units(section) <= SECTION), "{}", units(&sections[0]));
        assert!(!sections.concat().contains(['*', '_', '>']), "too long for code, it is inert words");
    }
    let code = sections(&lines(&format!("```\n{}\n```", "x".repeat(5000))));
    assert!(code.iter().all(|section| section.starts_with("```\n") && section.ends_with("\n```")), "{code:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_and_no_limit_is_crossed(text in "[a-z&<>*_`@~ \n#-]{0,1500}", times in 1_usize..6) {
        // What stands behind an opening fence is a language, and is not shown.
        let code = text.replace('`', "'");
        let markdown = format!("{}\n\n```\n{code}\n```\n\n", inert(&text)).repeat(times);
        let sections = sections(&lines(&markdown));
        for section in &sections {
            prop_assert!(units(section) <= SECTION && !section.is_empty());
            prop_assert!(!section.contains("<!") && !section.contains("<@"));
            prop_assert_eq!(section.matches("```").count() % 2, 0);
        }
        let letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).count();
        let unescaped = sections.concat().replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        prop_assert_eq!(letters(&unescaped), letters(&markdown));
    }
}

/// Every character that Markdown reads, escaped.
fn inert(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
