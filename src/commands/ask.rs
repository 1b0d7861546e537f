//! `holmes-bot ask`: puts a question to the running bot, or, where none runs, answers it right here.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bot;
use crate::adapters::http::{Endpoint, HttpError, read_json};
use crate::adapters::store_embedded::EmbeddedStore;
use crate::agent::prompt::Question;
use crate::agent::tools::Tool;
use crate::agent::turn::Outcome;
use crate::app;
use crate::config::Config;
use crate::domain::investigation::Investigation;
use crate::flow::answer::hold;
use crate::flow::converse::{Happened, Live};
use crate::flow::tools::Ledger;

/// Seconds that one look at the answer waits for a change.
const WAIT: &str = "20";
/// Longest answer of the API.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// How often progress is looked at where the question is answered right here.
const TICK: Duration = Duration::from_millis(200);

/// Options of `ask`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The question.
    question: String,
    /// The incident it is about; the running bot keeps question and answer in its thread.
    #[arg(long, value_name = "ID")]
    incident: Option<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// What the API says of a question.
#[derive(Debug, Deserialize)]
struct Answer {
    id: String,
    incident: String,
    status: String,
    #[serde(default)]
    looking: Vec<String>,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    unverified: Vec<String>,
    reason: Option<String>,
}

/// Asks; the exit code is 1 when there is no answer.
///
/// # Errors
/// When the configuration is wrong, or nobody can be asked.
pub async fn run(arguments: Arguments, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let config = Config::from_variables(variables)?;
    let bot = bot::endpoint(&config)?;
    let body = json!({"text": arguments.question, "incident": arguments.incident, "author": author(variables)});
    match bot.send(bot.post("api/v1/questions").json(&body)).await {
        Ok(answer) => follow(&bot, read_json(answer, MAX_ANSWER_BYTES).await?, &arguments).await,
        Err(HttpError::Unreachable { .. }) if arguments.incident.is_none() => here(&config, &arguments).await,
        Err(error) => Err(error).context("ask the bot (HOLMES_PUBLIC_URL, HOLMES_API_TOKEN)"),
    }
}

fn author(variables: &BTreeMap<String, String>) -> &str {
    variables.get("USER").map_or("command line", String::as_str)
}

/// Waits for the bot's answer, and says on standard error what it looks at.
async fn follow(bot: &Endpoint, asked: Answer, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = format!("api/v1/incidents/{}/questions/{}", asked.incident, asked.id);
    let mut told: Vec<String> = Vec::new();
    loop {
        // Short waits while something happens, so that progress is seen.
        let wait = if told.is_empty() { "1" } else { WAIT };
        let answer = match bot.send(bot.get(&path).query(&[("wait", wait)])).await {
            Ok(answer) => answer,
            // It is stored; the bot has not noted it yet.
            Err(HttpError::Status { code: 404, .. }) => {
                tokio::time::sleep(TICK).await;
                continue;
            }
            Err(error) => return Err(error).context("wait for the answer"),
        };
        let raw: Value = read_json(answer, MAX_ANSWER_BYTES).await?;
        let answer: Answer = serde_json::from_value(raw.clone()).context("read the answer")?;
        for line in &answer.looking {
            if !told.contains(line) {
                progress(line);
                told.push(line.clone());
            }
        }
        if answer.status == "answered" || answer.status == "failed" {
            if arguments.json {
                println!("{}", serde_json::to_string_pretty(&raw)?);
            } else {
                print(&answer.answer, &answer.unverified, answer.reason.as_deref());
            }
            return Ok(if answer.status == "answered" { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
}

/// Answers without a bot: the same conversation, kept nowhere.
async fn here(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    eprintln!("no bot answers at {}; asking right here, nothing is kept", config.public_url);
    let forgotten = tempfile::tempdir().context("make a directory for the question")?;
    let store = Arc::new(EmbeddedStore::open(forgotten.path())?);
    let context = app::context(config, store, Arc::new(chrono::Utc::now), Arc::default()).await?;
    let model = context.model.as_ref().context("no model is configured: set LLM_BASE_URL")?;
    let question =
        Question { text: &arguments.question, author: "command line", said: &[], system: None, schema: None };
    let render = Arc::clone(&context.render);
    let live = Live::told_to(move |happened| {
        if let Happened::Called(call) = happened
            && let Ok(tool) = Tool::parse(&call.name, &call.arguments)
        {
            progress(&render.looking(tool.name(), &tool.object()));
        }
    });
    let ledger = Ledger::Memory(Box::<Investigation>::default());
    let held = hold(&context, model, None, &question, ledger, None, &live).await?;
    let (text, unverified) = match held.outcome {
        Outcome::Answer { text, unverified } => (text, unverified),
        Outcome::Nothing(why) => anyhow::bail!("the model did not answer: {why}"),
        Outcome::Report(_) | Outcome::Shaped(_) => anyhow::bail!("the model answered something else"),
    };
    if arguments.json {
        let evidence: Vec<Value> = held
            .conversation
            .evidence()
            .iter()
            .map(|evidence| json!({"id": evidence.id.to_string(), "title": evidence.title, "query": evidence.query, "excerpt": evidence.excerpt}))
            .collect();
        let answer = json!({
            "status": "answered", "question": arguments.question, "answer": text, "unverified": unverified,
            "model": held.model, "turns": held.conversation.turns(), "evidence": evidence,
        });
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print(&text, &unverified, None);
        for evidence in held.conversation.evidence() {
            println!("[{}] {}", evidence.id, evidence.title);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn progress(line: &str) {
    let (dim, plain) = if std::io::stderr().is_terminal() { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
    eprintln!("{dim}{line} …{plain}");
}

fn print(answer: &str, unverified: &[String], reason: Option<&str>) {
    match reason {
        Some(reason) => println!("The model did not answer: {reason}"),
        None => println!("{answer}"),
    }
    if !unverified.is_empty() {
        println!("\nNot in the cited evidence: {}", unverified.join(", "));
    }
}
