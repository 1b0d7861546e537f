//! Alerts come and go, and the thread is told once.

use super::*;
use crate::domain::alert::Labels;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minute)
}

fn alert(name: &str, starts: i64, ends: Option<i64>) -> Alert {
    Alert {
        fingerprint: name.into(),
        status: if ends.is_some() { AlertStatus::Resolved } else { AlertStatus::Firing },
        labels: Labels::from([
            ("alertname".into(), name.into()),
            ("namespace".into(), "shop".into()),
            ("deployment".into(), "web".into()),
        ]),
        annotations: Labels::new(),
        starts_at: at(starts),
        ends_at: ends.map(at),
        generator_url: String::new(),
    }
}

fn take(incident: &mut Incident, alerts: &[Alert], minute: i64) -> Changed {
    let mut changed = Changed::default();
    for alert in alerts {
        incident.take(alert, &Subject::of(alert), at(minute), &mut changed);
    }
    incident.settle(at(minute), &mut changed);
    changed
}

fn opened() -> Incident {
    let first = alert("A", 0, None);
    let mut incident = Incident::open("k".into(), Subject::of(&first), &first, at(1));
    take(&mut incident, &[first], 1);
    incident
}

#[test]
fn repeats_change_nothing() {
    let mut incident = opened();
    let before = incident.clone();
    let changed = take(&mut incident, &[alert("A", 0, None)], 240);
    assert!(!changed.is_material());
    assert_eq!(incident, before);
}

#[test]
fn resolves_when_the_last_alert_ends_and_reopens_when_it_fires_again() {
    let mut incident = opened();
    take(&mut incident, &[alert("B", 2, None)], 3);
    assert!(!take(&mut incident, &[alert("A", 0, Some(5))], 6).resolved);
    assert!(take(&mut incident, &[alert("B", 2, Some(7))], 8).resolved);
    assert_eq!(incident.resolved_at, Some(at(7)));
    assert!(take(&mut incident, &[alert("A", 9, None)], 10).reopened);
    assert_eq!((incident.status, incident.reopened), (IncidentStatus::Open, 1));
}

#[test]
fn a_late_firing_delivery_does_not_reopen() {
    let mut incident = opened();
    take(&mut incident, &[alert("A", 0, Some(5))], 6);
    let changed = take(&mut incident, &[alert("A", 0, None)], 7);
    assert!(!changed.is_material());
    assert_eq!(incident.status, IncidentStatus::Resolved);
}

#[test]
fn what_fires_again_with_its_old_beginning_reopens_once_that_cannot_be_late() {
    let mut incident = opened();
    assert!(take(&mut incident, &[alert("A", 0, Some(5))], 6).resolved);
    assert!(!take(&mut incident, &[alert("A", 0, None)], 14).is_material());
    let changed = take(&mut incident, &[alert("A", 0, None)], 15);
    assert!(changed.reopened);
    assert_eq!((incident.firing(), changed.fired), (1, 1));
    assert!(!take(&mut incident, &[alert("A", 0, None)], 20).is_material(), "a repeat");
    assert!(take(&mut incident, &[alert("A", 0, Some(30))], 31).resolved);
}

#[test]
fn a_full_incident_still_hears_that_its_alerts_end() {
    let mut incident = opened();
    let whole = (0..MAX_WHOLE_ALERTS).map(|n| alert(&format!("N{n}"), 1, None));
    incident.alerts.extend(whole.take(MAX_WHOLE_ALERTS - 1));
    let counted = (0..MAX_COUNTED_ALERTS).map(|n| (format!("C{n}"), CountedAlert { starts_at: at(1), ends_at: None }));
    incident.counted.extend(counted);
    let before = incident.firing();
    take(&mut incident, &[alert("C7", 1, Some(3)), alert("one too many", 1, None)], 4);
    assert_eq!((incident.firing(), incident.counted.len()), (before - 1, MAX_COUNTED_ALERTS));
}

#[test]
fn alerts_beyond_the_bound_are_counted_and_still_resolve() {
    let mut incident = opened();
    let many: Vec<Alert> = (0..MAX_WHOLE_ALERTS + 5).map(|n| alert(&format!("N{n}"), 1, None)).collect();
    take(&mut incident, &many, 2);
    assert_eq!(incident.firing(), MAX_WHOLE_ALERTS + 6);
    let ended: Vec<Alert> = (0..MAX_WHOLE_ALERTS + 5).map(|n| alert(&format!("N{n}"), 1, Some(3))).collect();
    take(&mut incident, &ended, 4);
    assert_eq!(incident.firing(), 1);
    assert!(take(&mut incident, &[alert("A", 0, Some(5))], 6).resolved);
}

#[test]
fn what_joins_within_two_minutes_is_one_message() {
    let mut incident = opened();
    let mut joins = |name: &str, minute: i64, event: u64| {
        let changed = take(&mut incident, &[alert(name, minute, None)], minute);
        let joined = incident.tell_joined(&changed, EventId(event), at(minute)).cloned();
        joined.map(|joined| (joined.event.0, joined.changed.new_names.join(" "), joined.changed.fired))
    };
    assert_eq!(joins("B", 2, 7), Some((7, "B".into(), 1)));
    assert_eq!(joins("C", 3, 8), Some((7, "B C".into(), 2)), "the same message, of all of it");
    assert_eq!(joins("C", 3, 9), None, "a repeat says nothing");
    assert_eq!(joins("D", 4, 10), Some((10, "D".into(), 1)), "two minutes later it is another one");
}

#[test]
fn a_message_does_not_grow_past_the_end() {
    let mut incident = opened();
    let all = |end: Option<i64>| [alert("A", 0, end), alert("B", 2, end)];
    let changed = take(&mut incident, &all(None), 2);
    assert!(incident.tell_joined(&changed, EventId(1), at(2)).is_some());
    let changed = take(&mut incident, &all(Some(2)), 2);
    assert!(incident.tell_joined(&changed, EventId(2), at(2)).is_none());
    let changed = take(&mut incident, &[alert("C", 3, None)], 3);
    let joined = incident.tell_joined(&changed, EventId(3), at(3)).unwrap();
    assert_eq!((joined.event, joined.changed.new_names.as_slice()), (EventId(3), ["C".to_owned()].as_slice()));
}

#[test]
fn a_name_is_new_once() {
    let mut changed = Changed::default();
    for name in ["A", "B", "A"] {
        changed.and_then(Changed { new_names: vec![name.into()], ..Changed::default() });
    }
    assert_eq!(changed.new_names, ["A", "B"]);
}
