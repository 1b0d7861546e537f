//! Who looks at the console: a person known by a token of their own or vouched for by a proxy, or somebody who may look
//! and not decide.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, header};
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::session;
use crate::config::is_secret;
use crate::domain::policy::{Person, Principal, PrincipalKind};

/// Most groups taken from a proxy's header.
const MAX_GROUPS: usize = 200;

/// A person with a token of their own.
#[derive(Debug, Clone)]
pub struct Resident {
    /// Their name: they are `console:name` in the policy.
    pub name: String,
    /// Their token.
    pub token: SecretString,
}

/// A proxy that signs people in and says who they are.
#[derive(Debug, Clone)]
pub struct Sso {
    /// The addresses it comes from; a header from anywhere else is what a stranger wrote.
    pub proxies: Vec<Network>,
    /// The header with the person's e-mail address or name.
    pub user: HeaderName,
    /// The header with their groups, separated by commas.
    pub groups: HeaderName,
}

/// Who may come in.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// The token with which one may look; without it everybody may, which is for loopback only.
    pub viewer: Option<SecretString>,
    /// People with tokens of their own.
    pub residents: Vec<Resident>,
    /// A proxy that vouches for people.
    pub sso: Option<Sso>,
    /// Who somebody is that nobody asked: the demo's approver, and nobody elsewhere.
    pub guest: Option<Person>,
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visitor {
    /// Who, where that is known: only then they may decide.
    pub person: Option<Person>,
    /// Whether there is a session to end.
    pub can_log_out: bool,
    /// Whether they could become somebody by logging in.
    pub can_log_in: bool,
}

impl Doors {
    /// Who sends this request; `None`: nobody who may come in.
    pub fn visitor(&self, headers: &HeaderMap, peer: Option<IpAddr>, now: DateTime<Utc>) -> Option<Visitor> {
        if let Some(person) = self.vouched(headers, peer) {
            return Some(Visitor { person: Some(person), ..Visitor::default() });
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION).and_then(|value| {
            let (scheme, given) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(given.trim())
        });
        if let Some(given) = bearer {
            return self.by(|token| is_secret(token, given.as_bytes()));
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut sessions = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(session::COOKIE)?.strip_prefix('='));
        let known = sessions.find_map(|value| self.by(|token| session::is_valid(token, value, now)));
        known.map(|known| Visitor { can_log_out: true, ..known }).or_else(|| self.anybody())
    }

    /// The token that was typed into the login page, and whose it is.
    pub fn token(&self, given: &str) -> Option<&SecretString> {
        let residents = self.residents.iter().map(|resident| &resident.token);
        residents.chain(&self.viewer).find(|token| is_secret(token, given.as_bytes()))
    }

    /// Whether there is anything to log in for.
    pub fn has_login(&self) -> bool {
        self.viewer.is_some() || !self.residents.is_empty()
    }

    fn by(&self, fits: impl Fn(&SecretString) -> bool) -> Option<Visitor> {
        if let Some(resident) = self.residents.iter().find(|resident| fits(&resident.token)) {
            let id = Principal::new(PrincipalKind::Console, &resident.name).ok()?;
            return Some(Visitor { person: Some(Person::new(id, &resident.name)), ..Visitor::default() });
        }
        let looks = self.viewer.as_ref().is_some_and(fits);
        looks.then(|| Visitor { can_log_in: !self.residents.is_empty(), ..Visitor::default() })
    }

    fn anybody(&self) -> Option<Visitor> {
        let open =
            || Visitor { person: self.guest.clone(), can_log_in: !self.residents.is_empty(), can_log_out: false };
        self.viewer.is_none().then(open)
    }

    fn vouched(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<Person> {
        let sso = self.sso.as_ref()?;
        let peer = peer?;
        if !sso.proxies.iter().any(|network| network.holds(peer)) {
            return None;
        }
        // Two values would let a stranger's stand beside the proxy's.
        let one = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter();
            // Proxies send UTF-8 as it is.
            let first = str::from_utf8(values.next()?.as_bytes()).ok()?.trim();
            values.next().is_none().then_some(first).filter(|value| !value.is_empty())
        };
        let user = one(&sso.user)?;
        let mut person = Person::new(Principal::new(PrincipalKind::Sso, user).ok()?, user);
        let groups = one(&sso.groups).unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        let principals = groups.filter_map(|name| Principal::new(PrincipalKind::SsoGroup, name).ok());
        person.groups = principals.take(MAX_GROUPS).collect();
        Some(person)
    }
}

/// Addresses that begin alike: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address is in it. IPv4 addresses mapped into IPv6 are what they stand for.
    pub fn holds(&self, address: IpAddr) -> bool {
        let shared = |ours: u128, theirs: u128, width: u32| {
            let shift = width.saturating_sub(u32::from(self.bits));
            shift >= width || (ours >> shift) == (theirs >> shift)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => shared(ours.to_bits().into(), theirs.to_bits().into(), 32),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => self.bits == 0 || shared(ours.to_bits(), theirs.to_bits(), 128),
            _ => false,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let wrong = || format!("`{written}` is not like 10.0.0.0/8 or 192.168.1.7");
        let (address, bits) = match written.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
            None => (written, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        if bits <= width { Ok(Self { address, bits }) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn doors() -> Doors {
        Doors {
            viewer: Some(SecretString::from("look-only-token-123")),
            residents: vec![Resident { name: "ann".into(), token: SecretString::from("anns-own-token-4567") }],
            sso: Some(Sso {
                proxies: vec!["10.0.0.0/8".parse().unwrap()],
                user: HeaderName::from_static("x-forwarded-email"),
                groups: HeaderName::from_static("x-forwarded-groups"),
            }),
            guest: None,
        }
    }

    fn who(headers: &[(&'static str, &str)], peer: &str) -> Option<Option<String>> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            // As a proxy sends it: UTF-8, in whatever script.
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let visitor = doors().visitor(&map, Some(peer.parse().unwrap()), DateTime::UNIX_EPOCH)?;
        Some(visitor.person.map(|person| person.id.to_string()))
    }

    #[test]
    fn only_tokens_and_named_proxies_make_a_person() {
        let mail = ("x-forwarded-email", "Ann@Example.com");
        assert_eq!(who(&[], "10.1.2.3"), None);
        assert_eq!(who(&[("authorization", "Bearer look-only-token-123")], "1.2.3.4"), Some(None));
        assert_eq!(
            who(&[("authorization", "Bearer anns-own-token-4567")], "1.2.3.4"),
            Some(Some("console:ann".into()))
        );
        assert_eq!(who(&[("authorization", "Bearer wrong")], "1.2.3.4"), None);
        assert_eq!(who(&[mail], "10.1.2.3"), Some(Some("sso:ann@example.com".into())));
        assert_eq!(who(&[mail], "11.1.2.3"), None, "a header from a stranger");
        assert_eq!(who(&[mail, ("x-forwarded-email", "eve@example.com")], "10.1.2.3"), None, "a header smuggled in");
    }

    #[test]
    fn names_and_groups_may_be_of_any_script() {
        let mut headers = HeaderMap::new();
        let set = |headers: &mut HeaderMap, name: &'static str, value: &str| {
            headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        };
        set(&mut headers, "x-forwarded-email", "анна");
        set(&mut headers, "x-forwarded-groups", "sre, Дежурные");
        let peer = Some("10.1.2.3".parse().unwrap());
        let person = doors().visitor(&headers, peer, DateTime::UNIX_EPOCH).unwrap().person.unwrap();
        let groups: Vec<String> = person.groups.iter().map(ToString::to_string).collect();
        assert_eq!((person.id.to_string().as_str(), groups.len()), ("sso:анна", 2), "{groups:?}");
    }

    #[test]
    fn sessions_are_of_whoever_logged_in() {
        let now = DateTime::UNIX_EPOCH;
        let all = doors();
        for (token, who) in [("anns-own-token-4567", Some("console:ann")), ("look-only-token-123", None)] {
            let session = session::value(all.token(token).unwrap(), now);
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, format!("{}={session}", session::COOKIE).parse().unwrap());
            let visitor = all.visitor(&headers, None, now).unwrap();
            assert_eq!(visitor.person.map(|person| person.id.to_string()).as_deref(), who);
            assert!(visitor.can_log_out);
        }
        assert!(all.token("nobody's").is_none());
    }

    #[test]
    fn networks_hold_what_begins_alike() {
        for (network, address, holds) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "9.9.9.9", true),
            ("192.168.1.7", "192.168.1.8", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "10.0.0.1", false),
        ] {
            assert_eq!(
                network.parse::<Network>().unwrap().holds(address.parse().unwrap()),
                holds,
                "{network} {address}"
            );
        }
        for wrong in ["", "10.0.0.0/33", "host", "10.0.0.0/x"] {
            wrong.parse::<Network>().unwrap_err();
        }
    }
}
