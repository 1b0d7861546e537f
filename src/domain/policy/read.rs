//! The policy file read: YAML to rules, with every problem named by line and field.
//!
//! Nothing is ignored: a key that is not known is an error, because a misspelt condition would make a rule apply to more
//! than its author meant.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};

use super::{
    Approvers, BreakGlass, DEFAULT_EXPIRY, Effect, MAX_EXPIRY, MAX_FILE_BYTES, PROTECTED_NAMESPACES, People, Per,
    Policy, Principal, RateLimit, Rule, RuleMatch, TimeWindow, examples,
};
use crate::domain::action::{ActionName, Risk};
use crate::domain::alert::Severity;
use crate::domain::lint::{LintProblem, Problems};
use crate::domain::yaml::fields::{list, mapping, number, required, suggestion, text};
use crate::domain::yaml::{self, Node, Value};

const KEYS: [&str; 7] = ["version", "people", "groups", "protected_namespaces", "rules", "rate_limits", "break_glass"];
const RULE_KEYS: [&str; 9] =
    ["name", "match", "decision", "approvers", "quorum", "self_approval", "expires", "reason", "examples"];
const MATCH_KEYS: [&str; 7] = ["actions", "namespaces", "nodes", "labels", "risk", "severity", "when"];
const WEEKLY_KEYS: [&str; 4] = ["days", "from", "to", "offset"];
const ONCE_KEYS: [&str; 2] = ["start", "end"];
const LIMIT_KEYS: [&str; 5] = ["actions", "per", "most", "within", "reason"];
const GLASS_KEYS: [&str; 3] = ["approvers", "quorum", "reason"];
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];
/// Most people who can be asked for.
const MAX_QUORUM: f64 = 20.0;

pub(super) fn policy(file: &str, text: &str) -> (Option<Policy>, Vec<LintProblem>) {
    let mut problems = Problems::of(file);
    if text.len() > MAX_FILE_BYTES {
        problems.error(1, "policy", format!("longer than {MAX_FILE_BYTES} bytes"), "split it or shorten it");
        return (None, problems.into_sorted());
    }
    let policy = match yaml::parse(text) {
        Ok(tree) => whole(&tree, &mut problems),
        Err(fault) => {
            let mend = "mend the line; put text with `:`, `#`, `*` or `{` in quotes, and indent with spaces";
            problems.error(fault.line, "policy", format!("not YAML: {}", fault.problem), mend);
            None
        }
    };
    (policy, problems.into_sorted())
}

fn whole(tree: &Node, problems: &mut Problems) -> Option<Policy> {
    let entries = mapping(tree, "policy", problems)?;
    strict_keys(entries, "", &KEYS, problems);
    if let Some(version) = tree.get("version")
        && number(version, "version", problems).is_some_and(|version| version != 1.0)
    {
        problems.error(version.line, "version", "not a version that this release reads", "write `version: 1`");
    }
    let people = people(tree.get("people"), problems);
    let groups = groups(tree.get("groups"), &people, problems);
    let names = Names { people: &people, groups: &groups };
    let protected = match tree.get("protected_namespaces") {
        Some(node) => {
            let listed = list(node, "protected_namespaces", problems, pattern);
            if !listed.iter().any(|pattern| super::glob::fits(pattern, "kube-system")) {
                let mend = "add it unless the bot really may act there";
                problems.warning(node.line, "protected_namespaces", "kube-system is not protected", mend);
            }
            listed
        }
        None => PROTECTED_NAMESPACES.map(str::to_owned).to_vec(),
    };
    let rules: Vec<Rule> = match tree.get("rules").map(|node| &node.value) {
        None | Some(Value::Null) => {
            problems.warning(tree.line, "rules", "there are none, so nothing can be approved", "add a rule");
            Vec::new()
        }
        Some(Value::List(items)) => {
            let read = |(at, node): (usize, &Node)| rule(node, at, &names, problems);
            items.iter().enumerate().filter_map(read).collect()
        }
        Some(_) => {
            problems.error(tree.line, "rules", "not a list", "write one rule after each `- `");
            Vec::new()
        }
    };
    let mut seen = BTreeSet::new();
    for rule in rules.iter().filter(|rule| !seen.insert(rule.name.as_str())) {
        problems.error(tree.line, "rules", format!("two are called `{}`", rule.name), "give each its own name");
    }
    let rate_limits = match tree.get("rate_limits") {
        Some(node) => list(node, "rate_limits", problems, rate_limit),
        None => vec![RateLimit::default()],
    };
    let break_glass = tree.get("break_glass").and_then(|node| glass(node, &names, problems));
    Some(Policy { protected_namespaces: protected, rules, rate_limits, break_glass, digest: String::new(), people })
}

fn strict_keys(entries: &[(Node, Node)], parent: &str, known: &[&str], problems: &mut Problems) {
    for (key, _) in entries {
        let name = key.as_text().unwrap_or("?");
        if !known.contains(&name) {
            problems.error(key.line, &format!("{parent}{name}"), "unknown key", suggestion(name, known));
        }
    }
}

/// What the names in a list of approvers stand for.
struct Names<'a> {
    people: &'a People,
    groups: &'a BTreeMap<String, Approvers>,
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && !name.contains(':') && !name.chars().any(char::is_whitespace)
}

fn people(node: Option<&Node>, problems: &mut Problems) -> People {
    let mut people = People::default();
    let Some(entries) = node.and_then(|node| mapping(node, "people", problems)) else { return people };
    for (key, value) in entries {
        let name = key.as_text().unwrap_or_default();
        let field = format!("people.{name}");
        if !is_plain_name(name) {
            problems.error(key.line, &field, "not a name", "use a word without `:` and spaces");
            continue;
        }
        for id in list(value, &field, problems, principal) {
            if id.kind().is_group() {
                let mend = "list groups under `groups`";
                problems.error(value.line, &field, format!("`{id}` is a group, not a person"), mend);
            } else if let Some(other) = people.name_of(&id).map(str::to_owned) {
                let mend = "an identity belongs to one person";
                problems.error(value.line, &field, format!("`{id}` is {other} already"), mend);
            } else {
                people.by_name.entry(name.to_owned()).or_default().insert(id);
            }
        }
    }
    people
}

fn groups(node: Option<&Node>, people: &People, problems: &mut Problems) -> BTreeMap<String, Approvers> {
    let mut groups = BTreeMap::new();
    let Some(entries) = node.and_then(|node| mapping(node, "groups", problems)) else { return groups };
    for (key, value) in entries {
        let name = key.as_text().unwrap_or_default();
        let field = format!("groups.{name}");
        if !is_plain_name(name) || people.by_name.contains_key(name) {
            let mend = "use a word without `:` and spaces that is no name of `people`";
            problems.error(key.line, &field, "not a name for a group", mend);
            continue;
        }
        // A group may name those above it.
        let members = approvers(value, &field, &Names { people, groups: &groups }, problems);
        groups.insert(name.to_owned(), members);
    }
    groups
}

fn principal(node: &Node, field: &str, problems: &mut Problems) -> Option<Principal> {
    let written = text(node, field, problems)?;
    written
        .parse()
        .map_err(|problem: String| problems.error(node.line, field, problem, "write it like slack:U024BE7LH"))
        .ok()
}

fn approvers(node: &Node, field: &str, names: &Names<'_>, problems: &mut Problems) -> Approvers {
    let mut found = Approvers::default();
    for (line, written) in list(node, field, problems, |node, field, problems| {
        text(node, field, problems).map(|written| (node.line, written))
    }) {
        if let Some(ids) = names.people.by_name.get(&written) {
            found.principals.extend(ids.iter().cloned());
        } else if let Some(group) = names.groups.get(&written) {
            found.principals.extend(group.principals.iter().cloned());
        } else {
            match written.parse::<Principal>() {
                Ok(id) => {
                    found.principals.insert(id);
                }
                Err(problem) => {
                    let known: Vec<&str> =
                        names.people.by_name.keys().chain(names.groups.keys()).map(String::as_str).collect();
                    let problem = match written.contains(':') {
                        true => problem,
                        false => format!("`{written}` is no name of `people` or `groups`"),
                    };
                    let mend = match known.is_empty() {
                        true => "write it like slack:U024BE7LH".to_owned(),
                        false => suggestion(&written, &known),
                    };
                    problems.error(line, field, problem, mend);
                    continue;
                }
            }
        }
        found.written.push(written);
    }
    found
}

fn pattern(node: &Node, field: &str, problems: &mut Problems) -> Option<String> {
    let written = text(node, field, problems)?;
    let is_pattern = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.*".contains(c);
    if written.chars().all(is_pattern) {
        return Some(written);
    }
    problems.error(node.line, field, format!("`{written}` can fit no name"), "use a-z, 0-9, `-`, `.` and `*`");
    None
}

fn rule(node: &Node, at: usize, names: &Names<'_>, problems: &mut Problems) -> Option<Rule> {
    let field = format!("rules[{at}]");
    let entries = mapping(node, &field, problems)?;
    strict_keys(entries, &format!("{field}."), &RULE_KEYS, problems);
    let name = required(node, "name", &field, problems).and_then(|(at, node)| text(node, &at, problems));
    let reason = required(node, "reason", &field, problems).and_then(|(at, node)| text(node, &at, problems));
    let matcher = match node.get("match") {
        Some(node) => rule_match(node, &format!("{field}.match"), problems)?,
        None => RuleMatch::default(),
    };
    let effect = effect(node, &field, names, problems);
    let rule = Rule { name: name?, matcher, effect: effect?, reason: reason? };
    examples::check(&rule, node, &field, problems);
    Some(rule)
}

fn effect(node: &Node, field: &str, names: &Names<'_>, problems: &mut Problems) -> Option<Effect> {
    let (at, decision) = required(node, "decision", field, problems)?;
    match text(decision, &at, problems)?.as_str() {
        "forbid" => {
            for key in ["approvers", "quorum", "self_approval", "expires"] {
                if let Some(useless) = node.get(key) {
                    let mend = "remove it, or write `decision: approve`";
                    problems.error(
                        useless.line,
                        &format!("{field}.{key}"),
                        "means nothing where it is forbidden",
                        mend,
                    );
                }
            }
            Some(Effect::Forbid)
        }
        "approve" => {
            let (at, listed) = required(node, "approvers", field, problems)?;
            let approvers = approvers(listed, &at, names, problems);
            if approvers.is_empty() {
                problems.error(listed.line, &at, "names nobody", "list people or groups, or write `decision: forbid`");
            }
            let quorum = quorum(node.get("quorum"), field, &approvers, names.people, problems);
            let self_approval = node.get("self_approval");
            let self_approval =
                self_approval.is_some_and(|node| boolean(node, &format!("{field}.self_approval"), problems));
            let expires = node.get("expires").and_then(|node| expiry(node, &format!("{field}.expires"), problems));
            Some(Effect::Approve { approvers, quorum, self_approval, expires: expires.unwrap_or(DEFAULT_EXPIRY) })
        }
        other => {
            problems.error(decision.line, &at, format!("`{other}` is not approve or forbid"), "write one of the two");
            None
        }
    }
}

fn quorum(node: Option<&Node>, field: &str, approvers: &Approvers, people: &People, problems: &mut Problems) -> u8 {
    let Some(node) = node else { return 1 };
    let field = format!("{field}.quorum");
    let Some(count) = number(node, &field, problems) else { return u8::MAX };
    if count.fract() != 0.0 || !(1.0..=MAX_QUORUM).contains(&count) {
        problems.error(node.line, &field, format!("{count} people cannot be asked for"), "write a number from 1 to 20");
        return u8::MAX;
    }
    // In range by the check above.
    let count = count as u8;
    if approvers.most(people).is_some_and(|most| most > 0 && usize::from(count) > most) {
        let problem = format!("{count} must approve, and fewer are named");
        problems.error(node.line, &field, problem, "name more approvers or lower it");
    }
    count
}

fn boolean(node: &Node, field: &str, problems: &mut Problems) -> bool {
    if let Value::Bool(value) = node.value {
        return value;
    }
    problems.error(node.line, field, format!("{} where true or false is expected", node.kind()), "write true or false");
    false
}

fn rule_match(node: &Node, field: &str, problems: &mut Problems) -> Option<RuleMatch> {
    let entries = mapping(node, field, problems)?;
    strict_keys(entries, &format!("{field}."), &MATCH_KEYS, problems);
    for (key, value) in entries {
        // An empty list would read as "any", and its author meant "none" or forgot something.
        let is_empty = match &value.value {
            Value::Null => true,
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
        };
        if is_empty {
            let name = key.as_text().unwrap_or("?");
            problems.error(
                key.line,
                &format!("{field}.{name}"),
                "is empty",
                "list something, or remove the line for any",
            );
        }
    }
    let mut found = RuleMatch::default();
    let at = |key: &str| format!("{field}.{key}");
    if let Some(node) = node.get("actions") {
        found.actions = list(node, &at("actions"), problems, action_name);
    }
    if let Some(node) = node.get("namespaces") {
        found.namespaces = list(node, &at("namespaces"), problems, pattern);
    }
    if let Some(node) = node.get("nodes") {
        found.nodes = list(node, &at("nodes"), problems, pattern);
    }
    if let Some(labels) = node.get("labels").and_then(|node| mapping(node, &at("labels"), problems)) {
        for (key, value) in labels {
            let name = key.as_text().unwrap_or("?").to_owned();
            let value = text(value, &format!("{}.{name}", at("labels")), problems);
            found.labels.extend(value.map(|value| (name, value)));
        }
    }
    if let Some(node) = node.get("risk") {
        found.risks = list(node, &at("risk"), problems, |node, field, problems| {
            one_of(node, field, &Risk::ALL.map(|risk| (risk.as_str(), risk)), problems)
        });
    }
    if let Some(node) = node.get("severity") {
        found.severities = list(node, &at("severity"), problems, severity);
    }
    if let Some(node) = node.get("when") {
        found.when = match &node.value {
            Value::Map(_) => time_window(node, &at("when"), problems).into_iter().collect(),
            _ => list(node, &at("when"), problems, time_window),
        };
    }
    Some(found)
}

fn one_of<T: Copy>(node: &Node, field: &str, all: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let name = text(node, field, problems)?;
    let found = all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    if found.is_none() {
        let known: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        problems.error(node.line, field, format!("unknown `{name}`"), suggestion(&name, &known));
    }
    found
}

fn action_name(node: &Node, field: &str, problems: &mut Problems) -> Option<ActionName> {
    one_of(node, field, &ActionName::ALL.map(|action| (action.as_str(), action)), problems)
}

pub(super) fn severity(node: &Node, field: &str, problems: &mut Problems) -> Option<Severity> {
    let all = [Severity::Info, Severity::Warning, Severity::Critical].map(|severity| (severity.as_str(), severity));
    one_of(node, field, &all, problems)
}

fn time_window(node: &Node, field: &str, problems: &mut Problems) -> Option<TimeWindow> {
    let entries = mapping(node, field, problems)?;
    if node.get("start").is_some() || node.get("end").is_some() {
        strict_keys(entries, &format!("{field}."), &ONCE_KEYS, problems);
        let start = required(node, "start", field, problems).and_then(|(at, node)| moment(node, &at, problems));
        let end = required(node, "end", field, problems).and_then(|(at, node)| moment(node, &at, problems));
        let (start, end) = (start?, end?);
        if start >= end {
            problems.error(node.line, field, "ends before it starts", "exchange start and end");
        }
        return Some(TimeWindow::Once { start, end });
    }
    strict_keys(entries, &format!("{field}."), &WEEKLY_KEYS, problems);
    let at = |key: &str| format!("{field}.{key}");
    let days: Vec<Vec<Weekday>> =
        node.get("days").map(|node| list(node, &at("days"), problems, days)).unwrap_or_default();
    let mut hour = |key: &str| match node.get(key) {
        Some(node) => clock(node, &at(key), problems),
        None => Some(NaiveTime::MIN),
    };
    let (from, to) = (hour("from"), hour("to"));
    let offset = match node.get("offset") {
        Some(node) => offset(node, &at("offset"), problems),
        None => FixedOffset::east_opt(0),
    };
    Some(TimeWindow::Weekly { days: days.concat(), from: from?, to: to?, offset: offset? })
}

/// `fri`, or `mon-fri`.
fn days(node: &Node, field: &str, problems: &mut Problems) -> Option<Vec<Weekday>> {
    let written = text(node, field, problems)?.to_lowercase();
    let day = |name: &str| DAYS.iter().position(|(known, _)| name.starts_with(known));
    let (first, last) = written.split_once('-').unwrap_or((&written, &written));
    let (Some(first), Some(last)) = (day(first), day(last)) else {
        let mend = "write mon, tue, wed, thu, fri, sat, sun, or mon-fri";
        problems.error(node.line, field, format!("`{written}` is no day"), mend);
        return None;
    };
    let count = (last + 7 - first) % 7;
    Some((0..=count).filter_map(|step| DAYS.get((first + step) % 7)).map(|(_, day)| *day).collect())
}

fn clock(node: &Node, field: &str, problems: &mut Problems) -> Option<NaiveTime> {
    let written = text(node, field, problems)?;
    let time = match written.as_str() {
        "24:00" => Some(NaiveTime::MIN),
        text => NaiveTime::parse_from_str(text, "%H:%M").ok(),
    };
    if time.is_none() {
        problems.error(node.line, field, format!("`{written}` is no time of day"), "write it like \"09:00\"");
    }
    time
}

fn offset(node: &Node, field: &str, problems: &mut Problems) -> Option<FixedOffset> {
    let written = text(node, field, problems)?;
    let offset = match written.as_str() {
        "UTC" | "Z" => FixedOffset::east_opt(0),
        text => text.parse().ok(),
    };
    if offset.is_none() {
        let mend = "write UTC or an offset like \"+03:00\"; time zones with summer time are not supported";
        problems.error(node.line, field, format!("`{written}` is no offset"), mend);
    }
    offset
}

/// A date, which begins at midnight UTC, or a time with its offset.
pub(super) fn moment(node: &Node, field: &str, problems: &mut Problems) -> Option<DateTime<Utc>> {
    let written = text(node, field, problems)?;
    let date =
        || written.parse::<NaiveDate>().ok().and_then(|date| date.and_hms_opt(0, 0, 0)).map(|time| time.and_utc());
    let time = written.parse::<DateTime<FixedOffset>>().ok().map(|time| time.to_utc()).or_else(date);
    if time.is_none() {
        let mend = "write 2026-12-20 or 2026-12-20T18:00:00+03:00";
        problems.error(node.line, field, format!("`{written}` is no point in time"), mend);
    }
    time
}

fn duration(node: &Node, field: &str, problems: &mut Problems) -> Option<TimeDelta> {
    let written = text(node, field, problems)?;
    let units = [('m', 60), ('h', 3_600), ('d', 86_400)];
    let read = |(unit, factor): (char, i64)| written.strip_suffix(unit)?.parse::<i64>().ok()?.checked_mul(factor);
    // A month is longer than any of these means.
    let seconds = units.into_iter().find_map(read).filter(|seconds| (60..=30 * 86_400).contains(seconds));
    if seconds.is_none() {
        let mend = "write it like 30m, 2h or 1d";
        problems.error(node.line, field, format!("`{written}` is no duration from 1m to 30d"), mend);
    }
    seconds.map(TimeDelta::seconds)
}

fn expiry(node: &Node, field: &str, problems: &mut Problems) -> Option<TimeDelta> {
    let expires = duration(node, field, problems)?;
    if expires > MAX_EXPIRY {
        let mend = "what was shown a day ago is not what is there now";
        problems.error(node.line, field, "longer than 24h", mend);
    }
    Some(expires)
}

fn rate_limit(node: &Node, field: &str, problems: &mut Problems) -> Option<RateLimit> {
    let entries = mapping(node, field, problems)?;
    strict_keys(entries, &format!("{field}."), &LIMIT_KEYS, problems);
    let actions = node.get("actions").map(|node| list(node, &format!("{field}.actions"), problems, action_name));
    let per = match node.get("per") {
        Some(node) => {
            let all = [("target", Per::Target), ("namespace", Per::Namespace), ("cluster", Per::Cluster)];
            one_of(node, &format!("{field}.per"), &all, problems)?
        }
        None => Per::Target,
    };
    let most = required(node, "most", field, problems).and_then(|(at, node)| {
        let most = number(node, &at, problems)?;
        if most.fract() != 0.0 || !(1.0..=1000.0).contains(&most) {
            problems.error(node.line, &at, format!("{most} is no number of times"), "write a number from 1 to 1000");
        }
        // Checked above; an error keeps the policy from being used.
        Some(most.clamp(1.0, 1000.0) as usize)
    });
    let within = required(node, "within", field, problems).and_then(|(at, node)| duration(node, &at, problems));
    let reason = required(node, "reason", field, problems).and_then(|(at, node)| text(node, &at, problems));
    Some(RateLimit { actions: actions.unwrap_or_default(), per, most: most?, within: within?, reason: reason? })
}

fn glass(node: &Node, names: &Names<'_>, problems: &mut Problems) -> Option<BreakGlass> {
    let field = "break_glass";
    let entries = mapping(node, field, problems)?;
    strict_keys(entries, "break_glass.", &GLASS_KEYS, problems);
    let (at, listed) = required(node, "approvers", field, problems)?;
    let approvers = approvers(listed, &at, names, problems);
    if approvers.is_empty() {
        problems.error(listed.line, &at, "names nobody", "list people or groups, or remove `break_glass`");
    }
    let quorum = quorum(node.get("quorum"), field, &approvers, names.people, problems);
    let reason = required(node, "reason", field, problems).and_then(|(at, node)| text(node, &at, problems));
    Some(BreakGlass { approvers, quorum, reason: reason? })
}
