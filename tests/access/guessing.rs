//! Guessing passwords is slow, tells nothing, locks nobody out and holds nobody up (S17).

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::task::JoinSet;

use crate::guarded::{self, PASSWORD, TOKEN, USERS};
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::Client;

/// Tests say with `X-Forwarded-For` where they come from.
const TRUSTED: &str = "http: {trustedproxies: [127.0.0.0/8]}\n";

fn start() -> Wharf {
    guarded::prepare(&format!("{}{TRUSTED}", guarded::RULES)).go()
}

/// Logs in from an address.
async fn log_in(client: &Client, from: &str) -> Answer {
    client.request(Method::GET, "/v2/").header("x-forwarded-for", from).send().await
}

/// Guesses at a password from an address until nothing more is looked at, and returns what is said then.
async fn guess(client: &Client, name: &str, from: &str) -> Answer {
    let mut guesses = 0;
    loop {
        let answer = log_in(&client.user(name, &format!("guess {guesses}")), from).await;
        if answer.status != 401 {
            // On a busy machine a second may be over before the next guess.
            assert!((5..20).contains(&guesses), "{guesses} were looked at");
            return answer.refuses(429, "TOOMANYREQUESTS");
        }
        guesses += 1;
    }
}

/// The same client as a user with their password.
fn user(client: &Client, name: &str) -> Client {
    client.user(name, &format!("{PASSWORD}{name}"))
}

#[tokio::test]
async fn after_some_wrong_passwords_an_account_is_refused_where_they_came_from_and_nobody_is_locked_out() {
    let wharf = start();
    let client = wharf.client();
    let (here, there) = ("10.0.0.1", "10.0.0.2");
    log_in(&user(&client, "alice"), here).await.is(200);
    for name in ["alice", "bob"] {
        let refused = guess(&client, name, here).await;
        let seconds: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert!(!refused.has("www-authenticate"));
    }
    // Whether bob's right password is right is not told here, and nowhere else is it kept from him.
    log_in(&user(&client, "bob"), here).await.refuses(429, "TOOMANYREQUESTS");
    log_in(&user(&client, "bob"), there).await.is(200);
    // What was good before is no guess.
    log_in(&user(&client, "alice"), here).await.is(200);
    log_in(&user(&client, "carol"), here).await.is(200);
    // So many have failed now that nothing new from this address is looked at.
    for number in 0..20 {
        let answer = log_in(&client.user(&format!("user{number}"), "guess"), here).await;
        assert!(matches!(answer.status, 401 | 429), "{}", answer.status);
    }
    log_in(&user(&client, "dave"), here).await.refuses(429, "TOOMANYREQUESTS");
    log_in(&user(&client, "dave"), there).await.is(200);
    for name in ["alice", "carol"] {
        log_in(&user(&client, name), here).await.is(200);
    }
}

#[tokio::test]
async fn whoever_waits_as_long_as_they_are_told_is_heard_again() {
    let wharf = start();
    let client = wharf.client();
    let refused = guess(&client, "bob", "10.0.0.1").await;
    tokio::time::sleep(Duration::from_secs(refused.header("retry-after").parse().unwrap())).await;
    log_in(&user(&client, "bob"), "10.0.0.1").await.is(200);
}

/// There is one door, and three ways to knock.
#[tokio::test]
async fn guesses_count_together_whichever_way_they_are_made() {
    let wharf = start();
    let client = wharf.client();
    let form = |password: &str| format!("grant_type=password&username=bob&password={password}");
    let mut looked_at = 0;
    for guess in 0..10 {
        let bob = client.user("bob", &format!("guess {guess}"));
        let form = form(&format!("form {guess}"));
        let answers = [bob.get("/v2/").await, bob.get(TOKEN).await, client.post_token(&form).await];
        looked_at += answers.iter().filter(|answer| answer.status == 401).count();
    }
    assert!((5..10).contains(&looked_at), "{looked_at} of 30");
    for refused in [
        user(&client, "bob").get("/v2/").await,
        user(&client, "bob").get(TOKEN).await,
        client.post_token(&form("password-of-bob")).await,
    ] {
        assert!(refused.refuses(429, "TOOMANYREQUESTS").has("retry-after"));
    }
}

/// Whoever reads the log looks for where somebody is, not for the proxy.
#[tokio::test]
async fn the_log_names_the_client_behind_a_trusted_proxy_and_no_address_that_a_client_makes_up() {
    for (proxies, named) in [("127.0.0.0/8", "remote=198.51.100.7 "), ("192.168.0.0/16", "remote=127.0.0.1:")] {
        let wharf = guarded::prepare(&format!("http: {{trustedproxies: [{proxies}]}}\n")).go();
        let request = wharf.user("carol").request(Method::GET, "/v2/").header("x-forwarded-for", "198.51.100.7");
        request.send().await.is(200);
        wharf.logs("path=/v2/ ");
        let log = wharf.log();
        let line = log.lines().find(|line| line.contains("path=/v2/ ")).unwrap();
        assert!(line.contains(named), "{line}");
    }
}

/// An address that a client makes up is none: without a trusted proxy all guesses come from where they come from.
#[tokio::test]
async fn nobody_gets_more_guesses_by_saying_that_they_are_elsewhere() {
    let wharf = guarded::prepare("http: {trustedproxies: [192.168.0.0/16]}\n").go();
    let client = wharf.client();
    let mut looked_at = 0;
    for guess in 0..20 {
        let answer = log_in(&client.user("bob", &format!("guess {guess}")), &format!("10.0.0.{guess}")).await;
        looked_at += usize::from(answer.status == 401);
    }
    assert!((5..10).contains(&looked_at), "{looked_at} of 20");
    log_in(&user(&client, "bob"), "10.0.0.99").await.refuses(429, "TOOMANYREQUESTS");
}

/// What an answer says, without the time.
fn said(answer: &Answer) -> (u16, String, Vec<String>) {
    let mut headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.retain(|header| !header.starts_with("date:"));
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned(), headers)
}

#[tokio::test]
async fn a_user_who_is_there_and_one_who_is_not_are_refused_in_the_same_words() {
    for rules in ["", guarded::RULES] {
        let wharf = guarded::prepare(rules).go();
        for path in ["/v2/", "/v2/team/app/manifests/1", TOKEN] {
            let known = wharf.client().user("alice", "wrong").get(path).await;
            let unknown = wharf.client().user("nobody", "wrong").get(path).await;
            assert_eq!(said(&known.is(401)), said(&unknown), "{path}");
        }
        let form = |name: &str| format!("grant_type=password&password=wrong&username={name}");
        let known = wharf.client().post_token(&form("alice")).await;
        assert_eq!(said(&known), said(&wharf.client().post_token(&form("nobody")).await));
    }
}

/// Addresses that nobody has guessed from.
fn addresses() -> impl Iterator<Item = String> {
    (1..).map(|number: u32| Ipv4Addr::from_bits((10 << 24) + number).to_string())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test]
async fn a_user_who_is_there_and_one_who_is_not_are_refused_in_the_same_time() {
    let start = Wharf::prepare();
    let users = guarded::with_users(&start, 6);
    let wharf = guarded::configured(start, &format!("auth: {{{users}}}\n{TRUSTED}")).go();
    let client = wharf.client();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut from = addresses();
    // Not so many for one account that it has to wait.
    for round in 0..8 {
        for (number, name) in USERS.iter().enumerate() {
            let stranger = format!("stranger-{round}-{number}");
            for (name, times) in [(*name, &mut known), (&stranger, &mut unknown)] {
                let began = Instant::now();
                log_in(&client.user(name, &format!("wrong {round}")), &from.next().unwrap()).await.is(401);
                times.push(began.elapsed());
            }
        }
    }
    let (known, unknown) = (median(known), median(unknown));
    assert!(known < 2 * unknown && unknown < 2 * known, "{known:?} for users, {unknown:?} for others");
    // Most of it is the hash, or the comparison would say nothing: whoever is known already is answered at once.
    log_in(&wharf.user("alice"), &from.next().unwrap()).await.is(200);
    let mut quick = Vec::new();
    for _ in 0..9 {
        let began = Instant::now();
        log_in(&client.user("alice", &format!("{PASSWORD}alice")), "10.9.9.9").await.is(200);
        quick.push(began.elapsed());
    }
    assert!(3 * median(quick) < known, "a hash is cheap: {known:?}");
}

#[tokio::test]
async fn others_are_served_while_many_passwords_are_looked_at() {
    let start = Wharf::prepare();
    let users = guarded::with_users(&start, 7);
    let wharf = guarded::configured(start, &format!("auth: {{{users}}}\n{}{TRUSTED}", guarded::RULES)).go();
    wharf.user("alice").repo("public/app").push_image("1", 1).await;
    let token = wharf.user("alice").token("repository:public/app:pull").await;
    let client = wharf.client();
    let others = [wharf.client(), wharf.client().bearer(&token), wharf.user("alice")];
    let mut crowd = JoinSet::new();
    for (number, from) in addresses().take(50).enumerate() {
        let client = client.user(&format!("user{number}"), "guess");
        crowd.spawn(async move { log_in(&client, &from).await.status });
    }
    // They have been looked at since then.
    assert_eq!(crowd.join_next().await.unwrap().unwrap(), 401);
    for client in others {
        client.repo("public/app").manifest("1").await.is(200);
    }
    let mut answered = 1;
    while let Some(status) = crowd.try_join_next() {
        assert_eq!(status.unwrap(), 401);
        answered += 1;
    }
    assert!(answered < 25, "others waited until {answered} of 50 had been looked at");
    assert!(crowd.join_all().await.iter().all(|status| *status == 401));
}
