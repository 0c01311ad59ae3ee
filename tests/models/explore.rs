//! How a model is explored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;

/// Tries every order in which the threads of a model can meet. Returns how many there were.
pub(crate) fn every_order(model: impl Fn() + Send + Sync + 'static) -> usize {
    explore(None, model)
}

/// Tries those orders in which a thread is interrupted, where it need not wait, so many times in all. With three threads
/// every order is too many; nearly all races show with two interruptions.
pub(crate) fn orders_with(interruptions: usize, model: impl Fn() + Send + Sync + 'static) -> usize {
    explore(Some(interruptions), model)
}

fn explore(interruptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) -> usize {
    let tried = Arc::new(AtomicUsize::new(0));
    let mut builder = Builder::new();
    builder.preemption_bound = interruptions;
    let count = Arc::clone(&tried);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    tried.load(Ordering::Relaxed)
}
