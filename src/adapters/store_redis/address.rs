//! Where Redis is: read from `HOLMES_STORE_URL`, and never shown with its passwords.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo as _};

use crate::domain::text::without_secrets;

/// How Redis is told to be reached, for error messages.
const EXAMPLES: &str = "redis://user:password@host:6379/0, redis+sentinel://host:26379,host:26379/mymaster or \
                        redis+cluster://host:6379,host:6379 (rediss… for TLS)";
const SENTINEL_PORT: u16 = 26379;

/// What stands behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topology {
    /// One server, or a name that leads to whichever is the primary.
    One,
    /// Sentinels that know which server is the primary of a service.
    Sentinel {
        /// The service's name.
        service: String,
        /// Who we are to the sentinels, where that is not who we are to Redis.
        login: Option<(String, String)>,
    },
    /// A Redis Cluster.
    Cluster,
}

/// An address with its credentials.
#[derive(Clone)]
pub struct Address {
    pub(super) topology: Topology,
    /// At least one; sentinels for [`Topology::Sentinel`].
    pub(super) nodes: Vec<ConnectionInfo>,
    pub(super) tls: bool,
    shown: String,
}

impl Address {
    /// Reads `redis://user:password@host:6379/0`, `redis+sentinel://user:password@host:26379,host:26379/service/0` (with
    /// `?sentinel_user=…&sentinel_password=…` where sentinels have accounts of their own) or
    /// `redis+cluster://user:password@host:6379,host:6379`; each with `rediss` for TLS.
    ///
    /// # Errors
    /// What is wrong, without a password in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = without_secrets(text);
        let wrong = || format!("`{shown}` is not like {EXAMPLES}");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (base, kind) = scheme.split_once('+').map_or((scheme, ""), |(base, kind)| (base, kind));
        let tls = match base {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(wrong()),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority
            .rsplit_once('@')
            .map_or((String::new(), authority), |(login, hosts)| (format!("{login}@"), hosts));
        if !kind.is_empty() && hosts.split(',').any(str::is_empty) || kind.is_empty() && hosts.contains(',') {
            return Err(wrong());
        }
        let (service, db) = match kind {
            "sentinel" => path.split_once('/').unwrap_or((path, "")),
            _ => ("", path),
        };
        if !(db.is_empty() || kind != "cluster" && db.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(wrong());
        }
        let node = |host: &str| {
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            let port = if kind == "sentinel" && !has_port { format!(":{SENTINEL_PORT}") } else { String::new() };
            let url = format!("{}://{login}{host}{port}/{db}", if tls { "rediss" } else { "redis" });
            url.into_connection_info().map_err(|_| wrong())
        };
        let nodes = hosts.split(',').map(node).collect::<Result<Vec<_>, _>>()?;
        let topology = match kind {
            "" if query.is_empty() => Topology::One,
            "cluster" if query.is_empty() => Topology::Cluster,
            "sentinel" if !service.is_empty() => {
                Topology::Sentinel { service: service.to_owned(), login: sentinel_login(query).map_err(|()| wrong())? }
            }
            _ => return Err(wrong()),
        };
        Ok(Self { topology, nodes, tls, shown })
    }
}

fn sentinel_login(query: &str) -> Result<Option<(String, String)>, ()> {
    if query.is_empty() {
        return Ok(None);
    }
    // Any address will do: only its query is read, with what is escaped in it.
    let url = reqwest::Url::parse(&format!("redis://sentinel/?{query}")).map_err(|_| ())?;
    let mut login = (String::new(), String::new());
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "sentinel_user" => login.0 = value.into_owned(),
            "sentinel_password" => login.1 = value.into_owned(),
            _ => return Err(()),
        }
    }
    if login.1.is_empty() { Err(()) } else { Ok(Some(login)) }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        match Address::parse(text) {
            Ok(Address { topology, nodes, tls, .. }) => {
                let nodes: Vec<String> = nodes
                    .iter()
                    .map(|node| {
                        let settings = node.redis_settings();
                        format!("{} {:?} {}", node.addr(), settings.username(), settings.db())
                    })
                    .collect();
                format!("{topology:?} {tls} {}", nodes.join(", "))
            }
            Err(error) => error.split(" is not like").next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn every_form_is_read() {
        for (text, told) in [
            ("redis://redis:6379", "One false redis:6379 None 0"),
            ("redis://redis", "One false redis:6379 None 0"),
            ("rediss://bot:p%40ss@redis.example:6380/3", "One true redis.example:6380 Some(\"bot\") 3"),
            ("redis+cluster://a:1,b:2", "Cluster false a:1 None 0, b:2 None 0"),
            (
                "redis+sentinel://bot:x@a,b:26380/mymaster/2",
                "Sentinel { service: \"mymaster\", login: None } false a:26379 Some(\"bot\") 2, b:26380 Some(\"bot\") 2",
            ),
            (
                "redis+sentinel://a/m?sentinel_user=s&sentinel_password=%2Fp",
                "Sentinel { service: \"m\", login: Some((\"s\", \"/p\")) } false a:26379 None 0",
            ),
            ("redis://a:1,b:2", "`redis://a:1,b:2`"),
            ("redis+cluster://a:1/0", "`redis+cluster://a:1/0`"),
            ("redis+sentinel://a:1", "`redis+sentinel://a:1`"),
            ("redis+sentinel://a,,b/m", "`redis+sentinel://a,,b/m`"),
            ("http://:s3cret@redis", "`http://…@redis`"),
            ("redis://:s3cret@redis:port", "`redis://…@redis:port`"),
            ("redis+sentinel://a/m?sentinel_pasword=s3cret", "`redis+sentinel://a/m`"),
            ("s3cret@redis", "`…@redis`"),
        ] {
            assert_eq!(read(text), told, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_shows_a_password(scheme in "redis|rediss|redis\\+sentinel|redis\\+cluster|ftp", rest in "[a-z0-9:,/]{0,20}") {
            let text = format!("{scheme}://user:s3cret@{rest}?sentinel_password=s3cret");
            let shown = Address::parse(&text).map_or_else(|error| error, |address| format!("{address} {address:?}"));
            prop_assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
}
