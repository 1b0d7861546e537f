//! What the server knows.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Instant;

use chrono::Utc;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What goes wrong once.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A request whose path holds this is refused with this status.
    Refuse { path: &'static str, status: u16 },
    /// It is done, and its answer gets lost: a gateway says 502.
    Lose { path: &'static str },
    /// 429 with these seconds to wait.
    Limit { path: &'static str, seconds: u64 },
}

impl Fault {
    pub fn path(&self) -> &'static str {
        match self {
            Self::Refuse { path, .. } | Self::Lose { path } | Self::Limit { path, .. } => path,
        }
    }
}

#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub username: String,
    pub is_bot: bool,
    pub roles: String,
}

#[derive(Debug, Clone)]
pub struct Channel {
    pub id: String,
    pub team: String,
    pub name: String,
    pub kind: &'static str,
    pub delete_at: i64,
    pub last_post_at: i64,
}

#[derive(Debug, Clone)]
pub struct File {
    pub user: String,
    pub channel: String,
    pub name: String,
    pub bytes: Vec<u8>,
    pub post: Option<String>,
}

/// A dialog that a person sees.
#[derive(Debug, Clone)]
pub struct Dialog {
    pub user: String,
    pub channel: String,
    pub url: String,
    pub dialog: Value,
}

pub struct State {
    pub users: Vec<User>,
    pub tokens: BTreeMap<String, String>,
    pub teams: Vec<(String, String)>,
    pub team_members: HashSet<(String, String)>,
    pub channels: Vec<Channel>,
    pub channel_members: HashSet<(String, String)>,
    pub posts: Vec<Value>,
    pub files: HashMap<String, File>,
    pub commands: Vec<Value>,
    pub pending: HashMap<String, (Instant, String)>,
    pub dialogs: Vec<Dialog>,
    /// Who clicked last, and where: the trigger does not say the channel.
    pub clicked_in: HashMap<String, String>,
    pub told: Vec<(String, String)>,
    pub typing: Vec<(String, String)>,
    /// Groups with their members; `None`: no licence.
    pub groups: Option<HashMap<String, Vec<String>>>,
    pub faults: VecDeque<Fault>,
    /// Whether bots have `create_post_ephemeral`.
    pub may_tell: bool,
    /// The settings that an administrator sees.
    pub config: Value,
    /// Whether the signing key is published.
    pub publishes_key: bool,
    pub post_priority: bool,
    pub calls: Vec<String>,
    last: i64,
    made: u64,
}

impl State {
    pub fn new() -> Self {
        let mut state = Self {
            users: Vec::new(),
            tokens: BTreeMap::new(),
            teams: Vec::new(),
            team_members: HashSet::new(),
            channels: Vec::new(),
            channel_members: HashSet::new(),
            posts: Vec::new(),
            files: HashMap::new(),
            commands: Vec::new(),
            pending: HashMap::new(),
            dialogs: Vec::new(),
            clicked_in: HashMap::new(),
            told: Vec::new(),
            typing: Vec::new(),
            groups: None,
            faults: VecDeque::new(),
            may_tell: false,
            config: json!({
                "ServiceSettings": {
                    "SiteURL": "http://localhost:8065",
                    "EnableCommands": true,
                    "EnableBotAccountCreation": true,
                    "AllowedUntrustedInternalConnections": "127.0.0.1/8",
                    "PostEditTimeLimit": -1,
                },
                "FileSettings": { "EnableFileAttachments": true },
            }),
            publishes_key: true,
            post_priority: true,
            calls: Vec::new(),
            last: 0,
            made: 0,
        };
        let team = state.id();
        state.teams.push((team.clone(), "ops".into()));
        let channel = state.id();
        state.channels.push(Channel {
            id: channel.clone(),
            team: team.clone(),
            name: "alerts".into(),
            kind: "O",
            delete_at: 0,
            last_post_at: 0,
        });
        let admin = state.add_user("admin", false);
        state.users.iter_mut().find(|user| user.id == admin).unwrap().roles = "system_admin system_user".into();
        for name in ["alice", "bob"] {
            let id = state.add_user(name, false);
            state.join(&team, &channel, &id);
        }
        state.join(&team, &channel, &admin);
        state
    }

    /// A new id: 26 of a-z and 0-9.
    pub fn id(&mut self) -> String {
        self.made += 1;
        let hash = Sha256::digest(self.made.to_le_bytes());
        hash.iter().map(|byte| char::from_digit(u32::from(*byte) % 36, 36).unwrap()).take(26).collect()
    }

    /// Now in milliseconds, never the same twice.
    pub fn now(&mut self) -> i64 {
        self.last = Utc::now().timestamp_millis().max(self.last + 1);
        self.last
    }

    pub fn add_user(&mut self, username: &str, is_bot: bool) -> String {
        let id = self.id();
        self.users.push(User { id: id.clone(), username: username.into(), is_bot, roles: "system_user".into() });
        self.add_token(&id);
        id
    }

    pub fn add_token(&mut self, user: &str) -> String {
        let token = self.id();
        self.tokens.insert(token.clone(), user.to_owned());
        token
    }

    pub fn add_command(&mut self, trigger: &str, url: &str) -> String {
        let (id, token, now) = (self.id(), self.id(), self.now());
        let (team, creator) = (self.team("ops"), self.user("admin"));
        self.commands.push(json!({
            "id": id, "token": token, "create_at": now, "update_at": now, "delete_at": 0, "creator_id": creator,
            "team_id": team, "trigger": trigger, "method": "P", "username": "", "icon_url": "", "auto_complete": true,
            "auto_complete_desc": "", "auto_complete_hint": "", "display_name": "", "description": "", "url": url,
            "plugin_id": "",
        }));
        token
    }

    pub fn join(&mut self, team: &str, channel: &str, user: &str) {
        self.team_members.insert((team.to_owned(), user.to_owned()));
        self.channel_members.insert((channel.to_owned(), user.to_owned()));
    }

    pub fn user(&self, username: &str) -> String {
        self.users.iter().find(|user| user.username == username).unwrap().id.clone()
    }

    pub fn team(&self, name: &str) -> String {
        self.teams.iter().find(|(_, known)| known == name).unwrap().0.clone()
    }

    pub fn channel(&self, name: &str) -> String {
        self.channels.iter().find(|channel| channel.name == name).unwrap().id.clone()
    }

    pub fn is_archived(&self, channel: &str) -> bool {
        self.channels.iter().any(|known| known.id == channel && known.delete_at != 0)
    }

    pub fn is_in(&self, channel: &str, user: &str) -> bool {
        self.channel_members.contains(&(channel.to_owned(), user.to_owned()))
    }

    /// Takes the fault that applies to a path.
    pub fn fault(&mut self, path: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|fault| path.contains(fault.path()))?;
        self.faults.remove(at)
    }
}
