//! Groups of people, and how somebody is called.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use serde::Deserialize;

use super::api::Api;
use super::mrkdwn;
use crate::domain::policy::{Principal, PrincipalKind};
use crate::domain::text::WORD_JOINER;
use crate::ports::ChatError;

/// How long membership is believed. An approval asks again just before it is carried out.
const BELIEVED: Duration = Duration::from_secs(60);

/// A user group.
#[derive(Debug, Clone, Deserialize)]
pub struct Group {
    /// `S0614TZR7`.
    pub id: String,
    /// `oncall`, without `@`.
    #[serde(default)]
    pub handle: String,
    /// Who is in it.
    #[serde(default)]
    pub users: Vec<String>,
}

/// How long a name is believed, and how many are.
const NAMED: Duration = Duration::from_secs(3600);
/// People whose names are remembered: a few hundred bytes each.
const MAX_PEOPLE: u64 = 10_000;

/// Names that were looked up.
pub struct Names {
    known: Cache<String, String>,
}

#[derive(Deserialize)]
struct Found {
    user: User,
}

/// A person, as far as their names go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    name: String,
    real_name: String,
    profile: Profile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Profile {
    display_name: String,
    real_name: String,
}

impl Names {
    /// Nobody looked up yet.
    pub fn new() -> Self {
        Self { known: Cache::builder().max_capacity(MAX_PEOPLE).time_to_live(NAMED).build() }
    }

    /// What a person is called, as their messages show it.
    ///
    /// # Errors
    /// When Slack does not say it: that is asked again the next time.
    pub async fn of(&self, api: &Api, user: &str) -> Result<String, ChatError> {
        if let Some(known) = self.known.get(user).await {
            return Ok(known);
        }
        let Found { user: found } = api.get("users.info", &[("user", user.to_owned())]).await?;
        let User { name, real_name, profile } = found;
        let names = [profile.display_name, profile.real_name, real_name, name];
        let name = names.into_iter().find(|name| !name.trim().is_empty()).unwrap_or_else(|| user.to_owned());
        self.known.insert(user.to_owned(), name.clone()).await;
        Ok(name)
    }
}

/// Groups that were looked up.
pub struct Groups {
    known: Cache<(), Arc<Vec<Group>>>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    usergroups: Vec<Group>,
}

impl Groups {
    /// Nothing looked up yet.
    pub fn new() -> Self {
        Self { known: Cache::builder().max_capacity(1).time_to_live(BELIEVED).build() }
    }

    /// The groups that a person is in.
    ///
    /// # Errors
    /// When Slack does not list them.
    pub async fn of(&self, api: &Api, user: &str) -> Result<Vec<Principal>, ChatError> {
        let groups = self.all(api).await?;
        let theirs = groups.iter().filter(|group| group.users.iter().any(|member| member == user));
        Ok(theirs.filter_map(|group| Principal::new(PrincipalKind::SlackGroup, &group.id).ok()).collect())
    }

    /// Mentions as mrkdwn that calls: of groups by handle or id, of people by id, of the channel by `@here`. What nobody
    /// is known by stays as words.
    ///
    /// # Errors
    /// When Slack does not list its groups now: whoever shall be called is worth the wait.
    pub async fn mentions(&self, api: &Api, written: &[String]) -> Result<Vec<String>, ChatError> {
        let by_handle = written.iter().any(|mention| matches!(called(mention), Called::Handle(_)));
        let groups = match by_handle {
            true => self.all(api).await,
            false => Ok(Arc::default()),
        };
        let groups = match groups {
            Err(error @ (ChatError::Wait { .. } | ChatError::Down(_) | ChatError::Unknown(_))) => return Err(error),
            Err(error) => {
                tracing::warn!("Slack lists no user groups, so nobody is called by their handle: {error}");
                Arc::default()
            }
            Ok(groups) => groups,
        };
        let mention = |written: &String| match called(written) {
            Called::Everybody(range) => format!("<!{range}>"),
            Called::Group(id) => format!("<!subteam^{id}>"),
            Called::Person(id) => format!("<@{id}>"),
            Called::Handle(handle) => match groups.iter().find(|group| group.handle == handle) {
                Some(group) => format!("<!subteam^{}>", group.id),
                None => mrkdwn::escaped(&format!("@{WORD_JOINER}{handle}")),
            },
        };
        Ok(written.iter().map(mention).collect())
    }

    async fn all(&self, api: &Api) -> Result<Arc<Vec<Group>>, ChatError> {
        let load = async {
            let parameters = [("include_users", "true".to_owned())];
            let groups: Listed = api.get("usergroups.list", &parameters).await?;
            Ok(Arc::new(groups.usergroups))
        };
        self.known.try_get_with((), load).await.map_err(|error: Arc<ChatError>| (*error).clone())
    }
}

enum Called<'a> {
    Everybody(&'static str),
    Group(&'a str),
    Person(&'a str),
    Handle(&'a str),
}

fn called(written: &str) -> Called<'_> {
    let name = written.trim_start_matches('@');
    let is_id = name.len() >= 8 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    match name {
        "here" => Called::Everybody("here"),
        "channel" | "all" => Called::Everybody("channel"),
        "everyone" => Called::Everybody("everyone"),
        _ if is_id && name.starts_with('S') => Called::Group(name),
        _ if is_id && name.starts_with(['U', 'W']) => Called::Person(name),
        _ => Called::Handle(name),
    }
}
