//! Keeps a listener's certificate current while it serves.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;

use super::terms::{Look, Terms};

/// Looks for changes again and again, until it is dropped.
pub(in crate::http) async fn follow(terms: Arc<Terms>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, and the files have just been read.
    ticks.tick().await;
    let certificate = terms.certificate().display().to_string();
    loop {
        ticks.tick().await;
        let terms = Arc::clone(&terms);
        let looked = tokio::task::spawn_blocking(move || terms.look(OffsetDateTime::now_utc())).await;
        match looked {
            Ok(look) => say(&look, &certificate),
            Err(error) => tracing::error!(certificate, %error, "the certificate could not be looked at"),
        }
    }
}

fn say(look: &Look, certificate: &str) {
    match look {
        Look::Same | Look::Doubtful => {}
        Look::Broken(error) => {
            let error: &dyn std::error::Error = error;
            tracing::error!(certificate, error, "the new certificate cannot be used, the old one stays in use");
        }
        Look::Changed { warning } => {
            tracing::info!(certificate, "a new certificate is in use");
            if let Some(warning) = warning {
                tracing::warn!("{warning}");
            }
        }
        Look::Recovered => tracing::info!(certificate, "the certificate's files are whole again"),
    }
}
