//! What an error of the API means for whoever wanted to say something.

use super::api::ApiError;
use crate::adapters::http::HttpError;
use crate::ports::ChatError;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// A new post in a channel, or a file for one.
    Posting,
    /// A change of one post.
    Editing,
    /// Reading, or anything that may be done again.
    Asking,
}

/// The error as the outbox understands it.
pub(super) fn chat_error(error: ApiError, doing: Doing) -> ChatError {
    let said = error.to_string();
    match error {
        ApiError::Limited { after } => ChatError::Wait { after },
        ApiError::Http(HttpError::Unreachable { .. }) => ChatError::Down(said),
        ApiError::Http(HttpError::Setup(_)) => ChatError::Refused(said),
        ApiError::Http(HttpError::Redirected { .. }) => ChatError::Account(said),
        ApiError::Http(_) => ChatError::Unknown(said),
        ApiError::Refused { status, id, .. } => refused(status, &id, doing, said),
    }
}

fn refused(status: u16, id: &str, doing: Doing, said: String) -> ChatError {
    match (status, doing) {
        (401, _) => ChatError::Account(said),
        _ if id.starts_with("api.post.create_post.root_id")
            || id.starts_with("api.post.create_post.channel_root_id") =>
        {
            ChatError::Gone(said)
        }
        // An archived channel: of its posts, too, none can be changed or deleted until it is unarchived.
        _ if ["can_not_post_to_deleted", "can_not_update_post_in_deleted", "can_not_delete_post_in_deleted"]
            .iter()
            .any(|archived| id.contains(archived)) =>
        {
            ChatError::Channel(said)
        }
        // The server lets nobody edit a post so old: it is still there, and what follows it can be said.
        (400, Doing::Editing) if id.starts_with("api.post.update_post.permissions_time_limit") => {
            ChatError::Refused(said)
        }
        // The post was deleted, or never was; also when the bot may no longer edit, which its caller tells apart.
        (400, Doing::Editing) if id.starts_with("api.post.update_post") => ChatError::Gone(said),
        (403 | 404, Doing::Editing) => ChatError::Gone(said),
        // An unknown channel answers like one that we may not post to.
        (403 | 404, Doing::Posting | Doing::Asking) => ChatError::Channel(said),
        (501, _) => ChatError::Refused(said),
        // A repeated `pending_post_id` whose first is still being written is among these.
        (500.., _) => ChatError::Unknown(said),
        _ => ChatError::Refused(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_sorted() {
        let permissions = "api.context.permissions.app_error";
        for (status, id, doing, name) in [
            (401, "api.context.session_expired.app_error", Doing::Posting, "Account"),
            (400, "api.post.create_post.root_id.app_error", Doing::Posting, "Gone"),
            (400, "api.post.create_post.can_not_post_to_deleted.error", Doing::Posting, "Channel"),
            (400, "api.post.patch_post.can_not_update_post_in_deleted.error", Doing::Editing, "Channel"),
            (400, "api.post.update_post.can_not_update_post_in_deleted.error", Doing::Editing, "Channel"),
            (400, "api.post.delete_post.can_not_delete_post_in_deleted.error", Doing::Asking, "Channel"),
            (400, "model.post.is_valid.msg.app_error", Doing::Posting, "Refused"),
            (400, "api.post.update_post.permissions_time_limit.app_error", Doing::Editing, "Refused"),
            (400, "api.post.update_post.permissions_details.app_error", Doing::Editing, "Gone"),
            (403, permissions, Doing::Posting, "Channel"),
            (403, permissions, Doing::Editing, "Gone"),
            (404, "app.post.get.app_error", Doing::Editing, "Gone"),
            (413, "api.file.upload_file.too_large.app_error", Doing::Posting, "Refused"),
            (500, "api.post.deduplicate_create_post.pending", Doing::Posting, "Unknown"),
            (501, "api.file.attachments.disabled.app_error", Doing::Posting, "Refused"),
        ] {
            let error = ApiError::Refused { status, id: id.into(), message: "no".into() };
            let sorted = format!("{:?}", chat_error(error, doing));
            assert!(sorted.starts_with(name), "{status} {id} {doing:?}: {sorted}");
        }
        let refused = HttpError::Unreachable { url: "http://mm".into(), why: "connection refused".into() };
        assert!(matches!(chat_error(refused.into(), Doing::Posting), ChatError::Down(_)));
        let late = HttpError::Timeout { url: "http://mm".into(), after: std::time::Duration::from_secs(1) };
        assert!(matches!(chat_error(late.into(), Doing::Posting), ChatError::Unknown(_)));
    }
}
