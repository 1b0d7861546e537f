//! What a secret is called in its place.

/// What was taken out. The reader learns what stood there, never what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ApiKey,
    Authorization,
    AwsKey,
    AwsSecret,
    AzureKey,
    BasicAuth,
    Bearer,
    CloudToken,
    ConnectionString,
    Cookie,
    Credential,
    GcpKey,
    GithubToken,
    GitlabToken,
    HfToken,
    Jwt,
    ModelKey,
    NpmToken,
    Password,
    PrivateKey,
    PypiToken,
    Secret,
    SendgridKey,
    Session,
    Signature,
    SlackToken,
    StripeKey,
    TelegramToken,
    Token,
    UrlPassword,
    VaultToken,
    Webhook,
}

/// How every marker starts. A value that starts so was taken out before and is left alone.
pub(super) const MARKER_START: &[u8] = b"[redacted:";

impl Kind {
    /// The text that replaces the secret.
    pub(super) fn marker(self) -> &'static str {
        match self {
            Self::ApiKey => "[redacted:api-key]",
            Self::Authorization => "[redacted:authorization]",
            Self::AwsKey => "[redacted:aws-key]",
            Self::AwsSecret => "[redacted:aws-secret]",
            Self::AzureKey => "[redacted:azure-key]",
            Self::BasicAuth => "[redacted:basic-auth]",
            Self::Bearer => "[redacted:bearer]",
            Self::CloudToken => "[redacted:cloud-token]",
            Self::ConnectionString => "[redacted:connection-string]",
            Self::Cookie => "[redacted:cookie]",
            Self::Credential => "[redacted:credential]",
            Self::GcpKey => "[redacted:gcp-key]",
            Self::GithubToken => "[redacted:github-token]",
            Self::GitlabToken => "[redacted:gitlab-token]",
            Self::HfToken => "[redacted:hf-token]",
            Self::Jwt => "[redacted:jwt]",
            Self::ModelKey => "[redacted:model-key]",
            Self::NpmToken => "[redacted:npm-token]",
            Self::Password => "[redacted:password]",
            Self::PrivateKey => "[redacted:private-key]",
            Self::PypiToken => "[redacted:pypi-token]",
            Self::Secret => "[redacted:secret]",
            Self::SendgridKey => "[redacted:sendgrid-key]",
            Self::Session => "[redacted:session]",
            Self::Signature => "[redacted:signature]",
            Self::SlackToken => "[redacted:slack-token]",
            Self::StripeKey => "[redacted:stripe-key]",
            Self::TelegramToken => "[redacted:telegram-token]",
            Self::Token => "[redacted:token]",
            Self::UrlPassword => "[redacted:url-password]",
            Self::VaultToken => "[redacted:vault-token]",
            Self::Webhook => "[redacted:webhook]",
        }
    }
}
