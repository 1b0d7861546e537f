//! The scripts that run in Redis, each atomic; every one of them begins with `lua/prelude.lua`.

/// A script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Open,
    Enqueue,
    Known,
    Claim,
    Retry,
    Bury,
    Inbox,
    Backlog,
    Due,
    Lease,
    Release,
    Commit,
    Incidents,
    IncidentsByKey,
    KeysByFingerprint,
    OpenedSince,
    RowsByTime,
    Outbox,
    Delivered,
    SaveProjection,
    Remove,
    WriteDocuments,
    Documents,
    Audit,
    Changed,
    Restore,
}

impl Script {
    /// All of them, by their position.
    const ALL: [Self; 26] = [
        Self::Open,
        Self::Enqueue,
        Self::Known,
        Self::Claim,
        Self::Retry,
        Self::Bury,
        Self::Inbox,
        Self::Backlog,
        Self::Due,
        Self::Lease,
        Self::Release,
        Self::Commit,
        Self::Incidents,
        Self::IncidentsByKey,
        Self::KeysByFingerprint,
        Self::OpenedSince,
        Self::RowsByTime,
        Self::Outbox,
        Self::Delivered,
        Self::SaveProjection,
        Self::Remove,
        Self::WriteDocuments,
        Self::Documents,
        Self::Audit,
        Self::Changed,
        Self::Restore,
    ];

    fn source(self) -> &'static str {
        match self {
            Self::Open => include_str!("lua/open.lua"),
            Self::Enqueue => include_str!("lua/enqueue.lua"),
            Self::Known => include_str!("lua/known.lua"),
            Self::Claim => include_str!("lua/claim.lua"),
            Self::Retry => include_str!("lua/retry.lua"),
            Self::Bury => include_str!("lua/bury.lua"),
            Self::Inbox => include_str!("lua/inbox.lua"),
            Self::Backlog => include_str!("lua/backlog.lua"),
            Self::Due => include_str!("lua/due.lua"),
            Self::Lease => include_str!("lua/lease.lua"),
            Self::Release => include_str!("lua/release.lua"),
            Self::Commit => concat!(include_str!("lua/incident.lua"), "\n", include_str!("lua/commit.lua")),
            Self::Restore => concat!(include_str!("lua/incident.lua"), "\n", include_str!("lua/restore.lua")),
            Self::Incidents => include_str!("lua/incidents.lua"),
            Self::IncidentsByKey => include_str!("lua/incidents_by_key.lua"),
            Self::KeysByFingerprint => include_str!("lua/keys_by_fingerprint.lua"),
            Self::OpenedSince => include_str!("lua/opened_since.lua"),
            Self::RowsByTime => include_str!("lua/rows_by_time.lua"),
            Self::Outbox => include_str!("lua/outbox.lua"),
            Self::Delivered => include_str!("lua/delivered.lua"),
            Self::SaveProjection => include_str!("lua/save_projection.lua"),
            Self::Remove => include_str!("lua/remove.lua"),
            Self::WriteDocuments => include_str!("lua/write_documents.lua"),
            Self::Documents => include_str!("lua/documents.lua"),
            Self::Audit => include_str!("lua/audit.lua"),
            Self::Changed => include_str!("lua/changed.lua"),
        }
    }
}

/// The scripts with the names that Redis keeps them under.
pub(super) struct Scripts(Vec<(String, String)>);

impl Scripts {
    pub(super) fn new() -> Self {
        let with_name = |script: &Script| {
            let code = format!("{}\n{}", include_str!("lua/prelude.lua"), script.source());
            (redis::Script::new(&code).get_hash().to_owned(), code)
        };
        Self(Script::ALL.iter().map(with_name).collect())
    }

    /// Name (SHA-1) and code of a script.
    pub(super) fn get(&self, script: Script) -> (&str, &str) {
        self.0.get(script as usize).map_or(("", ""), |(name, code)| (name, code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_script_stands_at_its_position() {
        for (position, script) in Script::ALL.iter().enumerate() {
            assert_eq!(*script as usize, position, "{script:?}");
        }
    }
}
