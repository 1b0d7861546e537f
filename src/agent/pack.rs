//! Fits what is known into what a model can read: what matters most keeps its words, the rest is shortened by whole
//! lines, and what has no room is named, so that it can be asked for.

use super::tokens::estimate_tokens;

/// Below this a piece says nothing worth its heading.
const LEAST: u32 = 24;

/// A piece of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Names it where it is left out: `E7`.
    pub name: String,
    /// Before the text; not shortened.
    pub opening: String,
    /// What is shortened by whole lines from its end.
    pub text: String,
    /// After the text.
    pub closing: String,
    /// Pieces with a smaller number are served first; in the prompt they stand as they were given.
    pub rank: u32,
    /// Tokens that it gets in the first round; what is left is given out by rank.
    pub share: u32,
}

/// What fits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fitted {
    /// The pieces, in the order given.
    pub text: String,
    /// Names of pieces that were left out.
    pub left_out: Vec<String>,
    /// Whether a piece was shortened.
    pub shortened: bool,
}

impl Piece {
    /// Words that stand for themselves.
    pub fn words(text: String) -> Self {
        Self { name: String::new(), opening: String::new(), text, closing: String::new(), rank: 0, share: 0 }
    }

    /// All of it.
    pub fn whole(&self) -> String {
        format!("{}{}{}", self.opening, self.text, self.closing)
    }

    /// As much of it as `room` tokens hold, between its opening and its closing, which stay whole.
    pub fn within(&self, room: u32) -> String {
        let frame = estimate_tokens(&self.opening) + estimate_tokens(&self.closing);
        format!("{}{}{}", self.opening, shortened(&self.text, room.saturating_sub(frame)), self.closing)
    }
}

/// As much of `pieces` as `budget` tokens hold.
pub fn fit(pieces: &[Piece], budget: u32) -> Fitted {
    let costs: Vec<(u32, u32)> = pieces
        .iter()
        .map(|piece| {
            (estimate_tokens(&piece.opening) + estimate_tokens(&piece.closing) + 2, estimate_tokens(&piece.text))
        })
        .collect();
    let mut by_rank: Vec<usize> = (0..pieces.len()).collect();
    by_rank.sort_by_key(|at| pieces[*at].rank);
    let mut given = vec![0u32; pieces.len()];
    let mut left = budget;
    for &at in &by_rank {
        let (frame, text) = costs[at];
        let wanted = text.min(pieces[at].share);
        if left >= frame + wanted.min(LEAST) {
            given[at] = frame + wanted.min(left - frame);
            left -= given[at];
        }
    }
    for &at in &by_rank {
        let (frame, text) = costs[at];
        if given[at] > 0 {
            let more = (frame + text).saturating_sub(given[at]).min(left);
            given[at] += more;
            left -= more;
        }
    }
    let mut fitted = Fitted::default();
    for (at, piece) in pieces.iter().enumerate() {
        let (frame, text) = costs[at];
        if given[at] == 0 {
            fitted.left_out.push(piece.name.clone());
            continue;
        }
        let room = given[at] - frame;
        fitted.text.push_str(&piece.opening);
        if text <= room {
            fitted.text.push_str(&piece.text);
        } else {
            fitted.text.push_str(&shortened(&piece.text, room));
            fitted.shortened = true;
        }
        fitted.text.push_str(&piece.closing);
    }
    fitted
}

/// The first lines of `text` that fit into `room` tokens, and a mark where lines are missing.
fn shortened(text: &str, room: u32) -> String {
    if estimate_tokens(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 2;
    for line in text.split_inclusive('\n') {
        let cost = estimate_tokens(line);
        if used + cost > room {
            if out.is_empty() {
                // One line too long: its beginning says more than nothing.
                let keep =
                    line.char_indices().nth((room.saturating_sub(2) as usize) * 2).map_or(line.len(), |(at, _)| at);
                out.push_str(&line[..keep]);
            }
            break;
        }
        used += cost;
        out.push_str(line);
    }
    out.push_str("…\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(name: &str, lines: usize, rank: u32) -> Piece {
        Piece {
            name: name.into(),
            opening: format!("<{name}>\n"),
            text: "one two three four\n".repeat(lines),
            closing: format!("</{name}>\n"),
            rank,
            share: 50,
        }
    }

    #[test]
    fn what_matters_most_is_served_first_and_order_is_kept() {
        let pieces = [piece("a", 40, 2), piece("b", 40, 1), piece("c", 40, 3)];
        let fitted = fit(&pieces, 135);
        let at = |name: &str| fitted.text.find(name);
        assert!(at("<a>") < at("<b>"));
        assert_eq!(fitted.left_out, ["c"]);
        assert!(fitted.shortened && fitted.text.contains('…'));
        let b = fitted.text.split("<b>").nth(1).unwrap().lines().count();
        let a = fitted.text.split("<b>").next().unwrap().lines().count();
        assert!(b > a, "{}", fitted.text);
    }

    proptest! {
        #[test]
        fn the_budget_is_kept(budget in 0u32..800, lines in proptest::collection::vec(0usize..60, 1..6)) {
            let pieces: Vec<Piece> =
                lines.iter().enumerate().map(|(at, lines)| piece(&format!("p{at}"), *lines, at as u32)).collect();
            let fitted = fit(&pieces, budget);
            prop_assert!(estimate_tokens(&fitted.text) <= budget, "{} > {budget}", estimate_tokens(&fitted.text));
        }
    }
}
