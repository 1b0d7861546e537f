//! Addresses of the pages where a person can look further: Grafana, vmui, Prometheus.

use chrono::SecondsFormat;
use reqwest::Url;
use serde_json::json;

use crate::domain::window::Window;

/// Where Grafana is and which of its data sources is meant.
#[derive(Debug, Clone)]
pub struct Grafana {
    /// Base address as people's browsers know it.
    pub url: Url,
    /// The data source's UID; Grafana's default one when `None`.
    pub datasource: Option<String>,
    /// The data source's plugin: `prometheus`, `victoriametrics-logs-datasource`.
    pub plugin: String,
}

impl Grafana {
    /// Grafana Explore with a query over a window.
    pub fn explore(&self, query: &str, window: &Window) -> String {
        let mut ask = json!({ "refId": "A", "expr": query });
        let mut pane = json!({
            "range": { "from": window.from.timestamp_millis().to_string(), "to": window.to.timestamp_millis().to_string() },
        });
        if let Some(uid) = &self.datasource {
            ask["datasource"] = json!({ "type": self.plugin, "uid": uid });
            pane["datasource"] = json!(uid);
        }
        pane["queries"] = json!([ask]);
        let mut url = below(&self.url, "explore");
        url.query_pairs_mut()
            .append_pair("schemaVersion", "1")
            .append_pair("panes", &json!({ "a": pane }).to_string())
            .append_pair("orgId", "1");
        url.into()
    }
}

/// The address that a person's browser can open: `public` where configured, else `base` unless it is a name that only
/// the cluster resolves.
pub fn reachable<'a>(public: Option<&'a Url>, base: &'a Url) -> Option<&'a Url> {
    let inside = base.host_str().is_none_or(|host| {
        let is_name = host.chars().any(|c| c.is_ascii_alphabetic());
        host.ends_with(".svc") || host.contains(".svc.") || (is_name && !host.contains('.') && host != "localhost")
    });
    public.or((!inside).then_some(base))
}

/// VictoriaMetrics' own page with a query over a window.
pub fn vmui(base: &Url, query: &str, window: &Window) -> String {
    behind_hash(&below(base, "vmui/"), "g0.expr", query, window)
}

/// VictoriaLogs' own page with a query over a window, of a tenant (account, project) where it is not 0:0.
pub fn vmui_logs(base: &Url, query: &str, window: &Window, tenant: Option<(u32, u32)>) -> String {
    let page = behind_hash(&below(base, "select/vmui/"), "query", query, window);
    match tenant {
        None | Some((0, 0)) => page,
        Some((account, project)) => format!("{page}&accountID={account}&projectID={project}"),
    }
}

/// Prometheus' own page with a query over a window.
pub fn prometheus(base: &Url, query: &str, window: &Window) -> String {
    let mut url = below(base, "graph");
    url.query_pairs_mut()
        .append_pair("g0.expr", query)
        .append_pair("g0.tab", "0")
        .append_pair("g0.range_input", &length(window))
        .append_pair("g0.end_input", &window.to.format("%Y-%m-%d %H:%M:%S").to_string());
    url.into()
}

/// vmui keeps its state behind the `#`, where a server never sees it.
fn behind_hash(page: &Url, name: &str, query: &str, window: &Window) -> String {
    // `query_pairs_mut` is the form encoder of the URL library; `+` for a space is what vmui writes itself.
    let mut state = page.clone();
    state
        .query_pairs_mut()
        .clear()
        .append_pair(name, query)
        .append_pair("g0.range_input", &length(window))
        .append_pair("g0.end_input", window.to.to_rfc3339_opts(SecondsFormat::Secs, true).trim_end_matches('Z'))
        .append_pair("g0.relative_time", "none");
    format!("{page}#/?{}", state.query().unwrap_or_default())
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// A length as these pages read it: `6h`, `25m`, `90s`.
fn length(window: &Window) -> String {
    match window.length().num_seconds().max(1) {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    fn window() -> Window {
        let to = Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap();
        Window::new(to - chrono::TimeDelta::minutes(25), to)
    }

    #[test]
    fn addresses_of_each_page() {
        let base = Url::parse("http://vm:8428/x").unwrap();
        let query = r#"up{a="b c"}"#;
        insta::assert_snapshot!(vmui(&base, query, &window()), @"http://vm:8428/x/vmui/#/?g0.expr=up%7Ba%3D%22b+c%22%7D&g0.range_input=25m&g0.end_input=2026-11-23T12%3A00%3A00&g0.relative_time=none");
        insta::assert_snapshot!(vmui_logs(&base, "*", &window(), None), @"http://vm:8428/x/select/vmui/#/?query=*&g0.range_input=25m&g0.end_input=2026-11-23T12%3A00%3A00&g0.relative_time=none");
        let of_tenant = vmui_logs(&base, "*", &window(), Some((7, 3)));
        assert!(of_tenant.ends_with("&g0.relative_time=none&accountID=7&projectID=3"), "{of_tenant}");
        insta::assert_snapshot!(prometheus(&base, query, &window()), @"http://vm:8428/x/graph?g0.expr=up%7Ba%3D%22b+c%22%7D&g0.tab=0&g0.range_input=25m&g0.end_input=2026-11-23+12%3A00%3A00");
    }

    #[test]
    fn names_of_the_cluster_are_no_links() {
        let public = Url::parse("https://vm.example").unwrap();
        for (base, reachable_alone) in [
            ("http://vmsingle:8428", false),
            ("http://vmsingle.monitoring.svc:8428", false),
            ("http://vmsingle.monitoring.svc.cluster.local:8428", false),
            ("http://127.0.0.1:8428", true),
            ("https://vm.example.com", true),
        ] {
            let base = Url::parse(base).unwrap();
            assert_eq!(reachable(None, &base).is_some(), reachable_alone, "{base}");
            assert_eq!(reachable(Some(&public), &base), Some(&public));
        }
    }

    #[test]
    fn grafana_panes_are_json() {
        let grafana = Grafana {
            url: Url::parse("https://grafana.example/").unwrap(),
            datasource: Some("vm".into()),
            plugin: "prometheus".into(),
        };
        let link = Url::parse(&grafana.explore("up", &window())).unwrap();
        let panes = link.query_pairs().find(|(name, _)| name == "panes").unwrap().1.into_owned();
        let panes: serde_json::Value = serde_json::from_str(&panes).unwrap();
        assert_eq!(panes["a"]["queries"][0]["expr"], "up");
        assert_eq!(panes["a"]["range"]["to"], "1795435200000");
        assert_eq!(link.path(), "/explore");
    }
}
