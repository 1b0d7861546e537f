//! Helpers of the actuator's unit tests; what it does is tested against a server.

use serde_json::Value;

/// Lays one JSON object over another.
pub(super) fn merge(target: &mut Value, over: &Value) {
    match over {
        Value::Object(map) => map.iter().for_each(|(name, value)| merge(&mut target[name.as_str()], value)),
        other => *target = other.clone(),
    }
}
