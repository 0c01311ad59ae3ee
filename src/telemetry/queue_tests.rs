//! What becomes of lines on their way out.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// A reader of the log that takes a write when it is let.
struct Reader {
    writes: Receiver<Vec<u8>>,
    let_on: Sender<()>,
}

struct Pipe {
    writes: Sender<Vec<u8>>,
    let_on: Receiver<()>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(ErrorKind::BrokenPipe);
        self.writes.send(bytes.to_vec()).map_err(|_| gone(()))?;
        self.let_on.recv().map_err(|_| gone(()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start() -> (Queue, Reader) {
    let (writes, written) = channel();
    let (let_on, letting) = channel();
    let pipe = Pipe { writes, let_on: letting };
    let loss = |lost: u64, out: &mut Vec<u8>| out.extend_from_slice(format!("lost {lost}\n").as_bytes());
    (Queue::start(pipe, loss).unwrap(), Reader { writes: written, let_on })
}

const EVER: Duration = Duration::from_secs(20);

impl Reader {
    /// Takes what is being written.
    fn take(&self) -> String {
        let written = self.writes.recv_timeout(EVER).unwrap();
        self.let_on.send(()).unwrap();
        String::from_utf8(written).unwrap()
    }
}

#[test]
fn a_line_goes_out_by_itself_and_those_behind_a_slow_write_go_out_together() {
    let (queue, reader) = start();
    queue.push(b"one\n", false);
    let first = reader.writes.recv_timeout(EVER).unwrap();
    assert_eq!(first, b"one\n");
    for line in ["two\n", "three\n"] {
        queue.push(line.as_bytes(), false);
    }
    reader.let_on.send(()).unwrap();
    assert_eq!(reader.take(), "two\nthree\n");
}

#[test]
fn who_logs_does_not_wait_for_a_reader_that_stalls_and_what_is_lost_is_said() {
    let (queue, reader) = start();
    queue.push(b"first\n", false);
    reader.writes.recv_timeout(EVER).unwrap();
    let line = [b'x'; 1024];
    let fit = (LIMIT - RESERVE) / line.len();
    for _ in 0..fit + 7 {
        queue.push(&line, false);
    }
    queue.push(b"important\n", true);
    reader.let_on.send(()).unwrap();
    let rest = reader.take();
    assert!(rest.ends_with("ximportant\nlost 7\n"));
    assert_eq!(rest.len(), fit * line.len() + "important\nlost 7\n".len());
    queue.push(b"again\n", false);
    assert_eq!(reader.take(), "again\n");
}

#[test]
fn even_what_matters_takes_no_more_memory_than_the_limit() {
    let (queue, reader) = start();
    queue.push(b"first\n", true);
    reader.writes.recv_timeout(EVER).unwrap();
    for _ in 0..3 {
        queue.push(&vec![b'x'; LIMIT / 2], true);
    }
    assert_eq!(queue.0.state().waiting.len(), LIMIT);
}

#[test]
fn a_flush_waits_for_every_line_but_not_for_ever() {
    let (queue, reader) = start();
    assert!(queue.flush(Duration::ZERO), "nothing was logged");
    for _ in 0..100 {
        queue.push(b"line\n", false);
    }
    assert!(!queue.flush(Duration::from_millis(1)), "nobody reads");
    let reading = thread::spawn(move || {
        let mut lines = 0;
        while lines < 100 {
            lines += reader.take().lines().count();
        }
        reader
    });
    assert!(queue.flush(EVER));
    reading.join().unwrap();
}

#[test]
fn a_reader_that_went_away_does_not_hold_the_end_up() {
    let (queue, reader) = start();
    drop(reader);
    queue.push(b"one\n", false);
    assert!(queue.flush(EVER));
}
