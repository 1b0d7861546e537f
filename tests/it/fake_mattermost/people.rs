//! Users, teams, channels, commands, settings.

use axum::Json;
use axum::extract::{Path, Query, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::KeyPair as _;
use serde_json::{Value, json};

use super::api::{Answer, Caller, FORBIDDEN, No, Server, created, ok};
use super::state::{Channel, State as Known, User};

const NO_USER: No = No(404, "app.user.missing_account.const", "Unable to find the user.");
const NO_CHANNEL: No = No(404, "app.channel.get.existing.app_error", "Unable to find the existing channel.");
/// What stands before the point in a P-256 public key's DER.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

fn shown(user: &User) -> Value {
    let mut shown = json!({
        "id": user.id, "create_at": 1, "update_at": 1, "delete_at": 0, "username": user.username, "auth_data": "",
        "auth_service": "", "email": format!("{}@localhost", user.username), "nickname": "", "first_name": "",
        "last_name": "", "position": "", "roles": user.roles, "notify_props": {"channel": "true"},
        "last_password_update": 1, "locale": "en", "timezone": {"automaticTimezone": ""},
        "disable_welcome_email": false,
    });
    if user.is_bot {
        shown["is_bot"] = true.into();
        shown["bot_description"] = "d".into();
    }
    shown
}

fn find<'a>(state: &'a Known, id: &str) -> Result<&'a User, No> {
    state.users.iter().find(|user| user.id == id).ok_or(NO_USER)
}

fn is_admin(state: &Known, user: &str) -> bool {
    find(state, user).is_ok_and(|user| user.roles.contains("system_admin"))
}

fn admin(state: &Known, user: &str) -> Result<(), No> {
    if is_admin(state, user) { Ok(()) } else { Err(FORBIDDEN) }
}

pub async fn me(State(shared): Server, Caller(me): Caller) -> Answer {
    ok(shown(find(&shared.state(), &me)?))
}

pub async fn user(State(shared): Server, Caller(_): Caller, Path(user): Path<String>) -> Answer {
    ok(shown(find(&shared.state(), &user)?))
}

pub async fn by_name(State(shared): Server, Caller(_): Caller, Path(name): Path<String>) -> Answer {
    let state = shared.state();
    ok(shown(state.users.iter().find(|user| user.username == name).ok_or(NO_USER)?))
}

fn team_shown(id: &str, name: &str) -> Value {
    json!({
        "id": id, "create_at": 1, "update_at": 1, "delete_at": 0, "display_name": name, "name": name,
        "description": "", "email": "", "type": "O", "company_name": "", "allowed_domains": "", "invite_id": "x",
        "allow_open_invite": false, "scheme_id": null, "group_constrained": null, "policy_id": null,
    })
}

pub async fn my_teams(State(shared): Server, Caller(me): Caller) -> Answer {
    let state = shared.state();
    let mine = state.teams.iter().filter(|(id, _)| state.team_members.contains(&(id.clone(), me.clone())));
    ok(mine.map(|(id, name)| team_shown(id, name)).collect())
}

fn channel_shown(channel: &Channel) -> Value {
    let shared = if channel.kind == "D" { json!(false) } else { Value::Null };
    json!({
        "id": channel.id, "create_at": 1, "update_at": 1, "delete_at": channel.delete_at, "team_id": channel.team,
        "type": channel.kind, "display_name": channel.name, "name": channel.name, "header": "", "purpose": "",
        "last_post_at": channel.last_post_at, "total_msg_count": 0, "extra_update_at": 0, "creator_id": "",
        "scheme_id": null, "props": null, "group_constrained": null, "shared": shared, "total_msg_count_root": 0,
        "policy_id": null,
    })
}

pub async fn my_channels(State(shared): Server, Caller(me): Caller, Path(team): Path<String>) -> Answer {
    let state = shared.state();
    let mine = state.channels.iter().filter(|channel| channel.team == team || channel.team.is_empty());
    ok(mine.filter(|channel| state.is_in(&channel.id, &me)).map(channel_shown).collect())
}

pub async fn make_token(State(shared): Server, Caller(me): Caller, Path(user): Path<String>) -> Answer {
    let mut state = shared.state();
    admin(&state, &me)?;
    if !find(&state, &user)?.is_bot {
        return Err(FORBIDDEN);
    }
    let (id, token) = (state.id(), state.add_token(&user));
    ok(json!({ "id": id, "token": token, "user_id": user, "description": "t", "is_active": true }))
}

pub async fn typing(
    State(shared): Server,
    Caller(me): Caller,
    Path(user): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let mut state = shared.state();
    let channel = body["channel_id"].as_str().unwrap_or_default().to_owned();
    if (user != "me" && user != me) || !state.is_in(&channel, &me) {
        return Err(FORBIDDEN);
    }
    state.typing.push((channel, body["parent_id"].as_str().unwrap_or_default().to_owned()));
    ok(json!({ "status": "OK" }))
}

pub async fn make_bot(State(shared): Server, Caller(me): Caller, Json(body): Json<Value>) -> Answer {
    let mut state = shared.state();
    admin(&state, &me)?;
    if state.config["ServiceSettings"]["EnableBotAccountCreation"] == false {
        return Err(No(403, "api.bot.create_disabled", "Bot creation has been disabled."));
    }
    let name = body["username"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() || state.users.iter().any(|user| user.username == name) {
        return Err(No(
            400,
            "app.user.save.username_exists.app_error",
            "An account with that username already exists.",
        ));
    }
    let id = state.add_user(&name, true);
    // It has no token before one is made.
    state.tokens.retain(|_, owner| *owner != id);
    created(json!({
        "user_id": id, "username": name, "display_name": body["display_name"], "description": body["description"],
        "owner_id": me, "create_at": 1, "update_at": 1, "delete_at": 0,
    }))
}

pub async fn team(State(shared): Server, Caller(_): Caller, Path(team): Path<String>) -> Answer {
    let state = shared.state();
    let found = state.teams.iter().find(|(id, _)| *id == team);
    found.map_or(Err(No(404, "app.team.get.find.app_error", "No team.")), |(id, name)| ok(team_shown(id, name)))
}

fn member_of_team(team: &str, user: &str) -> Value {
    json!({
        "team_id": team, "user_id": user, "roles": "team_user", "delete_at": 0, "scheme_guest": false,
        "scheme_user": true, "scheme_admin": false, "explicit_roles": "",
    })
}

pub async fn join_team(
    State(shared): Server,
    Caller(me): Caller,
    Path(team): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let mut state = shared.state();
    admin(&state, &me)?;
    let user = body["user_id"].as_str().unwrap_or_default().to_owned();
    find(&state, &user)?;
    if body["team_id"] != team.as_str() {
        return Err(No(400, "api.context.invalid_body_param.app_error", "Invalid or missing team_id."));
    }
    let member = member_of_team(&team, &user);
    state.team_members.insert((team, user));
    created(member)
}

pub async fn team_member(
    State(shared): Server,
    Caller(me): Caller,
    Path((team, user)): Path<(String, String)>,
) -> Answer {
    let state = shared.state();
    if !state.team_members.contains(&(team.clone(), me)) {
        return Err(FORBIDDEN);
    }
    if !state.team_members.contains(&(team.clone(), user.clone())) {
        return Err(No(
            404,
            "app.team.get_member.missing.app_error",
            "No team member found for that user ID and team ID.",
        ));
    }
    ok(member_of_team(&team, &user))
}

pub async fn autocomplete(State(shared): Server, Caller(me): Caller, Path(team): Path<String>) -> Answer {
    let state = shared.state();
    if !state.team_members.contains(&(team.clone(), me)) {
        return Err(FORBIDDEN);
    }
    let listed =
        state.commands.iter().filter(|command| command["team_id"] == *team && command["auto_complete"] == true);
    let listed = listed.cloned().map(|mut command| {
        // Only those who manage it see the token.
        command["token"] = "".into();
        command
    });
    ok(listed.collect())
}

pub async fn channel_by_name(
    State(shared): Server,
    Caller(me): Caller,
    Path((team, name)): Path<(String, String)>,
) -> Answer {
    let state = shared.state();
    let found = state.channels.iter().find(|channel| {
        channel.name == name && state.teams.iter().any(|(id, known)| *known == team && *id == channel.team)
    });
    let found = found.ok_or(No(404, "app.channel.get_by_name.missing.app_error", "Channel does not exist."))?;
    let sees = is_admin(&state, &me) || state.team_members.contains(&(found.team.clone(), me));
    if sees { ok(channel_shown(found)) } else { Err(FORBIDDEN) }
}

pub async fn direct(State(shared): Server, Caller(me): Caller, Json(users): Json<Vec<String>>) -> Answer {
    let mut state = shared.state();
    let [a, b] = users.as_slice() else {
        return Err(No(400, "api.context.invalid_body_param.app_error", "Invalid or missing user_ids."));
    };
    if *a != me && *b != me {
        return Err(FORBIDDEN);
    }
    find(&state, a)?;
    find(&state, b)?;
    let name = format!("{}__{}", a.min(b), a.max(b));
    if !state.channels.iter().any(|channel| channel.name == name) {
        let id = state.id();
        state.channels.push(Channel {
            id: id.clone(),
            team: String::new(),
            name: name.clone(),
            kind: "D",
            delete_at: 0,
            last_post_at: 0,
        });
        for user in [a, b] {
            state.channel_members.insert((id.clone(), user.clone()));
        }
    }
    created(channel_shown(state.channels.iter().find(|channel| channel.name == name).unwrap()))
}

pub async fn channel(State(shared): Server, Caller(me): Caller, Path(channel): Path<String>) -> Answer {
    let state = shared.state();
    let found = state.channels.iter().find(|known| known.id == channel).ok_or(NO_CHANNEL)?;
    if is_admin(&state, &me) || state.is_in(&channel, &me) { ok(channel_shown(found)) } else { Err(FORBIDDEN) }
}

fn member_of_channel(channel: &str, user: &str) -> Value {
    json!({
        "channel_id": channel, "user_id": user, "roles": "channel_user", "last_viewed_at": 0, "msg_count": 0,
        "mention_count": 0, "mention_count_root": 0, "msg_count_root": 0, "notify_props": {"desktop": "default"},
        "last_update_at": 1, "scheme_guest": false, "scheme_user": true, "scheme_admin": false, "explicit_roles": "",
    })
}

pub async fn join_channel(
    State(shared): Server,
    Caller(me): Caller,
    Path(channel): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let mut state = shared.state();
    admin(&state, &me)?;
    let user = body["user_id"].as_str().unwrap_or_default().to_owned();
    let team = state.channels.iter().find(|known| known.id == channel).ok_or(NO_CHANNEL)?.team.clone();
    if !state.team_members.contains(&(team, user.clone())) {
        return Err(No(
            404,
            "app.team.get_member.missing.app_error",
            "No team member found for that user ID and team ID.",
        ));
    }
    let member = member_of_channel(&channel, &user);
    state.channel_members.insert((channel, user));
    created(member)
}

pub async fn channel_member(
    State(shared): Server,
    Caller(me): Caller,
    Path((channel, user)): Path<(String, String)>,
) -> Answer {
    let state = shared.state();
    let user = if user == "me" { me.clone() } else { user };
    if !state.is_in(&channel, &me) {
        return Err(FORBIDDEN);
    }
    if !state.is_in(&channel, &user) {
        return Err(No(404, "app.channel.get_member.missing.app_error", "No channel member found."));
    }
    ok(member_of_channel(&channel, &user))
}

pub async fn groups(
    State(shared): Server,
    Caller(_): Caller,
    Query(query): Query<std::collections::HashMap<String, String>>,
) -> Answer {
    let state = shared.state();
    let Some(groups) = &state.groups else {
        return Err(No(403, "api.license_error", "Your license does not support this feature."));
    };
    let member = query.get("filter_has_member");
    let having = groups.iter().filter(|(_, members)| member.is_none_or(|member| members.contains(member)));
    ok(having.map(|(id, _)| json!({ "id": id, "name": "g", "display_name": "G", "source": "custom" })).collect())
}

pub async fn config(State(shared): Server, Caller(me): Caller) -> Answer {
    let state = shared.state();
    admin(&state, &me)?;
    ok(state.config.clone())
}

pub async fn client_config(
    State(shared): Server,
    Query(query): Query<std::collections::HashMap<String, String>>,
) -> Answer {
    if query.get("format").map(String::as_str) != Some("old") {
        return Err(No(400, "api.config.client.old_format.app_error", "New format not supported yet."));
    }
    let state = shared.state();
    let service = &state.config["ServiceSettings"];
    let point = [&P256_PREFIX[..], shared.key.public_key().as_ref()].concat();
    let mut facts = json!({
        "BuildNumber": "5.38.0",
        "EnableCommands": service["EnableCommands"].to_string(),
        "EnableFileAttachments": state.config["FileSettings"]["EnableFileAttachments"].to_string(),
        "PostEditTimeLimit": service["PostEditTimeLimit"].to_string(),
        "PostPriority": state.post_priority.to_string(),
        "SiteURL": service["SiteURL"],
        "Version": "5.38.0",
    });
    if state.publishes_key {
        facts["AsymmetricSigningPublicKey"] = STANDARD.encode(point).into();
    }
    ok(facts)
}

pub async fn commands(
    State(shared): Server,
    Caller(me): Caller,
    Query(query): Query<std::collections::HashMap<String, String>>,
) -> Answer {
    let state = shared.state();
    admin(&state, &me)?;
    let team = query.get("team_id").ok_or(No(400, "api.context.invalid_param.app_error", "Invalid team_id."))?;
    ok(state.commands.iter().filter(|command| command["team_id"] == **team).cloned().collect())
}

pub async fn make_command(State(shared): Server, Caller(me): Caller, Json(body): Json<Value>) -> Answer {
    let mut state = shared.state();
    admin(&state, &me)?;
    let trigger = body["trigger"].as_str().unwrap_or_default().to_owned();
    let url = body["url"].as_str().unwrap_or_default().to_owned();
    let hint = body["auto_complete_hint"].as_str().unwrap_or_default();
    if trigger.is_empty() || trigger.contains(' ') || !url.starts_with("http") || hint.len() > 1024 {
        return Err(No(400, "model.command.is_valid.trigger.app_error", "Invalid trigger."));
    }
    if state.commands.iter().any(|known| known["trigger"] == *trigger && known["team_id"] == body["team_id"]) {
        return Err(No(400, "api.command.duplicate_trigger.app_error", "This trigger word is already in use."));
    }
    state.add_command(&trigger, &url);
    let last = state.commands.last_mut().unwrap();
    for (name, value) in body.as_object().unwrap() {
        last[name] = value.clone();
    }
    created(last.clone())
}

pub async fn change_command(
    State(shared): Server,
    Caller(me): Caller,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let mut state = shared.state();
    admin(&state, &me)?;
    let Some(command) = state.commands.iter_mut().find(|command| command["id"] == *id) else {
        return Err(No(404, "store.sql_command.get.missing.app_error", "Command does not exist."));
    };
    if body["id"] != *id || body["team_id"] != command["team_id"] {
        return Err(No(400, "api.context.invalid_body_param.app_error", "Invalid or missing command."));
    }
    for (name, value) in body.as_object().unwrap().iter().filter(|(name, _)| *name != "token") {
        command[name] = value.clone();
    }
    ok(command.clone())
}
