//! What is logged, line by line.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use time::OffsetDateTime;
use tracing::{debug, error, info, info_span, warn};

use super::*;

fn noon() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(1_767_355_200_000_042_999).unwrap()
}

/// The lines that `act` logs.
fn lines(settings: &Settings, form: Form, act: impl FnOnce()) -> Vec<String> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&log);
    let style = Style::new(form, settings.fields.clone(), noon);
    let subscriber = subscriber(settings, style, move |line, _| taken.lock().unwrap().extend_from_slice(line));
    tracing::subscriber::with_default(subscriber, act);
    let bytes = log.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn with_service() -> Settings {
    Settings { fields: BTreeMap::from([("service".to_owned(), "registry".to_owned())]), ..Settings::default() }
}

#[test]
fn pairs_are_those_of_registry_2() {
    let lines = lines(&with_service(), Form::Pairs, || warn!(bytes = 7, name = "a b", "it's \"full\""));
    assert_eq!(
        lines,
        [concat!(
            r#"time="2026-01-02T12:00:00.000042Z" level=warning msg="it's \"full\"""#,
            r#" target=wharf::telemetry::tests service=registry bytes=7 name="a b""#
        )]
    );
}

#[test]
fn a_terminal_shows_a_short_line_with_colours_only_if_wanted() {
    let act = || info!(target: "access", status = 200, "GET /v2/");
    let plain = lines(&with_service(), Form::Terminal { colours: false }, act);
    assert_eq!(plain, ["2026-01-02T12:00:00.000042Z info    access GET /v2/ service=registry status=200"]);
    let coloured = lines(&with_service(), Form::Terminal { colours: true }, act);
    assert!(coloured[0].contains("\u{1b}[32minfo   \u{1b}[0m"), "{coloured:?}");
}

#[test]
fn json_has_the_field_names_of_registry_2() {
    let lines = lines(&with_service(), Form::Json, || info!(ok = true, msg = "own", "started"));
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    let expected = json!({
        "time": "2026-01-02T12:00:00.000042Z", "level": "info", "msg": "started",
        "target": "wharf::telemetry::tests", "service": "registry", "ok": true, "fields.msg": "own",
    });
    assert_eq!(line, expected);
}

#[test]
fn logstash_has_its_own_field_names() {
    let lines = lines(&with_service(), Form::Logstash, || error!("lost"));
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    let expected = json!({
        "@timestamp": "2026-01-02T12:00:00.000042Z", "@version": "1", "level": "error", "message": "lost",
        "target": "wharf::telemetry::tests", "service": "registry",
    });
    assert_eq!(line, expected);
}

#[test]
fn a_line_carries_the_fields_of_the_spans_around_it() {
    let lines = lines(&Settings::default(), Form::Pairs, || {
        let span = info_span!("request", id = 1, user = tracing::field::Empty);
        span.record("user", "ada");
        span.in_scope(|| info!(user = "eve", "hello"));
    });
    assert!(lines[0].ends_with(" id=1 user=ada user=eve"), "{lines:?}");
}

#[test]
fn a_json_object_has_each_name_once_with_what_was_said_last() {
    let lines = lines(&with_service(), Form::Json, || {
        let span = info_span!("request", user = "ada", id = 1);
        span.record("id", 2);
        span.in_scope(|| info!(user = "eve", "hello"));
    });
    assert_eq!(lines[0].matches("user").count(), 1, "{lines:?}");
    assert!(lines[0].ends_with(r#""service":"registry","id":2,"user":"eve"}"#), "{lines:?}");
}

#[test]
fn an_error_is_logged_with_all_that_it_came_from() {
    let fault = io::Error::other("disk on fire");
    let error: &(dyn std::error::Error + 'static) = &fault;
    let lines = lines(&Settings::default(), Form::Pairs, || error!(error, "write failed"));
    assert!(lines[0].ends_with(" error=\"disk on fire\""), "{lines:?}");
}

#[test]
fn nothing_less_severe_than_the_level_is_logged() {
    let act = || {
        debug!("one");
        info!("two");
        warn!("three");
    };
    for (level, count) in [(Level::ERROR, 0), (Level::WARN, 1), (Level::INFO, 2), (Level::DEBUG, 3)] {
        let settings = Settings { level, ..Settings::default() };
        assert_eq!(lines(&settings, Form::Pairs, act).len(), count, "{level}");
    }
}

#[test]
fn the_access_log_is_switched_by_itself() {
    let act = || info!(target: "access", "GET /v2/");
    let quiet = Settings { level: Level::ERROR, ..Settings::default() };
    assert_eq!(lines(&quiet, Form::Pairs, act).len(), 1);
    let off = Settings { access_log: false, level: Level::DEBUG, ..Settings::default() };
    assert_eq!(lines(&off, Form::Pairs, act).len(), 0);
}

#[test]
fn other_crates_log_warnings_only() {
    let settings = Settings { level: Level::DEBUG, ..Settings::default() };
    let lines = lines(&settings, Form::Pairs, || {
        debug!(target: "hyper::proto", "chatter");
        warn!(target: "hyper::proto", "trouble");
    });
    assert_eq!(lines.len(), 1);
}

#[test]
fn a_client_cannot_write_lines_or_colours_of_its_own() {
    let forged = "x\nlevel=info \u{1b}[31m\u{202e}";
    for form in [Form::Pairs, Form::Terminal { colours: false }, Form::Json, Form::Logstash] {
        let lines = lines(&Settings::default(), form, || info!(name = forged, "{forged}"));
        assert_eq!(lines.len(), 1, "{form:?}");
        assert!(!lines[0].contains('\u{1b}'), "{form:?}");
    }
}
