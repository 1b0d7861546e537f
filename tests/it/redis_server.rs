//! A real Redis for tests: on a free port, with the ACL user of `docs/redis.md` and nothing more for the bot.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use holmes_bot::adapters::store_redis::{Address, RedisSettings, RedisStore};

use crate::checkout::text;
use tempfile::TempDir;

use crate::neighbours::found;
use crate::process::free_port;
use crate::wait::until_is;

/// Longest wait until it answers; with a large log of appends it loads first.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// The bot's password in tests.
const PASSWORD: &str = "s3cret";

/// A server; killed by its own id when the value is dropped.
pub struct RedisServer {
    child: Child,
    pub port: u16,
    arguments: Vec<String>,
    directory: TempDir,
}

/// The line of the documentation that an operator copies, with our password.
fn documented_user() -> String {
    let text = text("docs/redis.md");
    let line = text.lines().find(|line| line.starts_with("user holmes on ")).expect("docs/redis.md has an ACL line");
    line.replace(">PASSWORD", &format!(">{PASSWORD}"))
}

impl RedisServer {
    /// Without persistence: what a test writes is gone with it.
    pub async fn start() -> Self {
        Self::start_with(&["--appendonly", "no"]).await
    }

    /// Everything that was acknowledged is on disk.
    pub async fn durable() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"]).await
    }

    pub async fn start_with(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let users = format!("user default on nopass ~* &* +@all\n{}\n", documented_user());
        std::fs::write(directory.path().join("users.acl"), users).unwrap();
        let mut arguments: Vec<String> = ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]
            .into_iter()
            .chain(["--aclfile", "users.acl", "--maxmemory-policy", "noeviction", "--daemonize", "no"])
            .map(str::to_owned)
            .collect();
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let child = spawn(&arguments, directory.path());
        let mut server = Self { child, port, arguments, directory };
        server.ready().await;
        server
    }

    /// Over TLS alone, with a certificate for 127.0.0.1; gives the certificate of its authority, too.
    pub async fn over_tls() -> (Self, Vec<u8>) {
        let files = tempfile::tempdir().unwrap();
        certify(files.path());
        let file = |name: &str| files.path().join(name).display().to_string();
        let port = free_port().to_string();
        let (ca, certificate, key) = (file("ca.pem"), file("redis.pem"), file("redis.key"));
        let flags = [
            ["--tls-port", &port],
            ["--tls-ca-cert-file", &ca],
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-auth-clients", "no"],
        ];
        let mut server = Self::start_with(&flags.concat()).await;
        server.port = port.parse().unwrap();
        (server, std::fs::read(ca).unwrap())
    }

    /// A Cluster of so many nodes, without replicas.
    pub async fn cluster(nodes: u16) -> Vec<Self> {
        let mut cluster = Vec::new();
        for number in 0..nodes {
            let bus = free_port().to_string();
            let flags = ["--appendonly", "no", "--cluster-enabled", "yes", "--cluster-port", &bus];
            let node = Self::start_with(&flags).await;
            let slots = 16384 / u32::from(nodes);
            let first = slots * u32::from(number);
            let last = if number + 1 == nodes { 16383 } else { first + slots - 1 };
            node.admin(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]).await;
            cluster.push((node, bus));
        }
        let (first, _) = &cluster[0];
        for (node, bus) in &cluster[1..] {
            first.admin(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), bus]).await;
        }
        for (node, _) in &cluster {
            node.says(&["CLUSTER", "INFO"], "cluster_state:ok").await;
            node.says(&["CLUSTER", "INFO"], &format!("cluster_known_nodes:{nodes}")).await;
        }
        cluster.into_iter().map(|(node, _)| node).collect()
    }

    /// A sentinel that watches the primary on `port` as `mymaster`, and decides alone.
    pub async fn sentinel(primary: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds mymaster 300\nsentinel failover-timeout mymaster 3000\n"
        );
        std::fs::write(directory.path().join("sentinel.conf"), config).unwrap();
        let arguments = vec!["sentinel.conf".to_owned(), "--sentinel".into()];
        let child = spawn(&arguments, directory.path());
        let mut server = Self { child, port, arguments, directory };
        server.ready().await;
        server
    }

    /// Waits until a sentinel could fail over.
    pub async fn knows_a_replica(&self) {
        self.says(&["INFO", "sentinel"], "slaves=1").await;
    }

    /// Waits until the answer to a command has `part` in it.
    pub async fn says(&self, command: &[&str], part: &str) {
        let answer = async || format!("{:?}", self.try_admin(command).await);
        until_is(&format!("{part} of {command:?}"), answer, |answer| answer.contains(part)).await;
    }

    async fn ready(&mut self) {
        let started = Instant::now();
        loop {
            if self.try_admin(&["PING"]).await.is_ok() {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || started.elapsed() > READY_WITHIN {
                let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                panic!("redis-server did not become ready ({ended:?}):\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A new start on the same data; returns when it answers.
    pub async fn restart(&mut self) {
        self.child = spawn(&self.arguments, self.directory.path());
        self.ready().await;
    }

    /// The bot's address.
    pub fn url(&self) -> String {
        Self::url_at(self.port)
    }

    /// The bot's address through another port, a proxy's.
    pub fn url_at(port: u16) -> String {
        format!("redis://holmes:{PASSWORD}@127.0.0.1:{port}")
    }

    /// A command by the user who may do everything.
    pub async fn admin(&self, command: &[&str]) -> redis::Value {
        self.try_admin(command).await.unwrap()
    }

    async fn try_admin(&self, command: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut cmd = redis::cmd(command[0]);
        for argument in &command[1..] {
            cmd.arg(*argument);
        }
        cmd.query_async(&mut connection).await
    }

    pub async fn store(&self) -> Arc<RedisStore> {
        Arc::new(connect(&self.url()).await.unwrap())
    }
}

/// A store at an address, under the usual prefix.
pub async fn connect(url: &str) -> anyhow::Result<RedisStore> {
    connect_with(url, 0).await
}

/// A store that waits for `copies` replicas.
pub async fn connect_with(url: &str, copies: usize) -> anyhow::Result<RedisStore> {
    let address = Address::parse(url).map_err(anyhow::Error::msg)?;
    RedisStore::connect(RedisSettings { address, ca: None, prefix: "holmes".into(), copies }).await
}

/// Makes an authority and a certificate of it for 127.0.0.1.
fn certify(directory: &Path) {
    std::fs::write(directory.join("extensions"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for line in [
        &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"),
        &format!("req {key} -keyout redis.key -out redis.csr -subj /CN=redis"),
        "x509 -req -in redis.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out redis.pem -days 2 -extfile extensions",
    ] {
        let output = Command::new(found("openssl")).args(line.split(' ')).current_dir(directory).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn spawn(arguments: &[String], directory: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
    Command::new(found("redis-server"))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
