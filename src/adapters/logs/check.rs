//! What `holmes-bot check` says about the log server.

use chrono::{DateTime, TimeDelta, Utc};

use super::fields::FieldSet;
use super::{Logs, LogsError};
use crate::adapters::check::CheckLine;
use crate::adapters::metrics::app_version;
use crate::domain::window::Window;

impl Logs {
    /// Reaches for the server, its version, its data and its fields. A server that does not answer gives one line.
    pub async fn check(&self, now: DateTime<Utc>) -> Vec<CheckLine> {
        let names = match self.field_names(Window::new(now - TimeDelta::hours(1), now)).await {
            Ok(names) => names,
            Err(error) => return vec![CheckLine::bad("logs", error.to_string(), mend(&error))],
        };
        let version = app_version(&self.endpoint).await.unwrap_or_default();
        let mut lines = vec![CheckLine::good("logs", format!("VictoriaLogs {version}").trim_end())];
        let count = names.iter().map(|(_, hits)| *hits).max().unwrap_or(0);
        if names.is_empty() {
            let mend = "does a collector write to it, and is this the right tenant (AccountID, ProjectID)?";
            lines.push(CheckLine::bad("log data", "nothing in the last hour", mend));
            return lines;
        }
        lines.push(CheckLine::good("log data", format!("about {count} lines in the last hour")));
        let all: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        lines.push(match &self.configured {
            Some(fields) => configured(fields, &all),
            None => match FieldSet::detect(all.into_iter()) {
                Some(fields) => CheckLine::good("log fields", format!("detected: {}", fields.describe())),
                None => {
                    let error = LogsError::no_fields(names.into_iter().map(|(name, _)| name));
                    CheckLine::bad("log fields", error.to_string(), mend(&error))
                }
            },
        });
        lines
    }
}

fn configured(fields: &FieldSet, all: &[&str]) -> CheckLine {
    let named = fields.styles.iter().flat_map(|style| [&style.namespace, &style.pod]);
    let missing: Vec<&str> = named.map(String::as_str).filter(|name| !all.contains(name)).collect();
    if missing.is_empty() {
        CheckLine::good("log fields", format!("configured: {}", fields.describe()))
    } else {
        let detail = format!("no line of the last hour has {}", missing.join(" or "));
        CheckLine::bad("log fields", detail, "leave the field settings out to have the fields detected")
    }
}

fn mend(error: &LogsError) -> &'static str {
    match error {
        LogsError::WrongPath { .. } => {
            "is this the address of VictoriaMetrics, or does the URL go too deep? It ends before /select, usually with :9428"
        }
        LogsError::UnknownFields(_) => "name the fields of namespace and pod in the settings",
        LogsError::Http(error) => error.mend(),
        LogsError::BadQuery(_) | LogsError::Late | LogsError::NoLogs => "look at the server's log",
    }
}
