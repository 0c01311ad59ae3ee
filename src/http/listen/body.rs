//! Bodies on their way through the door: a request's, which must not stall, and an answer's, whose end is noticed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use super::turns::Turn;

/// Why a request's body ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client sent nothing for too long.
    #[error("the client sent nothing for {0:?} in the middle of a body")]
    Stalled(Duration),
    /// The connection broke, or what came was not http.
    #[error("the body broke off")]
    Broken(#[from] hyper::Error),
}

/// A request's body. Waiting for its next piece is bounded; a handler that does not ask may take its time.
pub(super) struct Arriving {
    body: Incoming,
    patience: Duration,
    /// The alarm for the piece that is waited for; kept for the next one, since setting one anew costs more.
    alarm: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    /// Until all of it has come, if the connection carries one request after the other: where the next begins is known
    /// only then, whether or not this one has been answered.
    under_way: Option<Turn>,
}

impl Arriving {
    pub(super) fn new(body: Incoming, patience: Duration, under_way: Option<Turn>) -> Self {
        Self { body, patience, alarm: None, waiting: false, under_way }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some(under_way) = self.under_way.take().filter(|_| !self.body.is_end_stream()) {
            under_way.never_ends();
        }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waiting = false;
            if frame.is_none() || this.body.is_end_stream() {
                this.under_way = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)));
        }
        let alarm = this.alarm.get_or_insert_with(|| Box::pin(sleep(this.patience)));
        if !this.waiting {
            alarm.as_mut().reset(Instant::now() + this.patience);
            this.waiting = true;
        }
        ready!(alarm.as_mut().poll(context));
        this.waiting = false;
        Poll::Ready(Some(Err(BodyError::Stalled(this.patience))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What lives until the end of an answer.
pub(super) trait UnderWay {
    /// What lives until the request's body has come whole, if that matters to the connection.
    fn arriving(&self) -> Option<Turn>;

    /// So much more of the answer is in memory, to be written.
    fn gave(&self, bytes: usize);

    /// Ready unless so much waits to be written that no more of the answer has to be in memory.
    fn poll_room(&self, context: &mut Context<'_>) -> Poll<()>;
}

/// An answer's body, with what counts its request as under way.
pub(super) struct Departing<B, T> {
    body: B,
    under_way: T,
}

impl<B, T> Departing<B, T> {
    pub(super) fn new(body: B, under_way: T) -> Self {
        Self { body, under_way }
    }
}

impl<B: Body<Data = Bytes> + Unpin, T: UnderWay + Unpin> Body for Departing<B, T> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        ready!(self.under_way.poll_room(context));
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.under_way.gave(data.len());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
