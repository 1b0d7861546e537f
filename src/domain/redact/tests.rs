//! What must go and what must stay. Every secret here is made up.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::Redactor;

/// Forty characters in the form of an AWS secret, made up.
const AWS_SECRET: &str = "wJa1rXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYzz";

/// Text, what must be gone, what must be left.
const GONE: &[(&str, &str, &str)] = &[
    ("Authorization: Bearer abc123def456ghi", "abc123def456ghi", "Authorization: Bearer [redacted:bearer]"),
    ("authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy", "authorization: Basic [redacted:basic-auth]"),
    (r#"{"Authorization":"Bearer q9w8e7r6t5y4"}"#, "q9w8e7r6t5y4", r#"{"Authorization":"Bearer [redacted:bearer]"}"#),
    ("map[Authorization:[Bearer q9w8e7r6t5] Accept:[*/*]]", "q9w8e7r6t5", "Accept:[*/*]]"),
    ("curl -H 'Authorization: token q9w8e7r6t5' http://x/", "q9w8e7r6t5", "' http://x/"),
    ("Authorization: Digest username=\"bob\", response=\"6629fae4\"", "6629fae4", "Digest [redacted:authorization]"),
    ("Authorization: AWS4-HMAC-SHA256 Credential=AKIDX/2026, Signature=fe5f80", "fe5f80", "AWS4-HMAC-SHA256 ["),
    ("authorization: s3cr3t-plain-9", "s3cr3t-plain-9", "authorization: ["),
    ("proxy-authorization: Basic cHJveHk6cGFzczE=", "cHJveHk6cGFzczE", "Basic ["),
    ("sent Bearer Zm9vYmFyYmF6cXV4 to upstream", "Zm9vYmFyYmF6cXV4", "to upstream"),
    ("using basic YWRtaW46aHVudGVyMg== auth", "YWRtaW46aHVudGVyMg", "auth"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl end", "c2lnbmF0dXJl", "jwt [redacted:jwt] end"),
    ("q=eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "eyJzdWIiOiIxIn0", "q=[redacted:jwt]"),
    ("key id AKIAABCDEFGHIJKLMNOP used", "AKIAABCDEFGHIJKLMNOP", "key id [redacted:aws-key] used"),
    ("ASIAABCDEFGHIJ234567", "ASIAABCDEFGHIJ234567", "[redacted:aws-key]"),
    ("aws_secret_access_key = wJa1rXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYzz", AWS_SECRET, "[redacted:aws-secret]"),
    ("AKIAABCDEFGHIJKLMNOP,wJa1rXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYzz", AWS_SECRET, ",[redacted:aws-secret]"),
    (r#""SecretAccessKey": "wJa1rXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYzz""#, AWS_SECRET, "SecretAccessKey"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIzaSyA1234567890", "[redacted:gcp-key]"),
    ("ya29.a0AfH6SMBx1234567890abcdefg", "a0AfH6SMBx", "[redacted:gcp-key]"),
    ("\x1b[36mpassword\x1b[0m=hunter2zz", "hunter2zz", "password=[redacted:"),
    ("\x1b[1mapi_\x1b[31mkey\x1b[0m: \x1b[33mq9w8e7r6t5y4\x1b[0m end", "q9w8e7r6t5y4", "end"),
    (
        "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=Zm9vYmFyMTIz+/==;EndpointSuffix=core.windows.net",
        "Zm9vYmFyMTIz",
        "AccountKey=[redacted:azure-key];EndpointSuffix=core.windows.net",
    ),
    (
        "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=abcDEF123=",
        "abcDEF123",
        "SharedAccessKeyName=Root;",
    ),
    ("https://a.blob.core.windows.net/c?sv=2022&sig=aBc%2FdEf123%3D&se=2026", "aBc%2FdEf123", "&se=2026"),
    (
        "dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "0123456789abcdef",
        "[redacted:cloud-token]",
    ),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghij", "[redacted:github-token]"),
    ("https://github_pat_11ABCDEFG0abcdefghij_klm@github.com/o/r", "11ABCDEFG0", "@github.com/o/r"),
    ("glpat-abcdEFGH1234ijklMNOP", "abcdEFGH", "[redacted:gitlab-token]"),
    ("xoxb-1234567890-abcdefghijkl", "abcdefghijkl", "[redacted:slack-token]"),
    ("xapp-1-A012-345-abcdef0123", "abcdef0123", "[redacted:slack-token]"),
    ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghij", "[redacted:npm-token]"),
    ("pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw", "AgEIcHlw", "[redacted:pypi-token]"),
    ("sk_live_51Habcdefghijklm", "51Habcdef", "[redacted:stripe-key]"),
    ("whsec_abcdefghijklmnop1234", "abcdefghij", "[redacted:stripe-key]"),
    ("SG.abcdefghijklmnopqrstuv.wxyz0123456789abcdefghij", "wxyz0123", "[redacted:sendgrid-key]"),
    (
        "https://api.telegram.org/bot123456789:AAF-abcdefghijklmnopqrstuvwxyz012345/sendMessage",
        "AAF-abc",
        "/sendMessage",
    ),
    ("sk-abcdefghijklmnopqrstuvwx12345678", "abcdefghij", "[redacted:model-key]"),
    ("sk-proj-abcDEF123456_7890ghi", "abcDEF12", "[redacted:model-key]"),
    ("sk-ant-api03-abcDEF1234567890", "abcDEF12", "[redacted:model-key]"),
    ("hf_abcdefghijKLMNOPQRST123456", "abcdefghij", "[redacted:hf-token]"),
    ("hvs.CAESIabcdefghijklmnop1234", "CAESIabc", "[redacted:vault-token]"),
    ("glsa_abcdefghijklmnopqrst_12345678", "abcdefghij", "[redacted:api-key]"),
    ("dckr_pat_abcdefghijklmnop12", "abcdefghij", "[redacted:api-key]"),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIabc123\nDEF456==\n-----END RSA PRIVATE KEY-----\nok",
        "MIIabc123",
        "-----BEGIN RSA PRIVATE KEY-----[redacted:private-key]-----END RSA PRIVATE KEY-----\nok",
    ),
    ("-----BEGIN PRIVATE KEY-----\nMIIabc123\nDEF456 (cut)", "DEF456", "(cut)"),
    ("a | -----BEGIN EC PRIVATE KEY-----\na | MHcCAQEE\na | -----END EC PRIVATE KEY-----", "MHcCAQEE", "-----END EC"),
    (
        r"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----",
        "b3BlbnNz",
        "-----END",
    ),
    (
        r#"{"private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n", "client_email": "a@b"}"#,
        "MIIEvQ",
        "client_email",
    ),
    ("client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVk=", "LS0tLS1CRUdJTiBS", "client-key-data: ["),
    ("x LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0t y", "LS0tLS1CRUdJ", "x [redacted:private-key] y"),
    ("postgres://app:hunter2@db.prod:5432/x", "hunter2", "postgres://app:[redacted:url-password]@db.prod:5432/x"),
    ("redis://:hunter2@cache:6379/0", "hunter2", "redis://:[redacted:url-password]@cache:6379/0"),
    ("amqp://guest:gu3st!@mq/%2f", "gu3st!", "amqp://guest:[redacted:url-password]@mq/%2f"),
    ("mongodb+srv://u:p%40ss@c.mongodb.net/?retryWrites=true", "p%40ss", "@c.mongodb.net/?retryWrites=true"),
    ("https://bob:hunter2@example.com/a?b=c", "hunter2", "https://bob:[redacted:url-password]@example.com/a?b=c"),
    ("postgresql://app:hun/ter@2@db/x", "ter@2", "@db/x"),
    (r#"{"u":"https:\/\/bob:hunter2@h\/x"}"#, "hunter2", r"@h\/x"),
    ("https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/2", "0123456789abcdef", "@o1.ingest.sentry.io/2"),
    ("app:hunter2@tcp(db:3306)/prod", "hunter2", "app:[redacted:url-password]@tcp(db:3306)/prod"),
    ("password=hunter2", "hunter2", "password=[redacted:password]"),
    ("DB_PASSWORD=hunter2 DB_HOST=db", "hunter2", "DB_HOST=db"),
    ("PGPASSWORD='hun ter2' psql -h db", "ter2", "' psql -h db"),
    ("export MYSQL_PWD=hunter2", "hunter2", "export MYSQL_PWD=["),
    ("db_pass: hunter2", "hunter2", "db_pass: ["),
    ("password: correct horse battery", "battery", "password: [redacted:password]"),
    ("  password: 'it''s' # prod", "it", "# prod"),
    ("password: |\n  line-one-1\n  line-two-2\nuser: bob", "line-two-2", "user: bob"),
    (r#"{"password":"hun\"ter2","user":"bob"}"#, "ter2", r#"","user":"bob"}"#),
    (r#"{"log":"{\"password\":\"hunter2\",\"user\":\"bob\"}"}"#, "hunter2", r#"\"user\":\"bob\""#),
    (r#"{\\\"api_key\\\":\\\"a1b2c3d4\\\",\\\"x\\\":1}"#, "a1b2c3d4", r#"\\\"x\\\":1"#),
    ("{'secret': 'a1b2c3', 'n': 1}", "a1b2c3", "'n': 1"),
    ("os.environ[\"DB_PASSWORD\"] = \"hunter2\"", "hunter2", "DB_PASSWORD"),
    ("Password: Some(\"hunter2\"), user: \"bob\"", "hunter2", "user: \"bob\""),
    ("client_secret: a1b2c3d4e5", "a1b2c3d4e5", "client_secret: [redacted:secret]"),
    ("clientSecret=a1b2c3d4e5&grant=x", "a1b2c3d4e5", "&grant=x"),
    ("X-Api-Key: 0a1b2c3d", "0a1b2c3d", "X-Api-Key: [redacted:api-key]"),
    ("apikey=0a1b2c3d", "0a1b2c3d", "apikey="),
    ("X-Vault-Token: s.abcdef1234", "s.abcdef1234", "X-Vault-Token: ["),
    ("X-Auth-Token: gAAAAABabc", "gAAAAABabc", "X-Auth-Token: ["),
    ("GET /x?token=abc123&user=bob HTTP/1.1", "abc123", "&user=bob HTTP/1.1"),
    ("GET /x?access_token=abc123 HTTP/1.1", "abc123", "HTTP/1.1"),
    ("https://maps/x?key=abcdefgh12345678&z=1", "abcdefgh12345678", "&z=1"),
    ("next=%2Fx%3Ftoken%3Dabc123%26user%3Dbob", "abc123", "%26user%3Dbob"),
    (r"url=/x?token\u003dabc123\u0026user\u003dbob", "abc123", r"\u0026user"),
    ("Cookie: sid=abc; theme=dark", "sid=abc", "Cookie: [redacted:cookie]"),
    ("Set-Cookie: s=abc123; Path=/; HttpOnly", "abc123", "Set-Cookie: [redacted:cookie]"),
    (r#""set-cookie":"s=abc123; Path=/","x":1"#, "abc123", r#""x":1"#),
    ("Cookie:[a=b1c2d3] Host:[x]", "b1c2d3", "] Host:[x]"),
    ("session_id=8f7e6d5c", "8f7e6d5c", "session_id=[redacted:session]"),
    ("JSESSIONID=8F7E6D5C4B", "8F7E6D5C4B", "JSESSIONID=["),
    (
        "https://hooks.slack.com/services/T000AAAA1/B000BBBB2/abcdefGHIJKL1234567890XY",
        "abcdefGHIJKL",
        "https://hooks.slack.com/services/[redacted:webhook]",
    ),
    (
        "https://discord.com/api/webhooks/123456789012345678/AbC-dEf1234567890_xyzABCDEF",
        "AbC-dEf",
        "/api/webhooks/[redacted:webhook]",
    ),
    (
        "https://mm.example.com/hooks/abcdefgh1jk2mn3pqrstuv4xyz",
        "abcdefgh1jk2",
        "https://mm.example.com/hooks/[redacted:webhook]",
    ),
    (
        "https://x.webhook.office.com/webhookb2/0a1b2c3d-1111-2222-3333-444455556666@aaaa/IncomingWebhook/0a1b2c3d4e5f60718293/x",
        "0a1b2c3d4e5f",
        "webhook.office.com/",
    ),
    ("Server=db;Database=x;User Id=sa;Password=Hunter2!;Encrypt=true", "Hunter2!", ";Encrypt=true"),
    ("host=db user=app password='hun ter2' sslmode=require", "ter2", "' sslmode=require"),
    ("login --password hunter2 --user bob", "hunter2", "--user bob"),
    ("login --password=hunter2 --user bob", "hunter2", "--user bob"),
    (r#"args: ["--token", "a1b2c3d4", "--v=2"]"#, "a1b2c3d4", r#""--v=2""#),
    ("mysql -uroot -phunter2 -h db", "hunter2", "-h db"),
    ("sshpass -p hunter2 ssh bob@host", "hunter2", "ssh bob@host"),
    ("redis-cli -h cache -a hunter2 ping", "hunter2", "ping"),
    ("curl -s -u bob:hunter2 https://x/", "hunter2", "https://x/"),
    ("ALTER USER app WITH PASSWORD 'hunter2';", "hunter2", "';"),
    ("CREATE USER x IDENTIFIED BY 'hunter2'", "hunter2", "IDENTIFIED BY '"),
    (r#"{"name":"DB_PASSWORD","value":"hunter2"}"#, "hunter2", r#""name":"DB_PASSWORD""#),
    ("- name: DB_PASSWORD\n  value: hunter2\n- name: X\n  value: y", "hunter2", "- name: X\n  value: y"),
    ("{Name:DB_PASSWORD Value:hunter2 ValueFrom:nil}", "hunter2", "ValueFrom:nil"),
    ("<password>hunter2</password>", "hunter2", "<password>[redacted:password]</password>"),
    ("    token: eyJhbGciOi\n", "eyJhbGciOi", "    token: [redacted:token]\n"),
    ("users:\n- user:\n    token: abcdef.0123456789abcdef", "0123456789abcdef", "users:"),
    (r#""auth": "dXNlcjpodW50ZXIy""#, "dXNlcjpodW50ZXIy", r#""auth": "["#),
    (r#"passwords: ["alpha1", "beta2"]"#, "beta2", "passwords: ["),
    ("пароль: хомяк42", "хомяк42", "пароль: [redacted:password]"),
    ("новый токен: a1b2c3d4", "a1b2c3d4", "новый токен: ["),
    ("new password: hunter2 for bob", "hunter2", "for bob"),
    ("secret_key: 0123abcd", "0123abcd", "secret_key: ["),
    ("encryption_key=0123abcd", "0123abcd", "encryption_key=["),
    ("unseal key vault_unseal_key=abc+/def", "abc+/def", "vault_unseal_key=["),
    ("credentials=bob.hunter2", "bob.hunter2", "credentials=["),
    ("SENTRY_DSN=opaque-dsn-1", "opaque-dsn-1", "SENTRY_DSN=["),
    ("secret_id=6f7e-aa", "6f7e-aa", "secret_id=["),
    (r#"env="[DB_PASS=hunter2,DB_USER=bob]""#, "hunter2", "DB_USER=bob"),
    (r"line one\npassword=hunter2\nuser=bob", "hunter2", r"\nuser=bob"),
    ("token=Zażółć123", "Zażółć123", "token=["),
    ("password=a,b;c&d", "b;c&d", "password=[redacted:password]"),
];

/// Text that must come back untouched.
const STAYS: &[&str] = &[
    "",
    "ok",
    "pulled image sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b by bob",
    "request 550e8400-e29b-41d4-a716-446655440000 done",
    "pod checkout-7d9f8b6c5d-x2x7k restarted",
    "ghcr.io/org/task-runner:v1.2.3@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "http_request_duration_seconds_bucket{le=\"0.5\",path=\"/auth/token\"} 12",
    "token bucket exhausted",
    "password authentication failed for user \"x\"",
    "FATAL: password authentication failed for user \"app\"",
    "secret \"db-creds\" not found",
    "secrets \"db-creds\" is forbidden: User \"system:serviceaccount:a:b\" cannot get resource",
    "MountVolume.SetUp failed for volume \"creds\" : secret \"db-creds\" not found",
    "couldn't find key DB_HOST in Secret default/db-creds",
    "tokens=512",
    "max_tokens: 300",
    "\"max_tokens\": 300, \"prompt_tokens\": 12",
    "completion_tokens=44 total_tokens=56",
    "secretKeyRef:\n  name: db-creds\n  key: password",
    "secretName: web-tls",
    "imagePullSecrets:\n- name: regcred",
    "kube_secret_info{namespace=\"x\",secret=\"db-creds\"}",
    "sum(rate(http_requests_total{job=\"auth\",code=~\"5..\"}[5m])) by (pod)",
    "rate(token_refresh_errors_total[5m]) > 0.1",
    "Syncing secret secret=\"default/db-creds\"",
    "invalid token: expired",
    "could not refresh token: 401 Unauthorized",
    "failed to get token: Post \"https://sts.amazonaws.com/\": dial tcp: i/o timeout",
    "error getting credentials: exit status 1",
    "failed to read secret: context deadline exceeded",
    "wrong password: must be 8 characters",
    "password: too short",
    "unexpected token: expected ','",
    "Unexpected token < in JSON at position 0",
    "token_ttl=3600 token_type=bearer",
    "token_url=https://idp.example.com/oauth/token",
    "password_file=/run/secrets/db",
    "--service-account-signing-key-file=/etc/k8s/sa.key",
    "--authorization-mode=RBAC,Node",
    "flag --token is deprecated",
    "--password flag is required",
    "password=${DB_PASSWORD}",
    "password: $(DB_PASSWORD)",
    "password: {{ .Values.db.password }}",
    "DB_PASSWORD: <set to the key 'password' in secret 'db-creds'> Optional: false",
    "password=****** user=bob",
    "password: null",
    "\"password\":\"\"",
    "token: <none>",
    "password=true",
    "PWD=/srv/app OLDPWD=/root",
    "Basic monitoring enabled",
    "basic auth is required",
    "Bearer authentication required",
    "bearer token is missing",
    "Authorization: denied",
    "authorization failed",
    "https://example.com/a/b@v1.2.3?x=y",
    "https://example.com:8080/path",
    "git@github.com:org/repo.git",
    "ssh://git@github.com/org/repo",
    "proxy http://10.0.0.1:3128 mail bob@example.com",
    "postgres://app@db/x",
    "postgres://db:5432/x contact dba@example.com",
    "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIabc\n-----END PUBLIC KEY-----",
    "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
    "key=value monkey=1 cache_key=user:42",
    "routing_key=orders.created",
    "partition key: 12",
    "disk-pressure task-runner-abc risk-engine mask-layer",
    "sk-learn installed hf_hub_download npm_config_registry",
    "running .git/hooks/pre-commit",
    "GET /hooks/status 200",
    "mysql -p -h db",
    "mysqld: ready for connections. port: 3306",
    "session closed for user root",
    "session=12 sessions=4",
    "pass=12 fail=0",
    "passed: 12, bypass=on compass: north",
    "cookie: not found",
    "author=bob authority=x",
    "connection refused: dial tcp 10.0.0.1:5432",
    "user_id=42 client_id=web key_id=7",
    "password_changed_at=2026-01-01 password_policy=strict",
    "аутентификация не удалась: неверный пароль пользователя",
    "monkeypatch keyboard tokenizer secretariat passport",
    "tokenizer: gpt2",
    "level=info msg=\"reconciled\" controller=secret-controller took=12ms",
    "PASS: 12 tests",
    "if token == nil { return }",
    "token != expected",
    "auth=ok auth: oidc",
    "std::token::next",
    "secret: 3 configmap: 4",
    "password [redacted:password] and token=[redacted:token]",
    "SKIPPED AKIAshort ASIA-PACIFIC AIzawa",
    "2026-11-23T11:47:26.123Z INFO http: 10.1.2.3:443 -> 200 in 12ms",
];

#[test]
fn secrets_go_and_surroundings_stay() {
    let redactor = Redactor::new();
    let failures: Vec<String> = GONE
        .iter()
        .filter_map(|(text, secret, left)| {
            let out = redactor.redact(text);
            let good = !out.contains(secret) && out.contains(left) && redactor.redact(&out) == out;
            (!good).then(|| format!("{text:?}\n  -> {out:?}\n  want {left:?}"))
        })
        .collect();
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn ordinary_text_is_untouched() {
    let redactor = Redactor::new();
    let failures: Vec<String> = STAYS
        .iter()
        .filter_map(|text| match redactor.redact(text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(out) => Some(format!("{text:?}\n  -> {out:?}")),
        })
        .collect();
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn json_values_lose_their_secrets_and_keep_their_keys() {
    let mut value = json!({
        "password": "hunter2",
        "pin": {"db_password": 1234, "note": "Bearer abc123def456"},
        "tokens": 3,
        "max_tokens": 300,
        "env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "DB_HOST", "value": "db"}],
        "headers": {"Authorization": ["Basic dXNlcjpodW50ZXIy"]},
        "secretKeyRef": {"name": "db-creds", "key": "password"},
        "object": {"kind": "Secret", "data": {"a": "YQ=="}, "metadata": {"name": "a"}},
        "DATABASE_DSN": "postgres://a:b@db/x",
    });
    Redactor::new().redact_json(&mut value);
    assert_eq!(
        value,
        json!({
            "password": "[redacted:password]",
            "pin": {"db_password": "[redacted:password]", "note": "Bearer [redacted:bearer]"},
            "tokens": 3,
            "max_tokens": 300,
            "env": [{"name": "DB_PASSWORD", "value": "[redacted:password]"}, {"name": "DB_HOST", "value": "db"}],
            "headers": {"Authorization": ["[redacted:authorization]"]},
            "secretKeyRef": {"name": "db-creds", "key": "password"},
            "object": {"kind": "Secret", "data": {"a": "[redacted:secret]"}, "metadata": {"name": "a"}},
            "DATABASE_DSN": "postgres://a:[redacted:url-password]@db/x",
        })
    );
}

#[test]
fn long_hostile_lines_take_bounded_time() {
    // Quadratic time would need minutes at this size even without optimisation.
    const SIZE: usize = 1 << 18;
    let redactor = Redactor::new();
    let units = [
        "token=",
        "token",
        "password: ",
        "://",
        "://a:",
        "a@",
        "eyJ",
        "eyJa.",
        "-----BEGIN RSA PRIVATE KEY-----",
        "AKIA",
        "\\\"",
        "key\\\\\"",
        "bearer ",
        "Authorization: ",
        "password,password;",
        "mysql ",
        "curl -",
        "@tcp(",
        "/hooks/",
        "sk-",
        "password: |\n  ",
        "\"password\":\"",
        "cookie: ",
        "пароль: ",
        ":AA",
        "basic aaaa",
        "a=b,",
        "secret[",
        "pass\n",
        "key=",
        "auth=",
        "token:",
        "pwd=/",
        "sk-a",
        "authorization:token:",
        "token=\"the ",
    ];
    for unit in units {
        let text = unit.repeat(SIZE / unit.len());
        let begun = Instant::now();
        let _ = redactor.redact(&text);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(30), "{unit:?} took {took:?}");
    }
}

fn secret() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        "[A-Za-z0-9]{36}".prop_map(|s| (format!("ghp_{s}"), s)),
        "[A-Z0-9]{16}".prop_map(|s| (format!("AKIA{s}"), s)),
        "[A-Za-z0-9]{8,24}[0-9]{4}".prop_map(|s| (format!("password={s}"), s)),
        "[A-Za-z0-9!^*+~]{8,24}[0-9]{4}".prop_map(|s| (format!("\"db_password\":\"{s}\""), s)),
        "[A-Za-z0-9]{20,40}[0-9]{4}".prop_map(|s| (format!("Authorization: Bearer {s}"), s)),
        "[A-Za-z0-9]{8,20}[0-9]{4}".prop_map(|s| (format!("postgres://app:{s}@db/x"), s)),
        "[A-Za-z0-9_-]{24,40}".prop_map(|s| (format!("hvs.{s}"), s)),
        "[A-Za-z0-9]{8,20}[0-9]{4}".prop_map(|s| (format!("--token {s}"), s)),
    ]
}

proptest! {
    #[test]
    fn any_text_is_safe_and_stable(text in "(?s).{0,400}") {
        let redactor = Redactor::new();
        let once = redactor.redact(&text).into_owned();
        prop_assert_eq!(redactor.redact(&once).into_owned(), once);
    }

    #[test]
    fn text_of_suspicious_parts_is_safe_and_stable(
        parts in prop::collection::vec(prop::sample::select(vec![
            "password", "token", "=", ":", " ", "\"", "\\\"", "'", "[", "]", "{", "}", ",", ";", "&", "\n", "\\n", "://", "@",
            "eyJhbGciOiJI", ".", "abc123", "Bearer ", "Basic ", "Authorization", "cookie", "-----BEGIN PRIVATE KEY-----",
            "-----END", "AKIAABCDEFGHIJKLMNOP", "ghp_abcdefghijklmnopqrstuvwxyz", "--", "-p", "mysql", "|", "é", "пароль",
            "[redacted:token]", "%3D", "<", ">", "value", "Some(", "/", "?key=",
        ]), 0..40),
    ) {
        let redactor = Redactor::new();
        let text = parts.concat();
        let once = redactor.redact(&text).into_owned();
        prop_assert_eq!(redactor.redact(&once).into_owned(), once);
    }

    #[test]
    fn planted_secrets_vanish(
        before in "[a-zа-я0-9 .,:/(){}=_-]{0,60}",
        (text, secret) in secret(),
        after in "[a-zа-я0-9 .,:/(){}=_-]{0,60}",
    ) {
        let out = Redactor::new().redact(&format!("{before}\n{text} {after}")).into_owned();
        prop_assert!(!out.contains(&secret), "{}", out);
    }

    #[test]
    fn plain_words_are_untouched(text in "[a-zA-Z]{1,12}( [a-zA-Z]{1,12}){0,20}") {
        prop_assert!(matches!(Redactor::new().redact(&text), Cow::Borrowed(_)));
    }
}
