//! Recorded exchanges, read back so that a fake can be held against the real server.

use std::path::PathBuf;

use serde_json::Value;

use crate::checkout::root;

/// One request and its answer.
#[derive(Debug)]
pub struct Exchange {
    pub name: String,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub status: u16,
    pub answer: String,
}

/// All exchanges below `tests/captures/<folder>`, by file name.
pub fn exchanges(folder: &str) -> Vec<Exchange> {
    let directory = root().join("tests/captures").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| read(file.file_name().unwrap().to_str().unwrap(), &std::fs::read_to_string(file).unwrap()))
        .collect()
}

fn read(name: &str, text: &str) -> Exchange {
    let (request, answer) = text.split_once("\n<<< HTTP ").unwrap();
    let (head, body) = request.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let (method, path) = lines.next().unwrap().strip_prefix(">>> ").unwrap().split_once(' ').unwrap();
    let header = |line: &str| {
        let (name, value) = line.strip_prefix("> ").unwrap().split_once(": ").unwrap();
        (name.to_owned(), value.to_owned())
    };
    let (status, answer) = answer.split_once('\n').unwrap();
    Exchange {
        name: name.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        headers: lines.map(header).collect(),
        body: body.trim_end_matches('\n').to_owned(),
        status: status[..3].parse().unwrap(),
        answer: answer.split_once("\n\n").map_or("", |(_, body)| body).trim().to_owned(),
    }
}

/// What a JSON value is made of, without what it says: names and types. Of a list, what its first element is made of.
pub fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => {
            items.first().map_or_else(|| Value::from("empty list"), |first| Value::from(vec![shape(first)]))
        }
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "bool".into(),
        Value::Null => "null".into(),
    }
}
