//! What Slack's errors mean for whoever wants to say something.

use chrono::TimeDelta;
use slack_morphism::errors::SlackClientError;

use crate::adapters::http::HttpError;
use crate::domain::text;
use crate::ports::ChatError;

/// How long to wait when Slack asks for it and does not say how long.
const UNSAID: TimeDelta = TimeDelta::seconds(5);
/// How long when it is the whole workspace that posts too much.
const WORKSPACE: TimeDelta = TimeDelta::seconds(60);
/// Longest wait that is believed.
const LONGEST: u64 = 15 * 60;
/// Most of Slack's explanation that is kept, in bytes.
const MAX_DETAIL_BYTES: usize = 300;

/// Slack's error, sorted. Bodies are not repeated: they may hold what was said.
pub fn chat_error(error: &SlackClientError) -> ChatError {
    match error {
        SlackClientError::RateLimitError(limited) => {
            let after = limited.retry_after.map(|after| after.as_secs().clamp(1, LONGEST));
            let after = after.and_then(|seconds| i64::try_from(seconds).ok()).map_or(UNSAID, TimeDelta::seconds);
            ChatError::Wait { after }
        }
        SlackClientError::ApiError(refused) => {
            let details = refused.errors.as_deref().unwrap_or_default().join("; ");
            coded(&refused.code, &details)
        }
        SlackClientError::HttpError(http) => {
            let status = http.status_code.as_u16();
            match status {
                401 | 403 => ChatError::Account(format!("HTTP {status}")),
                500.. | 408 => ChatError::Unknown(format!("HTTP {status}")),
                _ => ChatError::Refused(format!("HTTP {status}: is SLACK_API_URL right?")),
            }
        }
        SlackClientError::SystemError(system) => {
            let cause = system.cause.as_ref().map(ToString::to_string);
            let said = cause.or_else(|| system.message.clone()).unwrap_or_else(|| "no answer".into());
            let http = system.cause.as_ref().and_then(|cause| cause.downcast_ref::<HttpError>());
            match http {
                Some(HttpError::Unreachable { .. }) => ChatError::Down(said),
                _ => ChatError::Unknown(said),
            }
        }
        SlackClientError::ProtocolError(protocol) => {
            ChatError::Unknown(format!("its answer cannot be read: {}", protocol.json_error))
        }
        SlackClientError::HttpProtocolError(_)
        | SlackClientError::EndOfStream(_)
        | SlackClientError::SocketModeProtocolError(_) => ChatError::Unknown("the connection broke".into()),
    }
}

/// The codes of the methods that we call, by what they mean.
fn coded(code: &str, details: &str) -> ChatError {
    let said = if details.is_empty() { code.to_owned() } else { format!("{code} ({details})") };
    let said = text::line(&said, MAX_DETAIL_BYTES);
    match code {
        "ratelimited" | "rate_limited" => ChatError::Wait { after: UNSAID },
        "message_limit_exceeded" => ChatError::Wait { after: WORKSPACE },
        "internal_error"
        | "internal_server_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org" => ChatError::Unknown(said),
        "message_not_found"
        | "thread_not_found"
        | "cant_update_message"
        | "cant_delete_message"
        | "edit_window_closed"
        | "compliance_exports_prevent_deletion" => ChatError::Gone(said),
        "channel_not_found"
        | "is_archived"
        | "not_in_channel"
        | "is_inactive"
        | "channel_is_archived"
        | "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "restricted_action_non_threadable_channel" => ChatError::Channel(said),
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "missing_scope"
        | "not_allowed_token_type"
        | "no_permission"
        | "access_denied"
        | "org_login_required"
        | "ekm_access_denied"
        | "team_access_not_granted"
        | "two_factor_setup_required" => ChatError::Account(said),
        _ => ChatError::Refused(said),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use slack_morphism::errors::{
        SlackClientApiError, SlackClientHttpError, SlackClientSystemError, SlackRateLimitError,
    };

    use super::*;

    #[test]
    fn errors_are_sorted() {
        let kind = |error: &ChatError| match error {
            ChatError::Wait { after } => format!("wait {}", after.num_seconds()),
            ChatError::Down(_) => "down".into(),
            ChatError::Unknown(_) => "unknown".into(),
            ChatError::Gone(_) => "gone".into(),
            ChatError::Channel(_) => "channel".into(),
            ChatError::Account(_) => "account".into(),
            ChatError::Refused(_) => "refused".into(),
        };
        for (code, sorted) in [
            ("message_not_found", "gone"),
            ("thread_not_found", "gone"),
            ("is_archived", "channel"),
            ("channel_not_found", "channel"),
            ("not_in_channel", "channel"),
            ("invalid_auth", "account"),
            ("token_revoked", "account"),
            ("account_inactive", "account"),
            ("missing_scope", "account"),
            ("invalid_blocks", "refused"),
            ("msg_too_long", "refused"),
            ("user_not_in_channel", "refused"),
            ("internal_error", "unknown"),
            ("ratelimited", "wait 5"),
            ("something_new", "refused"),
        ] {
            let error = SlackClientError::ApiError(SlackClientApiError::new(code.into()));
            assert_eq!(kind(&chat_error(&error)), sorted, "{code}");
        }
        let status = |status: u16| {
            let status = reqwest::StatusCode::from_u16(status).unwrap();
            kind(&chat_error(&SlackClientError::HttpError(SlackClientHttpError::new(status))))
        };
        assert_eq!((status(503), status(404), status(403)), ("unknown".into(), "refused".into(), "account".into()));
        let failed = |error: HttpError| {
            let system = SlackClientSystemError::new().with_cause(Box::new(error));
            kind(&chat_error(&SlackClientError::SystemError(system)))
        };
        let (url, why) = ("http://slack".to_owned(), "connection refused".to_owned());
        let late = HttpError::Timeout { url: url.clone(), after: Duration::from_secs(15) };
        let refused = HttpError::Unreachable { url, why };
        assert_eq!((failed(refused), failed(late)), ("down".into(), "unknown".into()));
        let wait = |after: Option<u64>| {
            let error = SlackRateLimitError::new().opt_retry_after(after.map(Duration::from_secs));
            kind(&chat_error(&SlackClientError::RateLimitError(error)))
        };
        assert_eq!((wait(Some(30)), wait(None), wait(Some(0))), ("wait 30".into(), "wait 5".into(), "wait 1".into()));
    }
}
