//! Pictures: put where Slack says, completed without a channel, and then shown by a block that names the file.

use slack_morphism::SlackFileId;
use slack_morphism::api::{
    SlackApiFilesComplete, SlackApiFilesCompleteUploadExternalRequest, SlackApiFilesGetUploadUrlExternalRequest,
    SlackApiFilesUploadViaUrlRequest,
};
use slack_morphism::{SlackChannelId, SlackTs};

use super::api::{Api, Done, sorted};
use super::limits::{PICTURE_TEXT, fit};
use crate::ports::{ChatError, PictureFile};

/// Where a file is shown when no block can show it.
pub struct Share<'a> {
    /// The channel.
    pub channel: &'a str,
    /// The root of the thread.
    pub thread: &'a str,
}

/// Uploads a picture and gives its file's id. Without a channel nobody sees it until a block shows it.
///
/// # Errors
/// When Slack does not take it; nothing was shown then.
pub async fn upload(
    api: &Api,
    picture: &PictureFile,
    alt: &str,
    share: Option<Share<'_>>,
) -> Result<String, ChatError> {
    let session = api.session();
    let wanted = SlackApiFilesGetUploadUrlExternalRequest::new(picture.name.clone(), picture.png.len())
        .with_alt_txt(fit(alt, PICTURE_TEXT / 2));
    let place = sorted(session.get_upload_url_external(&wanted).await)?;
    let file = SlackApiFilesUploadViaUrlRequest::new(place.upload_url, picture.png.clone(), "image/png".to_owned());
    sorted(session.files_upload_via_url(&file).await)?;
    let SlackFileId(id) = place.file_id;
    let complete = SlackApiFilesComplete::new(SlackFileId(id.clone())).with_title(picture.name.clone());
    let mut complete = SlackApiFilesCompleteUploadExternalRequest::new(vec![complete]);
    if let Some(Share { channel, thread }) = share {
        complete =
            complete.with_channel_id(SlackChannelId(channel.to_owned())).with_thread_ts(SlackTs(thread.to_owned()));
    }
    let Done {} = api.post("files.completeUploadExternal", &complete).await?;
    Ok(id)
}

/// Whether a message with a picture may have been refused because that is still being processed: Slack says
/// `invalid_blocks` then, with or without an explanation.
pub fn may_not_be_ready(error: &ChatError) -> bool {
    matches!(error, ChatError::Refused(said) if said.starts_with("invalid_blocks"))
}
