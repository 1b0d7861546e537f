//! The audit as an operator reads it: from the running bot, and from its file when the bot is down.

use std::path::Path;
use std::process::Command;

use crate::process::{Process, client, firing};
use crate::wait::until_is;

const TOKEN: (&str, &str) = ("HOLMES_API_TOKEN", "s3cret");

/// Runs `holmes-bot audit …` beside the bot at `url`: whether it went well, and what it said.
fn audit(url: &str, data: &Path, token: &str, words: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_holmes-bot"))
        .arg("audit")
        .args(words)
        .env_clear()
        .env("HOLMES_LISTEN", url.trim_start_matches("http://"))
        .env("HOLMES_DATA_DIR", data)
        .env(TOKEN.0, token)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_is_the_same_from_the_bot_and_from_its_file() {
    let data = tempfile::tempdir().unwrap();
    let mut bot = Process::serve(data.path(), &[TOKEN]).await;
    let url = bot.url.clone();
    let asks = |words: &[&str]| audit(&url, data.path(), TOKEN.1, words);

    assert_eq!(client().get(format!("{url}/api/v1/audit")).send().await.unwrap().status(), 401);
    assert!(!audit(&url, data.path(), "wrong", &["verify"]).0, "a wrong token is refused, not worked around");

    let answer = client().post(format!("{url}/webhook")).json(&firing("PodCrash", "web")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let opened = async || asks(&["show", "--action", "incident.opened"]).1;
    until_is("an entry", opened, |said| said.contains("incident.opened")).await;
    let (fine, alive) = asks(&["verify"]);
    assert!(fine && alive.starts_with("ok: "), "{alive}");

    assert_eq!(bot.terminate(), Some(0));
    let (fine, down) = asks(&["verify"]);
    assert!(fine && down.starts_with("ok: "), "{down}");
    let head = down.rsplit(' ').next().unwrap().trim().to_owned();
    assert!(asks(&["verify", "--anchor", &head]).0);
    assert!(!asks(&["verify", "--anchor", "1:00"]).0);

    let (fine, exported) = asks(&["export"]);
    assert!(fine);
    let file = data.path().join("export.jsonl");
    std::fs::write(&file, &exported).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(asks(&["verify", "--file", file]), (true, down));
    std::fs::write(file, exported.replace("incident.opened", "incident.missed")).unwrap();
    let (fine, said) = asks(&["verify", "--file", file]);
    assert!(!fine && said.starts_with("BROKEN at entry "), "{said}");

    let (fine, said) = audit(&url, &data.path().join("elsewhere"), TOKEN.1, &["show"]);
    assert!(!fine && said.contains("there is no store"), "{said}");
}
