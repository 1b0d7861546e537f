//! Real neighbours for tests: each server on a free port in a directory of its own, ended when its value is dropped.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use holmes_bot::adapters::http::{Endpoint, EndpointSettings, read_bounded};
use tempfile::TempDir;

use crate::process::free_port;
use crate::wait::until_is;

/// Longest wait for a server to become ready; on a busy machine the first start reads its binary from disk.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// After a flush, until new series are found.
const INDEXED_AFTER: Duration = Duration::from_millis(1200);

/// A server process; killed by its own id, then its directory goes.
struct Server {
    child: Child,
    base: String,
    directory: TempDir,
}

impl Server {
    /// Starts `program` and waits until `ready` answers with success.
    async fn start(program: &str, directory: TempDir, port: u16, arguments: &[String], ready: &str) -> Self {
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new(found(program))
            .args(arguments)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { child, base: format!("http://127.0.0.1:{port}"), directory };
        let endpoint = endpoint(&server.base);
        let started = Instant::now();
        while endpoint.send(endpoint.get(ready)).await.is_err() {
            let ended = server.child.try_wait().unwrap();
            if ended.is_some() || started.elapsed() > READY_WITHIN {
                let log = std::fs::read_to_string(server.directory.path().join("log")).unwrap_or_default();
                panic!("{program} did not become ready ({ended:?}):\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program is: in the variable that `scripts/test` exports (`VICTORIA_METRICS_BIN`), else in the path.
pub fn found(program: &str) -> PathBuf {
    let variable = format!("{}_BIN", program.to_uppercase().replace('-', "_"));
    if let Some(path) = std::env::var_os(&variable) {
        return path.into();
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{program} is not installed: run scripts/test, or set {variable}"))
}

fn endpoint(base: &str) -> Endpoint {
    Endpoint::new(&EndpointSettings { url: base.into(), ..Default::default() }).unwrap()
}

/// A single VictoriaMetrics.
pub struct VictoriaMetrics(Server);

impl VictoriaMetrics {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further flags, such as `-httpAuth.username=…`.
    pub async fn start_with(flags: &[&str]) -> Self {
        let port = free_port();
        let mut arguments = vec![
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-storageDataPath=data".into(),
            "-memory.allowedPercent=10".into(),
            // Tests ask for what they just wrote.
            "-search.latencyOffset=0s".into(),
            "-search.disableCache".into(),
        ];
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        Self(Server::start("victoria-metrics", tempfile::tempdir().unwrap(), port, &arguments, "health").await)
    }

    pub fn url(&self) -> &str {
        &self.0.base
    }

    /// Writes lines in Prometheus' text format, times in milliseconds, and makes them visible.
    pub async fn import(&self, lines: String) {
        let endpoint = endpoint(&self.0.base);
        let client = holmes_bot::adapters::http::build_client(&Default::default()).unwrap();
        let request = client.post(endpoint.url("api/v1/import/prometheus")).body(lines);
        endpoint.send(request).await.unwrap();
        endpoint.send(endpoint.get("internal/force_flush")).await.unwrap();
        // Flushed samples are found once their index is, which it writes every second.
        tokio::time::sleep(INDEXED_AFTER).await;
    }
}

/// An Alertmanager without peers.
pub struct Alertmanager(Server);

impl Alertmanager {
    /// With a configuration in YAML.
    pub async fn start(config: &str) -> Self {
        let port = free_port();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.yml"), config).unwrap();
        let arguments = [
            "--config.file=config.yml".to_owned(),
            "--storage.path=data".into(),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--cluster.listen-address=".into(),
        ];
        Self(Server::start("prometheus-alertmanager", directory, port, &arguments, "-/ready").await)
    }

    pub fn url(&self) -> &str {
        &self.0.base
    }

    /// The text of any of its pages.
    pub async fn get(&self, path: &str) -> String {
        let endpoint = endpoint(&self.0.base);
        let response = endpoint.send(endpoint.get(path)).await.unwrap();
        String::from_utf8(read_bounded(response, 1024 * 1024).await.unwrap()).unwrap()
    }
}

/// A headless browser, started anew for each page.
pub struct Chromium(TempDir);

/// How long a page may load and run before it is looked at.
pub const PAGE_TIME: Duration = Duration::from_secs(6);

impl Chromium {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The page's document after its scripts ran.
    pub fn dump_dom(&self, url: &str) -> String {
        let output = self.run(&["--dump-dom".into(), url.into()]);
        String::from_utf8(output).unwrap()
    }

    /// A picture of the page (PNG) in a window of the given size.
    pub fn screenshot(&self, url: &str, width: u32, height: u32) -> Vec<u8> {
        let file = self.0.path().join("page.png");
        let size = format!("--window-size={width},{height}");
        self.run(&[format!("--screenshot={}", file.display()), size, "--hide-scrollbars".into(), url.into()]);
        std::fs::read(file).unwrap()
    }

    fn run(&self, arguments: &[String]) -> Vec<u8> {
        let output = self.0.path().join("output");
        let mut child = Command::new(found("chromium"))
            // Root has no sandbox; the pages are our own.
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-sync"])
            // Real time: virtual time stands still while an event stream is open.
            .arg(format!("--timeout={}", PAGE_TIME.as_millis()))
            .arg(format!("--user-data-dir={}", self.0.path().join("profile").display()))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&output).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > READY_WITHIN {
                let _ = child.kill();
                let _ = child.wait();
                panic!("chromium did not finish {arguments:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        std::fs::read(output).unwrap()
    }
}

/// A browser window that stays open, driven through ChromeDriver (W3C WebDriver over HTTP).
pub struct Browser {
    driver: Child,
    session: String,
    client: reqwest::Client,
    _profile: TempDir,
}

impl Browser {
    /// Opens a window.
    pub async fn open() -> Self {
        let port = free_port();
        let profile = tempfile::tempdir().unwrap();
        let driver = Command::new(found("chromedriver"))
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let client = crate::process::client();
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-dev-shm-usage".into(),
            format!("--user-data-dir={}", profile.path().join("profile").display()),
        ];
        let options = serde_json::json!({"args": arguments, "binary": found("chromium")});
        let wanted = serde_json::json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let url = format!("http://127.0.0.1:{port}/session");
        let answer = async || client.post(&url).json(&wanted).send().await;
        let answer = until_is("an answer of chromedriver", answer, Result::is_ok).await.unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap();
        let session = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}"));
        Self { session: format!("{url}/{session}"), driver, client, _profile: profile }
    }

    /// Goes to an address and waits until the page is loaded.
    pub async fn go(&self, url: &str) {
        let body = serde_json::json!({"url": url});
        self.client.post(format!("{}/url", self.session)).json(&body).send().await.unwrap().error_for_status().unwrap();
    }

    /// The document as it is now.
    pub async fn document(&self) -> String {
        let answer = self.client.get(format!("{}/source", self.session)).send().await.unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap();
        answer["value"].as_str().unwrap_or_default().to_owned()
    }

    /// Closes the window.
    pub async fn close(self) {
        let _ = self.client.delete(&self.session).send().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[tokio::test]
async fn alertmanager_starts_and_stops() {
    let config = "route: {receiver: none}\nreceivers: [{name: none}]\n";
    let alertmanager = Alertmanager::start(config).await;
    assert!(alertmanager.get("api/v2/status").await.contains("\"versionInfo\""));
    let url = alertmanager.url().to_owned();
    drop(alertmanager);
    let endpoint = endpoint(&url);
    assert!(endpoint.send(endpoint.get("-/ready")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_shows_a_page() {
    let page = axum::Router::new().route(
        "/",
        axum::routing::get(|| async { axum::response::Html("<p id=p></p><script>p.textContent = 6 * 7</script>") }),
    );
    let fake = crate::fakes::Fake::start(page).await;
    let url = fake.url();
    let (dom, picture) = tokio::task::spawn_blocking(move || {
        let chromium = Chromium::new();
        (chromium.dump_dom(&url), chromium.screenshot(&url, 320, 200))
    })
    .await
    .unwrap();
    assert!(dom.contains("<p id=\"p\">42</p>"), "{dom}");
    assert!(picture.starts_with(b"\x89PNG"));
}
