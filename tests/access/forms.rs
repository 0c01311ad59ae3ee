//! What a client says of itself when it asks for a token changes nothing (S14, CVE-2019-16097: a form made its sender an
//! administrator).

use serde_json::{Value, json};

use crate::guarded::{self, PASSWORD, TOKEN, WHOAMI};
use crate::support::Wharf;

/// Fields that would be worth something if anybody looked at them.
const PRIVILEGED: [&str; 12] = [
    "admin=true",
    "has_admin_role=true",
    "groups=ops",
    "group=ops&groups[]=ops",
    "sub=alice",
    "user=alice",
    "account=alice",
    "client_id=alice",
    "kind=token",
    "access=[{\"type\":\"repository\",\"name\":\"team/app\",\"actions\":[\"*\"]}]",
    "expires_in=999999&exp=9999999999",
    "proof=nothing&use=refresh&iss=other",
];

/// What a token says of whom it is for; what differs from one to the next is left out.
fn said(token: &Value) -> Value {
    let token = token["token"].as_str().unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let mut claims: Value =
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap();
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    for name in ["exp", "iat", "nbf", "jti"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    json!({"claims": claims, "life": life})
}

/// What dave gets for a form and for a query, and what each opens.
async fn tokens(wharf: &Wharf, fields: &str) -> Vec<Value> {
    let scope = "scope=repository:dave/app:pull,push";
    let credentials = format!("username=dave&password={PASSWORD}dave");
    let form = format!("grant_type=password&service=wharf&{scope}&{credentials}&{fields}");
    let encoded: String = fields
        .chars()
        .map(|c| if "[]{}\"".contains(c) { format!("%{:02X}", u32::from(c)) } else { c.into() })
        .collect();
    vec![
        wharf.client().post_token(&form).await.is(200).json(),
        wharf.user("dave").get(&format!("{TOKEN}?service=wharf&{scope}&{encoded}")).await.is(200).json(),
    ]
}

#[tokio::test]
async fn fields_that_nobody_asked_for_change_nothing() {
    let wharf = guarded::start();
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    let plain = tokens(&wharf, "").await;
    assert_eq!(said(&plain[0])["claims"]["sub"], "dave");
    for fields in PRIVILEGED {
        for (token, plain) in tokens(&wharf, fields).await.iter().zip(&plain) {
            assert_eq!(said(token), said(plain), "{fields}");
            assert_eq!(token["expires_in"], 300, "{fields}");
            let dave = wharf.client().bearer(token["token"].as_str().unwrap());
            let who = dave.get(WHOAMI).await.is(200).json();
            assert_eq!((&who["name"], &who["groups"]), (&"dave".into(), &json!([])), "{fields}");
            dave.repo("team/app").manifest("1").await.refuses(404, "NAME_UNKNOWN");
        }
    }
}

/// Of what is asked for, a token opens what its holder may have, however it is asked for.
#[tokio::test]
async fn a_scope_that_asks_for_everything_gets_what_there_is_to_give() {
    let wharf = guarded::start();
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    for (scope, given) in [
        ("*:*:*", ""),
        ("repository:*:*", ""),
        ("repository:**:*", ""),
        ("repository:team/app:*", ""),
        ("repository:team/app:pull,push,delete,admin,*", ""),
        ("registry:*:*", ""),
        ("registry:catalog:*", "registry:catalog:*"),
        ("admin:catalog:*", ""),
        ("repository:dave/app:*", "repository:dave/app:pull,push,delete"),
        ("repository:dave/../team/app:pull", ""),
        ("repository:DAVE/app:pull", ""),
    ] {
        let form = format!("grant_type=password&username=dave&password={PASSWORD}dave&scope={scope}");
        let answer = wharf.client().post_token(&form).await.is(200).json();
        assert_eq!(answer["scope"], given, "{scope}");
        let dave = wharf.client().bearer(answer["token"].as_str().unwrap());
        let refused = dave.repo("team/app").manifest("1").await;
        assert!(matches!(refused.status, 401 | 404), "{scope}: {}", refused.status);
    }
}

/// A name that is said twice is not one thing to the check and another to the answer.
#[tokio::test]
async fn a_field_that_comes_twice_makes_nobody_somebody_else() {
    let wharf = guarded::start();
    for form in [
        format!("grant_type=password&username=dave&username=alice&password={PASSWORD}dave"),
        format!("grant_type=password&username=alice&username=dave&password={PASSWORD}dave"),
        format!("grant_type=password&grant_type=refresh_token&username=alice&password={PASSWORD}dave"),
        format!("grant_type=password&username=alice&password=wrong&password={PASSWORD}dave"),
    ] {
        let answer = wharf.client().post_token(&form).await;
        if answer.status == 200 {
            let token = answer.json()["token"].as_str().unwrap().to_owned();
            assert_eq!(wharf.client().bearer(&token).get(WHOAMI).await.json()["name"], "dave", "{form}");
        } else {
            assert_eq!(answer.status, 401, "{form}");
        }
    }
}
