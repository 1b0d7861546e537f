//! People: what they are called, and which groups the server puts them in.

use super::Mattermost;
use super::api::{ApiError, Member, Team, User};
use crate::domain::policy::{Principal, PrincipalKind};
use serde::Deserialize;

/// Groups of one person that are read.
const MAX_GROUPS: &str = "200";

#[derive(Deserialize)]
struct Group {
    id: String,
}

impl Mattermost {
    /// The teams and groups of a person. A server without a licence has no groups, and then a team is the only one.
    pub(super) async fn groups_of(&self, user: &str) -> Result<Vec<Principal>, ApiError> {
        if let Some(known) = self.groups.get(user).await {
            return Ok(known);
        }
        let mut ids = Vec::new();
        // Only an administrator sees all teams of others; the bot sees who is in its own.
        let teams: Vec<Team> = self.api.call_now(self.api.endpoint.get("api/v4/users/me/teams")).await?;
        for team in teams {
            let request = self.api.endpoint.get(&format!("api/v4/teams/{}/members/{user}", team.id));
            match self.api.call_now::<Member>(request).await {
                Ok(member) if member.delete_at == 0 && member.user_id == user => ids.push(team.id),
                Ok(_) => {}
                Err(error) if is_none(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let request = self.api.endpoint.get("api/v4/groups");
        let query = [("filter_has_member", user), ("page", "0"), ("per_page", MAX_GROUPS)];
        match self.api.call_now::<Vec<Group>>(request.query(&query)).await {
            Ok(groups) => ids.extend(groups.into_iter().map(|group| group.id)),
            Err(error) if is_none(&error) => {}
            Err(error) => return Err(error),
        }
        let groups: Vec<Principal> =
            ids.iter().filter_map(|id| Principal::new(PrincipalKind::MattermostGroup, id).ok()).collect();
        self.groups.insert(user.to_owned(), groups.clone()).await;
        Ok(groups)
    }

    /// What a person is called: the user name; `None` where the server does not say.
    pub(super) async fn name_of(&self, user: &str) -> Option<String> {
        if let Some(known) = self.names.get(user).await {
            return Some(known);
        }
        let found = self.api.call::<User>(self.api.endpoint.get(&format!("api/v4/users/{user}"))).await;
        match found {
            Ok(found) => {
                self.names.insert(user.to_owned(), found.username.clone()).await;
                Some(found.username)
            }
            Err(error) => {
                tracing::debug!("Mattermost does not say who {user} is: {error}");
                None
            }
        }
    }
}

/// Whether the answer means that there is no such membership, or no such feature.
fn is_none(error: &ApiError) -> bool {
    matches!(error, ApiError::Refused { status: 400 | 403 | 404 | 501, .. })
}
