//! Fuses ranked lists by reciprocal rank: a document counts by its places, whatever the scores of each list mean.

use std::collections::HashMap;

/// The usual constant (Cormack, Clarke and Büttcher 2009): it keeps one list's first place from deciding alone.
const K: f64 = 60.0;

/// A piece with its fused score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The piece.
    pub number: u64,
    /// From 0 to 1, falling.
    pub score: f64,
}

struct Sum {
    number: u64,
    reciprocal: f64,
    /// Sum of the scores relative to the best of each list.
    relative: f64,
}

/// One list made of several, each of (document, its best piece, score), best first. The piece of the first list that
/// names the document stands for it.
pub fn by_reciprocal_rank(lists: &[Vec<(&str, u64, f64)>]) -> Vec<Ranked> {
    let mut sums: HashMap<&str, Sum> = HashMap::new();
    let filled = lists.iter().filter(|list| !list.is_empty()).count().max(1);
    for list in lists {
        let best = list.first().map_or(1.0, |(.., score)| *score).max(f64::MIN_POSITIVE);
        for (rank, (document, number, score)) in list.iter().enumerate() {
            let sum = sums.entry(document).or_insert(Sum { number: *number, reciprocal: 0.0, relative: 0.0 });
            sum.reciprocal += 1.0 / (K + rank as f64 + 1.0);
            sum.relative += (score / best).clamp(0.0, 1.0);
        }
    }
    let mut sums: Vec<(&str, Sum)> = sums.into_iter().collect();
    sums.sort_by(|(a_name, a), (b_name, b)| {
        b.reciprocal.total_cmp(&a.reciprocal).then(b.relative.total_cmp(&a.relative)).then(a_name.cmp(b_name))
    });
    let mut least = 1.0_f64;
    sums.into_iter()
        .map(|(_, sum)| {
            // Ranks decide the order; the scores only say how far apart neighbours are.
            least = least.min(sum.relative / filled as f64);
            Ranked { number: sum.number, score: least }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_lists_name_comes_first() {
        let words = vec![("a", 1, 9.0), ("b", 2, 8.0), ("c", 3, 1.0)];
        let meaning = vec![("c", 4, 0.9), ("b", 5, 0.8)];
        let fused = by_reciprocal_rank(&[words, Vec::new(), meaning]);
        let order: Vec<u64> = fused.iter().map(|ranked| ranked.number).collect();
        assert_eq!(order, [3, 2, 1]);
        assert!(fused.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(by_reciprocal_rank(&[]).is_empty());
    }
}
