//! Who may come into the console, and as whom.

use axum::http::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};

use super::Reader;
use crate::domain::policy::{Principal, PrincipalKind};
use crate::web::console::visitor::{Network, Resident, Sso};

/// Shortest token of a person: theirs is a password that approves changes.
const MIN_TOKEN: usize = 16;
/// Who the holder of a token without a name is.
const NAMELESS: &str = "console";

impl Reader<'_> {
    /// `HOLMES_CONSOLE_TOKEN`: one token, or `ann=…, bob=…`.
    pub(super) fn residents(&mut self) -> Vec<Resident> {
        const VARIABLE: &str = "HOLMES_CONSOLE_TOKEN";
        let Some(written) = self.secret(VARIABLE) else { return Vec::new() };
        let mut residents: Vec<Resident> = Vec::new();
        for entry in written.expose_secret().split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, token) = entry.split_once('=').unwrap_or((NAMELESS, entry));
            let (name, token) = (name.trim(), token.trim());
            if let Err(why) = Principal::new(PrincipalKind::Console, name) {
                self.wrong(VARIABLE, format!("{why}: write name=token, separated by commas"));
            } else if token.len() < MIN_TOKEN {
                self.wrong(
                    VARIABLE,
                    format!("the token of {name} has fewer than {MIN_TOKEN} characters: make it longer"),
                );
            } else if residents.iter().any(|known| known.name == name) {
                self.wrong(VARIABLE, format!("{name} has two tokens: give each person one"));
            } else {
                residents.push(Resident { name: name.to_owned(), token: SecretString::from(token.to_owned()) });
            }
        }
        residents
    }

    /// `HOLMES_SSO_*`: which proxies may say in which headers who somebody is.
    pub(super) fn sso(&mut self) -> Option<Sso> {
        let written = self.get("HOLMES_SSO_PROXIES");
        let user = self.header("HOLMES_SSO_USER_HEADER", "x-forwarded-email");
        let groups = self.header("HOLMES_SSO_GROUPS_HEADER", "x-forwarded-groups");
        let mut proxies = Vec::new();
        for network in written?.split(',').map(str::trim).filter(|network| !network.is_empty()) {
            match network.parse::<Network>() {
                Ok(network) => proxies.push(network),
                Err(why) => self.wrong("HOLMES_SSO_PROXIES", why),
            }
        }
        Some(Sso { proxies, user: user?, groups: groups? })
    }

    fn header(&mut self, variable: &str, default: &'static str) -> Option<HeaderName> {
        let name = self.get(variable).unwrap_or_else(|| default.to_owned());
        let parsed = name.parse::<HeaderName>().ok();
        if parsed.is_none() {
            self.wrong(variable, "is not the name of a header, like X-Forwarded-Email".to_owned());
        }
        parsed
    }
}
