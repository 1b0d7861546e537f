//! The field's vocabulary: abbreviations and what they stand for, words of one meaning, and words of none.

/// Abbreviations and the words they stand for. The abbreviation itself is kept besides.
const ABBREVIATIONS: [(&str, &[&str]); 21] = [
    ("hpa", &["horizontal", "pod", "autoscaler"]),
    ("pvc", &["persistent", "volume", "claim"]),
    ("pvcs", &["persistent", "volume", "claim"]),
    ("pv", &["persistent", "volume"]),
    ("persistentvolume", &["persistent", "volume"]),
    ("persistentvolumeclaim", &["persistent", "volume", "claim"]),
    ("unavailable", &["not", "available"]),
    ("unready", &["not", "ready"]),
    ("crashloopbackoff", &["crash", "loop"]),
    ("apiserver", &["api"]),
    ("oom", &["memory"]),
    ("oomkilled", &["oom", "memory"]),
    ("ds", &["daemonset"]),
    ("sts", &["statefulset"]),
    ("crd", &["custom", "resource", "definition"]),
    ("pdb", &["pod", "disruption", "budget"]),
    ("ntp", &["clock"]),
    ("fd", &["file", "descriptor"]),
    ("fs", &["filesystem"]),
    ("inode", &["file"]),
    ("inodes", &["file"]),
];

/// Stems of one meaning for an alert, under the first of them.
const CONCEPTS: [&[&str]; 13] = [
    &["fail", "failur", "failed", "error", "err", "unsuccess"],
    &["memori", "mem", "памят"],
    &["down", "disappear", "absent", "vanish"],
    &["kubernet", "kube", "k8s"],
    &["low", "less", "fewer", "few"],
    &["slow", "latenc", "slowli", "slower"],
    &["almost", "near", "nearli"],
    &["full", "fill", "fulli"],
    &["config", "configur"],
    &["inconsist", "differ", "mismatch"],
    &["certif", "cert", "сертификат"],
    &["modif", "modifi"],
    &["sync", "reconcil", "reconcili", "synchron"],
];

/// Words that every sentence has, in order. Not `no` and `not`: only they tell `NoReadyVirtHandler` from
/// `LowReadyVirtHandlerCount`.
const STOP_WORDS: [&str; 109] = [
    "a", "about", "alert", "alerts", "all", "an", "and", "any", "are", "as", "at", "be", "been", "being", "by", "can",
    "could", "day", "days", "did", "do", "does", "for", "from", "had", "has", "have", "hour", "hours", "if", "in",
    "into", "is", "it", "its", "last", "may", "might", "minute", "minutes", "more", "most", "must", "of", "on", "or",
    "out", "over", "should", "so", "some", "than", "that", "the", "their", "then", "there", "these", "they", "this",
    "those", "time", "times", "to", "up", "was", "were", "what", "when", "where", "which", "while", "who", "will",
    "with", "would", "бы", "было", "быть", "в", "во", "все", "для", "до", "если", "есть", "же", "за", "и", "из", "или",
    "к", "как", "ко", "ли", "на", "не", "ни", "но", "от", "по", "при", "с", "со", "так", "то", "уже", "что", "это",
];

/// Whether a word (lower case) says nothing.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// The words that an abbreviation (lower case) stands for; none for others.
pub fn expand(word: &str) -> &'static [&'static str] {
    ABBREVIATIONS.iter().find(|(short, _)| *short == word).map_or(&[], |(_, long)| long)
}

/// The one stem for all words of a meaning, where the stem has such kin.
pub fn concept(stem: &str) -> Option<&'static str> {
    CONCEPTS.iter().find(|group| group.contains(&stem)).and_then(|group| group.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_in_the_order_that_the_search_needs() {
        assert!(STOP_WORDS.is_sorted());
        assert!(is_stop_word("the") && is_stop_word("для") && !is_stop_word("node"));
    }

    #[test]
    fn a_meaning_has_one_stem() {
        assert_eq!(concept("err"), concept("failur"));
        assert_eq!(concept("pod"), None);
    }
}
