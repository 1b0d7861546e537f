//! From text to the words that are compared: lower case, stemmed as English or Russian by their script.
//!
//! Names are kept whole and taken apart besides (`KubePodCrashLooping`, `payments-7f9c`), because people write either.
//! Unlike the runbooks' own words, numbers stay: an exit code or a ticket's number is what one searches notes for.

use crate::adapters::knowledge::stemmers::Stemmers;

/// Longer runs are hashes or hostile.
const LONGEST: usize = 64;
/// Words that say nothing about what a text is about.
const STOP: [&str; 68] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "do", "does", "for", "from", "has", "have", "how", "i",
    "if", "in", "is", "it", "its", "of", "on", "or", "our", "that", "the", "then", "there", "this", "to", "was", "we",
    "what", "when", "where", "which", "why", "will", "with", "you", "и", "в", "во", "на", "не", "с", "со", "к", "по",
    "из", "за", "от", "для", "что", "как", "это", "то", "у", "о", "а", "но", "или", "же", "ли", "был", "была",
];

/// Takes text apart. Cloning is cheap; using it needs `&mut` because the stemmers keep a buffer.
#[derive(Clone, Default)]
pub struct Terms {
    stemmers: Stemmers,
}

impl Terms {
    /// The words of a text in order, with repeats.
    pub fn of(&mut self, text: &str) -> Vec<String> {
        let mut terms = Vec::new();
        let name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        for run in text.split(|c| !name(c)).map(|run| run.trim_matches(['-', '_', '.'])) {
            if run.is_empty() || run.len() > LONGEST * 2 {
                continue;
            }
            let parts = parts(run);
            if parts.len() > 1 {
                terms.push(run.to_lowercase());
            }
            for part in parts {
                let lower = part.to_lowercase().replace('ё', "е");
                if lower.len() <= LONGEST && !STOP.contains(&lower.as_str()) {
                    terms.push(self.stemmers.stem(&lower));
                }
            }
        }
        terms
    }
}

/// A name's parts: at signs between letters, and where a small letter meets a capital one.
fn parts(run: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for word in run.split(['-', '_', '.']).filter(|word| !word.is_empty()) {
        let mut start = 0;
        let letters: Vec<(usize, char)> = word.char_indices().collect();
        for (n, (at, c)) in letters.iter().enumerate().skip(1) {
            let before = letters[n - 1].1;
            let next_is_small = letters.get(n + 1).is_some_and(|(_, next)| next.is_lowercase());
            if c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_small)) {
                parts.push(&word[start..*at]);
                start = *at;
            }
        }
        parts.push(&word[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_both_languages_names_and_numbers() {
        let mut terms = Terms::default();
        for (text, words) in [
            ("The pods are restarting", "pod restart"),
            ("Поды перезапускались из-за памяти", "под перезапуска из-за памят"),
            ("KubePodOOMKilled exit 137", "kubepodoomkilled kube pod oom kill exit 137"),
            ("payments-7f9c_x", "payments-7f9c_x payment 7f9c x"),
            ("-- ... __", ""),
        ] {
            assert_eq!(terms.of(text).join(" "), words, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart(text in ".{0,200}") {
            Terms::default().of(&text);
        }
    }
}
