//! Counts shapes as lines come in, within fixed bounds, and makes patterns of them when asked.
//!
//! A line whose shape was seen before costs its tokens and one look into a hash map, and allocates nothing. When the
//! miner is full, shapes are merged ([`fold`]) and what was not seen for longest is forgotten.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::fold;
use super::hash::HashedMap;
use super::level::Level;
use super::record::{self, Record};
use super::shape::{self, Piece, WILD, Words};
use super::template::{Pattern, PatternId};
use super::token::Tokens;
use super::tree::Tree;

/// Groups that are kept apart at once. A group is about 1 KiB (20 pieces of 16 bytes, the example), so 16 MiB.
pub const MAX_GROUPS: usize = 16 * 1024;

/// Groups that remain after the miner was full, if merging alone does not get there: half, so that merging, which takes
/// some 50 ms, happens at most once in 8,192 new groups.
const GROUPS_KEPT: usize = MAX_GROUPS / 2;

/// Shapes whose group is remembered. 16 bytes each with the table's slack 32: 4 MiB.
const MAX_KNOWN_SHAPES: usize = 128 * 1024;

/// Slots that are handed out, each 4 bytes: 64 MiB. Reached only where millions of shapes are new; what comes then and
/// fits no pattern is counted in the slot for the rest.
const MAX_SLOTS: usize = 16 * 1024 * 1024;

/// Bytes of words that are kept before those that no group has are dropped. What comes between two such moments is at most
/// [`MAX_GROUPS`] messages of 8 KiB more.
const MAX_WORD_BYTES: usize = 4 * 1024 * 1024;

/// Merging was worth its time if it made one in this many groups superfluous.
const WORTHWHILE: usize = 8;

/// Times in a row that merging is left out, at the most, where it was not worth its time: logs in which nothing repeats.
const MAX_IDLE: u32 = 63;

/// Bytes of an example. Enough for a line on a screen; 16,384 of them are 8 MiB.
pub const MAX_EXAMPLE_BYTES: usize = 512;

/// Where lines are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The time that is looked at.
    Window,
    /// The quiet time that it is compared with.
    Baseline,
}

/// What a miner may use.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Groups that are kept apart at once.
    pub max_groups: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_groups: MAX_GROUPS }
    }
}

/// Where a line was counted. Stays valid for the life of the miner; [`Mined`] says which pattern it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(u32);

/// Holds the forgotten.
const REST: Slot = Slot(0);

/// Marks the entry of a slot that has a group of its own; the others name the slot that they were merged into.
const OWN: u32 = 1 << 31;

/// Counts the shapes of lines.
#[derive(Debug)]
pub struct Miner {
    settings: Settings,
    tokens: Tokens,
    words: Words,
    /// Shape to slot.
    known: HashedMap<Slot>,
    /// Slot to index in `groups`, marked as [`OWN`], or to another slot.
    slots: Vec<u32>,
    groups: Vec<Group>,
    tree: Tree,
    clock: u64,
    idle: Idle,
}

/// How often merging is left out.
#[derive(Clone, Copy, Debug, Default)]
struct Idle {
    /// Times that are left.
    left: u32,
    /// Times that were granted last.
    granted: u32,
}

#[derive(Clone, Debug, Default)]
struct Group {
    pieces: Vec<Piece>,
    slot: u32,
    touched: u64,
    window: Seen,
    baseline: Seen,
    level: Option<Level>,
    /// Of the groups that were merged into this one.
    guessed: Option<Level>,
    example: Box<str>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    count: u64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

impl Seen {
    fn note(&mut self, time: Option<DateTime<Utc>>) {
        self.count += 1;
        if let Some(time) = time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
    }

    fn absorb(&mut self, other: Self) {
        let Self { count, first, last } = other;
        self.count += count;
        self.first = self.first.into_iter().chain(first).min();
        self.last = self.last.max(last);
    }
}

impl Group {
    fn absorb(&mut self, other: Self) {
        self.guessed = self.guess().max(other.guess());
        self.forget(&other);
        if self.example.is_empty() {
            self.example = other.example;
        }
    }

    /// Counts what is forgotten.
    fn forget(&mut self, other: &Self) {
        let Self { pieces: _, slot: _, touched, window, baseline, level, guessed: _, example: _ } = other;
        self.touched = self.touched.max(*touched);
        self.window.absorb(*window);
        self.baseline.absorb(*baseline);
        self.level = self.level.max(*level);
    }

    /// The level that the words let one guess. Not done for every new group: most of them merge into few.
    fn guess(&self) -> Option<Level> {
        self.guessed.max(Level::guess(self.example.as_bytes()))
    }
}

impl Default for Miner {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Miner {
    /// An empty miner.
    pub fn new(settings: Settings) -> Self {
        let wild = Piece { hash: WILD, nature: shape::Nature::Variable, spaced: false };
        let rest = Group { pieces: vec![wild], ..Group::default() };
        Self {
            settings: Settings { max_groups: settings.max_groups.max(2) },
            tokens: Tokens::default(),
            words: Words::default(),
            known: HashedMap::default(),
            slots: vec![OWN],
            groups: vec![rest],
            tree: Tree::default(),
            clock: 0,
            idle: Idle::default(),
        }
    }

    /// Counts one record.
    pub fn add(&mut self, record: &Record<'_>, time: Option<DateTime<Utc>>, side: Side) -> Slot {
        self.tokens.read(&record.message);
        let shape = shape::identity(&self.tokens);
        let slot = match self.known.get(&shape) {
            Some(slot) => *slot,
            None => self.place(shape, &record.message),
        };
        self.clock += 1;
        let index = self.group_of(slot);
        let group = &mut self.groups[index];
        group.touched = self.clock;
        group.level = group.level.max(record.level);
        match side {
            Side::Window => group.window.note(time),
            Side::Baseline => group.baseline.note(time),
        }
        slot
    }

    fn group_of(&self, slot: Slot) -> usize {
        let mut entry = self.slots[slot.0 as usize];
        while entry & OWN == 0 {
            entry = self.slots[entry as usize];
        }
        (entry & !OWN) as usize
    }

    /// Finds or makes the group of a shape that is not known.
    fn place(&mut self, shape: u64, message: &str) -> Slot {
        if self.groups.len() > self.settings.max_groups {
            self.make_room();
        }
        let pieces = shape::pieces(&self.tokens, &mut self.words);
        let slot = match self.tree.find(&pieces) {
            Some(slot) => Slot(slot),
            None if self.slots.len() >= MAX_SLOTS => REST,
            None => {
                let slot = self.slots.len() as u32;
                self.slots.push(OWN | self.groups.len() as u32);
                self.groups.push(Group {
                    pieces,
                    slot,
                    example: record::cut(message, MAX_EXAMPLE_BYTES).into(),
                    ..Group::default()
                });
                Slot(slot)
            }
        };
        if self.known.len() >= MAX_KNOWN_SHAPES {
            self.known.clear();
        }
        self.known.insert(shape, slot);
        slot
    }

    /// Merges groups for good and forgets the oldest.
    fn make_room(&mut self) {
        if self.idle.left > 0 {
            self.idle.left -= 1;
        } else {
            let before = self.groups.len();
            self.merge();
            let worthwhile = (before - self.groups.len()) * WORTHWHILE >= before;
            let granted = if worthwhile { 0 } else { (self.idle.granted * 2 + 1).min(MAX_IDLE) };
            self.idle = Idle { left: granted, granted };
        }
        self.forget(self.settings.max_groups.min(GROUPS_KEPT * 2) / 2);
        // What was remembered may match something more general now.
        self.known.clear();
        self.tree = Tree::default();
        for (index, group) in self.groups.iter().enumerate() {
            self.slots[group.slot as usize] = OWN | index as u32;
            if group.slot != REST.0 {
                self.known.insert(shape::identity_of(&group.pieces), Slot(group.slot));
                self.tree.insert(&group.pieces, group.slot);
            }
        }
        if self.words.bytes() > MAX_WORD_BYTES {
            self.words.keep(self.groups.iter().flat_map(|group| &group.pieces).map(|piece| piece.hash));
        }
    }

    /// Merges the groups whose folded shapes are equal.
    fn merge(&mut self) {
        let folded = self.folded();
        let mut owners: HashedMap<usize> = HashedMap::default();
        let mut merged: Vec<Group> = Vec::new();
        for (group, pieces) in std::mem::take(&mut self.groups).into_iter().zip(folded) {
            let next = merged.len();
            // The rest, which comes first, is nobody's equal.
            let own = if next == 0 { next } else { *owners.entry(shape::identity_of(&pieces)).or_insert(next) };
            if own == next {
                merged.push(Group { pieces, ..group });
            } else {
                self.slots[group.slot as usize] = merged[own].slot;
                merged[own].absorb(group);
            }
        }
        self.groups = merged;
    }

    /// Leaves the `keep` groups that were seen last; the others are counted in the first, which is the rest.
    fn forget(&mut self, keep: usize) {
        let surplus = self.groups.len().saturating_sub(keep.max(1));
        if surplus == 0 {
            return;
        }
        let mut ages: Vec<u64> = self.groups.iter().skip(1).map(|group| group.touched).collect();
        let (_, oldest, _) = ages.select_nth_unstable(surplus - 1);
        let oldest = *oldest;
        let mut kept: Vec<Group> = Vec::with_capacity(self.settings.max_groups + 1);
        for group in std::mem::take(&mut self.groups) {
            if kept.is_empty() || group.touched > oldest {
                kept.push(group);
            } else {
                self.slots[group.slot as usize] = REST.0;
                kept[0].forget(&group);
            }
        }
        self.groups = kept;
    }

    fn folded(&self) -> Vec<Vec<Piece>> {
        let mut shapes: Vec<Vec<Piece>> = self.groups.iter().map(|group| group.pieces.clone()).collect();
        fold::fold(&mut shapes);
        shapes
    }

    /// The patterns of everything counted so far. The miner can go on afterwards.
    pub fn mine(&self) -> Mined {
        let mut found: HashMap<PatternId, usize> = HashMap::new();
        let mut templates: Vec<(PatternId, String)> = Vec::new();
        let mut merged: Vec<Group> = Vec::new();
        let mut of_group = Vec::with_capacity(self.groups.len());
        for (group, pieces) in self.groups.iter().zip(self.folded()) {
            let template = shape::render(&pieces, &self.words);
            let id = PatternId::of(&template);
            let index = *found.entry(id).or_insert(merged.len());
            of_group.push(index as u32);
            if index == merged.len() {
                templates.push((id, template));
                merged.push(group.clone());
            } else {
                merged[index].absorb(group.clone());
            }
        }
        let of_slot = (0..self.slots.len() as u32).map(|slot| of_group[self.group_of(Slot(slot))]).collect();
        Mined { templates, groups: merged, of_slot }
    }
}

/// The patterns found at one moment.
#[derive(Debug)]
pub struct Mined {
    templates: Vec<(PatternId, String)>,
    groups: Vec<Group>,
    of_slot: Vec<u32>,
}

impl Mined {
    /// The pattern that a line belongs to, as its place among [`Mined::templates`].
    pub fn index_of(&self, slot: Slot) -> usize {
        self.of_slot.get(slot.0 as usize).map_or(0, |index| *index as usize)
    }

    /// The id and the template of the pattern that a line belongs to.
    pub fn template_of(&self, slot: Slot) -> (PatternId, &str) {
        let (id, template) = &self.templates[self.index_of(slot)];
        (*id, template)
    }

    /// All ids and templates.
    pub fn templates(&self) -> &[(PatternId, String)] {
        &self.templates
    }

    /// The patterns that were seen on a side, the most frequent first.
    pub fn patterns(&self, side: Side) -> Vec<Pattern> {
        let seen = |group: &Group| match side {
            Side::Window => group.window,
            Side::Baseline => group.baseline,
        };
        let mut patterns: Vec<Pattern> = self
            .templates
            .iter()
            .zip(&self.groups)
            .map(|((id, template), group)| (id, template, group, seen(group)))
            // Blank lines are no pattern.
            .filter(|(_, template, _, seen)| seen.count > 0 && !template.is_empty())
            .map(|(id, template, group, seen)| Pattern {
                id: *id,
                template: template.clone(),
                count: seen.count,
                first_seen: seen.first,
                last_seen: seen.last,
                example: group.example.to_string(),
                level: group.level.or_else(|| group.guess()),
            })
            .collect();
        patterns.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.template.cmp(&b.template)));
        patterns
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::read_line;
    use super::*;

    fn mined(lines: &[&str]) -> Vec<String> {
        let mut miner = Miner::default();
        for line in lines {
            miner.add(&read_line(line), None, Side::Window);
        }
        let patterns = miner.mine().patterns(Side::Window);
        patterns.into_iter().map(|pattern| format!("{} {}", pattern.count, pattern.template)).collect()
    }

    #[test]
    fn finds_names_that_vary_and_keeps_states_apart() {
        let users = ["alma", "boris", "carla", "dora", "emil", "fritz", "gerda"];
        let mut lines: Vec<String> = users.iter().map(|user| format!("session of {user} closed after 5 min")).collect();
        lines.extend(["pool started", "pool stopped", "pool drained"].map(str::to_owned));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        insta::assert_snapshot!(mined(&lines).join("\n"), @r"
        7 session of <*> closed after <*>
        1 pool drained
        1 pool started
        1 pool stopped
        ");
    }

    #[test]
    fn finds_lists_and_texts_of_any_length() {
        let lines = [
            "loaded plugins [a] today",
            "loaded plugins [a, b] today",
            "loaded plugins [b, c, d] today",
            "loaded plugins [b, c, d, e] today",
            "loaded plugins [f, g, h, i, k] today",
        ];
        insta::assert_snapshot!(mined(&lines).join("\n"), @"5 loaded plugins [<*>] today");
    }

    #[test]
    fn finds_several_words_that_vary_together() {
        let lines: Vec<String> = (1..40)
            .map(|n| format!("transfer {} to {} by {} was done", word(n), word(n + 50), word(n + 100)))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        insta::assert_snapshot!(mined(&lines).join("\n"), @"39 transfer <*> to <*> by <*> was done");
    }

    /// Words that differ from each other, the same in each run.
    fn word(seed: usize) -> String {
        (0..5).map(|at| char::from(b'a' + ((seed * 7 + at * seed + at * 5) % 26) as u8)).collect()
    }

    fn words(seed: usize, count: usize, between: &str) -> String {
        (0..count).map(|at| word(seed + at * 31)).collect::<Vec<String>>().join(between)
    }

    fn templates_of(lines: impl Iterator<Item = String>) -> Vec<String> {
        let lines: Vec<String> = lines.collect();
        mined(&lines.iter().map(String::as_str).collect::<Vec<&str>>())
    }

    #[test]
    fn finds_values_of_any_number_of_words() {
        let cases = [
            templates_of((1..60).map(|n| format!("User {} logged in", words(n, 1 + n % 3, " ")))),
            templates_of(
                (1..60)
                    .map(|n| format!("Invited {} to team {}", words(n, 1 + n % 3, " "), words(n + 60, 1 + n % 2, " "))),
            ),
            templates_of((1..60).map(|n| format!("could not load the profile: {}", words(n, 1 + n % 5, " ")))),
            templates_of((1..60).map(|n| format!("missing columns {} in table", words(n, 1 + n % 5, ", ")))),
            templates_of((0..60).map(|n| format!("dropped tags [{}] of {}", words(n, n % 5, ", "), word(n + 9)))),
        ];
        insta::assert_snapshot!(cases.map(|templates| templates.join("\n")).join("\n"), @r"
        59 User <*> logged in
        59 Invited <*> to team <*>
        59 could not load the profile: <*>
        59 missing columns <*> in table
        60 dropped tags [<*>] of <*>
        ");
    }

    #[test]
    fn keeps_apart_what_only_begins_alike() {
        // A component and its messages, and what happened to a thing.
        let messages = ["started the server", "no route to host", "buffer is full", "lease lost", "ran out of memory"];
        let lines = messages.iter().flat_map(|message| (0..8).map(move |n| format!("proxy: {message} ({n})")));
        assert_eq!(templates_of(lines).len(), messages.len());
        let ends = ["was created", "was deleted again", "is full"];
        let lines = (0..60).map(|n| format!("Queue of {} {}", words(n, 1 + n % 2, " "), ends[n % 3]));
        insta::assert_snapshot!(templates_of(lines).join("\n"), @r"
        20 Queue of <*> is full
        20 Queue of <*> was created
        20 Queue of <*> was deleted again
        ");
    }

    #[test]
    fn what_was_merged_takes_in_values_of_other_lengths() {
        let mut miner = Miner::new(Settings { max_groups: 60 });
        let mut add = |line: String| miner.add(&read_line(&line), None, Side::Window);
        for n in 0..100 {
            add(format!("User {} logged in", words(n, 1 + n % 3, " ")));
        }
        let slot = add(format!("User {} logged in", words(1000, 6, " ")));
        assert_eq!(miner.mine().template_of(slot).1, "User <*> logged in");
    }

    #[test]
    fn stays_within_its_bounds_and_counts_everything() {
        let mut miner = Miner::new(Settings { max_groups: 50 });
        let letters = |n: u32| -> String { n.to_string().bytes().map(|digit| char::from(digit + 49)).collect() };
        for n in 0..5000 {
            miner.add(&read_line(&format!("{} {}", letters(n), letters(n * 7))), None, Side::Window);
        }
        assert!(miner.groups.len() <= 51);
        let patterns = miner.mine().patterns(Side::Window);
        assert_eq!(patterns.iter().map(|pattern| pattern.count).sum::<u64>(), 5000);
    }

    #[test]
    fn slots_outlive_merging() {
        let mut miner = Miner::new(Settings { max_groups: 20 });
        let names = ["ada", "bob", "cid", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kim", "lea"];
        let slots: Vec<Slot> = names
            .iter()
            .flat_map(|name| [format!("user {name} logged in"), format!("user {name} logged out")])
            .map(|line| miner.add(&read_line(&line), None, Side::Window))
            .collect();
        let mined = miner.mine();
        for pair in slots.chunks(2) {
            assert_eq!(mined.template_of(pair[0]).1, "user <*> logged in");
            assert_eq!(mined.template_of(pair[1]).1, "user <*> logged out");
        }
    }
}
