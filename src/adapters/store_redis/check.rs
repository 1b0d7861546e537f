//! What `holmes-bot check` says about Redis.

use std::collections::HashMap;

use super::RedisStore;
use crate::adapters::check::CheckLine;
use crate::ports::Store as _;

/// The oldest release whose streams and scripts do what they are used for.
const OLDEST: u32 = 7;

impl RedisStore {
    /// Whether every server is there, new enough, and set up so that it keeps what it takes.
    pub async fn check(&self) -> Vec<CheckLine> {
        let mut lines = Vec::new();
        match self.inbox().await {
            Ok(inbox) => {
                let detail = format!("answers; {} events wait, {} were given up", inbox.waiting, inbox.dead);
                lines.push(CheckLine::good("redis", detail));
            }
            Err(error) => lines.push(CheckLine::bad("redis", error.to_string(), "see docs/redis.md")),
        }
        for (server, answer) in self.link.ask_each(&redis::cmd("INFO")).await {
            match answer {
                Ok(info) => lines.extend(of_server(&server, &info)),
                Err(error) => lines.push(CheckLine::bad(server, error.to_string(), "see docs/redis.md")),
            }
        }
        lines
    }
}

fn of_server(server: &str, info: &str) -> Vec<CheckLine> {
    let info: HashMap<&str, &str> = info.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let get = |name: &str| info.get(name).copied().unwrap_or_default();
    let what = |part: &str| format!("{part} of {server}");
    let mut lines = Vec::new();

    // Valkey says the Redis release that it is compatible with, too.
    let version = get("redis_version");
    let name = if get("valkey_version").is_empty() {
        format!("Redis {version}")
    } else {
        format!("Valkey {}", get("valkey_version"))
    };
    let is_new = version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|it| it >= OLDEST);
    lines.push(if is_new {
        CheckLine::good(what("version"), name)
    } else {
        CheckLine::bad(what("version"), name, format!("use Redis {OLDEST} or newer, or Valkey"))
    });

    let policy = get("maxmemory_policy");
    lines.push(match policy {
        "noeviction" => CheckLine::good(what("memory"), format!("noeviction, {} used", get("used_memory_human"))),
        // Whatever a cache may forget is an incident here.
        _ => CheckLine::bad(what("memory"), format!("maxmemory-policy is {policy}"), "set maxmemory-policy noeviction"),
    });

    let detail = if get("aof_enabled") == "1" {
        "appendonly yes"
    } else {
        "appendonly no: what was acknowledged since the last snapshot is lost when this server dies; set appendonly yes"
    };
    lines.push(CheckLine::good(what("durability"), detail));
    if get("aof_last_write_status") == "err" || get("rdb_last_bgsave_status") == "err" {
        lines.push(CheckLine::bad(what("disk"), "the last write failed", "look for space on the server's disk"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_no_store() {
        let told = |info: &str| -> Vec<String> {
            of_server("a:1", info)
                .into_iter()
                .map(|line| format!("{} {}: {}", line.ok, line.what, line.detail))
                .collect()
        };
        let good = "redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nused_memory_human:1.2M\r\n\
                    maxmemory_policy:noeviction\r\naof_enabled:1\r\naof_last_write_status:ok\r\n";
        assert_eq!(
            told(good),
            [
                "true version of a:1: Valkey 8.0.1",
                "true memory of a:1: noeviction, 1.2M used",
                "true durability of a:1: appendonly yes"
            ]
        );
        let bad = "redis_version:6.2.1\nmaxmemory_policy:allkeys-lru\naof_enabled:0\nrdb_last_bgsave_status:err\n";
        let told = told(bad);
        assert!(
            told[0].starts_with("false") && told[1].starts_with("false") && told[3].starts_with("false"),
            "{told:?}"
        );
        assert!(told[2].starts_with("true durability of a:1: appendonly no"));
    }
}
