//! What the server logs, as it is logged.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::soon;

#[derive(Clone)]
struct Lines(Arc<watch::Sender<String>>);

/// Begins to listen, for the whole process.
pub(crate) fn listen() {
    lines();
}

fn lines() -> &'static Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines = Lines(Arc::new(watch::Sender::new(String::new())));
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .with_writer(lines.clone())
            .init();
        lines
    })
}

/// Waits for a line that has all of this in it, which may have been logged already.
pub(crate) async fn line(parts: &[&str]) -> String {
    let mut log = lines().0.subscribe();
    let found = |log: &String| find(log, parts).is_some();
    let log = soon(log.wait_for(found)).await.unwrap();
    find(&log, parts).unwrap()
}

/// How many lines have all of this in them so far.
pub(crate) fn count(parts: &[&str]) -> usize {
    lines().0.borrow().lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}

fn find(log: &str, parts: &[&str]) -> Option<String> {
    log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_modify(|log| log.push_str(&String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
