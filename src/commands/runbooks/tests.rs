//! Tests of the `runbooks` command.

use std::fs;

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: RunbooksArgs,
}

fn answer(words: &[&str]) -> (Outcome, String) {
    let cli = Cli::try_parse_from([&["runbooks"], words].concat()).expect("arguments");
    let mut out = Vec::new();
    let outcome = run(&cli.args, &mut out).expect("an answer");
    (outcome, String::from_utf8(out).expect("text"))
}

fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("holmes-bot-cli-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).expect("create a folder");
    for (file, text) in files {
        fs::write(path.join(file), text).expect("write a file");
    }
    path
}

#[test]
fn the_embedded_runbooks_are_clean() {
    let (outcome, said) = answer(&["lint"]);
    assert_eq!((outcome, said.as_str()), (Outcome::Fine, "24 runbooks, 0 errors, 0 warnings\n"));
}

#[test]
fn lint_points_at_line_and_field() {
    let dir = folder("lint", &[("a.md", "---\nmatch: {alerts: ['(']}\nactions: [reboot]\n---\n"), ("b.md", "# fine")]);
    let (outcome, said) = answer(&["lint", "--dir", dir.to_str().expect("a path")]);
    fs::remove_dir_all(&dir).expect("clean up");
    assert_eq!(outcome, Outcome::Faulty);
    insta::assert_snapshot!(said, @r#"
    a.md:2: match.alerts[0]: `(` is not a regular expression: unclosed group (look-around and back-references are not supported; write `\` in single quotes)
    a.md:3: actions[0]: unknown action `reboot` (use one of rollout_restart, rollout_undo, rollout_pause, rollout_resume, scale, set_resources, set_hpa_bounds, delete_pod, cordon, uncordon, drain, suspend_cronjob, resume_cronjob, rerun_job, create_silence, expire_silence)
    2 runbooks, 2 errors, 0 warnings
    "#);
}

#[test]
fn search_with_a_directory_searches_only_there() {
    let dir = folder(
        "search",
        &[("Some.md", "# Crash\n\nThe pod is crash looping."), ("Other.md", "# Disk\n\nThe disk is full.")],
    );
    let (_, said) =
        answer(&["search", "pod crash looping", "--dir", dir.to_str().expect("a path"), "--json", "-k", "5"]);
    fs::remove_dir_all(&dir).expect("clean up");
    insta::assert_snapshot!(said, @r#"
    {
      "query": "pod crash looping",
      "results": [
        {
          "id": "Some",
          "title": "Crash",
          "score": 1.0,
          "path": "Some.md",
          "excerpt": "Crash: The pod is crash looping."
        }
      ]
    }
    "#);
}

#[test]
fn list_and_show_speak_of_the_same_runbooks() {
    let (_, listed) = answer(&["list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    for runbook in listed["runbooks"].as_array().expect("a list") {
        let id = runbook["id"].as_str().expect("an id");
        let (_, shown) = answer(&["show", id]);
        assert!(shown.contains(runbook["title"].as_str().expect("a title")), "{id}");
    }
}
