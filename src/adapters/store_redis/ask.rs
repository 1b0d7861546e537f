//! What several rooms ask of Redis in the same way.

use super::args::Args;
use super::link::Link;
use super::script::Script;
use crate::ports::StoreError;

/// Records asked for at once: bounds how long a script keeps others waiting.
pub(super) const PAGE: usize = 100;

static ROWS_BY_TIME: Script = Script::new(include_str!("lua/rows_by_time.lua"));

impl Link {
    /// Runs a script that answers nothing but that it is done.
    pub(super) async fn done(&self, script: &Script, args: Args) -> Result<(), StoreError> {
        let answer = self.run(script, &args).await?;
        if answer.word() == b"ok" { Ok(()) } else { Err(answer.unknown()) }
    }

    pub(super) async fn field(&self, key: &str, field: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.query(redis::cmd("HGET").arg(self.key(key)).arg(field)).await
    }

    pub(super) async fn names(&self, command: &str, index: &str, args: &[&str]) -> Result<Vec<String>, StoreError> {
        let mut command = redis::cmd(command);
        command.arg(self.key(index));
        for arg in args {
            command.arg(*arg);
        }
        self.query(&command).await
    }

    /// The rows of a hash that an index names, in its order.
    pub(super) async fn rows<T: serde::de::DeserializeOwned>(
        &self,
        rows: &str,
        index: &str,
        since: &str,
    ) -> Result<Vec<T>, StoreError> {
        let args = Args::default().text(rows).text(index).text(since);
        let mut answer = self.run(&ROWS_BY_TIME, &args).await?;
        let mut found = Vec::new();
        while !answer.is_over() {
            found.push(answer.json()?);
        }
        Ok(found)
    }
}
