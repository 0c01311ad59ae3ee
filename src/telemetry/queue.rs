//! Lines on their way out: whoever logs leaves a line here and goes on, and one thread writes what has come together.
//!
//! A write costs more than the line that it carries, and may take as long as whoever reads the log likes. So nobody waits
//! for one: what the reader does not take in time is lost beyond [`LIMIT`] bytes, and how much that was is logged when
//! the reader goes on. [`Queue::flush`] waits for the rest at a normal end; a process that is killed loses what came in
//! the last [`PAUSE`].

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much may wait, in bytes.
pub(super) const LIMIT: usize = 1024 * 1024;
/// What is left of that for warnings and errors when there are too many other lines.
pub(super) const RESERVE: usize = 128 * 1024;
/// With so much waiting the thread does not wait for more.
const PLENTY: usize = 128 * 1024;
/// How long lines come together after a write. The first after a time without any goes out at once.
const PAUSE: Duration = Duration::from_millis(10);
/// A buffer larger than this is given back when there is nothing to write.
const KEPT: usize = 16 * 1024;

/// Takes lines; the clones are one.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Tells the thread that there is something to write now.
    news: Condvar,
    /// Tells who waits in `flush` that all is written.
    written: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// How many lines found no room.
    lost: u64,
    /// Whether the thread sleeps until it is told.
    asleep: bool,
    /// Whether the thread should not pause.
    hurry: bool,
    /// Whether nothing is being written.
    quiet: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Starts the thread. `loss` writes the line that says how many lines were lost.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        loss: impl Fn(u64, &mut Vec<u8>) + Send + 'static,
    ) -> io::Result<Queue> {
        let state = Mutex::new(State { quiet: true, ..State::default() });
        let shared = Arc::new(Shared { state, news: Condvar::new(), written: Condvar::new() });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || theirs.write(out, loss))?;
        Ok(Queue(shared))
    }

    /// Leaves a line. One that `matters` finds room for longer.
    pub(super) fn push(&self, line: &[u8], matters: bool) {
        let mut state = self.0.state();
        let limit = if matters { LIMIT } else { LIMIT - RESERVE };
        if state.waiting.len() + line.len() > limit {
            state.lost += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        let plenty = state.waiting.len() >= PLENTY && !state.hurry;
        if state.asleep || plenty {
            state.asleep = false;
            state.hurry |= plenty;
            drop(state);
            self.0.news.notify_one();
        }
    }

    /// Waits until all that was left here is written, or for so long; says whether it is.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.0.state();
        loop {
            if state.waiting.is_empty() && state.lost == 0 && state.quiet {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state.hurry = true;
            self.0.news.notify_one();
            state = self.0.written.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    /// Writes for ever.
    fn write(&self, mut out: impl Write, loss: impl Fn(u64, &mut Vec<u8>)) {
        let mut taken = Vec::new();
        loop {
            let lost = self.take(&mut taken);
            if lost > 0 {
                loss(lost, &mut taken);
            }
            write_all(&mut out, &taken);
            taken.clear();
            let mut state = self.state();
            state.quiet = true;
            self.written.notify_all();
            if !state.hurry {
                let pause = self.news.wait_timeout_while(state, PAUSE, |state| !state.hurry);
                state = pause.unwrap_or_else(PoisonError::into_inner).0;
            }
            state.hurry = false;
        }
    }

    /// Waits for lines and takes them; says how many were lost after them.
    fn take(&self, taken: &mut Vec<u8>) -> u64 {
        let mut state = self.state();
        if state.waiting.is_empty() && state.lost == 0 {
            taken.shrink_to(KEPT);
            state.waiting.shrink_to(KEPT);
            state.asleep = true;
            let told = self.news.wait_while(state, |state| state.waiting.is_empty() && state.lost == 0);
            state = told.unwrap_or_else(PoisonError::into_inner);
            state.asleep = false;
        }
        state.quiet = false;
        std::mem::swap(taken, &mut state.waiting);
        std::mem::take(&mut state.lost)
    }
}

/// Writes it all, however long that takes; what cannot be written at all is lost, and there is nobody to tell.
fn write_all(out: &mut impl Write, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return,
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A terminal or pipe that somebody else has told not to block.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
