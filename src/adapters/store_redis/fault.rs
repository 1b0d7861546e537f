//! What went wrong with Redis, in an operator's words.

use anyhow::anyhow;
use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::ports::StoreError;

/// The error that callers see. None of these says that nothing was written: a connection that breaks may take the answer
/// to a write with it, which is why every write is safe to repeat.
pub(super) fn unavailable(error: &RedisError) -> StoreError {
    StoreError::Unavailable(anyhow!("{}", words(error)))
}

/// Whether a new connection may help: this one is broken, or leads to a server that is no longer the right one.
pub(super) fn needs_reconnect(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly};
    error.is_io_error()
        || error.is_timeout()
        || error.is_unrecoverable_error()
        || matches!(error.kind(), ErrorKind::Server(ReadOnly | MasterDown | ClusterDown | BusyLoading))
}

/// What is said when the ACL lacks a command or a key.
pub(super) fn not_permitted(what: &str) -> String {
    format!("the Redis user may not do what the bot needs (docs/redis.md): {what}")
}

fn words(error: &RedisError) -> String {
    let detail = error.detail().unwrap_or_default();
    // What a script is refused has no code of its own: the words of Redis 7.0, and those since 7.2.
    if ["can't run this command", "can't access", "ACL failure"].iter().any(|part| detail.contains(part)) {
        return not_permitted(detail);
    }
    match error.code().unwrap_or_default() {
        "OOM" => "Redis is full: raise maxmemory, or keep incidents for a shorter time (HOLMES_RETENTION)".into(),
        "READONLY" => "this Redis is a replica now: the primary is looked for anew".into(),
        "LOADING" => "Redis is still loading its data".into(),
        "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => format!("Redis is failing over: {detail}"),
        "NOREPLICAS" => "Redis has too few replicas to take a write (min-replicas-to-write)".into(),
        "MISCONF" => "Redis cannot write to its disk, and so takes nothing".into(),
        "BUSY" => "Redis is busy with a script".into(),
        "NOPERM" => not_permitted(detail),
        "NOAUTH" | "WRONGPASS" => "Redis refuses the user or password in HOLMES_STORE_URL".into(),
        "CROSSSLOT" | "MOVED" => format!("this Redis is part of a Cluster: use redis+cluster:// ({detail})"),
        _ if error.is_timeout() => "Redis did not answer in time".into(),
        _ if error.kind() == ErrorKind::AuthenticationFailed => {
            "Redis refuses the user or password in HOLMES_STORE_URL".into()
        }
        _ if error.is_io_error() => format!("no connection to Redis: {error}"),
        _ => format!("Redis: {error}"),
    }
}
