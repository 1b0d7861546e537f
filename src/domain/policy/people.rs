//! Who: identities on platforms, and which of them are one person.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::text;

/// Longest id of an identity, in bytes; an e-mail address has at most 254.
const MAX_ID_BYTES: usize = 254;

/// Where an identity is known, and whether it is one person or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// A Slack user id, `U…` or `W…`.
    Slack,
    /// A Slack user group id, `S…`.
    SlackGroup,
    /// A Mattermost user id.
    Mattermost,
    /// A Mattermost group or team id.
    MattermostGroup,
    /// Whoever signed in to the console under this name.
    Console,
    /// An e-mail address that a trusted proxy vouches for.
    Sso,
    /// A group that a trusted proxy vouches for.
    SsoGroup,
}

impl PrincipalKind {
    const ALL: [Self; 7] = [
        Self::Slack,
        Self::SlackGroup,
        Self::Mattermost,
        Self::MattermostGroup,
        Self::Console,
        Self::Sso,
        Self::SsoGroup,
    ];

    /// What stands before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::SlackGroup => "slack-group",
            Self::Mattermost => "mattermost",
            Self::MattermostGroup => "mattermost-group",
            Self::Console => "console",
            Self::Sso => "sso",
            Self::SsoGroup => "sso-group",
        }
    }

    /// Whether many people hide behind it.
    pub fn is_group(self) -> bool {
        matches!(self, Self::SlackGroup | Self::MattermostGroup | Self::SsoGroup)
    }
}

/// An identity: `slack:U024BE7LH`, `slack-group:S0614TZR7`, `sso:ann@example.com`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Principal {
    kind: PrincipalKind,
    id: String,
}

impl Principal {
    /// An identity. E-mail addresses are compared in lower case.
    ///
    /// # Errors
    /// A sentence when the id is empty, too long, or holds anything but visible characters.
    pub fn new(kind: PrincipalKind, id: &str) -> Result<Self, String> {
        let visible = !id.is_empty() && id.len() <= MAX_ID_BYTES && id.chars().all(|c| !c.is_whitespace());
        if !visible || text::plain(id) != id {
            return Err(format!("`{}:{}` has no proper id", kind.as_str(), text::line(id, 40)));
        }
        let id = match kind {
            PrincipalKind::Sso => id.to_lowercase(),
            _ => id.to_owned(),
        };
        Ok(Self { kind, id })
    }

    /// Where it is known.
    pub fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// Its id there.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl FromStr for Principal {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let known = |(platform, id): (&str, &str)| {
            let kind = PrincipalKind::ALL.into_iter().find(|kind| kind.as_str() == platform)?;
            Some((kind, id.to_owned()))
        };
        let kinds = || PrincipalKind::ALL.map(PrincipalKind::as_str).join(":…, ");
        let (kind, id) = written
            .split_once(':')
            .and_then(known)
            .ok_or_else(|| format!("`{}` is not one of {}:…", text::line(written, 60), kinds()))?;
        Self::new(kind, &id)
    }
}

impl TryFrom<String> for Principal {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        written.parse()
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.to_string()
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.id)
    }
}

/// Somebody who acts, as the platform they act on vouches for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub id: Principal,
    /// Groups the platform puts them in, asked for when they act; never what they say of themselves.
    pub groups: Vec<Principal>,
    /// What people call them; shown, and nothing else.
    pub name: String,
}

impl Person {
    /// A person in no group.
    pub fn new(id: Principal, name: &str) -> Self {
        Self { id, groups: Vec::new(), name: text::line(name, 80) }
    }
}

/// Which identities are one person, by the policy's `people`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    /// By name. No identity belongs to two people.
    pub by_name: BTreeMap<String, BTreeSet<Principal>>,
}

impl People {
    /// The name under which an identity is known.
    pub fn name_of(&self, id: &Principal) -> Option<&str> {
        self.by_name.iter().find(|(_, ids)| ids.contains(id)).map(|(name, _)| name.as_str())
    }

    /// Every identity of whoever has this one.
    pub fn identities(&self, id: &Principal) -> BTreeSet<Principal> {
        let known = self.name_of(id).and_then(|name| self.by_name.get(name));
        known.cloned().unwrap_or_else(|| BTreeSet::from([id.clone()]))
    }

    /// Whether two identities certainly belong to two people: both are known under different names, or there is a
    /// platform on which each has an identity and they are different ones. One person with an account in Slack and a
    /// session in the console, who is not named in `people`, is not two.
    pub fn are_different(&self, a: &Principal, b: &Principal) -> bool {
        let named = (self.name_of(a), self.name_of(b));
        if let (Some(a), Some(b)) = named {
            return a != b;
        }
        let (a, b) = (self.identities(a), self.identities(b));
        a.is_disjoint(&b) && a.iter().any(|one| b.iter().any(|other| one.kind == other.kind))
    }
}

/// A list of who may do something.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Approvers {
    /// As written in the policy, for people to read.
    pub written: Vec<String>,
    /// Everything that the names stand for.
    pub principals: BTreeSet<Principal>,
}

impl Approvers {
    /// Whether the person is one of them.
    pub fn include(&self, person: &Person, people: &People) -> bool {
        let identities = people.identities(&person.id);
        let groups = person.groups.iter().filter(|group| group.kind.is_group());
        identities.iter().chain(groups).any(|principal| self.principals.contains(principal))
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.principals.is_empty()
    }

    /// How many people there can be at most, where no group hides some.
    pub fn most(&self, people: &People) -> Option<usize> {
        if self.principals.iter().any(|principal| principal.kind.is_group()) {
            return None;
        }
        let who: BTreeSet<String> = self
            .principals
            .iter()
            .map(|principal| people.name_of(principal).map_or_else(|| principal.to_string(), str::to_owned))
            .collect();
        Some(who.len())
    }
}
