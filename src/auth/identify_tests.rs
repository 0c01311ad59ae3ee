//! Clients that go before it is known who they are.

use futures_util::FutureExt;

use super::*;
use crate::auth::Settings;

/// A stranger with a few addresses would otherwise be all that may be under way, for as long as it takes to give them up.
#[tokio::test]
async fn clients_that_come_and_go_keep_nobody_out() {
    let volume = tempfile::tempdir().unwrap();
    let file = volume.path().join("htpasswd");
    std::fs::write(&file, format!("alice:{}\n", bcrypt::hash("right", 4).unwrap())).unwrap();
    let settings = Settings { directory: volume.path().join("auth"), htpasswd: Some(file), ..Settings::default() };
    let (auth, _) = Auth::start(&settings, OffsetDateTime::now_utc()).unwrap();
    for guess in 0..2000_u32 {
        let from = IpAddr::from([10, 0, 0, u8::try_from(guess % 100).unwrap()]);
        let (user, password) = (format!("user-{guess}"), SecretString::from(format!("guess-{guess}")));
        let _ = auth.log_in(&user, &password, Some(from)).now_or_never();
    }
    // Those that were begun are ended, however many clients went.
    let caller = loop {
        match auth.log_in("alice", &"right".into(), Some(IpAddr::from([10, 0, 1, 1]))).await {
            Err(IdentifyError::Unavailable { .. }) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    assert_eq!(caller.unwrap().subject.to_string(), "alice");
    let again = auth.log_in("alice", &"wrong".into(), Some(IpAddr::from([10, 0, 0, 1]))).await;
    assert!(matches!(again, Err(IdentifyError::TooMany { .. })), "they were guesses: {again:?}");
}
