//! One incident to be explained, and what is true about it.

use super::recording::Recording;

/// What the bot should say about one subject.
pub struct Expected {
    /// The incident's subject by name.
    pub subject: &'static str,
    /// Kinds of cause that are right, by `|`; `any` where nothing can be known and the subject is what counts.
    pub kinds: &'static str,
    /// What broke, by `|`; empty where it is the subject itself, `*` where it does not matter.
    pub about: &'static str,
    /// Words of which one must be in the claim of some finding, by `|`.
    pub says: &'static str,
}

/// A world with its truth.
pub struct Case {
    /// What happens.
    pub name: &'static str,
    /// How it is recorded.
    pub record: fn(&mut Recording),
    /// What is true.
    pub expected: Vec<Expected>,
}

/// A case with one incident.
pub fn case(
    name: &'static str,
    subject: &'static str,
    kinds: &'static str,
    about: &'static str,
    says: &'static str,
    record: fn(&mut Recording),
) -> Case {
    Case { name, record, expected: vec![Expected { subject, kinds, about, says }] }
}
