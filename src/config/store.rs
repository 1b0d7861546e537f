//! Where state is kept: in a file, or in Redis.

use std::path::PathBuf;

use super::Reader;
use crate::adapters::store_redis::Address;

/// Where state is kept.
#[derive(Debug, Clone)]
pub enum StoreConfig {
    /// In a file of `HOLMES_DATA_DIR`; for one replica.
    Embedded,
    /// In Redis; for any number of replicas.
    Redis {
        /// Where it is, and who we are to it.
        address: Address,
        /// PEM file of the certificate authority, if it is not a public one.
        ca_file: Option<PathBuf>,
        /// What all keys begin with.
        prefix: String,
        /// Replicas of Redis that must have what is acknowledged.
        copies: usize,
    },
}

impl Reader<'_> {
    pub(super) fn store(&mut self) -> StoreConfig {
        let ca_file = self.file("HOLMES_STORE_CA_FILE");
        let prefix = self.get("HOLMES_REDIS_PREFIX");
        let copies = self.number("HOLMES_REDIS_COPIES", 0, 0..=8);
        let Some(url) = self.get("HOLMES_STORE_URL") else {
            for (name, is_set) in
                [("HOLMES_STORE_CA_FILE", ca_file.is_some()), ("HOLMES_REDIS_PREFIX", prefix.is_some())]
            {
                if is_set {
                    self.wrong(name, "makes sense only together with HOLMES_STORE_URL");
                }
            }
            return StoreConfig::Embedded;
        };
        let prefix = prefix.unwrap_or_else(|| "holmes".into());
        // It becomes the hash tag of a Cluster, a pattern of an ACL, and the name of a channel.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !prefix.chars().all(is_plain) {
            self.wrong(
                "HOLMES_REDIS_PREFIX",
                format!("`{prefix}` has more in it than letters, digits, `.`, `_` and `-`"),
            );
        }
        match Address::parse(&url) {
            Ok(address) => StoreConfig::Redis { address, ca_file, prefix, copies },
            Err(problem) => {
                self.wrong("HOLMES_STORE_URL", problem);
                StoreConfig::Embedded
            }
        }
    }
}
