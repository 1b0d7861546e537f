//! From text to the words that are compared: the same for runbooks and for queries.
//!
//! Alert names are taken apart (`KubeStatefulSetUpdate` → kube, stateful, set, update) and kept whole besides; words are
//! stemmed as English or Russian by their script; templating, numbers, durations and addresses say nothing about what
//! an alert means and are dropped.

use super::stemmers::Stemmers;
use super::vocabulary;

/// Longer runs of letters are hashes or hostile, and no words.
const LONGEST_WORD: usize = 64;

/// Takes text apart. Cloning is cheap; using it needs `&mut` because the stemmers keep a buffer.
#[derive(Clone, Default)]
pub struct Words {
    stemmers: Stemmers,
}

impl Words {
    /// The words of a text in order, with repeats.
    pub fn of(&mut self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        for run in runs(&without_templating(text)) {
            self.push_run(run, &mut words);
        }
        words
    }

    /// The words of a text in order, each with where it stands. `known` tells words that the library has at all.
    pub fn of_sentence(&mut self, text: &str, known: impl Fn(&str) -> bool) -> Vec<(String, Place)> {
        let mut words = Vec::new();
        for chunk in without_templating(text).split_whitespace() {
            let object = is_object(chunk);
            for run in runs(chunk) {
                let mut of_run = Vec::new();
                self.push_run(run, &mut of_run);
                // The compound itself comes first.
                let has_whole = parts(run).len() > 1 && known(&whole(run));
                let rest = if has_whole { Place::Compound } else { Place::Sentence };
                words.extend(of_run.into_iter().enumerate().map(|(at, word)| match (object, at) {
                    (true, _) => (word, Place::Object),
                    (false, 0) => (word, Place::Sentence),
                    (false, _) => (word, rest),
                }));
            }
        }
        words
    }

    /// The words without the joined forms of compounds.
    pub fn apart(&mut self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        for part in runs(text).flat_map(parts) {
            self.push_word(part, &mut words);
        }
        words
    }

    /// Each word of a name once.
    pub fn name(&mut self, name: &str) -> Vec<NameWord> {
        let mut words: Vec<NameWord> = Vec::new();
        for part in runs(name).flat_map(parts) {
            let lower = part.to_lowercase();
            if is_noise(&lower) || vocabulary::is_stop_word(&lower) {
                continue;
            }
            let word = self.concept(&lower);
            let stands_for = vocabulary::expand(&lower).iter().map(|long| self.concept(long)).collect();
            if words.iter().all(|other| other.word != word) {
                words.push(NameWord { word, stands_for });
            }
        }
        words
    }

    /// Each two neighbouring words of a text as one: `crash looping` is also `crashlooping`.
    pub fn joined(&mut self, text: &str) -> Vec<String> {
        let text = without_templating(text);
        let runs: Vec<&str> = runs(&text).filter(|run| run.len() <= LONGEST_WORD).collect();
        runs.windows(2).map(|pair| self.stemmers.stem(&pair.concat().to_lowercase())).collect()
    }

    /// A compound (an alert's name, a file's name) gives itself, its parts, and each two neighbouring parts together,
    /// so that `StatefulSet` in a name meets `statefulset` in a sentence.
    fn push_run(&mut self, run: &str, words: &mut Vec<String>) {
        if run.len() > LONGEST_WORD * 2 || is_noise(run) {
            return;
        }
        let parts = parts(run);
        if parts.len() > 1 {
            words.push(whole(run));
            if parts.len() > 2 {
                for pair in parts.windows(2) {
                    let joined = pair.concat().to_lowercase();
                    words.push(self.stemmers.stem(&joined));
                }
            }
        }
        for part in parts {
            self.push_word(part, words);
        }
    }

    fn push_word(&mut self, part: &str, words: &mut Vec<String>) {
        let lower = part.to_lowercase().replace('ё', "е");
        if is_noise(&lower) || vocabulary::is_stop_word(&lower) {
            return;
        }
        if let Some(class) = status_class(&lower) {
            words.push(class.to_owned());
        }
        words.extend(vocabulary::expand(&lower).iter().map(|long| self.concept(long)));
        words.push(self.concept(&lower));
    }

    /// The stem that stands for all words of a meaning.
    fn concept(&mut self, word: &str) -> String {
        let stem = self.stemmers.stem(word);
        vocabulary::concept(&stem).map_or(stem, str::to_owned)
    }
}

/// Where in a text a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a sentence, by itself.
    Sentence,
    /// Inside of a compound that the library has as a whole (`Virtual` in `VirtualMachineInstance`).
    Compound,
    /// In what looks like the name of an object (`shop/web-7d9f-x2x9q`, `10.0.0.1:9100`, `/var/lib`).
    Object,
}

/// Whether a word between spaces is an object's name: a path, or joined parts some of which have digits.
fn is_object(chunk: &str) -> bool {
    let chunk = chunk.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
    let digits = chunk.chars().any(|c| c.is_ascii_digit());
    chunk.contains('/') || (digits && chunk.contains(['-', '.', ':']))
}

/// A word of a name, and the words that it stands for when it is an abbreviation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameWord {
    /// The word.
    pub word: String,
    stands_for: Vec<String>,
}

impl NameWord {
    /// How far a text says the word, or all that it stands for: from 0 to 1, as `says` tells of one word.
    pub fn covered(&self, says: &dyn Fn(&str) -> f32) -> f32 {
        let spelt = self.stands_for.iter().map(|word| says(word)).reduce(f32::min);
        says(&self.word).max(spelt.unwrap_or_default())
    }
}

/// Each two words in a row, as one that no text contains.
pub fn pairs(words: &[String]) -> Vec<String> {
    words.windows(2).map(|pair| pair.join("+")).collect()
}

/// The numbers of two to five digits in a text's sentences, as words that no text contains: the threshold that an
/// alert's text quotes (`crossed 75%`) stands in its runbook too.
pub fn numbers(text: &str) -> Vec<String> {
    let text = without_templating(text);
    let said = text.split_whitespace().filter(|chunk| !is_object(chunk)).flat_map(runs);
    let digits = said.map(|run| run.trim_end_matches(char::is_alphabetic));
    let numbers = digits.filter(|run| (2..=5).contains(&run.len()) && run.bytes().all(|byte| byte.is_ascii_digit()));
    numbers.map(|digits| format!("#{digits}")).collect()
}

/// The initials of each three to five neighbouring words: `virtual machine instance` is also `vmi`.
pub fn initials(text: &str) -> Vec<String> {
    let text = without_templating(text);
    let first = runs(&text).flat_map(parts).filter_map(|part| part.chars().next());
    let initials: Vec<char> = first.flat_map(char::to_lowercase).collect();
    (3..=5).flat_map(|length| initials.windows(length).map(|window| window.iter().collect())).collect()
}

/// The compound names in a text, in lower case.
pub fn compounds(text: &str) -> impl Iterator<Item = String> {
    runs(text).filter(|run| parts(run).len() > 1).map(str::to_lowercase)
}

/// The text without `{{ … }}`, `$labels.x`, `%(x)s` and addresses.
fn without_templating(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        out.push_str(&rest[..open]);
        out.push(' ');
        // A brace that is never closed is just a brace.
        let tail = &rest[open + 2..];
        rest = tail.find("}}").map_or(tail, |close| &tail[close + 2..]);
    }
    out.push_str(rest);
    let kept = |word: &&str| !word.contains("://") && !word.starts_with(['$', '%']);
    out.split_whitespace().filter(kept).collect::<Vec<_>>().join(" ")
}

/// Runs of letters, digits and `_`.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|run| !run.is_empty())
}

/// `KubeHpaMaxedOut` → Kube, Hpa, Maxed, Out; `CPUThrottlingHigh` → CPU, Throttling, High; `PVCs` stays.
fn parts(run: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for piece in run.split('_').filter(|piece| !piece.is_empty()) {
        let chars: Vec<(usize, char)> = piece.char_indices().collect();
        let mut start = 0;
        for at in 1..chars.len() {
            let (offset, c) = chars[at];
            let before = chars[at - 1].1;
            let after = chars.get(at + 1).map(|(_, c)| *c);
            let rises = c.is_uppercase() && !before.is_uppercase() && !before.is_numeric();
            // The last capital of `APIDown` starts the next word, but the plural of `PVCs` does not.
            let ends_capitals = c.is_uppercase()
                && before.is_uppercase()
                && after.is_some_and(char::is_lowercase)
                && !(after == Some('s') && chars.get(at + 2).is_none_or(|(_, c)| c.is_uppercase()));
            if rises || ends_capitals {
                parts.push(&piece[start..offset]);
                start = offset;
            }
        }
        parts.push(&piece[start..]);
    }
    parts
}

/// A compound as one word: without `_`, in lower case.
pub fn whole(run: &str) -> String {
    parts(run).concat().to_lowercase()
}

/// Whether a text is one compound name, such as an alert's.
pub fn is_compound(text: &str) -> bool {
    let mut all = runs(text);
    matches!((all.next(), all.next()), (Some(run), None) if parts(run).len() > 1)
}

/// Numbers, durations (`15m`, `10min`), and single letters.
fn is_noise(word: &str) -> bool {
    let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
    if letters.len() < word.len() {
        return status_class(word).is_none()
            && matches!(
                letters,
                "" | "s" | "m" | "h" | "d" | "w" | "ms" | "min" | "mins" | "hr" | "hrs" | "sec" | "th"
            );
    }
    word.chars().count() < 2 || word.chars().count() > LONGEST_WORD
}

/// `502` is one of the `5xx`.
fn status_class(word: &str) -> Option<&'static str> {
    match word.as_bytes() {
        [b'5', b'0'..=b'9', b'0'..=b'9'] => Some("5xx"),
        [b'4', b'0'..=b'9', b'0'..=b'9'] => Some("4xx"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        let cases = [
            ("KubeHpaMaxedOut", "Kube Hpa Maxed Out"),
            ("CPUThrottlingHigh", "CPU Throttling High"),
            ("etcdHighNumberOfFailedGRPCRequests", "etcd High Number Of Failed GRPC Requests"),
            ("KubeAPIDown", "Kube API Down"),
            ("StuckPVCs", "Stuck PVCs"),
            ("OOMKilled", "OOM Killed"),
            ("container_memory_bytes", "container memory bytes"),
            ("IngressHigh5xxRate", "Ingress High5xx Rate"),
        ];
        for (name, want) in cases {
            assert_eq!(parts(name).join(" "), want);
        }
    }

    #[test]
    fn a_word_has_a_place() {
        let known = |word: &str| word == "storageclass";
        let said = Words::default().of_sentence("StorageClass DataVolume db-0", known);
        let said: Vec<String> = said.iter().map(|(word, place)| format!("{word} {place:?}")).collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        storageclass Sentence
        storag Compound
        class Compound
        datavolume Sentence
        data Sentence
        volum Sentence
        db Object
        ");
    }

    #[test]
    fn numbers_are_thresholds_not_names() {
        let text = "crossed 85% for 15m, {{ $value }} of 12 on 10.0.0.7:9100, 5 pods, x99, 5xx";
        assert_eq!(numbers(text), ["#85", "#15", "#12"]);
    }

    #[test]
    fn an_abbreviation_is_covered_as_far_as_its_words() {
        let name = &Words::default().name("PodUnready")[1];
        let says = |word: &str| match word {
            "not" => 1.0,
            "readi" => 0.4,
            _ => 0.0,
        };
        assert!((name.covered(&says) - 0.4).abs() < f32::EPSILON);
        assert!(name.covered(&|_| 0.0) < f32::EPSILON);
    }
}
